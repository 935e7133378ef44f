"""Connections of the sync client; of the async one: ``async_transport``. When a request is sent is in ``sending``.

The HTTP library is used without its client, whose cookies, redirects and event hooks cost more than the rest of it and
do nothing for an API.
"""

from __future__ import annotations

import contextlib
import os
import socket
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

import httpx

from llm_connector.errors import ConfigError
from llm_connector.spread import Spread
from llm_connector.transport import pool_arguments, proxy_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_connector.spread import Slot
    from llm_connector.transport import TransportOptions


class SpreadTransport(httpx.BaseTransport):
    """Sends through the library's own transports, of which it keeps as many as the requests at a time need."""

    def __init__(self, proxy: str | None) -> None:
        self._spread: Spread[httpx.HTTPTransport] = Spread(_pool, proxy)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send, up to the answer's head."""
        slot = self._spread.take(request.url)
        try:
            for stale in self._spread.stale():
                stale.close()
            response = slot.pool.handle_request(request)
        except BaseException:
            self._spread.leave(slot)
            raise
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _Lent(response.stream, self._spread, slot)
        response.request = request
        return response

    def close(self) -> None:
        """Close all connections."""
        for pool in self._spread.empty():
            pool.close()


def _pool(proxy: str | None) -> httpx.HTTPTransport:
    with proxy_errors():
        return httpx.HTTPTransport(**pool_arguments(proxy))


class _Lent(httpx.SyncByteStream):
    """A body that makes room in its pool when it is closed."""

    def __init__(
        self, stream: httpx.SyncByteStream, spread: Spread[httpx.HTTPTransport], slot: Slot[httpx.HTTPTransport]
    ) -> None:
        self._stream = stream
        self._leave = [(spread, slot)]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            if self._leave:
                spread, slot = self._leave.pop()
                spread.leave(slot)


def pieces(response: httpx.Response) -> Iterator[bytes]:
    """The body as it comes, decompressed.

    What is not compressed is taken from where the library takes it: its way to there costs a fifth of a chunk.
    """
    if "content-encoding" in response.headers:
        return response.iter_bytes()
    assert isinstance(response.stream, httpx.SyncByteStream)
    return iter(response.stream)


class ConnectionPool:
    """Makes its connections at the first request; never closes a client that the user gave."""

    def __init__(self, options: TransportOptions, given: httpx.Client | None = None) -> None:
        if given is not None and not isinstance(given, httpx.Client):
            raise ConfigError(f"http_client must be an httpx.Client, not {type(given).__name__}")
        self._options = options
        self._given = given
        self._made: SpreadTransport | None = None
        self._process = os.getpid()
        self._inherited: list[Any] = []
        self._bodies: dict[httpx.Response, Iterator[bytes]] = {}
        self._abandoned: deque[httpx.Response] = deque()

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send, up to the answer's head. Redirects are never followed: they would carry the key to another host."""
        self._close_abandoned()
        if self._given is not None:
            request.read()  # for the event hooks of the user's client
            return self._given.send(request, stream=True, follow_redirects=False)
        return self._transport().handle_request(request)

    def _transport(self) -> SpreadTransport:
        if self._made is None:
            self._made = SpreadTransport(self._options.proxy)
            weakref.finalize(self, self._made.close)  # in a reference cycle __del__ may come after the sockets' own
        return self._made

    def body(self, response: httpx.Response) -> Iterator[bytes]:
        """The body as it comes; to be ended with ``release`` or ``abandon``.

        It is held here till then: the garbage collector would end the library's generators wherever it finds them.
        """
        body = self._bodies[response] = pieces(response)
        return body

    def release(self, response: httpx.Response) -> None:
        """Close an answer. Its connection can be used again when it was read to its end."""
        response.close()
        self._bodies.pop(response, None)

    def abandon(self, response: httpx.Response) -> None:
        """Hang up, from wherever the garbage collector may have come.

        It may run a finaliser while this very thread holds the library's lock (httpcore 1.0 has one a pool, and it
        cannot be taken twice). So the library is not entered: it learns of the end with the next request.
        """
        if response.is_closed:
            return
        if stream := response.extensions.get("network_stream"):
            hang_up(stream.get_extra_info("socket"))
        self._abandoned.append(response)

    def _close_abandoned(self) -> None:
        if self._process != os.getpid():
            self._leave_to_the_parent()
        while self._abandoned:
            with contextlib.suppress(IndexError):  # another thread was first
                self.release(self._abandoned.popleft())

    def _leave_to_the_parent(self) -> None:
        """After a fork the connections are the parent's, which goes on using them: they are held, and left alone."""
        self._inherited.append((self._made, self._bodies, self._abandoned))
        self._process, self._made, self._bodies, self._abandoned = os.getpid(), None, {}, deque()

    def close(self) -> None:
        """Close what was made here."""
        self._close_abandoned()
        if self._made is not None:
            self._made.close()
            self._made = None


def hang_up(connection: Any) -> None:
    """End a connection, also while another thread reads from it."""
    with contextlib.suppress(OSError, AttributeError):
        connection.shutdown(socket.SHUT_RDWR)
