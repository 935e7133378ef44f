"""What the HTTP library's streams lack in TLS: TLS over TLS in time, and whether more came than was read.

Nothing here knows what is sent over it.
"""

from __future__ import annotations

import contextlib
import ssl
import time
from typing import TYPE_CHECKING, Any, TypeVar

import httpcore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_RECORD = 16 * 1024  # bytes of the longest

T = TypeVar("T")


def tls_over(
    stream: httpcore.NetworkStream, context: ssl.SSLContext, host: str, timeout: float
) -> httpcore.NetworkStream:
    """The same stream, encrypted, maybe once more.

    Raises:
        ConnectError: The other side does not want that, or is not who it should be.
        ConnectTimeout: It took too long.
    """
    if stream.get_extra_info("ssl_object") is None:
        return stream.start_tls(context, host, timeout)
    return TLSOverTLS(stream, context, host, timeout)


def holds_more(stream: httpcore.NetworkStream | httpcore.AsyncNetworkStream) -> bool:
    """Whether more came on an idle stream than was read, where its socket does not tell it any more.

    Who decrypts by itself, as trio and ``TLSOverTLS`` do, may have taken several records off the socket and read one.
    Python's own sockets take one at a time.
    """
    tls = stream.get_extra_info("ssl_object")
    if not isinstance(tls, ssl.SSLObject):
        return False
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return False
    except ssl.SSLError:  # what came is no record
        return True
    return True


class TLSOverTLS(httpcore.NetworkStream):
    """TLS over a stream that has it already, as behind a proxy that is spoken to in TLS.

    The HTTP library's own (httpcore 1.0) gives the whole time to each packet of a record, so that a trickle outlasts
    every limit.
    """

    def __init__(self, stream: httpcore.NetworkStream, context: ssl.SSLContext, host: str, timeout: float) -> None:
        self._stream = stream
        self._came = ssl.MemoryBIO()
        self._goes = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._goes, server_hostname=host)
        with _told_as(httpcore.ConnectError, httpcore.ConnectTimeout):
            self._do(self._tls.do_handshake, timeout)

    def _do(self, step: Callable[[], T], timeout: float | None) -> T:
        """Take a step, with as many packets in both directions as it needs, within the time."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                done, result = True, step()
            except ssl.SSLWantReadError:
                done = False
            if self._goes.pending:
                self._stream.write(self._goes.read(), _left(end))
            if done:
                return result
            if data := self._stream.read(_RECORD, _left(end)):
                self._came.write(data)
            else:
                self._came.write_eof()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes; none at the end."""
        with _told_as(httpcore.ReadError, httpcore.ReadTimeout):
            try:
                return self._do(lambda: self._tls.read(max_bytes), timeout)
            except ssl.SSLEOFError:  # without the farewell of TLS: sockets do not tell it either
                return b""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all."""
        with _told_as(httpcore.WriteError, httpcore.WriteTimeout):
            while buffer:
                sent = self._do(lambda rest=buffer: self._tls.write(rest), timeout)  # type: ignore[misc]
                buffer = buffer[sent:]

    def close(self) -> None:
        """Close it."""
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        """Facts about the stream, under the library's names."""
        return self._tls if info == "ssl_object" else self._stream.get_extra_info(info)


def _left(end: float | None) -> float | None:
    if end is None:
        return None
    left = end - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left


@contextlib.contextmanager
def _told_as(broken: type[httpcore.NetworkError], late: type[httpcore.TimeoutException]) -> Iterator[None]:
    """What the inner stream and Python raise, as the errors of what is done here."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise late from error
    except (httpcore.NetworkError, OSError) as error:
        raise broken(str(error)) from error
