"""The stream in our own words, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from llm_connector.collect import Collector
from llm_connector.formats.encoder import line

if TYPE_CHECKING:
    from llm_connector.errors import LLMError
    from llm_connector.types import ChatChunk


def _told(error: LLMError) -> dict[str, Any]:
    return {"error": {"type": type(error).__name__, "message": error.message, "code": error.code}}


class NDJSONEncoder:
    """A line a chunk, without empty fields and without the vendor's event."""

    def encode(self, chunk: ChatChunk) -> bytes:
        """The chunk's line."""
        fields = {name: getattr(chunk, name) for name in chunk.__slots__ if name != "raw"}
        fields = {name: value for name, value in fields.items() if value or name == "index"}
        if chunk.tool_calls:
            fields["tool_calls"] = [asdict(call) for call in chunk.tool_calls]
        if chunk.usage is not None:
            fields["usage"] = chunk.usage.model_dump(exclude={"raw"})
        return line(fields)

    def fail(self, error: LLMError) -> bytes:
        """A line with the error."""
        return line(_told(error))

    def finish(self) -> bytes:
        """Nothing: the last chunk was the end."""
        return b""


class JSONEncoder:
    """The whole response at the end."""

    def __init__(self) -> None:
        self._collector = Collector()

    def encode(self, chunk: ChatChunk) -> bytes:
        """Nothing yet."""
        self._collector.add(chunk)
        return b""

    def fail(self, error: LLMError) -> bytes:
        """The error, with what had arrived."""
        partial = self._collector.response().model_dump(mode="json", exclude={"raw"})
        return line(_told(error) | {"partial": partial})

    def finish(self) -> bytes:
        """The response."""
        return self._collector.response().model_dump_json(exclude={"raw"}).encode() + b"\n"
