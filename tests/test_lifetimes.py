"""When connections end: cancelled, left, closed, collected as garbage, shared between threads, loops and processes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import pickle
import socket
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio

from fault_table import CHAT, EVENTS, SSE, TEXT, answer_of
from llm_connector import AsyncLLMClient, ConfigError, LLMClient, LLMError, StreamInterruptedError
from servers.faults import FaultServer, Plan, chunk, head, whole
from servers.raw import RawServer
from servers.relays import Relay
from transport_kit import (
    ASYNC_WAYS,
    RUN,
    black_hole,
    no_new_sockets,
    options,
    resolve,
    server_context,
    trusted,
    until,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

__all__ = ["trusted"]
both_loops = pytest.mark.parametrize("way", ASYNC_WAYS)
SLEEP: dict[str, Callable[[float], Awaitable[object]]] = {"asyncio": asyncio.sleep, "trio": trio.sleep}
ENDLESS: Plan = [head(transfer_encoding="chunked", **SSE), *[chunk(EVENTS[0]), 0.01] * 2000]
TESTS = Path(__file__).parent


@pytest.fixture(autouse=True)
def _nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("llm_connector.retry._FIRST_WAIT", 0.001)
    with no_new_sockets():
        yield


# Cancelled


async def asked(client: AsyncLLMClient, streaming: bool) -> None:
    if streaming:
        async for _ in client.stream("hi"):
            pass
    else:
        await client.chat("hi")


async def cancelled_after(way: str, steps: int, work: Callable[[], Awaitable[None]]) -> bool:
    """Cancel after so many steps of the event loop; whether there was something to cancel."""
    if way == "trio":
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:

                async def cancel() -> None:
                    for _ in range(steps):
                        await trio.lowlevel.checkpoint()
                    scope.cancel()

                nursery.start_soon(cancel)
                await work()
                nursery.cancel_scope.cancel()
        return scope.cancelled_caught
    task = asyncio.ensure_future(work())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return task.cancelled()


@both_loops
@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("streaming", [False, True], ids=["chat", "stream"])
def test_cancelled_at_any_step_nothing_is_left_and_the_client_goes_on(way: str, streaming: bool, scheme: str) -> None:
    reached = []
    with FaultServer([answer_of(streaming)]) as server, Relay(server.port, tls=server_context()) as secure:

        async def use() -> None:
            port = server.port if scheme == "http" else secure.port
            for steps in (*range(40), *range(40, 400, 30)):
                async with AsyncLLMClient(**options(port, scheme)) as client:
                    reached.append(await cancelled_after(way, steps, lambda c=client: asked(c, streaming)))
                    await asked(client, streaming)
                    reached.append(await cancelled_after(way, steps, lambda c=client: asked(c, streaming)))
                    (life,) = client._pool._made.values()
                    assert len(life.connections._open) <= 1  # none was lost
                    await asked(client, streaming)
            await until(lambda: secure.open == 0, SLEEP[way])

        RUN[way](use)
    assert True in reached
    assert False in reached


@both_loops
def test_cancelled_while_connecting_to_a_name(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of the two attempts is on its way or has just succeeded."""
    resolve(monkeypatch, "both.example", "127.0.0.1", "127.0.0.1")
    with FaultServer([whole(CHAT)]) as server:

        async def use() -> None:
            arguments = options(0) | {"base_url": f"http://both.example:{server.port}/v1"}
            for steps in range(60):
                async with AsyncLLMClient(**arguments) as client:
                    await cancelled_after(way, steps, lambda c=client: asked(c, streaming=False))

        RUN[way](use)
        gc.collect()


@both_loops
def test_cancelled_in_the_callers_own_code_between_two_chunks(way: str) -> None:
    with FaultServer(ENDLESS) as server:

        async def consume(client: AsyncLLMClient) -> None:
            async with client.stream("hi") as stream:
                async for _ in stream:
                    await SLEEP[way](60)

        async def use() -> None:
            async with AsyncLLMClient(**options(server.port)) as client:
                with trio.move_on_after(0.05) if way == "trio" else contextlib.suppress(TimeoutError):
                    await (consume(client) if way == "trio" else asyncio.wait_for(consume(client), 0.05))
                await until(lambda: not server._open, SLEEP[way])

        RUN[way](use)


