"""The bytes of one async connection; see ``network``. How asyncio reads and writes is in ``asyncio_stream``."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

import httpcore

from llm_connector.transport.network import MAX_READ, PIECE
from llm_connector.transport.pace import Pace
from llm_connector.transport.tls import holds_more

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable


class AsyncNetwork:
    """Connects once, in asyncio or trio, and can hang up whatever it does.

    Attributes:
        pace: Its clock.
        closed: Whether it was closed, maybe while it connects.
    """

    def __init__(self) -> None:
        self.pace = Pace()
        self.closed = False
        self._stream: httpcore.AsyncNetworkStream | None = None
        self._piece = PIECE
        self._hang_up: Callable[[], object] | None = None
        self._later: Callable[[Callable[[], object]], object] | None = None

    @property
    def connected(self) -> bool:
        """Whether it ever was."""
        return self._stream is not None

    async def connect(self, host: str, port: int, timeout: float) -> None:
        """Connect."""
        left = self.pace.cut(timeout)
        if runs_trio():
            self._stream = await httpcore.TrioBackend().connect_tcp(host, port, left)
            self._hang_up = self._stream.get_extra_info("socket").close
            self._later = sys.modules["trio"].lowlevel.current_trio_token().run_sync_soon
            return
        from llm_connector.transport.asyncio_stream import connect  # noqa: PLC0415 - not in trio

        connected = await connect(host, port, left, self.pace)
        self._stream = connected
        self._piece = sys.maxsize  # it keeps the time for each piece itself
        self._hang_up = connected.hang_up
        self._later = asyncio.get_running_loop().call_soon_threadsafe

    # From here on it is the sync one.

    async def start_tls(self, context: ssl.SSLContext, host: str, timeout: float) -> None:
        """From now on all is encrypted."""
        assert self._stream is not None
        self._stream = await tls_over(self._stream, context, host, self.pace.cut(timeout))

    async def exchange(self, data: bytes, timeout: float) -> bytes:
        """Send, and wait for an answer."""
        assert self._stream is not None
        try:
            for start in range(0, len(data), self._piece):
                await self._stream.write(data[start : start + self._piece], self.pace.cut(timeout))
        except httpcore.WriteError as error:
            return await self._last_words(error)
        return await self.read(timeout)

    async def read(self, timeout: float) -> bytes:
        """What comes next; nothing at the end."""
        assert self._stream is not None
        data = await self._stream.read(MAX_READ, self.pace.cut(timeout))
        self.pace.answered = self.pace.answered or data != b""
        return data

    async def _last_words(self, error: httpcore.WriteError) -> bytes:
        """What a server said before it hung up on a request that it did not want, such as one that is too large."""
        data = b""
        with contextlib.suppress(httpcore.ReadError, httpcore.ReadTimeout):
            data = await self.read(1.0)
        if not data:
            raise error
        return data

    def has_ended(self) -> bool:
        """Whether the server closed it while it was idle, or said what nobody asked for."""
        stream = self._stream
        return stream is None or bool(stream.get_extra_info("is_readable")) or holds_more(stream)

    # What follows is not.

    def close(self) -> None:
        """Hang up; a task that reads wakes up."""
        self.closed = True
        hang_up, self._hang_up, self._later = self._hang_up, None, None  # the last holds the event loop
        if hang_up is not None:
            hang_up()

    def hang_up(self) -> None:
        """The same: there are no other threads."""
        self.close()

    def abandon(self) -> None:
        """The same from a finaliser: later, in the event loop, unless that is over and has closed everything."""
        if self._later is not None:
            with contextlib.suppress(RuntimeError):
                self._later(self.close)


async def tls_over(
    stream: httpcore.AsyncNetworkStream, context: ssl.SSLContext, host: str, timeout: float
) -> httpcore.AsyncNetworkStream:
    """The same stream, encrypted, maybe once more.

    Raises:
        ConnectError: The other side does not want that, or is not who it should be.
        ConnectTimeout: It took too long.
    """
    try:
        return await stream.start_tls(context, host, timeout)
    except (httpcore.ConnectError, httpcore.ConnectTimeout):
        raise
    except Exception as error:  # in trio, those of a stream that was closed meanwhile, and of a name that is none
        raise httpcore.ConnectError(str(error)) from error


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
