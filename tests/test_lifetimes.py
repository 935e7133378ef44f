"""When connections end: with their client, with their event loop, or as garbage at any moment."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import trio

from fault_table import CHAT, EVENTS, SSE, answer_of
from llm_connector import AsyncLLMClient, ConfigError, ConnectError, LLMClient, LLMError, StreamInterruptedError
from servers.faults import FaultServer, Plan, chunk, head, whole
from servers.raw import RawServer
from servers.relays import Relay
from transport_kit import (
    ASYNC_WAYS,
    ENDLESS,
    RUN,
    SLEEP,
    every_way,
    no_new_sockets,
    options,
    run_script,
    server_context,
    trusted,
    until,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

__all__ = ["trusted"]
both_loops = pytest.mark.parametrize("way", ASYNC_WAYS)


@pytest.fixture(autouse=True)
def _nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("llm_connector.retry._FIRST_WAIT", 0.001)
    with no_new_sockets():
        yield


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


@pytest.mark.usefixtures("trusted")
def test_who_is_woken_by_close_takes_no_bytes_of_the_next_socket() -> None:
    """Which would get the closed one's number, and TLS is read by number."""
    with FaultServer(ENDLESS[:2]) as server, Relay(server.port, tls=server_context()) as secure:
        for _ in range(30):
            client = LLMClient(**options(secure.port, "https"))
            stream = client.stream("hi")
            next(stream)
            thread = threading.Thread(target=failure, args=(lambda _, stream=stream: stream.response(),))
            thread.start()
            time.sleep(0.003)  # until the thread waits for more
            client.close()
            pairs = [socket.socketpair() for _ in range(3)]
            for _, far in pairs:
                far.sendall(b"not yours")
            thread.join(5)
            for near, far in pairs:
                near.setblocking(False)
                assert near.recv(100) == b"not yours"
                near.close()
                far.close()


def test_closing_a_stream_from_another_thread_wakes_who_reads_it() -> None:
    plan: Plan = [head(transfer_encoding="chunked", **SSE) + chunk(EVENTS[0]), 30.0]
    got: list[Any] = []
    with FaultServer(plan) as server, LLMClient(**options(server.port)) as client:
        stream = client.stream("hi")

        def read() -> None:
            try:
                got.extend(piece.content for piece in stream)
            except LLMError as error:
                got.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        wait_for(lambda: got)
        stream.close()
        thread.join(3)
        assert not thread.is_alive()
        stream.close()
    first, error = got
    assert isinstance(error, StreamInterruptedError)
    assert error.partial.content == first != ""


@both_loops
def test_closing_a_stream_from_another_task_wakes_who_reads_it(way: str) -> None:
    plan: Plan = [head(transfer_encoding="chunked", **SSE) + chunk(EVENTS[0]), 30.0]
    got: list[Any] = []
    with FaultServer(plan) as server:

        async def use() -> None:
            async with AsyncLLMClient(**options(server.port)) as client:
                stream = await client.stream("hi")

                async def read() -> None:
                    try:
                        async for piece in stream:
                            got.append(piece.content)
                    except LLMError as error:
                        got.append(error)

                async def close() -> None:
                    await until(lambda: got, SLEEP[way])
                    await stream.aclose()

                if way == "trio":
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(read)
                        nursery.start_soon(close)
                else:
                    await asyncio.gather(read(), close())

        RUN[way](use)
    first, error = got
    assert isinstance(error, StreamInterruptedError)
    assert error.partial.content == first != ""


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


@every_way
@pytest.mark.parametrize("slow", ["key", "resolver"])
def test_what_is_not_sent_yet_when_the_client_is_closed_is_never_sent(
    way: str, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, closed, got = threading.Event(), threading.Event(), []
    real = socket.getaddrinfo

    def waits(*arguments: Any, **named: Any) -> Any:
        reached.set()
        closed.wait(5)
        return real(*arguments, **named) if arguments else "k"

    if slow == "resolver":
        monkeypatch.setattr(socket, "getaddrinfo", waits)
    with FaultServer([whole(CHAT)]) as server:
        arguments = options(0, max_retries=2) | {"base_url": f"http://localhost:{server.port}/v1"}
        if slow == "key":
            arguments["api_key"] = waits

        def sync() -> None:
            client = LLMClient(**arguments)
            thread = threading.Thread(target=lambda: got.append(failure(client.chat)))
            thread.start()
            reached.wait(5)
            client.close()
            closed.set()
            thread.join(5)

        async def use() -> None:
            client = AsyncLLMClient(**arguments)

            async def close() -> None:
                await until(reached.is_set, SLEEP[way])
                await client.aclose()
                closed.set()

            async def ask() -> None:
                try:
                    await client.chat("hi")
                except LLMError as error:
                    got.append(error)

            await both(way, close, ask)

        sync() if way == "sync" else RUN[way](use)
        assert "closed" in str(got)
        assert server.requests == []


def failure(call: Callable[[str], object]) -> LLMError | None:
    try:
        call("hi")
    except LLMError as error:
        return error
    return None


@pytest.mark.usefixtures("trusted")
@both_loops
def test_closing_from_another_task_wakes_who_shakes_hands(way: str) -> None:
    got: list[LLMError] = []
    with Relay(stalls=True) as server:

        async def use() -> None:
            client = AsyncLLMClient(**options(server.port, "https"))

            async def ask() -> None:
                try:
                    await client.chat("hi")
                except LLMError as error:
                    got.append(error)

            async def close() -> None:
                await until(lambda: server.connections, SLEEP[way])
                await SLEEP[way](0.03)
                await client.aclose()

            await both(way, ask, close)

        started = time.monotonic()
        RUN[way](use)
        assert time.monotonic() - started < 3
    assert [type(error) for error in got] == [ConnectError]


async def both(way: str, one: Callable[[], Awaitable[None]], other: Callable[[], Awaitable[None]]) -> None:
    if way == "asyncio":
        await asyncio.gather(one(), other())
        return
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one)
        nursery.start_soon(other)


@pytest.mark.usefixtures("trusted")
def test_a_connection_that_comes_after_close_is_not_used() -> None:
    accepted, closed, gone = threading.Event(), threading.Event(), threading.Event()
    context = server_context()

    def serve(connection: socket.socket) -> None:
        connection.recv(1, socket.MSG_PEEK)  # the client has begun to speak TLS
        accepted.set()
        closed.wait(5)
        with context.wrap_socket(connection, server_side=True) as secure:
            heard.append(secure.recv(65536))
            gone.set()

    heard: list[bytes] = []
    with RawServer(serve) as server, ThreadPoolExecutor(1) as threads:
        client = LLMClient(**options(server.port, "https"))
        answer = threads.submit(client.chat, "hi")
        accepted.wait(5)
        client.close()
        closed.set()
        with pytest.raises(ConnectError, match="closed"):
            answer.result(5)
        assert gone.wait(5)
        assert heard == [b""]


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


def test_a_stream_that_is_left_open_when_the_program_ends_says_nothing() -> None:
    script = """
        import sys
        sys.path.insert(0, ".")
        from transport_kit import options
        from llm_connector import LLMClient

        stream = LLMClient(**options(int(sys.argv[1]))).stream("hi")
        next(stream)
        kept = [stream]  # until the very end, as a cycle is
        kept.append(kept)
        print("done")
    """
    with FaultServer(ENDLESS) as server:
        assert run_script(script, str(server.port)) == "done\n"
