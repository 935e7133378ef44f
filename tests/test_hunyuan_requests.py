"""Hunyuan requests: equal in meaning to what Tencent's SDK sends, signed as it signs, and what is converted is told."""

from __future__ import annotations

import base64
import json
import pickle
from typing import Any

import pytest
from pydantic import BaseModel

from llm_connector import (
    AudioBlock,
    ConfigError,
    DocumentBlock,
    ImageBlock,
    LLMClient,
    Message,
    ToolCall,
    UnsupportedError,
    VideoBlock,
)
from llm_connector.auth import Unsigned, tc3
from llm_connector.protocols.hunyuan_names import camel, snake, to_camel, to_snake
from llm_connector.protocols.wire import WireRequest
from llm_connector.settings import Settings
from oracle import capture, sent
from requests_of import Sent, request_of
from servers.hunyuan import HunyuanServer
from servers.script import Reply

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SECRETS = {"secret_id": "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "secret_key": "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"}
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
CALL = ToolCall(id="call_abc123", name="get_weather", arguments='{"city": "Paris"}')
PICTURE = [
    Message.system("You are terse."),
    Message.user(["What is in this picture, and what is the weather in Paris?", ImageBlock.from_bytes(PNG)]),
]


def ask(messages: Any = "hi", model: str = "hunyuan-x", options: dict | None = None, **params: Any) -> Sent:
    return request_of("tencent", messages, options={"model": model, **SECRETS, **(options or {})}, **params)


def parsed(body: dict[str, Any]) -> dict[str, Any]:
    """A request with the schemas of its tools decoded: their spacing is anyone's."""
    for tool in body.get("Tools", []):
        tool["Function"]["Parameters"] = json.loads(tool["Function"]["Parameters"])
    return body


def test_a_picture_and_a_tool_as_the_sdk_sends_them() -> None:
    expected = sent("tencent-chat-tools")
    got = ask(PICTURE, tools=[TOOL], tool_choice="auto", temperature=0.2, top_p=0.9)
    assert parsed(got.body) == parsed(expected["body"])
    assert got.url.path == expected["path"]
    for name in ("content-type", "x-tc-action", "x-tc-version"):
        assert got.headers[name] == expected["headers"][name]
    assert got.headers["x-tc-timestamp"].isdigit()
    assert "x-tc-region" not in got.headers
    assert "x-tc-token" not in got.headers
    assert got.warnings == []


def test_a_tool_round_trip_as_the_sdk_sends_it() -> None:
    expected = sent("tencent-chat-tools", 1)
    history = [
        *PICTURE,
        Message.assistant("", tool_calls=[CALL], reasoning_content="Need weather."),
        Message.tool('{"temp_c": 17, "sky": "rain"}', CALL),
    ]
    options = {"region": "ap-guangzhou", "session_token": "TOKENFAKE", "reasoning_replay": "always"}
    body = expected["body"]
    body["Model"] = "hunyuan-a13b"
    got = ask(history, "hunyuan-a13b", options, tools=[TOOL], seed=7, stop="END", enable_thinking=True)
    assert parsed(got.body) == parsed(body)  # and reasoning does not go back, whatever was asked for
    for name in ("x-tc-region", "x-tc-token"):
        assert got.headers[name] == expected["headers"][name]


def test_a_stream_as_the_sdk_asks_for_it() -> None:
    got = ask(PICTURE, stream=True, tools=[TOOL])
    assert parsed(got.body) == parsed(sent("tencent-chat-tools-stream")["body"])


@pytest.mark.parametrize("position", range(8))
def test_signed_as_the_sdk_signs(position: int) -> None:
    vector = capture("signatures-tc3")["vectors"][position]
    told = {name.lower(): value for name, value in vector["headers"].items()}
    options = {"secret_id": vector["secret_id"], "secret_key": vector["secret_key"], "session_token": vector["token"]}
    settings = Settings.resolve("tencent", "m", None, None, options)
    wire = WireRequest("/", vector["payload"].encode(), headers={"content-type": told["content-type"]})
    if vector["service"] != "hunyuan":
        pytest.skip("a signature of another of the vendor's services")
    added = tc3(Unsigned(f"https://{told['host']}/", wire, None, settings, vector["timestamp"] + 0.5))
    assert added == {name: told[name] for name in ("authorization", "x-tc-timestamp", "x-tc-token") if name in told}


def test_what_the_sdk_sent_to_a_port_is_signed_alike() -> None:
    for position in range(2):
        recorded = capture("tencent-chat-tools")
        request = recorded["requests"][position]
        headers = request["headers"]
        options = SECRETS | ({"session_token": headers["x-tc-token"]} if "x-tc-token" in headers else {})
        wire = WireRequest("/", request["body_raw"].encode(), headers={"content-type": headers["content-type"]})
        settings = Settings.resolve("tencent", "m", None, None, options)
        unsigned = Unsigned(f"http://{recorded['host_real']}/", wire, None, settings, int(headers["x-tc-timestamp"]))
        assert tc3(unsigned)["authorization"] == headers["authorization"]


@pytest.mark.parametrize(
    ("given", "named"),
    [({"secret_id": "a"}, "TENCENTCLOUD_SECRET_KEY"), ({"secret_key": "b"}, "TENCENTCLOUD_SECRET_ID")],
)
def test_half_a_key_pair_is_refused(given: dict, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        LLMClient("tencent", "m", base_url="http://127.0.0.1:9", **given)


def test_no_key_pair_is_refused_at_construction() -> None:
    with pytest.raises(ConfigError, match="TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"):
        LLMClient("tencent", "m")


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", SECRETS["secret_id"])
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", SECRETS["secret_key"])
    got = request_of("tencent")
    assert SECRETS["secret_id"] in got.headers["authorization"]


def test_secrets_are_never_shown() -> None:
    with LLMClient("tencent", "m", **SECRETS, session_token="TOKENFAKE") as client:
        shown = f"{client!r} {client.settings!r} {pickle.loads(pickle.dumps(client)).settings!r}"
    assert not any(secret in shown for secret in (*SECRETS.values(), "TOKENFAKE"))


@pytest.mark.parametrize(
    ("choice", "wire", "told"),
    [
        ("auto", {"ToolChoice": "auto"}, False),
        ("none", {"ToolChoice": "none"}, False),
        ("required", {"ToolChoice": "auto"}, True),
        ("other", {"ToolChoice": "custom", "CustomTool": "other"}, False),
    ],
)
def test_tool_choice(choice: str, wire: dict, told: bool) -> None:
    other = {"name": "other", "description": "d", "parameters": {"type": "object", "properties": {}}}
    got = ask(tools=[TOOL, other], tool_choice=choice)
    body = {name: value for name, value in got.body.items() if name not in {"Model", "Messages", "Tools"}}
    if "CustomTool" in body:
        assert body["CustomTool"] == got.body["Tools"][1]
        body["CustomTool"] = body["CustomTool"]["Function"]["Name"]
    assert body == wire
    assert bool(got.warnings) is told
    assert json.loads(got.body["Tools"][1]["Function"]["Parameters"]) == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("model", "params", "wire", "told"),
    [
        ("hunyuan-a13b", {"enable_thinking": True}, {"EnableThinking": True}, None),
        ("hunyuan-a13b", {"reasoning_effort": "none"}, {"EnableThinking": False}, None),
        ("hunyuan-a13b", {"reasoning_effort": "high"}, {"EnableThinking": True}, "only as a switch"),
        ("hunyuan-a13b", {"thinking_budget": 99}, {"EnableThinking": True}, "only as a switch"),
        ("hunyuan-t1-latest", {"enable_thinking": False}, {}, "no switch"),
    ],
)
def test_reasoning(model: str, params: dict, wire: dict, told: str | None) -> None:
    got = ask(model=model, **params)
    assert {name: value for name, value in got.body.items() if name not in {"Model", "Messages"}} == wire
    assert [told in warning for warning in got.warnings] == ([True] if told else [])


def test_numbers() -> None:
    got = ask(temperature=0, top_p=0, seed=0, stop=["a", "b"])
    assert (got.body["Temperature"], got.body["TopP"], got.body["Seed"], got.body["Stop"]) == (0, 0, 1, ["a", "b"])
    assert "seed 0 is outside" in got.warnings[0]
    assert ask(seed=99999).body["Seed"] == 10000


def test_what_has_no_equivalent_is_told() -> None:
    params = {
        "max_tokens": 5,
        "presence_penalty": 1,
        "frequency_penalty": 1,
        "top_k": 2,
        "n": 2,
        "user": "u",
        "logprobs": True,
        "top_logprobs": 1,
        "logit_bias": {"1": 1},
        "parallel_tool_calls": False,
        "metadata": {"a": "b"},
    }
    got = ask(**params)
    assert set(got.body) == {"Model", "Messages"}
    assert len(got.warnings) == len(params)
    assert all(any(name in warning for warning in got.warnings) for name in params)


class Answer(BaseModel):
    """What is wanted."""

    value: int


def test_a_wanted_form_goes_into_the_prompt() -> None:
    got = ask(response_format=Answer)
    assert '"value"' in got.body["Messages"][0]["Content"]
    assert "no response_format" in got.warnings[0]
    got = ask([Message.system("Be brief."), Message.user("hi")], response_format="json_object")
    assert got.body["Messages"][0]["Content"].startswith("Be brief.\n\nAnswer with one JSON object")
    assert ask(response_format="text").body["Messages"] == [{"Role": "user", "Content": "hi"}]


def test_media() -> None:
    blocks = ["?", ImageBlock(url="https://x/y.png", detail="low"), VideoBlock(url="https://x/y.mp4", fps=1)]
    got = ask([Message.user(blocks)])
    assert got.body["Messages"] == [
        {
            "Role": "user",
            "Contents": [
                {"Type": "text", "Text": "?"},
                {"Type": "image_url", "ImageUrl": {"Url": "https://x/y.png"}},
                {"Type": "video_url", "VideoUrl": {"Url": "https://x/y.mp4", "Fps": 1}},
            ],
        }
    ]
    assert any("detail" in warning for warning in got.warnings)
    for block in (AudioBlock(data="AAAA", mime_type="audio/wav"), DocumentBlock(data="JVBERi0=")):
        with pytest.raises(UnsupportedError):
            ask([Message.user([block])])


def test_nothing_is_sent_empty_but_beside_calls() -> None:
    """As a memory keeps them: an answer that was empty, and the result of a tool that has nothing to say."""
    history = [
        Message.system(""),
        Message.user("Weather?"),
        Message.assistant(""),
        Message.user("Well?"),
        Message.assistant("", tool_calls=[CALL]),
        Message.tool("", CALL),
    ]
    sent_off = ask(history)
    told = [(message["Role"], message["Content"]) for message in sent_off.body["Messages"]]
    assert told == [("user", "Weather?"), ("user", "Well?"), ("assistant", ""), ("tool", '""')]
    assert sent_off.warnings == [
        "tencent: an empty system message was not sent",
        "tencent: an empty assistant message was not sent",
    ]
    with HunyuanServer(Reply("Rain.")) as server, LLMClient("tencent", "m", base_url=server.url, **SECRETS) as client:
        assert client.chat(history).content == "Rain."


def test_extra_body_comes_last() -> None:
    extra = {"EnableEnhancement": False, "TopP": 0.1}
    body = ask(top_p=0.9, extra_body=extra).body
    assert (body["TopP"], body["EnableEnhancement"]) == (0.1, False)


@pytest.mark.parametrize(
    ("small", "large"),
    [("tool_call_id", "ToolCallId"), ("content", "Content"), ("image_url", "ImageUrl"), ("fps", "Fps"), ("id", "Id")],
)
def test_names(small: str, large: str) -> None:
    assert camel(small) == large
    assert snake(large) == small


def test_names_inside_values_are_left_alone() -> None:
    value = {"ToolCalls": [{"Function": {"Arguments": '{"CityName": 1}'}}], "Usage": None}
    assert to_snake(value) == {"tool_calls": [{"function": {"arguments": '{"CityName": 1}'}}], "usage": None}
    assert to_camel(to_snake(value)) == value
