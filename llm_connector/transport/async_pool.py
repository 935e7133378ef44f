"""What an async client holds open, and how it waits; loaded by that client alone: ``asyncio`` costs time to import.

Async connections belong to the event loop that made them, so an async pool keeps some for each loop and closes them
when the loop shuts its asynchronous generators down: a client outlives ``asyncio.run`` and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import weakref
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from llm_connector.transport.pool import check_given

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import httpx

    from llm_connector.deadline import Deadline
    from llm_connector.transport.http_message import AsyncHttpAnswer, HttpRequest
    from llm_connector.transport.options import TransportOptions

asleep = anyio.sleep


async def aresolve(value: Any) -> Any:
    """The same without blocking the event loop; an awaitable is awaited."""
    if not callable(value):
        return value
    result = value() if inspect.iscoroutinefunction(value) else await anyio.to_thread.run_sync(value)
    return await result if inspect.isawaitable(result) else result


class AsyncConnectionPool:
    """Connections for each event loop, closed with their loop; never closes a client that the user gave."""

    def __init__(self, options: TransportOptions, given: httpx.AsyncClient | None = None) -> None:
        check_given(given, "AsyncClient")
        self._options = options
        self._given = given
        self._closed = False
        self._made: weakref.WeakKeyDictionary[Any, _Life] = weakref.WeakKeyDictionary()
        weakref.finalize(self, _abandon, self._made)

    async def send(self, request: HttpRequest, deadline: Deadline) -> AsyncHttpAnswer:
        """Send, up to the answer's head. Redirects are never followed: they would carry the key to another host."""
        if self._given is not None:
            from llm_connector.transport.own_client import asend  # noqa: PLC0415 - few give one

            return await asend(self._given, request, deadline)
        loop = _running_loop()
        life = self._made.get(loop)
        if life is None:
            life = self._made[loop] = _Life(self._options)
            await life.begin()
            if self._closed:
                life.end()
        return await life.connections.send(request, deadline)

    async def aclose(self) -> None:
        """Close what was made here for the running loop."""
        self._closed = True
        life = self._made.get(_running_loop())
        if life is not None:
            life.end()
            await asleep(0)  # then the sockets are closed


def _running_loop() -> Any:
    """What identifies the event loop that runs now: asyncio's loop, or trio's token."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return sys.modules["trio"].lowlevel.current_trio_token()


class _Life:
    """Connections for as long as their event loop runs.

    Attributes:
        connections: They.
    """

    def __init__(self, options: TransportOptions) -> None:
        from llm_connector.transport.async_connections import AsyncConnections  # noqa: PLC0415 - as in pool

        self.connections = AsyncConnections(options.proxy)
        self._watch: AsyncGenerator[None, None] | None = None

    async def begin(self) -> None:
        """From now on the loop's end closes the connections."""
        self._watch = self._until_the_end()
        await anext(self._watch)

    async def _until_the_end(self) -> AsyncGenerator[None, None]:
        """Waits until the loop closes its asynchronous generators, which ``asyncio.run`` does at its end."""
        try:
            yield
        finally:
            self._watch = None  # it holds the loop
            self.connections.close()

    def end(self) -> None:
        """Close them now. That waits for nothing, so the generator can be closed without the loop."""
        if self._watch is not None:
            with contextlib.suppress(StopIteration, RuntimeError):  # the second: the loop does it at this moment
                self._watch.aclose().send(None)


def _abandon(made: weakref.WeakKeyDictionary[Any, _Life]) -> None:
    """A client was collected as garbage, maybe in another thread than those of its loops."""
    for life in list(made.values()):
        life.connections.abandon()
        life.end()
