"""Gives recorded bodies back over a real socket, in the pieces that a test asks for."""

from __future__ import annotations

import asyncio
import threading
from typing import Any


class ReplayServer:
    """One server for many cases: each gets a path of its own, whatever comes after it in the address."""

    def __init__(self) -> None:
        self._cases: dict[str, tuple[int, dict[str, str], list[bytes]]] = {}
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait()

    def serve(self, case: Any, seed: int = 0) -> str:
        """Give this case's body at the address that is returned, cut as the seed says."""
        return self.serve_bytes(case.pieces(seed), case.status, case.headers)

    def serve_bytes(self, pieces: list[bytes], status: int = 200, headers: dict[str, str] | None = None) -> str:
        """Give these bytes at the address that is returned."""
        name = f"/case{len(self._cases)}"
        self._cases[name] = (status, headers or {}, [piece for piece in pieces if piece])
        return f"http://127.0.0.1:{self.port}{name}"

    def close(self) -> None:
        """Stop; open connections are dropped."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(ready))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    async def _serve(self, ready: threading.Event) -> None:
        self._stop = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        server.close()
        for writer in self._writers:
            writer.close()
        await server.wait_closed()
        await asyncio.sleep(0)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next((int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")), 0)
        await reader.readexactly(length)
        path = head.split(" ", 2)[1]
        status, headers, pieces = self._cases["/" + path.split("/")[1].partition("?")[0]]
        kind = headers.get("content-type", "application/json")
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        for piece in pieces:
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            if len(pieces) < 100:
                await writer.drain()
                await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True
