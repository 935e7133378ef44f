"""The bytes of one sync connection: connecting, sending, receiving, hanging up. Async: ``async_network``.

What the HTTP library's own streams lack: each wait is cut to the time that is left for the call, and a connection can
be ended whatever it does.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING

import httpcore

from llm_connector.transport.pace import Pace
from llm_connector.transport.tls import holds_more, tls_over

if TYPE_CHECKING:
    import ssl

MAX_READ = 64 * 1024  # bytes
PIECE = 64 * 1024  # bytes that are to be sent within the time for one step

_backend = httpcore.SyncBackend()


class Network:
    """Connects once, and can hang up whatever it does.

    Attributes:
        pace: Its clock.
        closed: Whether it was closed, maybe while it connects.
    """

    def __init__(self) -> None:
        self.pace = Pace()
        self.closed = False
        self._stream: httpcore.NetworkStream | None = None
        self._piece = PIECE
        self._process = os.getpid()

    @property
    def connected(self) -> bool:
        """Whether it ever was."""
        return self._stream is not None

    def connect(self, host: str, port: int, timeout: float) -> None:
        """Connect to the first of a host's addresses that answers; each has this time, all have the call's."""
        error: Exception = httpcore.ConnectError(f"no address is known for {host}")
        for address in addresses(host, port):
            try:
                self._stream = _backend.connect_tcp(address, port, self.pace.cut(timeout))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
                error = failure
            else:
                return
        raise error

    def start_tls(self, context: ssl.SSLContext, host: str, timeout: float) -> None:
        """From now on all is encrypted."""
        assert self._stream is not None
        self._stream = tls_over(self._stream, context, host, self.pace.cut(timeout))

    def exchange(self, data: bytes, timeout: float) -> bytes:
        """Send, and wait for an answer."""
        assert self._stream is not None
        try:
            for start in range(0, len(data), self._piece):
                self._stream.write(data[start : start + self._piece], self.pace.cut(timeout))
        except httpcore.WriteError as error:
            return self._last_words(error)
        return self.read(timeout)

    def read(self, timeout: float) -> bytes:
        """What comes next; nothing at the end."""
        assert self._stream is not None
        data = self._stream.read(MAX_READ, self.pace.cut(timeout))
        self.pace.answered = self.pace.answered or data != b""
        return data

    def _last_words(self, error: httpcore.WriteError) -> bytes:
        """What a server said before it hung up on a request that it did not want, such as one that is too large."""
        data = b""
        with contextlib.suppress(httpcore.ReadError, httpcore.ReadTimeout):
            data = self.read(1.0)
        if not data:
            raise error
        return data

    def has_ended(self) -> bool:
        """Whether the server closed it while it was idle, or said what nobody asked for."""
        stream = self._stream
        return stream is None or bool(stream.get_extra_info("is_readable")) or holds_more(stream)

    def close(self) -> None:
        """Close it. What was inherited from another process goes on there."""
        self.hang_up()
        if self._stream is not None:
            self._stream.close()

    def hang_up(self) -> None:
        """End it, so that a thread that uses it wakes up, and closes it.

        Closing it here would free the socket's number for the next that is opened, whose bytes that thread would take:
        it reads TLS by the number (CPython 3.11, 2026-11).
        """
        self.closed = True
        if self._stream is not None and self._process == os.getpid():
            with contextlib.suppress(OSError):  # not that of TLS, which cannot be read any more by then
                socket.socket.shutdown(self._stream.get_extra_info("socket"), socket.SHUT_RDWR)

    def abandon(self) -> None:
        """The same from a finaliser."""
        self.close()


def addresses(host: str, port: int) -> list[str]:
    """The addresses of a host, in the order in which to try them.

    Raises:
        ConnectError: The host is not known.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return [host if any(address[3:]) else str(address[0]) for *_, address in found]  # the fourth: a scope of IPv6
