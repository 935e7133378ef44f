"""What the small model does over its server's own API: the chat template's tasks. Structure is asserted, hardly ever wit."""

from __future__ import annotations

import json
import math
from typing import Any

import httpx
import pytest
from llm_connector.framing import SSEDecoder
from llm_connector.local import ensure_server, shutdown_all

pytestmark = pytest.mark.local_model

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "City name"}},
            "required": ["city"],
        },
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two integers",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
