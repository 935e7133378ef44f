"""Connections of the async client: ``connections`` with ``async`` and ``await``; a test compares them line for line."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from llm_connector.async_network import AsyncNetwork
from llm_connector.http_library import LibraryErrors, connection_pool, core_request, never_answered
from llm_connector.idle import Idle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from llm_connector.deadline import Deadline


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
