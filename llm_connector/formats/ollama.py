"""The stream as lines of Ollama's ``/api/chat``, as editors that talk to Ollama expect (docs.ollama.com, 2026-10)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from llm_connector.collect import Collector
from llm_connector.errors import DecodeError
from llm_connector.formats.encoder import line

if TYPE_CHECKING:
    from llm_connector.errors import LLMError
    from llm_connector.types import ChatChunk, ToolCall

_DONE_REASONS = {"length": "length"}


class OllamaEncoder:
    """Chat lines. Ollama sends tool calls whole, so theirs are held until the end; it has one choice, the first."""

    def __init__(self) -> None:
        self._began = time.perf_counter_ns()
        self._model = ""
        self._calls = Collector()

    def encode(self, chunk: ChatChunk) -> bytes:
        """A line for text and thinking."""
        self._model = chunk.model or self._model
        if chunk.index != 0:
            return b""
        if chunk.tool_calls or chunk.finish_reason is not None or chunk.usage is not None:
            self._calls.add(chunk)
        if not chunk.content and not chunk.reasoning_content:
            return b""
        message: dict[str, Any] = {"role": "assistant", "content": chunk.content}
        if chunk.reasoning_content:
            message["thinking"] = chunk.reasoning_content
        return self._line(message, done=False)

    def fail(self, error: LLMError) -> bytes:
        """Ollama's error line."""
        return line({"error": error.message})

    def finish(self) -> bytes:
        """The tool calls, then the last line with the counts that are known; durations are measured, not made up."""
        answer = self._calls.response()
        calls = [{"function": {"index": at, **_call(call)}} for at, call in enumerate(answer.tool_calls)]
        before = self._line({"role": "assistant", "content": "", "tool_calls": calls}, done=False) if calls else b""
        facts: dict[str, Any] = {
            "done_reason": _DONE_REASONS.get(answer.finish_reason or "", "stop"),
            "total_duration": time.perf_counter_ns() - self._began,
        }
        if answer.usage is not None:
            facts |= {"prompt_eval_count": answer.usage.input_tokens, "eval_count": answer.usage.output_tokens}
        return before + self._line({"role": "assistant", "content": ""}, done=True, **facts)

    def _line(self, message: dict[str, Any], *, done: bool, **facts: Any) -> bytes:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return line({"model": self._model, "created_at": now, "message": message, "done": done, **facts})


def _call(call: ToolCall) -> dict[str, Any]:
    """Ollama's arguments are an object; what is none, because it was cut short, is kept as text under its own name."""
    try:
        return {"name": call.name, "arguments": call.parse_arguments()}
    except DecodeError:
        return {"name": call.name, "arguments": {"_invalid_json": call.arguments}}
