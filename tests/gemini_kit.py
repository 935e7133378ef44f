"""What the tests of Gemini share."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from llm_connector import Tool
from llm_connector.protocols.gemini import Gemini
from llm_connector.settings import Settings
from llm_connector.types import ChatChunk, ChatRequest, ChatResponse
from requests_of import request_of
from servers.gemini_checks import camel, check_request

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WEATHER = Tool(
    name="get_weather",
    description="Current weather for a city",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string", "description": "City name"}},
        "required": ["city"],
    },
)


def config_of(model: str, **params: Any) -> tuple[dict[str, Any], list[str]]:
    """``generationConfig`` and the warnings of a small request, checked as the vendor checks it."""
    got = request_of("google", options={"model": model}, **params)
    check_request(camel(got.body), model)
    return got.body.get("generationConfig", {}), got.warnings


def read(*events: Any, tail: bytes = b"") -> tuple[list[ChatChunk], ChatResponse]:
    """The chunks and the folded response of a stream of these objects."""
    exchange = Gemini(Settings.resolve("google", "m", "k", None, {})).stream(ChatRequest(messages="hi", model="m"))
    next(exchange)
    with pytest.raises(StopIteration) as stop:
        exchange.send(None)  # type: ignore[arg-type] - the reader does not look at the head of the answer
    reader = stop.value.value
    data = b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in events) + tail
    chunks = [*reader.feed(data), *reader.finish()]
    return chunks, reader.response()


def said(*parts: dict[str, Any], finish: str | None = None, **facts: Any) -> dict[str, Any]:
    """One event with one candidate."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, **facts}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})]}
