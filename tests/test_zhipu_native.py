"""The row ``zhipu``: the key or a token made of it, two regions, and requests as the vendor's SDK sends them."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from llm_connector import (
    AsyncLLMClient,
    AuthenticationError,
    ConfigError,
    DocumentBlock,
    ImageBlock,
    LLMClient,
    Message,
    ServerError,
    ToolCall,
    VideoBlock,
)
from llm_connector.auth import Unsigned, zhipu
from llm_connector.protocols.wire import WireRequest
from llm_connector.settings import Settings
from oracle import capture, sent
from requests_of import Sent, request_of
from servers.script import Call, Fault, Reply, Use
from servers.zhipu import ZhipuServer

KEY = "0123456789abcdef0123456789abcdef.SECRETSECRETSECR"
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
CALL = ToolCall(id="call_abc123", name="get_weather", arguments='{"city": "Paris"}')
PICTURE = [
    Message.system("You are terse."),
    Message.user(["What is in this picture, and what is the weather in Paris?", ImageBlock.from_bytes(PNG)]),
]
ANSWER = Reply(
    "巴黎, 当然 🙂.",
    reasoning="The user asks for a capital.",
    tool_calls=[Call("look", {"city": "巴黎"}), Call("look", {"city": "Rome"})],
    usage=Use(20, 30, cached=5, reasoning=7),
)


def ask(messages: Any = "hi", options: dict | None = None, **params: Any) -> Sent:
    return request_of("zhipu", messages, options={"model": "glm-x", "api_key": KEY, **(options or {})}, **params)


def in_our_form(body: dict[str, Any]) -> dict[str, Any]:
    """The SDK's request without the fields that it sends as null."""
    return {name: value for name, value in body.items() if value is not None}


@pytest.mark.parametrize("sdk", ["zai", "zhipuai"])
def test_a_picture_and_a_tool_as_the_sdks_send_them(sdk: str) -> None:
    expected = sent(f"{sdk}-chat-tools")
    got = ask(PICTURE, tools=[TOOL], tool_choice="auto", temperature=0.2, max_tokens=64)
    assert got.body == in_our_form(expected["body"])
    assert got.url.path == expected["path"]
    assert got.headers["authorization"] == expected["headers"]["authorization"]
    assert got.warnings == []


@pytest.mark.parametrize("sdk", ["zai", "zhipuai"])
def test_a_tool_round_trip_as_the_sdks_send_it(sdk: str) -> None:
    expected = sent(f"{sdk}-chat-tools", 1)["body"]
    history = [
        *PICTURE,
        Message.assistant("", tool_calls=[CALL]),
        Message.tool('{"temp_c": 17, "sky": "rain"}', CALL),
    ]
    assert ask(history, tools=[TOOL], enable_thinking=True).body == in_our_form(expected)


@pytest.mark.parametrize("sdk", ["zai", "zhipuai"])
def test_a_stream_as_the_sdks_ask_for_it(sdk: str) -> None:
    assert ask(PICTURE, stream=True, tools=[TOOL]).body == in_our_form(sent(f"{sdk}-chat-tools-stream")["body"])


@pytest.mark.parametrize("sdk", ["zai", "zhipuai"])
def test_options_as_the_sdks_send_them(sdk: str) -> None:
    expected = sent(f"{sdk}-chat-options")
    got = ask(
        "Hi",
        user="user-123456",
        top_p=0.9,
        stop="END",
        response_format="json_object",
        enable_thinking=False,
        extra_body={"request_id": "rid-1", "do_sample": True},
        extra_headers={"X-Trace": "1"},
    )
    assert got.body == expected["body"]
    assert got.headers["x-trace"] == expected["headers"]["x-trace"]


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "https://open.bigmodel.cn/api/paas/v4/chat/completions"),
        ({"region": "intl"}, "https://api.z.ai/api/paas/v4/chat/completions"),
        ({"base_url": "http://gateway/glm/"}, "http://gateway/glm/chat/completions"),
    ],
)
@pytest.mark.parametrize("provider", ["zhipu", "zhipu_openai", "zhipu_openai_compatible"])
def test_addresses(provider: str, options: dict, url: str) -> None:
    assert str(request_of(provider, options={"api_key": KEY, **options}).url) == url


