"""A request and an answer as the clients see them, whichever transport carries them. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping


class HttpRequest:
    """A request that can be sent.

    Attributes:
        method: The HTTP method.
        url: The whole address.
        headers: By lower-case name. Those that follow from address and body are not among them.
        body: The bytes of its body.
        timeout: Seconds that each step may take.
    """

    __slots__ = ("body", "headers", "method", "timeout", "url")

    def __init__(self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout


class Head(Protocol):
    """What both kinds of answers have."""

    @property
    def url(self) -> str:
        """Where the request went."""
        ...

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name."""
        ...

    def hurry(self) -> None:
        """Do not wait long for the rest: the end has come, and only the connection could be saved by it."""
        ...


class HttpAnswer(Head, Protocol):
    """An answer whose head is there; its body is read by iterating."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else close it."""
        ...


class AsyncHttpAnswer(Head, Protocol):
    """The same for async clients."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None:
        """Give the connection back if the body was read to its end, else close it."""
        ...


class WholeAnswer:
    """An answer that was read already, for whoever asked for a stream."""

    def __init__(self, head: Head, body: bytes) -> None:
        self.url = head.url
        self.status = head.status
        self.headers = {name: value for name, value in head.headers.items() if name != "content-encoding"}
        self._body = body

    def hurry(self) -> None:
        """It is there."""

    def __iter__(self) -> Iterator[bytes]:
        yield self._body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body

    def close(self) -> None:
        """It is closed."""

    async def aclose(self) -> None:
        """It is closed."""
