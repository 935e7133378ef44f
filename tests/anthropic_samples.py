"""Messages and tools that several tests of the Messages format use; the captures of vendors' SDKs hold the same."""

from __future__ import annotations

import base64

from llm_connector import ImageBlock, Message, ToolCall
from llm_connector.types import Reasoning

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather for a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "City name"}},
            "required": ["city"],
        },
    },
}
PICTURE = [
    Message.system("You are terse."),
    Message.user(["What is in this picture, and what is the weather in Paris?", ImageBlock.from_bytes(PNG)]),
]
CALL = ToolCall(id="toolu_1", name="get_weather", arguments='{"city": "Paris"}')
THOUGHT = {"type": "thinking", "thinking": "Need weather.", "signature": "c2ln"}


def thought(*blocks: dict) -> Reasoning:
    """Reasoning of Anthropic's family."""
    return Reasoning(family="anthropic", blocks=list(blocks))
