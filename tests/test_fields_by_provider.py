"""No request field is dropped in silence: each provider sends it, converts it, or says that it did not."""

from __future__ import annotations

import pytest

from llm_connector import LLMClient, UnsupportedError
from llm_connector.providers import ROWS

PLAIN = {"model": "m"}
TOOL = {
    "name": "look",
    "description": "Look.",
    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "title": "Thing"}

FIELDS = {
    "temperature": {"temperature": 0.0},
    "top_p": {"top_p": 0.5},
    "top_k": {"top_k": 7},
    "max_tokens": {"max_tokens": 321},
    "stop": {"stop": ["END"]},
    "seed": {"seed": 0},
    "presence_penalty": {"presence_penalty": 0.5},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "logit_bias": {"logit_bias": {"5": 1.0}},
    "logprobs": {"logprobs": True},
    "top_logprobs": {"logprobs": True, "top_logprobs": 2},
    "n": {"n": 2},
    "user": {"user": "u-1"},
    "tools": {"tools": [TOOL]},
    "tool_choice none": {"tools": [TOOL], "tool_choice": "none"},
    "tool_choice required": {"tools": [TOOL], "tool_choice": "required"},
    "tool_choice named": {"tools": [TOOL], "tool_choice": "look"},
    "parallel_tool_calls": {"tools": [TOOL], "parallel_tool_calls": False},
    "response_format object": {"response_format": "json_object"},
    "response_format schema": {"response_format": SCHEMA},
    "reasoning_effort": {"reasoning_effort": "high"},
    "reasoning off": {"reasoning_effort": "none"},
    "thinking_budget": {"thinking_budget": 4000},
    "enable_thinking": {"enable_thinking": True},
    "metadata": {"metadata": {"team": "a"}},
}
# Models by provider, of the kind that users ask for; gates read the name.
MODELS = {
    "openai": "gpt-6",
    "openai_responses": "gpt-6",
    "azure_openai": "gpt-6",
    "anthropic": "claude-sonnet-4-5",
    "anthropic_vertex": "claude-sonnet-4-5@20250929",
    "anthropic_bedrock": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "google": "gemini-2.5-flash",
    "google_vertex": "gemini-3-pro",
    "zhipu": "glm-4.6",
    "zhipu_openai": "glm-5.2",
    "aliyun": "qwen-plus",
    "deepseek": "deepseek-v4-pro",
    "moonshot": "kimi-k3",
    "tencent": "hunyuan-a13b",
}
OPTIONS = {
    "tencent": {"secret_id": "i", "secret_key": "s"},
    "anthropic_vertex": {"project": "p", "location": "us-east5"},
    "google_vertex": {"project": "p", "location": "us-east5"},
    "anthropic_bedrock": {"region": "us-east-1"},
    "openai_compatible": {"base_url": "http://h/v1"},
    "azure_openai": {"base_url": "http://h"},
    "azure_openai_responses": {"base_url": "http://h"},
}


def built(name: str, params: dict) -> tuple[bytes, list[str]]:
    """The bytes that would be sent, with the address and headers that go with them, and the warnings."""
    options = OPTIONS.get(name, {})
    key = {} if name == "tencent" else {"api_key": "k"}
    with LLMClient(name, MODELS.get(name, "m"), **key, **options) as client:
        call, request = client._chat_call("Answer in JSON.", params)
        fields = call.protocol._checked(request)
        wire = call.protocol.build(fields, stream=False)
        return wire.path.encode() + repr(sorted(wire.headers.items())).encode() + wire.body, fields.report_untaken()


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", [row.name for row in ROWS])
def test_no_silence(name: str, field: str) -> None:
    try:
        sent, warnings = built(name, FIELDS[field])
    except UnsupportedError:
        return
    base = {
        key: value for key, value in FIELDS[field].items() if key in {"tools", "logprobs"} and len(FIELDS[field]) > 1
    }
    plain, plain_warnings = built(name, base)
    told = [warning for warning in warnings if warning not in plain_warnings]
    assert sent != plain or told, f"{name} drops {field} in silence"


@pytest.mark.parametrize("name", [row.name for row in ROWS])
def test_nothing_is_warned_of_when_nothing_is_asked(name: str) -> None:
    _, warnings = built(name, {})
    assert warnings == []


@pytest.mark.parametrize("name", [row.name for row in ROWS])
def test_numbers_are_not_truth_values(name: str) -> None:
    """Zero is sent where another number is."""
    zero, zero_told = built(name, {"temperature": 0.0, "seed": 0})
    other, other_told = built(name, {"temperature": 0.7, "seed": 5})
    assert zero != other or zero_told == other_told != []
