"""Network streams for async clients; see ``network``. How asyncio reads and writes is in ``asyncio_stream``."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any

import httpcore

from llm_connector.network import MAX_HELD, PIECE
from llm_connector.pace import Pace

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterable


class AsyncNetwork(httpcore.AsyncNetworkBackend):
    """Connects one connection, in asyncio or trio, and can hang up whatever it does.

    Attributes:
        pace: Its clock.
    """

    def __init__(self) -> None:
        self.pace = Pace()
        self._hang_up: Callable[[], object] | None = None
        self._later: Callable[[Callable[[], object]], object] | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect."""
        del local_address, socket_options  # nobody sets them
        timeout = self.pace.cut(timeout)
        if runs_trio():
            stream = await httpcore.TrioBackend().connect_tcp(host, port, timeout)
            self._hang_up = stream.get_extra_info("socket").close
            self._later = sys.modules["trio"].lowlevel.current_trio_token().run_sync_soon
            return AsyncWire(stream, self.pace, PIECE)
        from llm_connector.asyncio_stream import connect  # noqa: PLC0415 - not in trio

        connected = await connect(host, port, timeout, self.pace)
        self._hang_up = connected.hang_up
        self._later = asyncio.get_running_loop().call_soon_threadsafe
        return AsyncWire(connected, self.pace, sys.maxsize)

    def close(self) -> None:
        """Hang up; a task that reads wakes up."""
        hang_up, self._hang_up, self._later = self._hang_up, None, None  # the last holds the event loop
        if hang_up is not None:
            hang_up()

    def abandon(self) -> None:
        """The same from a finaliser: later, in the event loop, unless that is over and has closed everything."""
        if self._later is not None:
            with contextlib.suppress(RuntimeError):
                self._later(self.close)


def runs_trio() -> bool:
    """Whether the event loop that runs now is trio's."""
    trio = sys.modules.get("trio")
    if trio is None:
        return False
    try:
        trio.lowlevel.current_trio_token()
    except RuntimeError:
        return False
    return True


async def drained(pieces: AsyncIterator[bytes]) -> None:
    """Let generators of a closed connection run to their end: those that are dropped before it, trio warns of."""
    with contextlib.suppress(Exception):
        async for _ in pieces:
            pass


class AsyncWire(httpcore.AsyncNetworkStream):
    """A stream whose writes wait for the next read.

    Args:
        stream: What it writes to.
        pace: The connection's clock.
        piece: The most bytes that the stream must send within the time for one write.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream, pace: Pace, piece: int) -> None:
        self._stream = stream
        self._pace = pace
        self._piece = piece
        self._held: list[bytes] = []
        self._write_timeout: float | None = None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Hold the bytes, unless they are many."""
        self._write_timeout = timeout
        self._held.append(buffer)
        if len(buffer) > MAX_HELD:
            await self._flush()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Send what is held, and wait for an answer."""
        try:
            if self._held:
                await self._flush()
        except httpcore.WriteError as error:
            return await self._last_words(max_bytes, error)
        data = await self._stream.read(max_bytes, self._pace.cut(timeout))
        self._pace.answered = self._pace.answered or data != b""
        return data

    async def _last_words(self, max_bytes: int, error: httpcore.WriteError) -> bytes:
        """What a server said before it hung up on a request that it did not want, such as one that is too large."""
        data = b""
        with contextlib.suppress(httpcore.ReadError, httpcore.ReadTimeout):
            data = await self._stream.read(max_bytes, self._pace.cut(1.0))
        if not data:
            raise error
        self._pace.answered = True
        return data

    async def _flush(self) -> None:
        data = b"".join(self._held)
        self._held = []
        for start in range(0, len(data), self._piece):
            await self._stream.write(data[start : start + self._piece], self._pace.cut(self._write_timeout))

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """From now on the stream is encrypted."""
        self._stream = await self._stream.start_tls(ssl_context, server_hostname, self._pace.cut(timeout))
        return self

    def get_extra_info(self, info: str) -> Any:
        """Facts about the stream, such as its ``socket``; ``paced`` tells that it keeps the call's time itself."""
        return True if info == "paced" else self._stream.get_extra_info(info)

    async def aclose(self) -> None:
        """Close it."""
        await self._stream.aclose()
