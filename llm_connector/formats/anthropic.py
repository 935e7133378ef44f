"""The stream as events of Anthropic's Messages API (platform.claude.com, "Streaming messages", 2026-10)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llm_connector.formats.encoder import sse

if TYPE_CHECKING:
    from llm_connector.errors import LLMError
    from llm_connector.types import ChatChunk, ToolCallDelta, Usage

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


class AnthropicEncoder:
    """Messages events. Blocks open and close as the kind of content changes; only the first choice has a place here.

    A block holds one call, and none is opened again: of calls that come in turns, the next is held until the arguments
    of the one before are whole.
    """

    def __init__(self) -> None:
        self._started = False
        self._open: tuple[str, int] | None = None  # kind, and for tools which call
        self._blocks = 0
        self._arguments: list[str] = []  # of the call whose block is open
        self._held: dict[int, list[ToolCallDelta]] = {}
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
            self._held.setdefault(call.index, []).append(call)
        events += self._tools()
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
        events = [*self._all_tools(), *self._close(), sse(ending, "message_delta")]
        return b"".join([*events, sse({"type": "message_stop"}, "message_stop")])

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
        events = [] if kind == "tool_use" else self._all_tools()
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

    def _tools(self) -> list[bytes]:
        """What was held of the call whose block is open, and of those behind it once it is whole."""
        events: list[bytes] = []
        while self._held:
            at = self._open_call()
            if at not in self._held:
                if at is not None and not _is_whole(self._arguments):
                    break
                at = next(iter(self._held))
            events += self._held_of(at)
        return events

    def _all_tools(self) -> list[bytes]:
        """Everything that was held."""
        events: list[bytes] = []
        while self._held:
            events += self._held_of(next(iter(self._held)))
        return events

    def _open_call(self) -> int | None:
        return self._open[1] if self._open is not None and self._open[0] == "tool_use" else None

    def _held_of(self, at: int) -> list[bytes]:
        events: list[bytes] = []
        for call in self._held.pop(at):
            if self._open_call() != at:
                self._arguments = []
            self._arguments.append(call.arguments)
            block = {"type": "tool_use", "id": call.id or "", "name": call.name or "", "input": {}}
            delta = {"type": "input_json_delta", "partial_json": call.arguments}
            events += self._delta("tool_use", delta, block, at)
        return events

    def _opaque(self, block: dict[str, Any]) -> list[bytes]:
        """Anthropic's own signatures and redacted blocks, from a stream that came from there; others have no place."""
        if block.get("type") == "thinking" and block.get("signature"):
            return self._delta("thinking", {"type": "signature_delta", "signature": block["signature"]})
        if block.get("type") == "redacted_thinking":
            before = [*self._all_tools(), *self._close()]
            return [*before, self._open_block(("redacted_thinking", 0), block), *self._close()]
        return []


def _is_whole(fragments: list[str]) -> bool:
    """Whether they are an object to the end; only what ends like one is looked at as a whole."""
    if not fragments[-1].rstrip().endswith("}"):
        return False
    try:
        json.loads("".join(fragments))
    except (ValueError, RecursionError):
        return False
    return True


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
