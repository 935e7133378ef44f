"""What is async of the seam to the HTTP library; loaded by the async client alone: ``asyncio`` costs time to import.

Async connections belong to the event loop that made them, so an async pool keeps some for each loop and closes them
when the loop shuts its asynchronous generators down: a client outlives ``asyncio.run`` and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import weakref
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import httpcore
import httpx

from llm_connector.async_network import AsyncNetwork
from llm_connector.errors import ConfigError
from llm_connector.http_library import LibraryErrors, connection_pool, core_request, never_answered
from llm_connector.idle import Idle

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from llm_connector.deadline import Deadline
    from llm_connector.transport import TransportOptions

asleep = anyio.sleep


async def aresolve(value: Any) -> Any:
    """The same without blocking the event loop; an awaitable is awaited."""
    if not callable(value):
        return value
    result = value() if inspect.iscoroutinefunction(value) else await anyio.to_thread.run_sync(value)
    return await result if inspect.isawaitable(result) else result


class AsyncConnection:
    """One connection, for one request at a time."""

    __slots__ = ("_http", "_network", "key")

    def __init__(self, key: Any, proxy: str | None, origin: httpcore.Origin) -> None:
        self.key = key
        self._network = AsyncNetwork()
        self._http = connection_pool(httpcore.AsyncConnectionPool, proxy, self._network).create_connection(origin)

    async def send(self, request: httpcore.Request, deadline: Deadline) -> httpcore.Response:
        """Send, up to the answer's head."""
        self._network.pace.begin(deadline)
        return await self._http.handle_async_request(request)

    @property
    def answered(self) -> bool:
        """Whether any byte of the answer came."""
        return self._network.pace.answered

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this for the rest of the answer."""
        self._network.pace.longest = seconds

    def is_idle(self) -> bool:
        """Whether it can be used again."""
        return self._http.is_idle()

    def has_expired(self) -> bool:
        """Whether it was idle for too long, or its server closed it."""
        return self._http.has_expired()

    async def aclose(self) -> None:
        """Close it."""
        await self._http.aclose()


class AsyncConnections:
    """As many connections as requests at a time need."""

    def __init__(self, proxy: str | None) -> None:
        self._idle: Idle[AsyncConnection] = Idle(proxy)
        self._open: set[AsyncConnection] = set()

    async def send(self, request: httpx.Request, deadline: Deadline) -> httpx.Response:
        """Send, up to the answer's head.

        A request whose reused connection turns out dead before any byte of its answer goes out again on another: the
        server had closed the idle connection, which tells nothing about the request and is no retry.
        """
        with LibraryErrors():
            wanted = core_request(request)
            while True:
                connection, reused = await self._take(request.url, wanted.url.origin)
                try:
                    answer = await connection.send(wanted, deadline)
                except BaseException as error:
                    await self._drop(connection)
                    if reused and not connection.answered and never_answered(error):
                        continue
                    raise
                return httpx.Response(
                    answer.status,
                    headers=answer.headers,
                    stream=AsyncBody(answer, connection, self),
                    extensions=answer.extensions,
                    request=request,
                )

    async def _take(self, url: httpx.URL, origin: httpcore.Origin) -> tuple[AsyncConnection, bool]:
        proxy = self._idle.proxy(url)
        key = (proxy, origin.scheme, origin.host, origin.port)
        connection, ended = self._idle.take(key)
        for old in ended:
            await self._drop(old)
        if connection is not None:
            return connection, True
        connection = AsyncConnection(key, proxy, origin)
        self._open.add(connection)
        return connection, False

    async def leave(self, connection: AsyncConnection) -> None:
        """An answer was closed."""
        if not connection.is_idle():
            await self._drop(connection)
        elif (surplus := self._idle.give(connection.key, connection)) is not None:
            await self._drop(surplus)

    async def _drop(self, connection: AsyncConnection) -> None:
        self._open.discard(connection)
        await connection.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        while self._open:
            await self._drop(next(iter(self._open)))


class AsyncBody(httpx.AsyncByteStream):
    """The body of an answer, and the connection that it comes on."""

    def __init__(self, answer: httpcore.Response, connection: AsyncConnection, connections: AsyncConnections) -> None:
        assert isinstance(answer.stream, AsyncIterable)
        self._answer = answer
        self._stream = answer.stream
        self._connections = connections
        self._connection: AsyncConnection | None = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with LibraryErrors():
            async for data in self._stream:
                yield data

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this for the rest of it."""
        if self._connection is not None:
            self._connection.hurry(seconds)

    async def aclose(self) -> None:
        """Give the connection back if it was read to its end, else close it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with LibraryErrors():
            await self._answer.aclose()
        await self._connections.leave(connection)


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
    connections = AsyncConnections(options.proxy)
    try:
        yield connections
    finally:
        await connections.aclose()
