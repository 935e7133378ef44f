"""The stream as events of Anthropic's Messages API (platform.claude.com, "Streaming messages", 2026-10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connector.formats.encoder import sse

if TYPE_CHECKING:
    from llm_connector.errors import LLMError
    from llm_connector.types import ChatChunk, ToolCallDelta, Usage

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


class AnthropicEncoder:
    """Messages events. Blocks open and close as the kind of content changes; only the first choice has a place here."""

    def __init__(self) -> None:
        self._started = False
        self._open: tuple[str, int] | None = None  # kind, and for tools which call
        self._blocks = 0
        self._stop_reason = "end_turn"
        self._usage: Usage | None = None

    def encode(self, chunk: ChatChunk) -> bytes:
        """The events of a chunk."""
        events = [] if self._started else [self._start(chunk)]
        if chunk.index != 0:
            return b"".join(events)
        if chunk.reasoning_content:
            events += self._delta("thinking", {"type": "thinking_delta", "thinking": chunk.reasoning_content})
        for block in chunk.reasoning or ():
            events += self._opaque(block)
        if chunk.content:
            events += self._delta("text", {"type": "text_delta", "text": chunk.content})
        for call in chunk.tool_calls:
            events += self._tool(call)
        if chunk.finish_reason is not None:
            self._stop_reason = _STOP_REASONS.get(chunk.finish_reason, "end_turn")
        self._usage = chunk.usage or self._usage
        return b"".join(events)

    def fail(self, error: LLMError) -> bytes:
        """Anthropic's error event."""
        told = {"type": _error_type(error), "message": error.message}
        return sse({"type": "error", "error": told}, "error")

    def finish(self) -> bytes:
        """The last block's end, then the stop reason with usage, then the end mark."""
        delta = {"stop_reason": self._stop_reason, "stop_sequence": None}
        ending = {"type": "message_delta", "delta": delta, "usage": _usage(self._usage)}
        return b"".join([*self._close(), sse(ending, "message_delta"), sse({"type": "message_stop"}, "message_stop")])

    def _start(self, chunk: ChatChunk) -> bytes:
        self._started = True
        message: dict[str, Any] = {
            "id": chunk.id or "msg_0",
            "type": "message",
            "role": "assistant",
            "model": chunk.model or "",
        }
        message |= {"content": [], "stop_reason": None, "stop_sequence": None, "usage": _usage(None)}
        return sse({"type": "message_start", "message": message}, "message_start")

    def _delta(
        self, kind: str, delta: dict[str, Any], block: dict[str, Any] | None = None, call: int = 0
    ) -> list[bytes]:
        events: list[bytes] = []
        if self._open != (kind, call):
            events += self._close()
            events.append(self._open_block((kind, call), block or {"type": kind, kind: ""}))
        change = {"type": "content_block_delta", "index": self._blocks, "delta": delta}
        return [*events, sse(change, "content_block_delta")]

    def _open_block(self, kind: tuple[str, int], block: dict[str, Any]) -> bytes:
        self._open = kind
        return sse(
            {"type": "content_block_start", "index": self._blocks, "content_block": block}, "content_block_start"
        )

    def _close(self) -> list[bytes]:
        if self._open is None:
            return []
        self._open, index = None, self._blocks
        self._blocks += 1
        return [sse({"type": "content_block_stop", "index": index}, "content_block_stop")]

    def _tool(self, call: ToolCallDelta) -> list[bytes]:
        block = {"type": "tool_use", "id": call.id or "", "name": call.name or "", "input": {}}
        delta = {"type": "input_json_delta", "partial_json": call.arguments}
        return self._delta("tool_use", delta, block, call.index)

    def _opaque(self, block: dict[str, Any]) -> list[bytes]:
        """Anthropic's own signatures and redacted blocks, from a stream that came from there; others have no place."""
        if block.get("type") == "thinking" and block.get("signature"):
            return self._delta("thinking", {"type": "signature_delta", "signature": block["signature"]})
        if block.get("type") == "redacted_thinking":
            return [*self._close(), self._open_block(("redacted_thinking", 0), block), *self._close()]
        return []


def _usage(usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    return {
        "input_tokens": usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
    }


def _error_type(error: LLMError) -> str:
    names = {
        "AuthenticationError": "authentication_error",
        "PermissionDeniedError": "permission_error",
        "BillingError": "billing_error",
        "RateLimitError": "rate_limit_error",
        "OverloadedError": "overloaded_error",
        "RequestTimeoutError": "timeout_error",
        "ModelNotFoundError": "not_found_error",
        "InvalidRequestError": "invalid_request_error",
        "ContextLengthError": "invalid_request_error",
    }
    return names.get(type(error).__name__, "api_error")
