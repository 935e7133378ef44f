"""What is async of the seam to the HTTP library; loaded by the async client alone: ``asyncio`` costs time to import.

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
from llm_connector.spread import Spread
from llm_connector.transport import pool_arguments, proxy_errors

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from llm_connector.spread import Slot
    from llm_connector.transport import TransportOptions

asleep = anyio.sleep


async def aresolve(value: Any) -> Any:
    """The same without blocking the event loop; an awaitable is awaited."""
    if not callable(value):
        return value
    result = value() if inspect.iscoroutinefunction(value) else await anyio.to_thread.run_sync(value)
    return await result if inspect.isawaitable(result) else result


class AsyncSpreadTransport(httpx.AsyncBaseTransport):
    """See ``connections.SpreadTransport``."""

    def __init__(self, proxy: str | None) -> None:
        self._spread: Spread[httpx.AsyncHTTPTransport] = Spread(_pool, proxy)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send, up to the answer's head."""
        slot = self._spread.take(request.url)
        try:
            for stale in self._spread.stale():
                await stale.aclose()
            response = await slot.pool.handle_async_request(request)
        except BaseException:
            self._spread.leave(slot)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Lent(response.stream, self._spread, slot)
        response.request = request
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._spread.empty():
            await pool.aclose()


def _pool(proxy: str | None) -> httpx.AsyncHTTPTransport:
    with proxy_errors():
        return httpx.AsyncHTTPTransport(**pool_arguments(proxy))


class _Lent(httpx.AsyncByteStream):
    """A body that makes room in its pool when it is closed."""

    def __init__(
        self,
        stream: httpx.AsyncByteStream,
        spread: Spread[httpx.AsyncHTTPTransport],
        slot: Slot[httpx.AsyncHTTPTransport],
    ) -> None:
        self._stream = stream
        self._leave = [(spread, slot)]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            if self._leave:
                spread, slot = self._leave.pop()
                spread.leave(slot)


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
        self._lifetimes: weakref.WeakKeyDictionary[Any, AsyncGenerator[AsyncSpreadTransport, None]] = (
            weakref.WeakKeyDictionary()
        )
        self._made: weakref.WeakKeyDictionary[Any, AsyncSpreadTransport] = weakref.WeakKeyDictionary()

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send, up to the answer's head. Redirects are never followed: they would carry the key to another host."""
        if self._given is not None:
            await request.aread()  # for the event hooks of the user's client
            return await self._given.send(request, stream=True, follow_redirects=False)
        loop = _running_loop()
        made = self._made.get(loop)
        if made is None:
            lifetime = _lifetime(self._options)
            made = self._made[loop] = await anext(lifetime)
            self._lifetimes[loop] = lifetime
        return await made.handle_async_request(request)

    def body(self, response: httpx.Response) -> AsyncIterator[bytes]:
        """The body as it comes; to be ended with ``release`` or ``abandon``."""
        return apieces(response)

    async def release(self, response: httpx.Response) -> None:
        """Close an answer. Its connection can be used again when it was read to its end."""
        await response.aclose()

    async def abandon(self, response: httpx.Response) -> None:
        """Hang up. Async connections hold no lock that the garbage collector could meet."""
        await response.aclose()

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


async def _lifetime(options: TransportOptions) -> AsyncGenerator[AsyncSpreadTransport, None]:
    """Holds connections until the loop closes its asynchronous generators, which ``asyncio.run`` does at its end."""
    async with AsyncSpreadTransport(options.proxy) as transport:
        yield transport
