"""What the small model does over its server's own API. Structure is asserted, and wit only where it is steady."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from llm_connector.local import ensure_server, shutdown_all
from llm_connector.local.models import SMOLLM2
from llm_connector.local.process import ServerProcess
from llm_connector.local.server import _Key, _order
from llm_connector.local.weights import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.local_model


def function(name: str, description: str, /, **properties: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {key: {"type": kind} for key, kind in properties.items()},
        "required": list(properties),
    }
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


WEATHER = function("get_weather", "Get the current weather of a city", city="string")
ADD = function("add", "Add two integers", a="integer", b="integer")
PERSON = function("Person", "A person's details", name="string", age="integer")


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    yield ensure_server().base_url
    shutdown_all()


class Chat:
    """One request; ``message`` is the answer's, folded when it was streamed."""

    def __init__(self, base_url: str, *messages: Any, stream: bool = False, **fields: Any) -> None:
        turns = [{"role": "user", "content": turn} if isinstance(turn, str) else turn for turn in messages]
        body = {"messages": turns, "temperature": 0, "max_tokens": 100, "stream": stream, **fields}
        with httpx.stream("POST", base_url + "/chat/completions", json=body, timeout=300) as response:
            self.pieces = list(response.iter_bytes())
        self.status = response.status_code
        self.text = b"".join(self.pieces).decode()

    @property
    def choice(self) -> dict[str, Any]:
        return json.loads(self.text)["choices"][0]

    @property
    def message(self) -> dict[str, Any]:
        return self.choice["message"]

    @property
    def call(self) -> tuple[str, dict[str, Any]]:
        [call] = self.message["tool_calls"]
        return call["function"]["name"], json.loads(call["function"]["arguments"])

    @property
    def chunks(self) -> list[dict[str, Any]]:
        events = [line.removeprefix("data: ") for line in self.text.split("\n") if line.startswith("data: ")]
        assert events.pop() == "[DONE]"
        return [json.loads(event) for event in events]

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [choice["delta"] for chunk in self.chunks for choice in chunk["choices"]]


def test_plain_question(base_url: str) -> None:
    chat = Chat(base_url, "What is the capital of France?")
    assert "Paris" in chat.message["content"]
    assert chat.choice["finish_reason"] == "stop"
    assert "reasoning_content" not in chat.message


def test_streams_token_by_token(base_url: str) -> None:
    chat = Chat(base_url, "What is the capital of France?", stream=True, stream_options={"include_usage": True})
    tokens = [delta["content"] for delta in chat.deltas if delta.get("content")]
    assert "Paris" in "".join(tokens)
    assert len(tokens) >= 5
    assert len(chat.pieces) > len(tokens) // 2  # they came apart, not all at the end
    assert chat.chunks[-1]["usage"]["completion_tokens"] >= len(tokens)


def test_a_models_limit_ends_an_answer_that_has_none() -> None:
    key = _Key("", "limited", context_size=512, threads=1, embeddings=False)
    process = ServerProcess(_order(replace(SMOLLM2, max_tokens=5), key, fetch(SMOLLM2.weights)), timeout=300)
    try:
        chat = Chat(process.url + "/v1", "Count for ever.", max_tokens=None, ignore_eos=True)
    finally:
        process.stop()
    assert chat.choice["finish_reason"] == "length"
    assert json.loads(chat.text)["usage"]["completion_tokens"] == 5


def test_a_system_message_replaces_the_default_one(base_url: str) -> None:
    turns = [{"role": "system", "content": "You are a pirate."}, {"role": "user", "content": "Hello"}]
    prompt = httpx.post(base_url.removesuffix("/v1") + "/apply-template", json={"messages": turns}).json()["prompt"]
    assert prompt.startswith("<|im_start|>system\nYou are a pirate.<|im_end|>\n<|im_start|>user\nHello<|im_end|>")
    assert "helpful" not in prompt


@pytest.mark.parametrize(
    ("question", "tool", "arguments"),
    [
        ("What is the weather in Paris?", WEATHER, {"city": "Paris"}),
        ("How is the weather in Tokyo?", WEATHER, {"city": "Tokyo"}),
        ("Is it raining in London?", WEATHER, {"city": "London"}),
        ("What is 3 + 4?", ADD, {"a": 3, "b": 4}),
        ("Add 21 and 34.", ADD, {"a": 21, "b": 34}),
    ],
)
def test_calls_the_tool(base_url: str, question: str, tool: dict[str, Any], arguments: dict[str, Any]) -> None:
    chat = Chat(base_url, question, tools=[tool])
    assert chat.call == (tool["function"]["name"], arguments)
    assert chat.choice["finish_reason"] == "tool_calls"


def test_streams_a_tool_call(base_url: str) -> None:
    chat = Chat(base_url, "What is the weather in Paris?", tools=[WEATHER], stream=True)
    calls = [call for delta in chat.deltas for call in delta.get("tool_calls") or []]
    assert calls[0]["function"]["name"] == "get_weather"
    assert calls[0]["id"]
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"city": "Paris"}
    assert len(calls) > 2


