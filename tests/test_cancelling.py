"""Async calls that are cancelled, at any step and in both libraries: nothing is left, and the client goes on."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import TYPE_CHECKING

import pytest
import trio

from fault_table import CHAT, TEXT, answer_of
from llm_connector import AsyncLLMClient
from servers.faults import FaultServer, Plan, head, whole
from servers.relays import Relay
from transport_kit import (
    ASYNC_WAYS,
    ENDLESS,
    RUN,
    SLEEP,
    black_hole,
    no_new_sockets,
    options,
    resolve,
    server_context,
    trusted,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

__all__ = ["trusted"]
both_loops = pytest.mark.parametrize("way", ASYNC_WAYS)


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    with no_new_sockets():
        yield


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
