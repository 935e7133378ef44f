"""Connections of the async client: ``connections`` with ``async`` and ``await``; a test compares them line for line."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpcore

from llm_connector.errors import ConfigError
from llm_connector.transport.addresses import address
from llm_connector.transport.async_network import AsyncNetwork
from llm_connector.transport.http1 import AnswerReader
from llm_connector.transport.http_library import HUNG_UP, LibraryErrors, raise_as_httpx
from llm_connector.transport.idle import IDLE_SECONDS, Idle
from llm_connector.transport.options import CONNECT_TIMEOUT, PATIENCE
from llm_connector.transport.route import Connect, StartTLS, proxy, request_bytes, steps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from llm_connector.deadline import Deadline
    from llm_connector.transport.addresses import Address
    from llm_connector.transport.http_message import HttpRequest
    from llm_connector.transport.idle import Key
    from llm_connector.transport.route import Proxy, Step


class AsyncConnection:
    """One connection, for one request at a time.

    Attributes:
        key: What it is a connection to.
        network: Its bytes.
    """

    __slots__ = ("_expires", "_proxy", "_reader", "_timeout", "key", "network")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.network = AsyncNetwork()
        self._proxy: Proxy | None = None if key.proxy is None else proxy(key.proxy)
        self._reader = AnswerReader()
        self._timeout = 0.0
        self._expires = 0.0

    async def send(self, request: HttpRequest, goal: Address, deadline: Deadline) -> tuple[AnswerReader, bytes]:
        """Send; gives the answer's head, and what came of its body together with that."""
        self._timeout = request.timeout
        self._reader = reader = AnswerReader()
        self.network.pace.begin(deadline)
        if not self.network.connected:
            await self._connect(goal)
        first = reader.feed(await self.network.exchange(request_bytes(request, goal, self._proxy), self._timeout))
        while not reader.status:
            first = reader.feed(await self.network.read(self._timeout))
        return reader, first

    async def _connect(self, goal: Address) -> None:
        ahead = steps(goal, self._proxy)
        try:
            step = next(ahead)
            while True:
                came = await self._take(step)
                if self.network.closed:  # meanwhile: nothing is sent any more
                    raise httpcore.ConnectError("the connection was closed")
                step = ahead.send(came)
        except StopIteration:
            return

    async def _take(self, step: Step) -> bytes:
        limit = min(self._timeout, CONNECT_TIMEOUT)
        if isinstance(step, Connect):
            await self.network.connect(step.host, step.port, limit)
        elif isinstance(step, StartTLS):
            await self.network.start_tls(step.context, step.host, limit)
        else:
            return await self.network.exchange(step.data, self._timeout)
        return b""

    async def read(self) -> bytes:
        """More of the body; nothing at its end."""
        reader = self._reader
        while not reader.ended:
            if data := reader.feed(await self.network.read(self._timeout)):
                return data
        return b""

    def rests(self) -> bool:
        """Whether it can be used again; from now on it is idle."""
        self._expires = time.monotonic() + IDLE_SECONDS
        return self._reader.reusable

    def has_expired(self) -> bool:
        """Whether it was idle for too long, or its server closed it."""
        return time.monotonic() > self._expires or self.network.has_ended()


class AsyncConnections:
    """As many connections as requests at a time need."""

    def __init__(self, proxy: str | None) -> None:
        self._idle: Idle[AsyncConnection] = Idle(proxy)
        self._open: set[AsyncConnection] = set()
        self._closed = False

    async def send(self, request: HttpRequest, deadline: Deadline) -> AsyncAnswer:
        """Send, up to the answer's head.

        A request whose reused connection turns out dead before any byte of its answer goes out again, once, on a new
        one: the server had closed the idle connection, which tells nothing about the request and is no retry.

        Raises:
            ConfigError: They were closed.
        """
        if self._closed:
            raise ConfigError("the client is closed; make a new one")
        with LibraryErrors():
            goal = address(request.url)
            key = self._idle.key(goal)
            connection = self._take(key)
            if connection is not None:
                try:
                    return await self._ask(connection, request, goal, deadline)
                except HUNG_UP:
                    if connection.network.pace.answered or self._closed:
                        raise
            connection = self._new(key)
            return await self._ask(connection, request, goal, deadline)

    async def _ask(
        self, connection: AsyncConnection, request: HttpRequest, goal: Address, deadline: Deadline
    ) -> AsyncAnswer:
        try:
            reader, first = await connection.send(request, goal, deadline)
        except BaseException:
            self._drop(connection)
            raise
        return AsyncAnswer(request.url, reader, first, connection, self)

    def _new(self, key: Key) -> AsyncConnection:
        connection = AsyncConnection(key)
        self._open.add(connection)
        if self._closed:  # since that was looked at first
            connection.network.close()
        return connection

    def _take(self, key: Key) -> AsyncConnection | None:
        connection, ended = self._idle.take(key)
        for old in ended:
            self._drop(old)
        return connection

    def leave(self, connection: AsyncConnection) -> None:
        """An answer was closed."""
        if not connection.rests():
            self._drop(connection)
            return
        if (surplus := self._idle.give(connection.key, connection)) is not None:
            self._drop(surplus)
        if self._closed:  # whenever that was: close() does not reach what waits since then
            self._drop_idle()

    def lost(self, connection: AsyncConnection) -> None:
        """An answer that nobody closed was collected as garbage."""
        self._open.discard(connection)
        connection.network.abandon()

    def _drop(self, connection: AsyncConnection) -> None:
        self._open.discard(connection)
        connection.network.close()

    def _drop_idle(self) -> None:
        for connection in self._idle.drained():
            self._drop(connection)

    def close(self) -> None:
        """Close all connections; those that are in use are ended, and closed by who uses them."""
        self._closed = True
        self._drop_idle()
        for connection in list(self._open):
            connection.network.hang_up()

    def abandon(self) -> None:
        """Close all connections from a finaliser, which may run at any time and in any thread."""
        self._closed = True
        for connection in list(self._open):
            self.lost(connection)


class AsyncAnswer:
    """An answer, and the connection that it comes on; see ``AsyncHttpAnswer``."""

    def __init__(
        self, url: str, reader: AnswerReader, first: bytes, connection: AsyncConnection, connections: AsyncConnections
    ) -> None:
        self._connection: AsyncConnection | None = connection
        self._connections = connections
        self._first = first
        self.url = url
        self.status: int = reader.status
        self.headers: Mapping[str, str] = reader.headers

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        data, self._first = self._first, b""
        if not data and self._connection is not None:
            try:  # without an object for each piece, of which a stream has thousands
                data = await self._connection.read()
            except Exception as error:
                raise_as_httpx(error)
                raise
        if not data:
            raise StopAsyncIteration
        return data

    def hurry(self) -> None:
        """Do not wait long for the rest.

        Raises:
            RequestTimeoutError: That was said so long ago.
        """
        if self._connection is not None:
            self._connection.network.pace.hurry(PATIENCE)

    async def aclose(self) -> None:
        """Give the connection back if the body was read to its end, else close it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._connections.leave(connection)

    def __del__(self) -> None:
        if self._connection is not None:
            self._connections.lost(self._connection)
