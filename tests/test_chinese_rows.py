"""The Chinese vendors' Chat Completions rows: what each sends for the same requests, and how each one's errors read."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from llm_connector import (
    ImageBlock,
    LLMClient,
    Message,
    ToolCall,
    UnsupportedError,
)
from oracle import sent
from requests_of import Sent, request_of
from servers.openai_chat import OpenAIChatServer
from servers.script import Call, Reply

MODELS = {
    "zhipu_openai": "glm-4.7",
    "aliyun_openai": "qwen-plus",
    "volcengine": "doubao-seed-2-1-pro",
    "moonshot": "kimi-k2.6",
    "deepseek": "deepseek-v4-flash",
    "longcat": "LongCat-2.0",
    "tencent_tokenhub": "Hy4",
}
ROWS = sorted(MODELS)
SERVERS = {"aliyun_openai": "aliyun", "zhipu_openai": "zhipu", "tencent_tokenhub": "tokenhub"}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "f", "description": "d", "parameters": PARAMETERS}}
NAMED = {"type": "function", "function": {"name": "f"}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
CALLS = [ToolCall(id="c1", name="f", arguments='{"city": "A"}'), ToolCall(id="c2", name="f", arguments='{"city": "B"}')]


def ask(row: str, messages: Any = "hi", *, model: str | None = None, **params: Any) -> Sent:
    return request_of(row, messages, options={"model": model or MODELS[row], "api_key": "id.secret"}, **params)


def rest(got: Sent) -> dict[str, Any]:
    """The body but for what every request has."""
    return {name: value for name, value in got.body.items() if name not in {"model", "messages"}}


@pytest.mark.parametrize("row", ["moonshot", "volcengine"])
def test_a_schema_names_its_dialect_only_where_that_is_taken(row: str) -> None:
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}  # as MCP's servers and zod write it
    tool = {"type": "function", "function": {"name": "f", "parameters": dialect | PARAMETERS}}
    body = ask(row, tools=[tool], response_format=dialect | SCHEMA).body
    kept = {} if row == "moonshot" else dialect
    assert body["response_format"]["json_schema"]["schema"] == kept | SCHEMA
    assert body["tools"][0]["function"]["parameters"] == kept | PARAMETERS


# Plain questions and streams


@pytest.mark.parametrize("row", ROWS)
def test_a_plain_question(row: str) -> None:
    got = ask(row, [Message.system("s"), Message.user("hi")], max_tokens=5)
    assert got.body == {
        "model": MODELS[row],
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}],
        "max_tokens": 5,
    }
    assert got.headers["authorization"] == "Bearer id.secret"
    assert got.warnings == []


USAGE = {"stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize("row", ROWS)
def test_a_stream(row: str) -> None:
    expected = {"stream": True} if row == "zhipu_openai" else USAGE
    assert rest(ask(row, stream=True)) == expected


def test_zhipu_must_be_asked_to_stream_calls() -> None:
    asked = {
        model: rest(ask("zhipu_openai", model=model, stream=True, tools=[TOOL])) for model in ("glm-4.5", "glm-4.6")
    }
    assert "tool_stream" not in asked["glm-4.5"]
    assert asked["glm-4.6"]["tool_stream"] is True
    assert "tool_stream" not in rest(ask("zhipu_openai", tools=[TOOL]))


# Tools

CHOICES: dict[str, dict[str, Any]] = {
    "zhipu_openai": {"auto": "auto", "none": None, "required": ("auto",), "f": ("auto",)},
    "aliyun_openai": {"auto": "auto", "none": "none", "required": ("auto",), "f": NAMED},
    "volcengine": {"auto": "auto", "none": "none", "required": "required", "f": NAMED},
    "moonshot": {"auto": "auto", "none": "none", "required": ("auto",), "f": (NAMED,)},
    "deepseek": {"auto": "auto", "none": "none", "required": ("required",), "f": (NAMED,)},
    "longcat": {"auto": "auto", "none": "none", "required": "required", "f": NAMED},
    "tencent_tokenhub": {"auto": "auto", "none": "none", "required": "required", "f": NAMED},
}


@pytest.mark.parametrize("choice", ["auto", "none", "required", "f"])
@pytest.mark.parametrize("row", ROWS)
def test_tools_with_each_choice(row: str, choice: str) -> None:
    """A tuple in the table marks a choice that is sent with a warning; ``None``, that the tools are left out."""
    got = ask(row, tools=[TOOL], tool_choice=choice)
    expected = CHOICES[row][choice]
    if expected is None:
        assert rest(got) == {}
        assert "no tools" in got.warnings[0]
        return
    assert got.body["tools"] == [TOOL]
    assert got.body["tool_choice"] == (expected[0] if isinstance(expected, tuple) else expected)
    assert bool(got.warnings) is isinstance(expected, tuple)


@pytest.mark.parametrize(
    ("row", "model", "params", "choice", "thinking"),
    [
        ("deepseek", "deepseek-v4-pro", {}, NAMED, {"type": "disabled"}),
        ("deepseek", "deepseek-v4-pro", {"enable_thinking": True}, "auto", {"type": "enabled"}),
        ("deepseek", "deepseek-v4-pro", {"enable_thinking": False}, NAMED, {"type": "disabled"}),
        ("deepseek", "deepseek-chat", {}, NAMED, None),
        ("moonshot", "kimi-k2.6", {}, NAMED, {"type": "disabled"}),
        ("moonshot", "kimi-k2.6", {"enable_thinking": True}, "auto", {"type": "enabled"}),
        ("moonshot", "kimi-k2.7-code", {}, "auto", None),
        ("moonshot", "kimi-k3", {}, "required", None),
    ],
)
def test_no_tool_is_forced_while_the_model_reasons(
    row: str, model: str, params: dict, choice: Any, thinking: dict | None
) -> None:
    got = ask(row, model=model, tools=[TOOL], tool_choice="f", **params)
    assert got.body["tool_choice"] == choice
    assert got.body.get("thinking") == thinking
    kept = params == {"enable_thinking": False} or model == "deepseek-chat"
    assert bool(got.warnings) is not kept


@pytest.mark.parametrize("row", ROWS)
def test_two_parallel_calls_go_back(row: str) -> None:
    history = [
        Message.user("hi"),
        Message.assistant("", tool_calls=CALLS, reasoning_content="thought"),
        Message.tool("1", CALLS[0]),
        Message.tool("2", CALLS[1]),
    ]
    empty = "" if row in {"zhipu_openai", "aliyun_openai"} else None
    assert ask(row, history, tools=[TOOL]).body["messages"][1:] == [
        {
            "role": "assistant",
            "content": empty,
            "reasoning_content": "thought",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"city": "A"}'}},
                {"id": "c2", "type": "function", "function": {"name": "f", "arguments": '{"city": "B"}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "tool", "tool_call_id": "c2", "content": "2"},
    ]


@pytest.mark.parametrize("row", ROWS)
def test_reasoning_without_calls_stays_here(row: str) -> None:
    history = [Message.user("hi"), Message.assistant("a", reasoning_content="thought"), Message.user("go on")]
    assert ask(row, history).body["messages"][1] == {"role": "assistant", "content": "a"}


@pytest.mark.parametrize("row", ROWS)
def test_calls_without_reasoning(row: str) -> None:
    """DeepSeek and Kimi demand the field, even empty."""
    history = [Message.user("hi"), Message.assistant("", tool_calls=CALLS[:1]), Message.tool("1", CALLS[0])]
    assert ("reasoning_content" in ask(row, history).body["messages"][1]) is (row in {"deepseek", "moonshot"})


# Media and forms

IMAGES = {
    "zhipu_openai": base64.b64encode(PNG).decode(),
    "deepseek": None,
    "longcat": None,
}


@pytest.mark.parametrize("row", ROWS)
def test_a_picture(row: str) -> None:
    data = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    url = IMAGES.get(row, data)
    message = [Message.user(["look", ImageBlock.from_bytes(PNG)])]
    if url is None:
        with pytest.raises(UnsupportedError, match="takes no image"):
            ask(row, message)
        return
    assert ask(row, message).body["messages"][0]["content"] == [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": url}},
    ]


def test_kimi_fetches_no_pictures() -> None:
    with pytest.raises(UnsupportedError, match="by address"):
        ask("moonshot", [Message.user([ImageBlock(url="https://x/y.png")])])
    part = ask("moonshot", [Message.user([ImageBlock(file_id="abc")])]).body["messages"][0]["content"][0]
    assert part["image_url"] == {"url": "ms://abc"}


@pytest.mark.parametrize("row", ROWS)
def test_a_schema(row: str) -> None:
    got = ask(row, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}})
    wanted = got.body["response_format"]
    if row in {"zhipu_openai", "deepseek", "longcat"}:
        assert wanted == {"type": "json_object"}
        assert json.dumps(SCHEMA, separators=(",", ":")) in got.body["messages"][0]["content"]
        assert "takes no schema" in got.warnings[0]
    else:
        assert wanted == {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
        assert got.warnings == []


@pytest.mark.parametrize("row", ROWS)
def test_any_json(row: str) -> None:
    """Where json_object is refused without the word JSON, the word is put in and told."""
    got = ask(row, response_format="json_object")
    assert got.body["response_format"] == {"type": "json_object"}
    assert (len(got.body["messages"]) == 2) is (row in {"deepseek", "aliyun_openai"})
    assert bool(got.warnings) is (row in {"deepseek", "aliyun_openai"})


# Reasoning

ON, OFF = {"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}
REASONING = [
    ("zhipu_openai", None, {"enable_thinking": False}, OFF, 0),
    ("zhipu_openai", None, {"enable_thinking": True}, ON, 0),
    ("zhipu_openai", None, {"reasoning_effort": "high"}, ON, 1),
    ("zhipu_openai", "glm-5.2", {"reasoning_effort": "high"}, ON | {"reasoning_effort": "high"}, 0),
    ("zhipu_openai", "glm-5.2", {"thinking_budget": 5000}, ON | {"reasoning_effort": "medium"}, 1),
    ("zhipu_openai", None, {"thinking_budget": 5000}, ON, 1),
    ("aliyun_openai", None, {"enable_thinking": False}, {"enable_thinking": False}, 0),
    ("aliyun_openai", None, {"enable_thinking": True}, {"enable_thinking": True}, 0),
    ("aliyun_openai", None, {"reasoning_effort": "high"}, {"enable_thinking": True, "thinking_budget": 16384}, 1),
    ("aliyun_openai", None, {"thinking_budget": 7}, {"enable_thinking": True, "thinking_budget": 7}, 0),
    ("volcengine", None, {"enable_thinking": False}, OFF, 0),
    ("volcengine", None, {"enable_thinking": True}, ON, 0),
    ("volcengine", None, {"reasoning_effort": "minimal"}, ON | {"reasoning_effort": "minimal"}, 0),
    ("volcengine", None, {"reasoning_effort": "max"}, ON | {"reasoning_effort": "high"}, 1),
    ("volcengine", None, {"thinking_budget": 2000}, ON | {"reasoning_effort": "low"}, 1),
    ("moonshot", None, {"enable_thinking": False}, OFF, 0),
    ("moonshot", None, {"enable_thinking": True}, ON, 0),
    ("moonshot", None, {"reasoning_effort": "high"}, ON, 1),
    ("moonshot", None, {"thinking_budget": 7}, {"thinking": {"type": "enabled", "budget_tokens": 7}}, 0),
    ("moonshot", "kimi-k2.7-code", {"enable_thinking": False}, {}, 1),
    ("moonshot", "kimi-k3", {"enable_thinking": True}, {"reasoning_effort": "max"}, 0),
    ("moonshot", "kimi-k3", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}, 0),
    ("moonshot", "kimi-k3", {"reasoning_effort": "medium"}, {"reasoning_effort": "high"}, 1),
    ("moonshot", "kimi-k3", {"enable_thinking": False}, {"reasoning_effort": "low"}, 1),
    ("deepseek", None, {"enable_thinking": False}, OFF, 0),
    ("deepseek", None, {"enable_thinking": True}, ON, 0),
    ("deepseek", None, {"reasoning_effort": "minimal"}, ON | {"reasoning_effort": "low"}, 1),
    ("deepseek", None, {"reasoning_effort": "low"}, ON | {"reasoning_effort": "low"}, 0),
    ("deepseek", None, {"reasoning_effort": "medium"}, ON | {"reasoning_effort": "high"}, 1),
    ("deepseek", None, {"reasoning_effort": "xhigh"}, ON | {"reasoning_effort": "high"}, 1),
    ("deepseek", None, {"reasoning_effort": "max"}, ON | {"reasoning_effort": "max"}, 0),
    ("deepseek", None, {"thinking_budget": 1000}, ON | {"reasoning_effort": "low"}, 1),
    ("longcat", None, {"enable_thinking": False}, OFF, 0),
    ("longcat", None, {"enable_thinking": True}, ON, 0),
    ("longcat", None, {"reasoning_effort": "high"}, ON, 1),
    ("longcat", None, {"thinking_budget": 7}, ON, 1),
    ("tencent_tokenhub", None, {"enable_thinking": False}, OFF, 0),
    ("tencent_tokenhub", None, {"enable_thinking": True}, ON, 0),
    ("tencent_tokenhub", None, {"reasoning_effort": "high"}, ON | {"reasoning_effort": "high"}, 0),
    ("tencent_tokenhub", None, {"thinking_budget": 20000}, ON | {"reasoning_effort": "high"}, 1),
]


@pytest.mark.parametrize(("row", "model", "params", "wire", "told"), REASONING)
def test_reasoning(row: str, model: str | None, params: dict, wire: dict, told: int) -> None:
    got = ask(row, model=model, **params)
    assert rest(got) == wire
    assert len(got.warnings) == told


# What has no equivalent

EVERYTHING = {
    "temperature": 0.5,
    "top_p": 0.5,
    "top_k": 3,
    "seed": 1,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "logit_bias": {"1": 1.0},
    "logprobs": True,
    "top_logprobs": 2,
    "n": 2,
    "user": "user-123456",
    "metadata": {"a": "b"},
}
REFUSED = {
    "zhipu_openai": "top_k presence_penalty frequency_penalty logit_bias logprobs top_logprobs n metadata",
    "aliyun_openai": "frequency_penalty logit_bias user metadata",
    "volcengine": "top_k seed metadata",
    "moonshot": "temperature top_p presence_penalty frequency_penalty top_k seed logit_bias user metadata",
    "deepseek": "top_k seed logit_bias n user metadata",
    "longcat": "top_k seed logit_bias logprobs top_logprobs n user metadata",
    "tencent_tokenhub": "presence_penalty frequency_penalty",
}


@pytest.mark.parametrize("row", ROWS)
def test_what_is_not_sent_is_told(row: str) -> None:
    got = ask(row, **EVERYTHING)
    refused = set(REFUSED[row].split())
    kept = {name: value for name, value in EVERYTHING.items() if name not in refused}
    if row == "zhipu_openai":
        kept["user_id"] = kept.pop("user")
    assert rest(got) == kept
    assert {warning.split(": ")[1].split()[0] for warning in got.warnings} == refused


@pytest.mark.parametrize("row", ROWS)
def test_zero_is_a_number(row: str) -> None:
    got = ask(row, model="m", temperature=0, max_tokens=1)
    assert got.body["temperature"] == (0.01 if row == "zhipu_openai" else 0)
    assert got.body["max_tokens"] == 1


@pytest.mark.parametrize("row", ROWS)
def test_a_strict_server_takes_everything(row: str) -> None:
    """A server that refuses unknown fields answers a request with all of them, and a round trip with tools."""
    script = [Reply("", reasoning="Ask.", tool_calls=[Call("f", {"city": "A"}), Call("f", {"city": "B"})]), Reply("ok")]
    dialect = SERVERS.get(row, row)
    params = {name: value for name, value in EVERYTHING.items() if (row, name) != ("moonshot", "logprobs")}
    if row == "moonshot":  # the server does not know logprobs, which the vendor documents since 2026-07
        del params["top_logprobs"]
    with (
        OpenAIChatServer(script, dialect=dialect) as server,
        LLMClient(row, MODELS[row], api_key="id.secret", base_url=server.url, max_retries=0) as client,
    ):
        history = [Message.system("s"), Message.user("hi")]
        first = client.stream(history, tools=[TOOL], tool_choice="auto", **params).response()
        assert [call.parse_arguments() for call in first.tool_calls] == [{"city": "A"}, {"city": "B"}]
        assert first.reasoning_content == "Ask."
        history += [first.message, *(Message.tool("x", call) for call in first.tool_calls)]
        assert client.chat(history, tools=[TOOL]).content == "ok"


def test_volcengines_body_in_the_sdks_words() -> None:
    expected = {name: value for name, value in sent("volcengine-chat-tools")["body"].items() if value is not None}
    got = request_of(
        "volcengine",
        expected["messages"],
        options={"model": "doubao-x", "base_url": "https://ark.cn-beijing.volces.com"},
        tools=expected["tools"],
        temperature=0.2,
        max_tokens=64,
        enable_thinking=True,
    )
    assert got.body == expected
    assert got.url.path == "/api/v3/chat/completions"


def test_aliyuns_body_in_the_sdks_words() -> None:
    expected = sent("aliyun_v2-chat-openai")
    got = request_of(
        "aliyun_openai",
        expected["body"]["messages"],
        options={"model": "qwen-vl-plus"},
        temperature=0.2,
        max_tokens=64,
        tools=expected["body"]["tools"],
    )
    assert got.body == expected["body"]
    assert got.url.path == expected["path"]


def test_aliyun_thinks_only_in_streams_here_as_well() -> None:
    with (
        OpenAIChatServer(Reply("ok", reasoning="Hm."), dialect="aliyun") as server,
        LLMClient("aliyun_openai", "qwen3-32b", api_key="k", base_url=server.url) as client,
    ):
        assert client.chat("hi").reasoning_content == "Hm."
        assert server.last.json["stream"] is True
        assert client.chat("hi", enable_thinking=False).content == "ok"
        assert "stream" not in server.last.json
