"""Messages and tools that several tests of the Messages format use; the captures of vendors' SDKs hold the same."""

from __future__ import annotations

import base64

from llm_connector import ImageBlock, Message, ToolCall
from llm_connector.types import Reasoning
from requests_of import Sent, request_of
from servers.anthropic_checks import check_request

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
OLD, NEW = "claude-sonnet-4-5", "claude-opus-4-8"
THOUGHT = {"type": "thinking", "thinking": "Need weather.", "signature": "c2ln"}


def thought(*blocks: dict) -> Reasoning:
    """Reasoning of Anthropic's family."""
    return Reasoning(family="anthropic", blocks=list(blocks))


def ask(messages="hi", *, model: str = OLD, check: bool = True, **params) -> Sent:
    """A request, which the vendor's rules must let through."""
    sent_now = request_of("anthropic", messages, options={"model": model, **params.pop("options", {})}, **params)
    if check:
        check_request(sent_now.body)
    return sent_now


def turns(*messages: Message, **params) -> list[dict]:
    """The turns that a conversation is sent as."""
    return ask(list(messages), **params).body["messages"]
