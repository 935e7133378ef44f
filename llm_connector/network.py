"""Network streams as the HTTP library wants them, for sync clients; for async ones they are in ``async_network``.

They add two things to the library's own: the head and the body of a request leave in one packet, which saves a system
call here and a wake-up there, and each wait is cut to the time that is left for the call.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any

import httpcore

from llm_connector.pace import Pace

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

MAX_HELD = 64 * 1024  # bytes; what is larger is sent at once
PIECE = 64 * 1024  # bytes

_backend = httpcore.SyncBackend()


class Network(httpcore.NetworkBackend):
    """Connects one connection, and can hang up whatever it does.

    Attributes:
        pace: Its clock.
    """

    def __init__(self) -> None:
        self.pace = Pace()
        self._wire: Wire | None = None
        self._process = os.getpid()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of a host's addresses that answers; each has this time, all have the call's."""
        error: Exception = httpcore.ConnectError(f"no address is known for {host}")
        for address in addresses(host, port):
            try:
                stream = _backend.connect_tcp(address, port, self.pace.cut(timeout), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failure:
                error = failure
            else:
                self._wire = Wire(stream, self.pace, PIECE)
                return self._wire
        raise error

    def close(self) -> None:
        """Hang up; a thread that reads wakes up. What was inherited from another process goes on there."""
        if self._wire is None:
            return
        if self._process == os.getpid():
            with contextlib.suppress(OSError):  # not that of TLS, which cannot be read any more by then
                socket.socket.shutdown(self._wire.get_extra_info("socket"), socket.SHUT_RDWR)
        self._wire.close()

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


class Wire(httpcore.NetworkStream):
    """A stream whose writes wait for the next read.

    Args:
        stream: What it writes to.
        pace: The connection's clock.
        piece: The most bytes that the stream must send within the time for one write.
    """

    def __init__(self, stream: httpcore.NetworkStream, pace: Pace, piece: int) -> None:
        self._stream = stream
        self._pace = pace
        self._piece = piece
        self._held: list[bytes] = []
        self._write_timeout: float | None = None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Hold the bytes, unless they are many."""
        self._write_timeout = timeout
        self._held.append(buffer)
        if len(buffer) > MAX_HELD:
            self._flush()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Send what is held, and wait for an answer."""
        try:
            if self._held:
                self._flush()
        except httpcore.WriteError as error:
            return self._last_words(max_bytes, error)
        data = self._stream.read(max_bytes, self._pace.cut(timeout))
        self._pace.answered = self._pace.answered or data != b""
        return data

    def _last_words(self, max_bytes: int, error: httpcore.WriteError) -> bytes:
        """What a server said before it hung up on a request that it did not want, such as one that is too large."""
        data = b""
        with contextlib.suppress(httpcore.ReadError, httpcore.ReadTimeout):
            data = self._stream.read(max_bytes, self._pace.cut(1.0))
        if not data:
            raise error
        self._pace.answered = True
        return data

    def _flush(self) -> None:
        data = b"".join(self._held)
        self._held = []
        for start in range(0, len(data), self._piece):
            self._stream.write(data[start : start + self._piece], self._pace.cut(self._write_timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """From now on the stream is encrypted."""
        self._stream = self._stream.start_tls(ssl_context, server_hostname, self._pace.cut(timeout))
        return self

    def get_extra_info(self, info: str) -> Any:
        """Facts about the stream, such as its ``socket``; ``paced`` tells that it keeps the call's time itself."""
        return True if info == "paced" else self._stream.get_extra_info(info)

    def close(self) -> None:
        """Close it."""
        self._stream.close()