@both_loops
@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("where", ["connecting", "handshake", "head", "body"])
def test_cancelled_while_nothing_comes(way: str, where: str) -> None:
    with contextlib.ExitStack() as stack:
        if where == "connecting":
            arguments = options(stack.enter_context(black_hole()))
        elif where == "handshake":
            arguments = options(stack.enter_context(Relay(stalls=True)).port, "https")
        else:
            plan: Plan = [head(content_length=100) if where == "body" else b"", 5.0]
            arguments = options(stack.enter_context(FaultServer(plan)).port)

        async def use() -> None:
            client = AsyncLLMClient(**arguments)  # not closed: there is nothing to close
            if way == "trio":
                with trio.move_on_after(0.05) as scope:
                    await client.chat("hi")
                assert scope.cancelled_caught
            else:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(client.chat("hi"), 0.05)

        RUN[way](use)


@both_loops
def test_a_client_may_be_closed_in_a_cancelled_scope(way: str) -> None:
    with FaultServer([answer_of(streaming=True)]) as server:

        async def many(client: AsyncLLMClient) -> None:
            streams = [await client.stream("hi") for _ in range(4)]
            assert [(await stream.response()).content for stream in streams] == [TEXT] * 4
            left_open = [await client.stream("hi") for _ in range(4)]
            assert len(left_open) == 4

        async def use() -> None:
            if way == "trio":
                with trio.CancelScope() as scope:
                    async with AsyncLLMClient(**options(server.port)) as client:
                        await many(client)
                        scope.cancel()
            else:
                client = AsyncLLMClient(**options(server.port))
                await many(client)
                task = asyncio.ensure_future(client.aclose())
                await asyncio.sleep(0)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await until(lambda: not server._open, SLEEP[way])

        RUN[way](use)


# Closed


def test_after_close_every_use_says_so() -> None:
    with FaultServer([whole(CHAT)]) as server:
        client = LLMClient(**options(server.port))
        client.chat("hi")
        client.close()
        client.close()
        wait_for(lambda: not server._open)
        for use in (client.chat, client.stream, client.embed):
            with pytest.raises(ConfigError, match="closed"):
                use("hi")
        with pytest.raises(ConfigError, match="closed"):
            client.models()
        assert len(server.requests) == 1


@both_loops
def test_after_aclose_every_use_says_so(way: str) -> None:
    with FaultServer([whole(CHAT)]) as server:

        async def use() -> None:
            client = AsyncLLMClient(**options(server.port))
            await client.chat("hi")
            await client.aclose()
            await client.aclose()
            await until(lambda: not server._open, SLEEP[way])
            for call in (client.chat, client.stream, client.embed):
                with pytest.raises(ConfigError, match="closed"):
                    await call("hi")

        RUN[way](use)
        assert len(server.requests) == 1


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("reading", ["head", "stream"])
@pytest.mark.parametrize("warm", [False, True], ids=["new", "reused"])
def test_closing_from_another_thread_wakes_who_reads(scheme: str, reading: str, warm: bool) -> None:
    silence: Plan = [head(transfer_encoding="chunked", **SSE) + chunk(EVENTS[0]) if reading == "stream" else b"", 30.0]
    plans = [[answer_of(streaming=True)], silence] if warm else [silence]
    with FaultServer(*plans) as server, Relay(server.port, tls=server_context()) as secure:
        client = LLMClient(**options(server.port if scheme == "http" else secure.port, scheme, max_retries=2))
        got: list[BaseException] = []

        def read() -> None:
            try:
                client.stream("hi").response()
            except BaseException as error:
                got.append(error)

        if warm:
            client.stream("hi").response()
        thread = threading.Thread(target=read)
        thread.start()
        wait_for(lambda: len(server.requests) == len(plans))
        time.sleep(0.03)  # until the thread waits for more
        client.close()
        thread.join(3)
        assert not thread.is_alive()
        assert len(server.requests) == len(plans)  # no retry, and nothing sent again in secret
    assert isinstance(got[0], LLMError), got
    if reading == "stream":
        assert isinstance(got[0], StreamInterruptedError)
        assert got[0].partial.content
    else:
        assert "closed" in str(got[0])


@both_loops
@pytest.mark.parametrize("reading", ["head", "stream"])
def test_closing_from_another_task_wakes_who_reads(way: str, reading: str) -> None:
    plan: Plan = [head(transfer_encoding="chunked", **SSE) + chunk(EVENTS[0]) if reading == "stream" else b"", 30.0]
    got: list[LLMError] = []
    with FaultServer(plan) as server:

        async def use() -> None:
            client = AsyncLLMClient(**options(server.port, max_retries=2))

            async def read() -> None:
                try:
                    await client.stream("hi").response()
                except LLMError as error:
                    got.append(error)

            async def close() -> None:
                await until(lambda: server.requests, SLEEP[way])
                await SLEEP[way](0.03)
                await client.aclose()

            if way == "trio":
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(read)
                    nursery.start_soon(close)
            else:
                await asyncio.gather(read(), close())

        started = time.monotonic()
        RUN[way](use)
        assert time.monotonic() - started < 3
        assert len(server.requests) == 1
    assert isinstance(got[0], StreamInterruptedError) == (reading == "stream")