@pytest.mark.parametrize("sdk", ["zai", "zhipuai"])
def test_a_token_has_the_form_of_the_sdks(sdk: str) -> None:
    """Equal but for the moment, which the SDK takes as it is and we from the beginning of three minutes."""
    theirs = capture(f"{sdk}-jwt")["requests"][0]["headers"]["authorization"].removeprefix("Bearer ")
    ours = ask(options={"auth": "jwt"}).headers["authorization"].removeprefix("Bearer ")
    assert ours.split(".")[0] == theirs.split(".")[0]
    claims = [json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==")) for token in (ours, theirs)]
    assert [list(claim) for claim in claims] == [["api_key", "exp", "timestamp"]] * 2
    assert [claim["exp"] - claim["timestamp"] for claim in claims] == [210_000] * 2
    assert claims[0]["api_key"] == claims[1]["api_key"] == KEY.partition(".")[0]
    assert 0 <= time.time() * 1000 - claims[0]["timestamp"] < 181_000


def token_at(now: float, key: str = KEY) -> str:
    settings = Settings.resolve("zhipu", "m", key, None, {"auth": "jwt"})
    return zhipu(Unsigned("https://h/", WireRequest("/"), key, settings, now))["authorization"]


def test_the_documented_token() -> None:
    key = "0123456789abcdef0123456789abcdef.abcdefghijklmnop"
    expected = (
        "Bearer eyJhbGciOiJIUzI1NiIsInNpZ25fdHlwZSI6IlNJR04iLCJ0eXAiOiJKV1QifQ."
        "eyJhcGlfa2V5IjoiMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYiLCJleHAiOjE3OTUzNDkwMTAwMDAsInRpbWVzdGFtcCI6MTc5"
        "NTM0ODgwMDAwMH0.-xyanl3h74F_aRv-giEwaYRTf9qHrEJ3VqjObe8mmlU"
    )
    assert token_at(1795348800, key) == expected


def test_a_token_lives_for_three_minutes() -> None:
    start = 1795348800.0
    assert token_at(start) == token_at(start + 179.9)
    assert token_at(start) != token_at(start + 180)
    assert token_at(start) != token_at(start, KEY + "x")


def test_a_key_that_makes_no_token() -> None:
    with (
        LLMClient("zhipu", "m", api_key="no-dot", auth="jwt", base_url="http://127.0.0.1:9") as client,
        pytest.raises(ConfigError) as caught,
    ):
        client.chat("hi")
    assert "no-dot" not in str(caught.value)


def test_an_unknown_way_to_sign_in() -> None:
    with pytest.raises(ConfigError, match="auth is one of key, jwt"):
        LLMClient("zhipu", "m", api_key=KEY, auth="bearer")


@pytest.mark.parametrize("auth", ["key", "jwt"])
def test_both_ways_are_accepted_by_a_server_that_checks(auth: str) -> None:
    with ZhipuServer(Reply("ok"), require_key=KEY) as server:
        with LLMClient("zhipu", "glm-5", api_key=KEY, auth=auth, base_url=server.url) as client:
            assert client.chat("hi").content == "ok"
            assert client.stream("hi").response().content == "ok"
            assert client.chat("hi").provider == "zhipu"
        with (
            LLMClient(
                "zhipu", "glm-5", api_key="another.secret", auth=auth, base_url=server.url, max_retries=0
            ) as client,
            pytest.raises(AuthenticationError),
        ):
            client.chat("hi")


def check(response: Any) -> None:
    assert response.content == ANSWER.text
    assert response.reasoning_content == ANSWER.reasoning
    assert [call.parse_arguments() for call in response.tool_calls] == [{"city": "巴黎"}, {"city": "Rome"}]
    assert response.finish_reason == "tool_calls"
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.cached_tokens) == (20, 30, 5)


