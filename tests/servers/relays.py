"""What stands between a client and a server: TLS, an HTTP proxy, a SOCKS5 proxy. They pass bytes on to a loopback port.

No answer is made here but a proxy's own; put one before a ``FaultServer`` or a vendor's server.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

PIECE = 64 * 1024


class Relay:
    """Passes the bytes of each connection on to one port of 127.0.0.1, whatever address was asked for.

    Args:
        target: The port.
        tls: Speak TLS to the client with this context.
        stalls: Accept connections and say nothing.

    Attributes:
        heard: What each client said to the relay itself.
        connections: How many connections were accepted.
        open: How many of them are open.
        received: How many bytes of the clients were passed on.
    """

    def __init__(self, target: int = 0, *, tls: ssl.SSLContext | None = None, stalls: bool = False) -> None:
        self.target = target
        self.heard: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.received = 0
        self.port = 0
        self._tls = tls
        self._stalls = stalls
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(5)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            await self._pass(reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):  # one of the two hung up, or the test is over
            pass
        finally:
            writer.transport.abort()
            self.open -= 1

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._stalls:
            await reader.read()
            return
        if self._tls is not None:
            await writer.start_tls(self._tls)
        beginning = await self.greet(reader, writer)
        if beginning is None:
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        far_writer.write(beginning)
        back = self.give_back(far_reader, writer)
        ways = [asyncio.create_task(self._copy(reader, far_writer)), asyncio.create_task(back)]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            far_writer.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(PIECE):
            self.received += len(data)
            writer.write(data)
            await writer.drain()

    async def give_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what the server says."""
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()
        with contextlib.suppress(ConnectionError):
            await writer.drain()

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        """What is said before bytes are passed on; gives what the server is to get first, or nothing to hang up."""
        del reader, writer
        return b""


class HttpProxy(Relay):
    """Tunnels after CONNECT, and passes other requests on as they came."""

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heard.append(head)
        if not head.startswith(b"CONNECT "):
            return head
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return b""


class Trickle(HttpProxy):
    """Gives the client what the server says byte by byte."""

    async def give_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what the server says."""
        while data := await reader.read(1):
            writer.write(data)
            await asyncio.sleep(0.02)


class SocksProxy(Relay):
    """SOCKS5, with a name and a password where they are given (RFC 1928 and 1929).

    Attributes:
        hosts: The addresses that were asked for.
        login: The name and the password that it wants.
        fault: Bytes to say instead of its first answer, before it hangs up.
    """

    def __init__(
        self, target: int = 0, *, login: tuple[bytes, bytes] | None = None, fault: bytes | None = None
    ) -> None:
        super().__init__(target)
        self.hosts: list[bytes] = []
        self.login = login
        self.fault = fault

    async def greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        methods = await reader.readexactly((await reader.readexactly(2))[1])
        if self.fault is not None:
            writer.write(self.fault)
            await writer.drain()
            return None
        wanted = 2 if self.login else 0
        writer.write(bytes([5, wanted if wanted in methods else 255]))
        if wanted not in methods or not await self._logged_in(reader, writer):
            return None
        await reader.readexactly(3)
        kind = (await reader.readexactly(1))[0]
        size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        self.hosts.append(await reader.readexactly(size))
        await reader.readexactly(2)
        writer.write(bytes([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]))
        return b""

    async def _logged_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if self.login is None:
            return True
        name = await reader.readexactly((await reader.readexactly(2))[1])
        password = await reader.readexactly((await reader.readexactly(1))[0])
        right = (name, password) == self.login
        writer.write(bytes([1, 0 if right else 1]))
        await writer.drain()
        return right