@pytest.mark.usefixtures("trusted")
def test_a_connection_that_comes_after_close_is_not_kept() -> None:
    accepted, closed, gone = threading.Event(), threading.Event(), threading.Event()
    context = server_context()

    def serve(connection: socket.socket) -> None:
        accepted.set()
        closed.wait(5)
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(65536)
            secure.sendall(whole(CHAT))
            secure.recv(1)
            gone.set()

    with RawServer(serve) as server, ThreadPoolExecutor(1) as threads:
        client = LLMClient(**options(server.port, "https"))
        answer = threads.submit(client.chat, "hi")
        accepted.wait(5)
        client.close()
        closed.set()
        assert answer.result(5).content == TEXT
        assert gone.wait(5)


# Shared


def test_many_threads_share_a_client() -> None:
    with FaultServer([answer_of(streaming=True)]) as server, LLMClient(**options(server.port)) as client:
        with ThreadPoolExecutor(200) as threads:
            answers = threads.map(lambda _: client.stream("hi").response().content, range(500))
            assert list(answers) == [TEXT] * 500
        assert server.connections <= 200
        assert len(client._pool._made._open) <= 100


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
                answers = await asyncio.gather(*(client.stream("hi").response() for _ in range(150)))
            return [answer.content for answer in answers]

        assert asyncio.run(use()) == [TEXT] * 150


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


# Collected as garbage


@both_loops
def test_an_opened_stream_that_is_forgotten_closes_its_connection(way: str) -> None:
    with FaultServer(ENDLESS) as server:

        async def use() -> None:
            async with AsyncLLMClient(**options(server.port)) as client:
                await client.stream("hi")
                forgotten = [await client.stream("hi")]
                forgotten.append(forgotten)
                del forgotten
                gc.collect()
                await until(lambda: not server._open, SLEEP[way])

        RUN[way](use)


@both_loops
def test_a_client_that_is_forgotten_while_its_loop_runs_closes_its_connections(way: str) -> None:
    with FaultServer(ENDLESS, [whole(CHAT)]) as server:

        async def use() -> None:
            client = AsyncLLMClient(**options(server.port))
            stream = await client.stream("hi")
            await client.chat("hi")
            assert server.connections == 2
            del client, stream
            await until(lambda: not server._open, SLEEP[way])

        RUN[way](use)


def run_script(script: str, *arguments: str, seconds: float = 30) -> str:
    """What a script says that runs in a process of its own, where every warning is an error."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, cwd=TESTS, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_streams_and_clients_in_cycles_are_collected_at_any_moment_without_a_hang() -> None:
    script = """
        import asyncio, gc, sys, threading
        sys.path.insert(0, ".")
        from fault_table import TEXT
        from transport_kit import open_sockets, options, wait_for
        from llm_connector import AsyncLLMClient, LLMClient

        port = int(sys.argv[1])
        def drop(*things):
            cycle = list(things)
            cycle.append(cycle)

        def sync_calls():
            shared = LLMClient(**options(port))
            for _ in range(12):
                client = LLMClient(**options(port))
                stream = client.stream("hi")
                next(stream)
                drop(client, stream)
                left = shared.stream("hi")
                next(left)
                drop(left)
                assert shared.stream("hi").response().content == TEXT
            shared.close()

        async def async_calls():
            shared = AsyncLLMClient(**options(port))
            for _ in range(12):
                client = AsyncLLMClient(**options(port))
                stream = client.stream("hi")
                await anext(stream)
                drop(client, stream)
                left = await shared.stream("hi")
                drop(left)
                assert (await shared.stream("hi").response()).content == TEXT
            await shared.aclose()

        gc.set_threshold(1)
        threads = [threading.Thread(target=sync_calls) for _ in range(3)]
        threads.append(threading.Thread(target=lambda: asyncio.run(async_calls())))
        for thread in threads: thread.start()
        for thread in threads: thread.join(25)
        assert not any(thread.is_alive() for thread in threads)
        gc.set_threshold(700)
        gc.collect()
        wait_for(lambda: not open_sockets())
        print("done")
    """
    with FaultServer([answer_of(streaming=True)]) as server:
        assert run_script(script, str(server.port)) == "done\n"


# Other processes


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
