"""One request sent and one whole body read, within their bounds. Whether to try again is not decided here.

A request whose reused connection turns out dead before any byte of its answer goes out again on another: the server had
closed the idle connection, which tells nothing about the request and is no retry.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import httpx

from llm_connector.errors import DecodeError
from llm_connector.pool import pieces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from llm_connector.async_pool import AsyncConnectionPool
    from llm_connector.deadline import Deadline
    from llm_connector.pool import ConnectionPool

MAX_ANSWER_BYTES = 256 * 1024 * 1024
MAX_ERROR_BYTES = 1024 * 1024
PATIENCE = 1.0  # seconds

_FIRST_FAILURE = 300
_NEVER_ANSWERED = "Server disconnected without sending a response"  # httpcore 1.0


class _Progress:
    """Follows one request through a client of the user's own, and gives each step no more time than is left."""

    def __init__(self, request: httpx.Request, deadline: Deadline) -> None:
        self._steps: list[str] = []
        self._deadline = deadline
        self._timeouts: dict[str, float] = request.extensions["timeout"]
        self._silence = self._timeouts["read"]

    def step(self, name: str, facts: dict[str, Any]) -> None:
        """The HTTP library's ``trace`` extension, called before and after each step."""
        del facts
        self._steps.append(name)
        if self._deadline.limited:
            self._timeouts["read"] = self._timeouts["write"] = self._deadline.cut(self._silence)

    async def astep(self, name: str, facts: dict[str, Any]) -> None:
        """The same for async clients."""
        self.step(name, facts)

    def found_a_dead_connection(self, error: httpx.TransportError) -> bool:
        """Whether the request went into a reused connection and nothing came back."""
        steps = " ".join(self._steps)
        if "connect_" in steps or "send_request_headers" not in steps:
            return False
        unanswered = isinstance(error, httpx.RemoteProtocolError) and _NEVER_ANSWERED in str(error)
        return unanswered or isinstance(error, httpx.ReadError | httpx.WriteError)


def send(pool: ConnectionPool, request: httpx.Request, deadline: Deadline) -> httpx.Response:
    """Send, up to the answer's head. Redirects are never followed: they would carry the key to another host."""
    if pool.given is None:
        return pool.send(request, deadline)
    request.read()  # for the event hooks of the user's client
    while True:
        progress = _Progress(request, deadline)
        request.extensions["trace"] = progress.step
        try:
            return pool.given.send(request, stream=True, follow_redirects=False)
        except httpx.TransportError as error:
            if not progress.found_a_dead_connection(error):
                raise


async def asend(pool: AsyncConnectionPool, request: httpx.Request, deadline: Deadline) -> httpx.Response:
    """The same for async clients."""
    if pool.given is None:
        return await pool.send(request, deadline)
    await request.aread()
    while True:
        progress = _Progress(request, deadline)
        request.extensions["trace"] = progress.astep
        try:
            return await pool.given.send(request, stream=True, follow_redirects=False)
        except httpx.TransportError as error:
            if not progress.found_a_dead_connection(error):
                raise


class _Body:
    """A body in the making. Of an error's body the beginning is enough, and what came before it broke."""

    def __init__(self, response: httpx.Response) -> None:
        self._failed = response.status_code >= _FIRST_FAILURE
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> bool:
        """Take the next bytes; whether there is room for more."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size > MAX_ANSWER_BYTES and not self._failed:
            raise DecodeError(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
        return not self._failed or self._size < MAX_ERROR_BYTES

    def __enter__(self) -> None:
        """Begin to read it."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> bool:
        """A status that is an error says more than the connection that broke behind it."""
        return self._failed and isinstance(error, httpx.TransportError | httpx.DecodingError)

    def whole(self) -> bytes:
        """What came."""
        return b"".join(self._pieces)


def read_body(response: httpx.Response, deadline: Deadline) -> bytes:
    """Read a whole body and close the answer.

    Raises:
        DecodeError: It is larger than any answer.
    """
    body = _Body(response)
    try:
        with cut_off(response, deadline), body:
            for data in pieces(response):
                if not body.add(data):
                    break
    finally:
        response.close()
    return body.whole()


async def aread_body(response: httpx.Response, deadline: Deadline) -> bytes:
    """The same for async clients."""
    from llm_connector.async_pool import apieces  # noqa: PLC0415 - asyncio costs time to import

    body = _Body(response)
    try:
        with cut_off(response, deadline), body:
            async for data in apieces(response):
                if not body.add(data):
                    break
    finally:
        await response.aclose()
    return body.whole()


def cut_off(response: httpx.Response, deadline: Deadline) -> contextlib.AbstractContextManager[None]:
    """End the connection when the time is up: a trickle of bytes never lets a read of the user's client time out."""
    stream = response.extensions.get("network_stream")
    left = deadline.remaining
    if left is None or stream is None or stream.get_extra_info("paced"):
        return contextlib.nullcontext()
    return _cut_off_in(left, stream.get_extra_info("socket"))


@contextlib.contextmanager
def _cut_off_in(seconds: float, connection: Any) -> Iterator[None]:
    watch = threading.Timer(seconds, hang_up, (connection,))
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def hurry(response: httpx.Response) -> None:
    """Do not wait long for the rest of an answer whose end has come; only its connection could be saved by it."""
    if (shorten := getattr(response.stream, "hurry", None)) is not None:
        shorten(PATIENCE)


def hang_up(connection: Any) -> None:
    """End a connection, also while another thread reads from it."""
    with contextlib.suppress(OSError, AttributeError):
        connection.shutdown(socket.SHUT_RDWR)
