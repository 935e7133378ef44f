"""A network stream on asyncio alone. What is sent over it is not known here.

The HTTP library's own goes through anyio, whose cancel scopes and checkpoints cost some 30 µs a read (anyio 4.14,
CPython 3.11, 2026-11): half of what a chunk costs when a thousand streams run at once.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import httpcore

from llm_connector.transport.asyncio_connect import connected_socket, is_address

if TYPE_CHECKING:
    import ssl

    from llm_connector.transport.pace import Pace

MAX_BUFFERED = 256 * 1024  # bytes; then the server has to wait
_MAX_UNSENT = 64 * 1024  # bytes that may still be on their way out when writing is over
_LOOK = 0.02  # seconds after which to look how much of a large body has gone


async def connect(host: str, port: int, timeout: float | None, pace: Pace) -> AsyncioStream:
    """Connect to the first of a host's addresses that answers.

    Args:
        host: Its name or address.
        port: The port.
        timeout: Seconds until it must be there.
        pace: The connection's clock, which ends the slow writing of a large body.

    Raises:
        ConnectTimeout: None did in time.
        ConnectError: None is there.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            if is_address(host):
                transport, receiver = await loop.create_connection(_Receiver, host, port)
            else:
                transport, receiver = await loop.create_connection(_Receiver, sock=await connected_socket(host, port))
    except TimeoutError as error:
        raise httpcore.ConnectTimeout from error
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return AsyncioStream([transport], receiver, pace)


class _Receiver(asyncio.Protocol):
    """Takes what comes, and wakes who waits for it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0
        self.ended = False
        self.error: Exception | None = None
        self._transport: Any = None
        self._waiter: asyncio.Future[bool] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._late_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def encrypted(self, transport: asyncio.Transport) -> None:
        """From now on this transport is the one to pause."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)
        self.size += len(data)
        if self.size > MAX_BUFFERED:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self.ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self.error = exc
        if self._alarm is not None:
            self._alarm.cancel()
        self._wake()

    def resume_writing(self) -> None:
        self._wake()

    def taken(self, most: int) -> bytes:
        """What came so far, up to so many bytes."""
        data = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        self.pieces = [data[most:]] if len(data) > most else []
        paused = self.size > MAX_BUFFERED
        self.size = max(0, len(data) - most)
        if paused and self.size <= MAX_BUFFERED and not self.ended:
            self._transport.resume_reading()
        return data[:most]

    def forget(self) -> None:
        """Nobody wants what came."""
        self.pieces = []

    async def wait(self, seconds: float | None) -> bool:
        """Wait until something happens; whether it did in time."""
        loop = asyncio.get_running_loop()
        self._late_at = math.inf
        if seconds is not None:
            self._set_alarm(loop, loop.time() + seconds)
        self._waiter = loop.create_future()
        try:
            return await self._waiter
        finally:
            self._waiter = None

    def _set_alarm(self, loop: asyncio.AbstractEventLoop, late_at: float) -> None:
        """One alarm goes on from wait to wait: setting one for each would cost as much as reading."""
        self._late_at = late_at
        if self._alarm is not None and self._alarm.when() > late_at:
            self._alarm.cancel()
            self._alarm = None
        if self._alarm is None:
            self._alarm = loop.call_at(late_at, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._alarm = None
        if self._waiter is None or self._waiter.done() or self._late_at == math.inf:
            return
        if loop.time() < self._late_at:
            self._alarm = loop.call_at(self._late_at, self._ring, loop)
        else:
            self._waiter.set_result(False)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(True)


class AsyncioStream(httpcore.AsyncNetworkStream):
    """A connected stream.

    Args:
        transports: That of the connection, and those of TLS on it.
        receiver: Takes what comes.
        pace: The connection's clock.
    """

    def __init__(self, transports: list[asyncio.Transport], receiver: _Receiver, pace: Pace) -> None:
        self._transports = transports
        self._transport = transports[-1]
        self._receiver = receiver
        self._pace = pace

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes; none at the end."""
        receiver = self._receiver
        while not receiver.pieces:
            if receiver.error is not None:
                raise httpcore.ReadError(str(receiver.error)) from receiver.error
            if receiver.ended:
                return b""
            if not await receiver.wait(timeout):
                raise httpcore.ReadTimeout
        return receiver.taken(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send; waits while the server is slow to take it, unless it has said its last word.

        All goes to the transport at once. It would read no answer any more when sending a piece fails, as it does when
        a server hangs up on a request that it refuses.
        """
        receiver = self._receiver
        if self._transport.is_closing() or receiver.error is not None:
            raise httpcore.WriteError("the connection was closed") from receiver.error
        self._transport.write(buffer)
        if (unsent := self._unsent()) > _MAX_UNSENT:
            await self._until_sent(unsent, timeout)
        if receiver.error is not None:
            raise httpcore.WriteError(str(receiver.error)) from receiver.error

    async def _until_sent(self, unsent: int, timeout: float | None) -> None:
        """Wait as long as something goes out in each of so many seconds."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        while unsent > _MAX_UNSENT and not self._receiver.ended:
            await self._receiver.wait(_LOOK)
            before, unsent = unsent, self._unsent()
            if unsent < before:
                since = loop.time()
            if self._pace.over or (timeout is not None and loop.time() - since >= timeout):
                raise httpcore.WriteTimeout

    def _unsent(self) -> int:
        return sum(transport.get_write_buffer_size() for transport in self._transports)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """The same stream, encrypted."""
        if self._receiver.pieces:  # they would be read behind the handshake, as if they had come encrypted
            raise httpcore.ConnectError("something was said before encryption began")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                transport = await loop.start_tls(
                    self._transport, self._receiver, ssl_context, server_hostname=server_hostname
                )
        except TimeoutError as error:
            self._transport.abort()
            raise httpcore.ConnectTimeout from error
        except OSError as error:  # of which the errors of TLS are some
            self._transport.abort()
            raise httpcore.ConnectError(str(error)) from error
        if transport is None:
            raise httpcore.ConnectError("the connection was closed")
        self._receiver.encrypted(transport)
        return AsyncioStream([*self._transports, transport], self._receiver, self._pace)

    def get_extra_info(self, info: str) -> Any:
        """Facts about the stream, under the library's names."""
        if info == "is_readable":  # of an idle connection: whether the server has closed it
            return self._receiver.ended or bool(self._receiver.pieces)
        names = {"client_addr": "sockname", "server_addr": "peername"}
        return self._transport.get_extra_info(names.get(info, info))

    def hang_up(self) -> None:
        """Close it now; what was not sent, and not read, is not wanted any more."""
        self._transport.abort()
        self._receiver.forget()

    async def aclose(self) -> None:
        """The same, and wait until the socket is closed."""
        self.hang_up()
        await asyncio.sleep(0)