@pytest.mark.parametrize("write_size", [None, 1, 7])
@pytest.mark.parametrize("provider", ["zhipu", "zhipu_openai"])
def test_answers(provider: str, write_size: int | None) -> None:
    with (
        ZhipuServer(ANSWER, write_size=write_size) as server,
        LLMClient(provider, "glm-4.7", api_key=KEY, base_url=server.url) as client,
    ):
        check(client.chat("hi"))
        check(client.stream("hi", tools=[TOOL]).response())
        assert server.last.json["tool_stream"] is True


async def test_answers_without_blocking() -> None:
    with ZhipuServer(ANSWER, write_size=5) as server:
        async with AsyncLLMClient("zhipu", "glm-4.7", api_key=KEY, base_url=server.url, auth="jwt") as client:
            check(await client.chat("hi"))
            check(await client.stream("hi").response())


def test_reasoning_goes_back_with_tool_calls() -> None:
    replies = [Reply("", reasoning="Ask.", tool_calls=[Call("get_weather"), Call("get_weather")]), Reply("Rain.")]
    with (
        ZhipuServer(replies, demand_reasoning=True) as server,
        LLMClient("zhipu", "glm-4.7", api_key=KEY, base_url=server.url) as client,
    ):
        history = [Message.user("weather?")]
        first = client.stream(history, tools=[TOOL]).response()
        history += [first.message, *(Message.tool("rain", call) for call in first.tool_calls)]
        assert client.chat(history, tools=[TOOL]).content == "Rain."
        assert server.last.json["messages"][1]["reasoning_content"] == "Ask."


def test_media_by_address_and_by_bytes() -> None:
    blocks = [
        "look",
        ImageBlock(url="https://x/y.png"),
        ImageBlock.from_bytes(PNG),
        VideoBlock(url="https://x/y.mp4"),
        DocumentBlock(url="https://x/y.pdf"),
    ]
    assert ask([Message.user(blocks)]).body["messages"][0]["content"] == [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {"type": "image_url", "image_url": {"url": base64.b64encode(PNG).decode()}},
        {"type": "video_url", "video_url": {"url": "https://x/y.mp4"}},
        {"type": "file_url", "file_url": {"url": "https://x/y.pdf"}},
    ]


def test_values_outside_the_open_intervals_are_moved_in() -> None:
    got = ask(temperature=0, top_p=1, stop=["a", "b"])
    assert {name: got.body[name] for name in ("temperature", "do_sample", "top_p", "stop")} == {
        "temperature": 0.01,
        "do_sample": False,
        "top_p": 0.99,
        "stop": ["a"],
    }
    assert len(got.warnings) == 3
    assert ask(temperature=2).body["temperature"] == 0.99


def test_embeddings_and_models() -> None:
    with ZhipuServer() as server, LLMClient("zhipu", "embedding-3", api_key=KEY, base_url=server.url) as client:
        assert len(client.embed([f"text {at}" for at in range(70)], dimensions=256).embeddings) == 70
        assert [len(request.json["input"]) for request in server.requests] == [64, 6]
        assert server.last.json["dimensions"] == 256
        assert [model.id for model in client.models()]


def test_an_error_in_the_middle_of_a_stream_keeps_what_came() -> None:
    fault = Fault(500, "1234", "net", midstream_after=2, reply=Reply("half of it", chunk_size=4))
    with (
        ZhipuServer(fault) as server,
        LLMClient("zhipu", "glm-4.7", api_key=KEY, base_url=server.url, max_retries=0) as client,
        pytest.raises(ServerError, match="net") as caught,
    ):
        client.stream("hi").response()
    assert caught.value.code == "1234"
    assert caught.value.partial.content
