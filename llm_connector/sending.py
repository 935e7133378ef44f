"""One request sent and one whole body read, within their bounds. Whether to try again is not decided here.

A request whose reused connection turns out dead before any byte of its answer goes out again on another: the server had
closed the idle connection, which tells nothing about the request and is no retry.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import httpx

from llm_connector.connections import hang_up, pieces
from llm_connector.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_connector.async_transport import AsyncConnectionPool
    from llm_connector.connections import ConnectionPool
    from llm_connector.deadline import Deadline

MAX_ANSWER_BYTES = 256 * 1024 * 1024
MAX_ERROR_BYTES = 1024 * 1024

_FIRST_FAILURE = 300
_NEVER_ANSWERED = "Server disconnected without sending a response"  # httpcore 1.0


class _Progress:
    """Follows one request through the HTTP library, and gives each step no more time than is left."""

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
    """Send, up to the answer's head."""
    while True:
        progress = _Progress(request, deadline)
        request.extensions["trace"] = progress.step
        try:
            return pool.send(request)
        except httpx.TransportError as error:
            if not progress.found_a_dead_connection(error):
                raise


async def asend(pool: AsyncConnectionPool, request: httpx.Request, deadline: Deadline) -> httpx.Response:
    """The same for async clients."""
    while True:
        progress = _Progress(request, deadline)
        request.extensions["trace"] = progress.astep
        try:
            return await pool.send(request)
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

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """A status that is an error says more than the connection that broke behind it."""
        try:
            yield
        except (httpx.TransportError, httpx.DecodingError):
            if not self._failed:
                raise

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
        with cut_off(response, deadline), body.errors():
            for data in pieces(response):
                if not body.add(data):
                    break
    finally:
        response.close()
    return body.whole()


async def aread_body(response: httpx.Response, deadline: Deadline) -> bytes:
    """The same for async clients."""
    from llm_connector.async_transport import apieces  # noqa: PLC0415 - asyncio costs time to import

    body = _Body(response)
    try:
        with cut_off(response, deadline), body.errors():
            async for data in apieces(response):
                if not body.add(data):
                    break
    finally:
        await response.aclose()
    return body.whole()


@contextlib.contextmanager
def cut_off(response: httpx.Response, deadline: Deadline) -> Iterator[None]:
    """End the connection when the time is up: a trickle of bytes never lets a read time out."""
    stream = response.extensions.get("network_stream")
    left = deadline.remaining
    if left is None or stream is None:
        yield
        return
    watch = threading.Timer(left, hang_up, (stream.get_extra_info("socket"),))
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
