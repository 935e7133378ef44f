"""What was said, in the form of OpenTelemetry's conventions, for those who ask for it. Spans are in ``tracing``."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llm_connector.types import ChatRequest, ChatResponse, Message

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

_ON_SPANS = frozenset({"true", "1", "span_only", "span_and_event"})
_FINISH_REASONS = {"tool_calls": "tool_call"}  # the convention's word inside of messages


def wanted() -> bool:
    """Whether the environment asks for content on spans."""
    return os.environ.get(CAPTURE, "").strip().lower() in _ON_SPANS


def request_attributes(request: ChatRequest) -> dict[str, str | None]:
    """The conversation and the tools, as attributes."""
    system = [message for message in request.messages if message.role == "system"]
    others = [message for message in request.messages if message.role != "system"]
    tools = [tool.model_dump(include={"name", "description", "parameters"}) for tool in request.tools or []]
    return {
        "gen_ai.system_instructions": _text([part for message in system for part in _parts(message)]),
        "gen_ai.input.messages": _text([{"role": message.role, "parts": _parts(message)} for message in others]),
        "gen_ai.tool.definitions": _text([{"type": "function", **tool} for tool in tools]),
    }


def output_messages(response: ChatResponse) -> str | None:
    """The answers, as an attribute."""
    messages = [
        {
            "role": choice.message.role,
            "parts": _parts(choice.message),
            "finish_reason": _FINISH_REASONS.get(choice.finish_reason or "", choice.finish_reason),
        }
        for choice in response.choices
    ]
    return _text(messages)


def _parts(message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        return [{"type": "tool_call_response", "id": message.tool_call_id, "response": message.text}]
    parts: list[dict[str, Any]] = []
    if message.reasoning_content:
        parts.append({"type": "reasoning", "content": message.reasoning_content})
    parts += [_block(block) for block in message.blocks]
    parts += [
        {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments}
        for call in message.tool_calls
    ]
    return parts


def _block(block: Any) -> dict[str, Any]:
    """Media are named, not copied: a span is no place for megabytes."""
    if block.type == "text":
        return {"type": "text", "content": block.text}
    return {"type": "blob", "modality": block.type}


def _text(value: list[Any]) -> str | None:
    return json.dumps(value) if value else None
