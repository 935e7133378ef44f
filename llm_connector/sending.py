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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_connector.deadline import Deadline

MAX_ANSWER_BYTES = 256 * 1024 * 1024
MAX_ERROR_BYTES = 1024 * 1024

_FIRST_FAILURE = 300
_NEVER_ANSWERED = "Server disconnected without sending a response"  # httpcore 1.0


class _Progress:
    """Follows one request through the HTTP library, and gives each step no more time than is left."""

    def __init__(self, request: httpx.Request, deadline: Deadline) -> None:
        self._deadline = deadline
        self._timeouts: dict[str, float] = request.extensions["timeout"]
        self._silence = self._timeouts["read"]
        self._sent = False
        self._connected = False

    def step(self, name: str, facts: dict[str, Any]) -> None:
        """The HTTP library's ``trace`` extension."""
        del facts
        if not name.endswith(".started"):
            return
        self._connected = self._connected or "connect_" in name
        self._sent = self._sent or "send_request_headers" in name
        self._timeouts["read"] = self._timeouts["write"] = self._deadline.cut(self._silence)

    async def astep(self, name: str, facts: dict[str, Any]) -> None:
        """The same for async clients."""
        self.step(name, facts)

    def found_a_dead_connection(self, error: httpx.TransportError) -> bool:
        """Whether the request went into a reused connection and nothing came back."""
        if self._connected or not self._sent:
            return False
        unanswered = isinstance(error, httpx.RemoteProtocolError) and _NEVER_ANSWERED in str(error)
        return unanswered or isinstance(error, httpx.ReadError | httpx.WriteError)


class _Held(threading.local):
    """Of each thread: whether it is inside the HTTP library, and the answers to close when it is not."""

    inside = False

    def __init__(self) -> None:
        self.waiting: list[httpx.Response] = []


_held = _Held()


def release(response: httpx.Response) -> None:
    """Close an answer, also from a finaliser.

    The garbage collector may run one while this very thread holds the HTTP library's lock (httpcore 1.0 has one a pool,
    and it cannot be taken twice); then the socket is shut down now and the rest is done after.
    """
    if _held.inside:
        _held.waiting.append(response)
        if stream := response.extensions.get("network_stream"):
            _hang_up(stream.get_extra_info("socket"))
        return
    with _inside():
        response.close()


async def arelease(response: httpx.Response) -> None:
    """The same for async clients, which hold no lock."""
    await response.aclose()


@contextlib.contextmanager
def _inside() -> Iterator[None]:
    _held.inside = True
    try:
        yield
    finally:
        _held.inside = False
        while _held.waiting:
            release(_held.waiting.pop())


def send(client: httpx.Client, request: httpx.Request, deadline: Deadline) -> httpx.Response:
    """Send, up to the answer's head. Redirects are never followed: they would carry the key to another host."""
    while True:
        progress = _Progress(request, deadline)
        request.extensions["trace"] = progress.step
        try:
            with _inside():
                return client.send(request, stream=True, follow_redirects=False)
        except httpx.TransportError as error:
            if not progress.found_a_dead_connection(error):
                raise


async def asend(client: httpx.AsyncClient, request: httpx.Request, deadline: Deadline) -> httpx.Response:
    """The same for async clients."""
    while True:
        progress = _Progress(request, deadline)
        request.extensions["trace"] = progress.astep
        try:
            return await client.send(request, stream=True, follow_redirects=False)
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
        with _inside(), cut_off(response, deadline), body.errors():
            for data in response.iter_bytes():
                if not body.add(data):
                    break
    finally:
        release(response)
    return body.whole()


async def aread_body(response: httpx.Response, deadline: Deadline) -> bytes:
    """The same for async clients."""
    body = _Body(response)
    try:
        with cut_off(response, deadline), body.errors():
            async for data in response.aiter_bytes():
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
    watch = threading.Timer(left, _hang_up, (stream.get_extra_info("socket"),))
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _hang_up(connection: Any) -> None:
    with contextlib.suppress(OSError, AttributeError):
        connection.shutdown(socket.SHUT_RDWR)
