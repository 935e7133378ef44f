"""Ollama's answers to chunks: lines of JSON, or one object. The request's side is in ``ollama``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from llm_connector.jsontext import dumps
from llm_connector.protocols.base import Decoder
from llm_connector.protocols.tool_calls import new_call_id
from llm_connector.reasoning import ThinkTagReader, reasoning_text
from llm_connector.types import ChatChunk, ToolCallDelta, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from llm_connector.framing import Event
    from llm_connector.protocols.base import Protocol
    from llm_connector.types import FinishReason


class OllamaDecoder(Decoder):
    """Reads ``/api/chat``. A tool call comes whole, in any line; the line with ``done`` is the last."""

    finish_reasons: ClassVar[Mapping[str, FinishReason]] = {
        "stop": "stop",
        "length": "length",
        "tool_calls": "tool_calls",
    }

    def __init__(self, protocol: Protocol, *, think_tags: bool) -> None:
        super().__init__(protocol)
        self._tags = ThinkTagReader() if think_tags else None
        self._calls = 0

    def event(self, event: Event) -> Iterable[ChatChunk]:
        """The chunks of one line."""
        return self.whole(self._protocol.decode(event))

    def whole(self, payload: Any) -> Iterable[ChatChunk]:
        """The chunks of an object, be it a line or the whole answer."""
        if not isinstance(payload, dict):
            return ()
        if self._model is None:
            self._model, self.created = payload.get("model"), _seconds(payload.get("created_at"))
        chunk = self._delta(payload, payload.get("message") or {})
        if payload.get("done"):
            self._end(payload)
        return () if chunk is None else (chunk,)

    def flush(self) -> Iterator[ChatChunk]:
        """Text held back as a possible tag."""
        thought, text = self._tags.finish() if self._tags is not None else ("", "")
        if thought or text:
            yield ChatChunk(text, thought, model=self._model)

    def _delta(self, payload: dict[str, Any], message: dict[str, Any]) -> ChatChunk | None:
        content, thought = message.get("content") or "", reasoning_text(message)
        if self._tags is not None and content:
            tagged, content = self._tags.feed(content)
            thought += tagged
        calls = [self._call(call.get("function") or {}, call.get("id")) for call in message.get("tool_calls") or ()]
        logprobs = payload.get("logprobs") or None
        if not (content or thought or calls or logprobs):
            return None
        return ChatChunk(content, thought, calls, model=self._model, logprobs=logprobs, raw=payload)

    def _call(self, function: dict[str, Any], call_id: str | None) -> ToolCallDelta:
        """A whole call. Its own index is not used: some servers count anew in every line."""
        arguments = function.get("arguments") or {}
        text = arguments if isinstance(arguments, str) else dumps(arguments)
        self._calls += 1
        return ToolCallDelta(self._calls - 1, call_id or new_call_id(), function.get("name") or "", text)

    def _end(self, payload: dict[str, Any]) -> None:
        self.done = True
        reason = payload.get("done_reason")  # older servers do not tell it
        if reason:
            self._finish(reason, called_tools=self._calls > 0)
        self._usage = _read_usage(payload)


def _read_usage(payload: dict[str, Any]) -> Usage | None:
    """Token counts; the prompt's is missing when all of it was cached. ``raw`` keeps the times, in nanoseconds."""
    raw = {name: value for name, value in payload.items() if name.endswith(("_count", "_duration"))}
    counts = raw.get("prompt_eval_count"), raw.get("eval_count")
    if counts == (None, None):
        return None
    read, written = (count or 0 for count in counts)
    return Usage(input_tokens=read, output_tokens=written, total_tokens=read + written, raw=raw)


def _seconds(moment: Any) -> int | None:
    try:
        return int(datetime.fromisoformat(moment).timestamp())
    except (TypeError, ValueError):
        return None