def test_does_not_call_a_tool_to_say_hello(base_url: str) -> None:
    chat = Chat(base_url, "Hello!", tools=[WEATHER])
    assert not chat.message.get("tool_calls")
    assert chat.message["content"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "Person"}}], ids=["required", "named"]
)
def test_a_forced_call_is_made(base_url: str, choice: Any, *, stream: bool) -> None:
    chat = Chat(
        base_url,
        "Ada is 36 years old.",
        tools=[PERSON] if choice == "required" else [PERSON, WEATHER],
        tool_choice="required",
        chat_template_kwargs={"tool_choice": choice},
        stream=stream,
    )
    if stream:
        calls = [call["function"] for delta in chat.deltas for call in delta.get("tool_calls") or []]
        assert calls[0]["name"] == "Person"
        arguments = json.loads("".join(call["arguments"] for call in calls))
    else:
        name, arguments = chat.call
        assert name == "Person"
    assert arguments == {"name": "Ada", "age": 36}


def test_no_call_when_none_is_chosen(base_url: str) -> None:
    chat = Chat(
        base_url,
        "What is the weather in Paris?",
        tools=[WEATHER],
        tool_choice="none",
        chat_template_kwargs={"tool_choice": "none"},
    )
    assert not chat.message.get("tool_calls")
    assert "tool_call" not in chat.message["content"]


def test_answers_with_a_tools_result(base_url: str) -> None:
    question = "What is the weather in Paris?"
    called = Chat(base_url, question, tools=[WEATHER]).message
    [call] = called["tool_calls"]
    result = {"role": "tool", "tool_call_id": call["id"], "content": "18 degrees and sunny"}
    answer = Chat(base_url, question, called, result, tools=[WEATHER])
    assert "18 degrees" in answer.message["content"]
    assert not answer.message.get("tool_calls")
    after = Chat(base_url, question, called, result, answer.message, "How is the weather in Tokyo?", tools=[WEATHER])
    assert after.call == ("get_weather", {"city": "Tokyo"})


@pytest.mark.parametrize("stream", [False, True])
def test_thinks_only_when_asked(base_url: str, *, stream: bool) -> None:
    kwargs = {"enable_thinking": True}
    chat = Chat(base_url, "What is the capital of France?", chat_template_kwargs=kwargs, stream=stream)
    parts = chat.deltas if stream else [chat.message]
    thought, content = ("".join(part.get(key) or "" for part in parts) for key in ("reasoning_content", "content"))
    assert thought.startswith("The question")
    assert "Paris" in content
    assert "think>" not in thought + content


def json_form(schema: dict[str, Any]) -> dict[str, Any]:
    schema = {**schema, "additionalProperties": False}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def test_json_schema(base_url: str) -> None:
    form = json_form(PERSON["function"]["parameters"])
    chat = Chat(base_url, "Ada Lovelace is 36 years old. Give her name and age.", response_format=form)
    assert json.loads(chat.message["content"]) == {"name": "Ada Lovelace", "age": 36}


def test_json_schema_leaves_no_room_for_thoughts_without_a_reasoning_format(base_url: str) -> None:
    """llama.cpp's grammar lets an answer begin with a thought, where a small model can lose itself."""
    form = json_form({"type": "object", "properties": {"greeting": {"type": "string"}}, "required": ["greeting"]})
    chat = Chat(base_url, "Hello", response_format=form, reasoning_format="none", max_tokens=300)
    assert list(json.loads(chat.message["content"])) == ["greeting"]


def test_embeddings_beside_chat(base_url: str) -> None:
    texts = [
        "The cat sleeps on the sofa.",
        "A kitten naps on the couch.",
        "Shares fell on the stock market.",
        "long " * 900,
    ]
    answer = httpx.post(base_url + "/embeddings", json={"input": texts, "model": "smollm2"}, timeout=300).json()
    cat, kitten, shares, long = (entry["embedding"] for entry in answer["data"])
    assert len(cat) == len(long) == 576
    assert math.hypot(*cat) == pytest.approx(1, abs=1e-3)
    assert dot(cat, kitten) > dot(cat, shares)
    assert "Paris" in Chat(base_url, "What is the capital of France?").message["content"]


def test_no_web_page_may_read_an_answer(base_url: str) -> None:
    answer = httpx.get(base_url + "/models", headers={"origin": "https://example.com"})
    assert not answer.headers.get("access-control-allow-origin")
    assert httpx.get(base_url.removesuffix("/v1") + "/slots").status_code >= 400


def test_the_same_question_has_the_same_answer(base_url: str) -> None:
    first = Chat(base_url, "Why is the sky blue?").message["content"]
    Chat(base_url, "Something else altogether?")
    assert Chat(base_url, "Why is the sky blue?").message["content"] == first
