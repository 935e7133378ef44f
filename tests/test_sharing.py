"""One client for many threads, tasks, event loops and processes."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import trio

from fault_table import CHAT, EVENTS, SSE, TEXT, answer_of
from llm_connector import AsyncLLMClient, LLMClient
from servers.faults import FaultServer, chunk, head, whole
from servers.relays import Relay
from transport_kit import (
    ASYNC_WAYS,
    RUN,
    no_new_sockets,
    options,
    run_script,
    running_script,
    server_context,
    trusted,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["trusted"]
both_loops = pytest.mark.parametrize("way", ASYNC_WAYS)


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    with no_new_sockets():
        yield


def test_many_threads_share_a_client() -> None:
    with FaultServer([answer_of(streaming=True)]) as server, LLMClient(**options(server.port)) as client:
        with ThreadPoolExecutor(200) as threads:
            answers = threads.map(lambda _: client.stream("hi").response().content, range(400))
            assert list(answers) == [TEXT] * 400
        assert server.connections <= 200
        (made,) = client._pool._made.values()
        assert len(made._open) <= 100


def test_threads_whose_first_calls_come_at_once_share_connections_that_close_closes() -> None:
    """In a process of its own, where the first call imports for long, and all wait for that."""
    script = """
        import sys, threading
        from llm_connector import LLMClient

        client = LLMClient("openai_compatible", "m", base_url=sys.argv[1], max_retries=0)
        ready = threading.Barrier(8)

        def call():
            ready.wait()
            client.chat("hi")

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        client.close()
        print("closed", flush=True)
        sys.stdin.readline()
    """
    with FaultServer([whole(CHAT)]) as server, running_script(script, server.url) as process:
        assert process.stdout.readline() == "closed\n"
        assert server.connections > 0
        wait_for(lambda: not server._open)


@pytest.mark.usefixtures("trusted")
def test_many_threads_share_a_client_over_tls() -> None:
    with FaultServer([whole(CHAT)]) as server, Relay(server.port, tls=server_context()) as secure:
        with LLMClient(**options(secure.port, "https")) as client, ThreadPoolExecutor(30) as threads:
            assert set(threads.map(lambda _: client.chat("hi").content, range(200))) == {TEXT}
            assert secure.connections <= 30


def test_many_tasks_share_a_client() -> None:
    with FaultServer([answer_of(streaming=True)]) as server:

        async def use() -> list[str]:
            async with AsyncLLMClient(**options(server.port)) as client:
                answers = await asyncio.gather(*(client.stream("hi").response() for _ in range(80)))
            return [answer.content for answer in answers]

        assert asyncio.run(use()) == [TEXT] * 80


def test_one_client_in_loops_of_several_threads_and_kinds() -> None:
    with FaultServer([whole(CHAT)]) as server:
        client = AsyncLLMClient(**options(server.port))

        async def use() -> list[str]:
            return [(await client.chat("hi")).content for _ in range(5)]

        async def together() -> list[list[str]]:
            return await asyncio.gather(use(), use())

        ways: list[Callable[[], Any]] = [
            lambda: asyncio.run(use()), lambda: trio.run(use), lambda: asyncio.run(together())
        ] * 4  # fmt: skip
        with ThreadPoolExecutor(4) as threads:
            results = [future.result(20) for future in [threads.submit(way) for way in ways]]
        assert str(results).count(TEXT) == 5 * (4 + 4 + 8)
        wait_for(lambda: not server._open)


@both_loops
def test_a_loop_closes_what_was_used_in_it_and_is_not_held(way: str) -> None:
    """The client is closed by nobody: several connections wait, and one stream is open, when its loop ends."""
    loops: list[weakref.ref[Any]] = []
    with FaultServer([answer_of(streaming=True)]) as server:
        client = AsyncLLMClient(**options(server.port))

        async def use() -> None:
            loops.append(
                weakref.ref(asyncio.get_running_loop() if way == "asyncio" else trio.lowlevel.current_trio_token())
            )
            streams = [await client.stream("hi") for _ in range(5)]
            for stream in streams[1:]:
                assert (await stream.response()).content == TEXT

        for _ in range(3):
            RUN[way](use)
        wait_for(lambda: not server._open)
        gc.collect()
        assert [loop() for loop in loops] == [None] * 3
        assert len(client._pool._made) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("scheme", "ending"), [("http", "exit"), ("https", "exit"), ("http", "close"), ("https", "garbage")]
)
def test_a_forked_child_does_not_disturb_its_parents_stream(scheme: str, ending: str) -> None:
    script = """
        import gc, os, sys
        from llm_connector import LLMClient

        url, ending, TEXT = sys.argv[1:]
        client = LLMClient("openai_compatible", "m", base_url=url, max_retries=0)
        assert client.stream("hi").response().content == TEXT
        stream = client.stream("hi")
        first = next(stream).content
        child = os.fork()
        if child == 0:
            assert client.stream("hi").response().content == TEXT
            if ending == "close":
                client.close()
            if ending == "garbage":
                del stream, client
                gc.collect()
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert first + "".join(chunk.content for chunk in stream) == TEXT
        assert client.stream("hi").response().content == TEXT
        client.close()
        print("done")
    """
    slow = [head(transfer_encoding="chunked", **SSE), chunk(EVENTS[0]), 0.3, *map(chunk, EVENTS[1:]), chunk(b"")]
    with FaultServer([answer_of(streaming=True)], slow, [answer_of(streaming=True)]) as server:
        with Relay(server.port, tls=server_context()) as secure:
            port = server.port if scheme == "http" else secure.port
            assert run_script(script, f"{scheme}://127.0.0.1:{port}/v1", ending, TEXT) == "done\n"
        assert server.connections == 2  # the parent's and the child's


@pytest.mark.parametrize("kind", [LLMClient, AsyncLLMClient])
def test_a_client_in_use_can_be_pickled_and_its_copy_used(kind: type) -> None:
    with FaultServer([whole(CHAT)]) as server:
        client = kind(**options(server.port))

        async def use() -> bytes:
            await client.chat("hi")
            pickled = pickle.dumps(client)
            await client.aclose()
            return pickled

        if kind is LLMClient:
            client.chat("hi")
            pickled = pickle.dumps(client)
            client.close()
        else:
            pickled = asyncio.run(use())
        assert b"canary" not in pickled
        copy = pickle.loads(pickled)

        async def use_copy() -> str:
            async with copy:
                return (await copy.chat("hi")).content

        if kind is LLMClient:
            with copy:
                assert copy.chat("hi").content == TEXT
        else:
            assert asyncio.run(use_copy()) == TEXT
