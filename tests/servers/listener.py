"""Sockets, threads and HTTP/1.1 framing of the servers. What is answered is decided in ``base.py``, not here."""

from __future__ import annotations

import json
import socket
import threading
import time
import traceback
from dataclasses import dataclass, field
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from servers.view import View


_POLL_SECONDS = 0.02


@dataclass(slots=True)
class Recorded:
    """One request as it came.

    Attributes:
        headers: Names in lower case.
        at: When it came, by ``time.monotonic``.
        view: What the server understood of a chat request.
        delivered: Whether the whole answer was handed to the socket; stays false when the caller left early.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float
    view: View | None = None
    delivered: bool = False

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class Answer:
    """A response: a ``body``, or a stream of ``events``.

    Attributes:
        broken: The connection is dropped after the events, or after half of the body, without a proper end.
        drop: The connection is closed without a byte.
    """

    status: int = 200
    body: bytes = b""
    events: Iterable[bytes] | None = None
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pace: float = 0.0
    broken: bool = False
    drop: bool = False


class Listener(ThreadingHTTPServer):
    """Accepts connections, a thread each, and can end them all."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, respond: Callable[[Recorded], Answer], crashes: list[str], write_size: int | None) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.respond = respond
        self.crashes = crashes
        self.write_size = write_size
        self.stopping = threading.Event()
        self.opened = 0
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(_POLL_SECONDS,), daemon=True)

    def begin(self) -> None:
        """Accept connections in a thread."""
        self._thread.start()

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._lock:
            self.opened += 1
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)
            super().shutdown_request(request)

    @property
    def open(self) -> int:
        """How many connections are open now."""
        with self._lock:
            return len(self._open)

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.crashes.append(traceback.format_exc())

    def end(self) -> None:
        """Stop accepting, close the connections and wait for their threads."""
        self.stopping.set()
        self.shutdown()
        with self._lock:
            threads = list(self._open.values())
            for connection in self._open:
                _hang_up(connection)
        for thread in threads:
            thread.join(10)
        self._thread.join(10)
        self.server_close()


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # the caller has closed it already
        return


class _Exchange(BaseHTTPRequestHandler):
    """Reads requests from one connection and writes answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Listener

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # the caller hung up
            self.close_connection = True

    def _exchange(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): text for name, text in self.headers.items()}
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        recorded = Recorded(self.command, path, parameters, headers, body, time.monotonic())
        answer = self.server.respond(recorded)
        self._wait(answer.delay)
        self._write(answer)
        recorded.delivered = True

    do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = _exchange

    def _write(self, answer: Answer) -> None:
        self.close_connection |= answer.drop or answer.broken
        if answer.drop:
            return
        if answer.events is not None:
            self._write_stream(answer, answer.events)
        else:
            length = {"content-length": str(len(answer.body))}
            body = answer.body[: len(answer.body) // 2] if answer.broken else answer.body
            self.wfile.write(self._head(answer, length) + (b"" if self.command == "HEAD" else body))

    def _write_stream(self, answer: Answer, events: Iterable[bytes]) -> None:
        self.wfile.write(self._head(answer, {"transfer-encoding": "chunked"}))
        for event in events:
            self._wait(answer.pace)
            size = self.server.write_size or len(event)
            for start in range(0, len(event), size):
                piece = event[start : start + size]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        if not answer.broken:
            self.wfile.write(b"0\r\n\r\n")

    def _head(self, answer: Answer, framing: dict[str, str]) -> bytes:
        status = answer.status
        phrase = responses.get(status, "Unknown")
        fields = {"content-type": answer.content_type, **framing, **answer.headers}
        lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {text}" for name, text in fields.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _wait(self, seconds: float) -> None:
        if seconds and self.server.stopping.wait(seconds):
            raise ConnectionAbortedError("the server was stopped")

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name of the base class
        return
