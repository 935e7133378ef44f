"""The stream as OpenAI's ``chat.completion.chunk`` events, with ``reasoning_content`` as compatible vendors have it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from llm_connector.formats.encoder import sse

if TYPE_CHECKING:
    from llm_connector.errors import LLMError
    from llm_connector.types import ChatChunk, ToolCallDelta, Usage

_FINISH = {"error": "stop", "other": "stop"}


class OpenAIEncoder:
    """Chat Completions events."""

    def __init__(self) -> None:
        self._created = int(time.time())
        self._started: set[int] = set()
        self._without_arguments: set[tuple[int, int]] = set()  # choice, call

    def encode(self, chunk: ChatChunk) -> bytes:
        """One event a chunk."""
        if chunk.usage is not None:
            return sse(self._event(chunk, []) | {"usage": usage_counts(chunk.usage)})
        delta: dict[str, Any] = {}
        if chunk.index not in self._started:
            self._started.add(chunk.index)
            delta["role"] = "assistant"
        if chunk.content:
            delta["content"] = chunk.content
        if chunk.reasoning_content:
            delta["reasoning_content"] = chunk.reasoning_content
        if chunk.tool_calls:
            delta["tool_calls"] = [_tool_call(call) for call in chunk.tool_calls]
        if empty := self._calls_left_empty(chunk):
            delta["tool_calls"] = [*delta.get("tool_calls", ()), *empty]
        reason = chunk.finish_reason and _FINISH.get(chunk.finish_reason, chunk.finish_reason)
        choice: dict[str, Any] = {"index": chunk.index, "delta": delta, "finish_reason": reason}
        if chunk.logprobs is not None:
            choice["logprobs"] = {"content": chunk.logprobs}
        return sse(self._event(chunk, [choice]))

    def _calls_left_empty(self, chunk: ChatChunk) -> list[dict[str, Any]]:
        """At the end of a choice, the arguments of calls that came without any: OpenAI sends an object even then."""
        for call in chunk.tool_calls:
            if call.arguments:
                self._without_arguments.discard((chunk.index, call.index))
            elif call.id is not None:
                self._without_arguments.add((chunk.index, call.index))
        if chunk.finish_reason is None:
            return []
        left = sorted(call for choice, call in self._without_arguments if choice == chunk.index)
        return [{"index": call, "function": {"arguments": "{}"}} for call in left]

    def fail(self, error: LLMError) -> bytes:
        """OpenAI's error event."""
        told = {"message": error.message, "type": type(error).__name__, "code": error.code}
        return sse({"error": told})

    def finish(self) -> bytes:
        """The end mark."""
        return b"data: [DONE]\n\n"

    def _event(self, chunk: ChatChunk, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": chunk.id or "chatcmpl-0",
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": chunk.model or "",
            "choices": choices,
        }


def _tool_call(call: ToolCallDelta) -> dict[str, Any]:
    function: dict[str, Any] = {"arguments": call.arguments}
    if call.id is None:
        return {"index": call.index, "function": function}
    return {"index": call.index, "id": call.id, "type": "function", "function": {"name": call.name, **function}}


def usage_counts(usage: Usage) -> dict[str, Any]:
    """Token counts in OpenAI's form."""
    read_and_written = {"cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens}
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": read_and_written,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
