"""Sending through an ``httpx`` client of the user's own, which keeps its ways: hooks, event loops, pools, mounts.

A request whose reused connection turns out dead before any byte of its answer goes out again on another: the server had
closed the idle connection, which tells nothing about the request and is no retry.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import httpx

from llm_connector.transport.addresses import address
from llm_connector.transport.options import CONNECT_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from llm_connector.deadline import Deadline
    from llm_connector.transport.http_message import HttpRequest

_NEVER_ANSWERED = "Server disconnected without sending a response"  # httpcore 1.0


class _Progress:
    """Follows one request, and gives each of its steps no more time than is left."""

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


def _as_httpx(request: HttpRequest, deadline: Deadline) -> httpx.Request:
    left = deadline.cut(request.timeout)
    limits = {"connect": min(left, CONNECT_TIMEOUT), "read": left, "write": left, "pool": left}
    return httpx.Request(
        request.method,
        address(request.url).url,
        headers=dict(request.headers),
        content=request.body,
        extensions={"timeout": limits},
    )


def send(client: httpx.Client, asked: HttpRequest, deadline: Deadline) -> Answer:
    """Send, up to the answer's head. Redirects are never followed: they would carry the key to another host."""
    request = _as_httpx(asked, deadline)
    while True:
        progress = _Progress(request, deadline)
        request.extensions["trace"] = progress.step
        try:
            return Answer(client.send(request, stream=True, follow_redirects=False), deadline)
        except httpx.TransportError as error:
            if not progress.found_a_dead_connection(error):
                raise


async def asend(client: httpx.AsyncClient, asked: HttpRequest, deadline: Deadline) -> Answer:
    """The same for async clients."""
    request = _as_httpx(asked, deadline)
    while True:
        progress = _Progress(request, deadline)
        request.extensions["trace"] = progress.astep
        try:
            return Answer(await client.send(request, stream=True, follow_redirects=False), deadline)
        except httpx.TransportError as error:
            if not progress.found_a_dead_connection(error):
                raise


class Answer:
    """An answer of such a client, sync or async; its body is decompressed already. See ``HttpAnswer``."""

    def __init__(self, response: httpx.Response, deadline: Deadline) -> None:
        self._response = response
        self._deadline = deadline
        self.url = str(response.url)
        self.status = response.status_code
        self.headers = {name: value for name, value in response.headers.items() if name != "content-encoding"}

    def __iter__(self) -> Iterator[bytes]:
        with self._cut_off():
            yield from self._response.iter_bytes()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._cut_off():
            async for data in self._response.aiter_bytes():
                yield data

    def hurry(self) -> None:
        """Such a client waits as long as it was told."""

    def close(self) -> None:
        """Give the connection back, or close it."""
        self._response.close()

    async def aclose(self) -> None:
        """The same for async clients."""
        await self._response.aclose()

    def _cut_off(self) -> contextlib.AbstractContextManager[None]:
        """End the connection when the time is up: a trickle of bytes never lets a read time out."""
        stream, left = self._response.extensions.get("network_stream"), self._deadline.remaining
        if left is None or stream is None:
            return contextlib.nullcontext()
        return _cut_off_in(left, stream.get_extra_info("socket"))


@contextlib.contextmanager
def _cut_off_in(seconds: float, connection: Any) -> Iterator[None]:
    watch = threading.Timer(seconds, _hang_up, (connection,))
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _hang_up(connection: Any) -> None:
    """End a connection, also while another thread reads from it."""
    with contextlib.suppress(OSError, AttributeError):
        connection.shutdown(socket.SHUT_RDWR)
