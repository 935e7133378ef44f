"""What a format is: chunks in, bytes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from llm_connector.jsontext import encode

if TYPE_CHECKING:
    from llm_connector.errors import LLMError
    from llm_connector.types import ChatChunk


class Encoder(Protocol):
    """Writes one stream in a format."""

    def encode(self, chunk: ChatChunk) -> bytes:
        """The bytes of a chunk; none while there is nothing to say yet."""
        ...

    def fail(self, error: LLMError) -> bytes:
        """The bytes that tell a failure."""
        ...

    def finish(self) -> bytes:
        """The bytes of the end."""
        ...


def sse(payload: dict[str, Any], name: str = "") -> bytes:
    """A server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + encode(payload) + b"\n\n"


def line(payload: dict[str, Any]) -> bytes:
    """A line of JSON."""
    return encode(payload) + b"\n"
