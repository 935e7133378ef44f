"""What an async client holds open, and how it waits; loaded by that client alone: ``asyncio`` costs time to import.

Async connections belong to the event loop that made them, so an async pool keeps some for each loop and closes them
when the loop shuts its asynchronous generators down: a client outlives ``asyncio.run`` and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import weakref
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import httpx

from llm_connector.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from llm_connector.async_connections import AsyncConnections
    from llm_connector.deadline import Deadline
    from llm_connector.transport import TransportOptions

asleep = anyio.sleep


async def aresolve(value: Any) -> Any:
    """The same without blocking the event loop; an awaitable is awaited."""
    if not callable(value):
        return value
    result = value() if inspect.iscoroutinefunction(value) else await anyio.to_thread.run_sync(value)
    return await result if inspect.isawaitable(result) else result


def apieces(response: httpx.Response) -> AsyncIterator[bytes]:
    """See ``connections.pieces``."""
    if "content-encoding" in response.headers:
        return response.aiter_bytes()
    assert isinstance(response.stream, httpx.AsyncByteStream)
    return aiter(response.stream)


class AsyncConnectionPool:
    """Connections for each event loop, closed with their loop; never closes a client that the user gave."""

    def __init__(self, options: TransportOptions, given: httpx.AsyncClient | None = None) -> None:
        if given is not None and not isinstance(given, httpx.AsyncClient):
            raise ConfigError(f"http_client must be an httpx.AsyncClient, not {type(given).__name__}")
        self._options = options
        self._given = given
        self._lifetimes: weakref.WeakKeyDictionary[Any, AsyncGenerator[AsyncConnections, None]] = (
            weakref.WeakKeyDictionary()
        )
        self._made: weakref.WeakKeyDictionary[Any, AsyncConnections] = weakref.WeakKeyDictionary()

    @property
    def given(self) -> httpx.AsyncClient | None:
        """The client that the user gave."""
        return self._given

    async def send(self, request: httpx.Request, deadline: Deadline) -> httpx.Response:
        """Send, up to the answer's head. Redirects are never followed: they would carry the key to another host."""
        loop = _running_loop()
        made = self._made.get(loop)
        if made is None:
            lifetime = _lifetime(self._options)
            made = self._made[loop] = await anext(lifetime)
            self._lifetimes[loop] = lifetime
        return await made.send(request, deadline)

    async def aclose(self) -> None:
        """Close what was made here for the running loop."""
        loop = _running_loop()
        self._made.pop(loop, None)
        lifetime = self._lifetimes.pop(loop, None)
        if lifetime is not None:
            await lifetime.aclose()


def _running_loop() -> Any:
    """What identifies the event loop that runs now: asyncio's loop, or trio's token."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return sys.modules["trio"].lowlevel.current_trio_token()


async def _lifetime(options: TransportOptions) -> AsyncGenerator[AsyncConnections, None]:
    """Holds connections until the loop closes its asynchronous generators, which ``asyncio.run`` does at its end."""
    from llm_connector.async_connections import AsyncConnections  # noqa: PLC0415 - as in pool

    connections = AsyncConnections(options.proxy)
    try:
        yield connections
    finally:
        await connections.aclose()
