"""What is sent to the embedded server when tools and a form of the answer are asked for at once."""

from __future__ import annotations

from typing import Any

from llm_connector import Message, ToolCall
from requests_of import request_of

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
FORM = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
QUESTION = Message.user("What is the weather in Paris?")
CALL = ToolCall(id="1", name="get_weather", arguments="{}")
RESULT = [QUESTION, Message.assistant(tool_calls=[CALL]), Message.tool("18 degrees", CALL)]


def sent(messages: list[Message], provider: str = "local", **params: Any) -> Any:
    return request_of(provider, messages, options={"model": "smollm2", "base_url": "http://127.0.0.1:9/v1"}, **params)


def test_a_model_that_may_call_is_not_held_to_the_form() -> None:
    got = sent([QUESTION], tools=[TOOL], response_format=FORM)
    assert "response_format" not in got.body
    assert "reasoning_format" not in got.body
    assert [warning for warning in got.warnings if "response_format" in warning]


def test_after_a_tools_result_it_is() -> None:
    got = sent(RESULT, tools=[TOOL], response_format=FORM)
    assert got.body["response_format"]["json_schema"]["schema"] == FORM
    assert got.body["reasoning_format"] == "none"
    assert got.body["tools"]
    assert got.warnings == []


def test_where_no_call_is_wanted_it_is_too() -> None:
    for params in ({}, {"tools": [TOOL], "tool_choice": "none"}):
        got = sent([QUESTION], response_format=FORM, **params)
        assert got.body["response_format"]["json_schema"]["schema"] == FORM
        assert got.body["reasoning_format"] == "none"


def test_other_servers_get_both() -> None:
    got = sent([QUESTION], "vllm", tools=[TOOL], response_format=FORM)
    assert got.body["tools"]
    assert got.body["response_format"]
    assert got.warnings == []
