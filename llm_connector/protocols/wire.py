"""Requests and answers as plain values: what a protocol makes and reads, and the client carries. No I/O."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

from llm_connector.errors import DecodeError, InvalidRequestError
from llm_connector.faults import decode_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connector.errors import LLMError

T = TypeVar("T")

_NAME = re.compile(r"[\w.:@~+/-]+")
_UNREAD = object()
_FIRST_FAILURE = 300


def checked_model(name: str, provider: str) -> str:
    """The model's name as it is.

    Raises:
        InvalidRequestError: It holds what no name has, such as a line break.
    """
    if not isinstance(name, str) or not name.isprintable():
        shown = repr(name[:80]) if isinstance(name, str) else type(name).__name__
        raise InvalidRequestError(
            f"{shown} is not the name of a model: that is a text without line breaks; models() lists them",
            provider=provider,
        )
    return name


def segment(name: str, safe: str = "") -> str:
    """A name in its place in a path, which it cannot leave.

    Args:
        name: The name.
        safe: Characters that the vendor wants as they are.

    Raises:
        InvalidRequestError: It holds a step through directories, or a character that no vendor's names have.
    """
    if not _NAME.fullmatch(name) or not all(part.strip(".") for part in name.split("/")):
        raise InvalidRequestError(
            f"{name[:80]!r} is not a name that can be in an address: allowed are letters, digits and . _ : @ ~ + - "
            "with single slashes between them, and no part of dots alone"
        )
    return quote(name, safe=safe)


@dataclass(slots=True)
class WireRequest:
    """A request before it is signed and sent.

    Attributes:
        path: Appended to the base URL; already percent-encoded.
        body: The exact bytes to send, so that a signature can cover them.
        query: Query parameters.
        headers: Headers besides authentication.
        method: The HTTP method.
        stream: Whether the answer is a stream, to be read as it comes.
        above: An ending of the base URL that is not part of this call's address.
    """

    path: str
    body: bytes = b""
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    stream: bool = False
    above: str = ""


class Answer:
    """An HTTP answer. The body of a stream is empty here: it is read through a ``StreamReader``."""

    __slots__ = ("_payload", "body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self._payload: Any = _UNREAD

    @property
    def payload(self) -> Any:
        """The body, decoded once: JSON, or text when it is not JSON."""
        if self._payload is _UNREAD:
            self._payload = decode_body(self.body, failed=self.status >= _FIRST_FAILURE)
        return self._payload


# What reading an answer's JSON raises when a vendor sends what it never sends, such as a number for an object.
MISSHAPEN = (AttributeError, IndexError, KeyError, TypeError, ValueError)


def misshapen_error(error: Exception) -> DecodeError:
    """The typed error of one of ``MISSHAPEN``."""
    return DecodeError(f"the answer does not have the vendor's form: {type(error).__name__}: {error}")


Exchange = Generator[WireRequest, Answer, T]
"""One or several requests: yields what to send, is sent what came for it, returns ``T``."""


class Conversation(Generic[T]):
    """Steps through an ``Exchange``.

    Attributes:
        wire: What to send next; ``None`` when there is a result.
        result: What the exchange returned.
    """

    __slots__ = ("_exchange", "result", "wire")

    result: T

    def __init__(self, exchange: Exchange[T]) -> None:
        self._exchange = exchange
        self.wire: WireRequest | None = None
        try:
            self.wire = next(exchange)
        except StopIteration as stop:
            self.result = stop.value

    def answer(self, answer: Answer) -> None:
        """Give the exchange what came for its last request.

        Raises:
            DecodeError: It does not have the vendor's form.
        """
        try:
            self.wire = self._exchange.send(answer)
        except StopIteration as stop:
            self.wire, self.result = None, stop.value
        except MISSHAPEN as error:
            raise misshapen_error(error) from error

    def fail(self, error: LLMError) -> None:
        """Tell the exchange that its last request failed; raises the error unless the exchange knows another way."""
        try:
            self.wire = self._exchange.throw(error)
        except StopIteration as stop:
            self.wire, self.result = None, stop.value
