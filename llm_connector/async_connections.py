"""Connections of the async client: ``connections`` with ``async`` and ``await``; a test compares them line for line."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from llm_connector.async_network import AsyncNetwork, drained
from llm_connector.errors import ConfigError
from llm_connector.http_library import HUNG_UP, LibraryErrors, connection_pool, core_request, raise_as_httpx
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
        self._network.pace.begin(deadline, request.extensions["timeout"]["read"])
        return await self._http.handle_async_request(request)

    @property
    def answered(self) -> bool:
        """Whether any byte of the answer came."""
        return self._network.pace.answered

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this for the rest of the answer."""
        self._network.pace.hurry(seconds)

    def is_idle(self) -> bool:
        """Whether it can be used again."""
        return self._http.is_idle()

    def has_expired(self) -> bool:
        """Whether it was idle for too long, or its server closed it."""
        return self._http.has_expired()

    def close(self) -> None:
        """Close it, whatever it does now. Nothing is waited for, so that nothing can come in between."""
        self._network.close()

    def abandon(self) -> None:
        """Close it from a finaliser, which may run at any time and in any thread."""
        self._network.abandon()


class AsyncConnections:
    """As many connections as requests at a time need."""

    def __init__(self, proxy: str | None) -> None:
        self._idle: Idle[AsyncConnection] = Idle(proxy)
        self._open: set[AsyncConnection] = set()
        self._closed = False

    async def send(self, request: httpx.Request, deadline: Deadline) -> httpx.Response:
        """Send, up to the answer's head.

        A request whose reused connection turns out dead before any byte of its answer goes out again, once, on a new
        one: the server had closed the idle connection, which tells nothing about the request and is no retry.

        Raises:
            ConfigError: They were closed.
        """
        if self._closed:
            raise ConfigError("the client is closed; make a new one")
        with LibraryErrors():
            wanted = core_request(request)
            proxy, origin = self._idle.proxy(request.url), wanted.url.origin
            key = (proxy, origin.scheme, origin.host, origin.port)
            connection = self._take(key)
            if connection is not None:
                try:
                    return await self._ask(connection, request, wanted, deadline)
                except HUNG_UP:
                    if connection.answered or self._closed:
                        raise
            connection = AsyncConnection(key, proxy, origin)
            self._open.add(connection)
            return await self._ask(connection, request, wanted, deadline)

    async def _ask(
        self, connection: AsyncConnection, request: httpx.Request, wanted: httpcore.Request, deadline: Deadline
    ) -> httpx.Response:
        try:
            answer = await connection.send(wanted, deadline)
        except BaseException:
            self._drop(connection)
            raise
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=AsyncBody(answer, connection, self),
            extensions=answer.extensions,
            request=request,
        )

    def _take(self, key: Any) -> AsyncConnection | None:
        connection, ended = self._idle.take(key)
        for old in ended:
            self._drop(old)
        return connection

    def leave(self, connection: AsyncConnection) -> None:
        """An answer was closed."""
        if self._closed or not connection.is_idle():
            self._drop(connection)
        elif (surplus := self._idle.give(connection.key, connection)) is not None:
            self._drop(surplus)

    def lost(self, connection: AsyncConnection) -> None:
        """An answer that nobody closed was collected as garbage."""
        self._open.discard(connection)
        connection.abandon()

    def _drop(self, connection: AsyncConnection) -> None:
        self._open.discard(connection)
        connection.close()

    def close(self) -> None:
        """Close all connections, also those that are in use."""
        self._closed = True
        for connection in list(self._open):
            self._drop(connection)
        self._idle.clear()

    def abandon(self) -> None:
        """Close all connections from a finaliser, which may run at any time and in any thread."""
        self._closed = True
        for connection in list(self._open):
            self.lost(connection)


class AsyncBody(httpx.AsyncByteStream):
    """The body of an answer, and the connection that it comes on."""

    def __init__(self, answer: httpcore.Response, connection: AsyncConnection, connections: AsyncConnections) -> None:
        self._connection: AsyncConnection | None = connection
        self._connections = connections
        self._answer = answer
        assert isinstance(answer.stream, AsyncIterable)
        self._pieces = aiter(answer.stream)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:  # without an object for each piece, of which a stream has thousands
            return await anext(self._pieces)
        except StopAsyncIteration:
            raise
        except Exception as error:
            raise_as_httpx(error)
            raise

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this for the rest of it.

        Raises:
            RequestTimeoutError: That was said so long ago.
        """
        if self._connection is not None:
            self._connection.hurry(seconds)

    async def aclose(self) -> None:
        """Give the connection back if it was read to its end, else close it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            with LibraryErrors():
                await self._answer.aclose()
        finally:
            self._connections.leave(connection)
            await drained(self._pieces)

    def __del__(self) -> None:
        if self._connection is not None:
            self._connections.lost(self._connection)
