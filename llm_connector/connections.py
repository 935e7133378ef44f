"""Connections of the sync client; of the async one: ``async_connections``. Who holds them open is in ``pool``.

The HTTP library's connections are used without its client and its pool. Those do what an API has no use for (cookies,
redirects, queues for a connection), for half of a small call's time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from llm_connector.http_library import LibraryErrors, connection_pool, core_request, never_answered
from llm_connector.idle import Idle
from llm_connector.network import Network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_connector.deadline import Deadline


class Connection:
    """One connection, for one request at a time."""

    __slots__ = ("_http", "_network", "key")

    def __init__(self, key: Any, proxy: str | None, origin: httpcore.Origin) -> None:
        self.key = key
        self._network = Network()
        self._http = connection_pool(httpcore.ConnectionPool, proxy, self._network).create_connection(origin)

    def send(self, request: httpcore.Request, deadline: Deadline) -> httpcore.Response:
        """Send, up to the answer's head."""
        self._network.pace.begin(deadline)
        return self._http.handle_request(request)

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

    def close(self) -> None:
        """Close it."""
        self._http.close()


class Connections:
    """As many connections as requests at a time need."""

    def __init__(self, proxy: str | None) -> None:
        self._idle: Idle[Connection] = Idle(proxy)
        self._open: set[Connection] = set()

    def send(self, request: httpx.Request, deadline: Deadline) -> httpx.Response:
        """Send, up to the answer's head.

        A request whose reused connection turns out dead before any byte of its answer goes out again on another: the
        server had closed the idle connection, which tells nothing about the request and is no retry.
        """
        with LibraryErrors():
            wanted = core_request(request)
            while True:
                connection, reused = self._take(request.url, wanted.url.origin)
                try:
                    answer = connection.send(wanted, deadline)
                except BaseException as error:
                    self._drop(connection)
                    if reused and not connection.answered and never_answered(error):
                        continue
                    raise
                return httpx.Response(
                    answer.status,
                    headers=answer.headers,
                    stream=Body(answer, connection, self),
                    extensions=answer.extensions,
                    request=request,
                )

    def _take(self, url: httpx.URL, origin: httpcore.Origin) -> tuple[Connection, bool]:
        proxy = self._idle.proxy(url)
        key = (proxy, origin.scheme, origin.host, origin.port)
        connection, ended = self._idle.take(key)
        for old in ended:
            self._drop(old)
        if connection is not None:
            return connection, True
        connection = Connection(key, proxy, origin)
        self._open.add(connection)
        return connection, False

    def leave(self, connection: Connection) -> None:
        """An answer was closed."""
        if not connection.is_idle():
            self._drop(connection)
        elif (surplus := self._idle.give(connection.key, connection)) is not None:
            self._drop(surplus)

    def _drop(self, connection: Connection) -> None:
        self._open.discard(connection)
        connection.close()

    def close(self) -> None:
        """Close all connections."""
        while self._open:
            self._drop(next(iter(self._open)))


class Body(httpx.SyncByteStream):
    """The body of an answer, and the connection that it comes on."""

    def __init__(self, answer: httpcore.Response, connection: Connection, connections: Connections) -> None:
        assert isinstance(answer.stream, Iterable)
        self._answer = answer
        self._stream = answer.stream
        self._connections = connections
        self._connection: Connection | None = connection

    def __iter__(self) -> Iterator[bytes]:
        with LibraryErrors():
            yield from self._stream

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this for the rest of it."""
        if self._connection is not None:
            self._connection.hurry(seconds)

    def close(self) -> None:
        """Give the connection back if it was read to its end, else close it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with LibraryErrors():
            self._answer.close()
        self._connections.leave(connection)
