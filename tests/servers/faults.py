"""A server that breaks: for each request it writes the bytes, waits and ends that it was told, on a raw socket.

What a vendor says is not here: the bytes come from the test. For vendors' own faults see ``script``.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

CLOSE = "close"  # the connection ends properly (FIN)
RESET = "reset"  # the connection is torn (RST)

Step = bytes | float | str
Plan = Sequence[Step]


def head(status: int = 200, **headers: object) -> bytes:
    """The head of an answer; ``content_length=5`` is the header ``content-length: 5``."""
    fields = {"content-type": "application/json"} | {
        name.replace("_", "-"): str(value) for name, value in headers.items()
    }
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def whole(body: bytes, status: int = 200, **headers: object) -> bytes:
    """An answer with its length."""
    return head(status, **{"content_length": len(body), **headers}) + body


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; that of no data ends it."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class FaultServer:
    """Listens on a free port of 127.0.0.1, for the length of a ``with`` block.

    Args:
        plans: What to do for the first request, the second and so on, whichever connection it comes on; the last
            repeats. Bytes are sent, a number is a pause in seconds, ``CLOSE`` and ``RESET`` end the connection, which
            otherwise waits for another request.

    Attributes:
        requests: Head and body of each request, as they came.
        connections: How many connections were accepted.
    """

    def __init__(self, *plans: Plan) -> None:
        self.plans = plans
        self.requests: list[bytes] = []
        self.connections = 0
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._stopping.set()
        with socket.create_connection(("127.0.0.1", self.port)):  # wakes the thread that accepts
            self._thread.join(5)
        self._listener.close()
        with self._lock:
            threads = list(self._open.values())
            for connection in self._open:
                _hang_up(connection)
        for thread in threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._stopping.is_set():
                connection.close()
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                self.connections += 1
                self._open[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rb") as source:
                while (request := _read_request(source)) and self._play(connection, self._plan(request)):
                    pass
        except OSError:  # the caller hung up
            pass
        finally:
            with self._lock:
                self._open.pop(connection, None)
                connection.close()

    def _plan(self, request: bytes) -> Plan:
        with self._lock:
            self.requests.append(request)
            return self.plans[min(len(self.requests), len(self.plans)) - 1]

    def _play(self, connection: socket.socket, plan: Plan) -> bool:
        """Whether the connection is still open afterwards."""
        for step in plan:
            if isinstance(step, bytes):
                connection.sendall(step)
            elif isinstance(step, float):
                if self._stopping.wait(step):
                    return False
            else:
                if step == RESET:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
        return True


def _read_request(source: object) -> bytes:
    """One request; nothing when the caller has closed the connection."""
    lines = []
    while (line := source.readline()) not in {b"\r\n", b""}:  # type: ignore[attr-defined]
        lines.append(line)
    length = next((int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")), 0)
    return b"".join(lines) + (source.read(length) if length else b"")  # type: ignore[attr-defined]


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # the caller has closed it already
        return


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
