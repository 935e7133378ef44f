"""DashScope requests: equal in meaning to what the vendor's SDK sends, and what is converted is told."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pydantic import BaseModel

from llm_connector import ConfigError, DocumentBlock, ImageBlock, LLMClient, Message, ToolCall, UnsupportedError
from llm_connector.types import AudioBlock, TextBlock, VideoBlock
from oracle import sent
from requests_of import Sent, request_of

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TEXT_PATH = "/api/v1/services/aigc/text-generation/generation"
MULTIMODAL_PATH = "/api/v1/services/aigc/multimodal-generation/generation"
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
RESULT = Message.tool('{"temp_c": 17, "sky": "rain"}', CALL)
QUESTION = [Message.system("You are terse."), Message.user("What is the weather in Paris?")]
PICTURE = [
    Message.system("You are terse."),
    Message.user([ImageBlock.from_bytes(PNG), "What is in this picture, and what is the weather in Paris?"]),
]


def ask(messages: Any = "hi", model: str = "qwen-plus", options: dict | None = None, **params: Any) -> Sent:
    return request_of("aliyun", messages, options={"model": model, **(options or {})}, **params)


def parameters(model: str = "qwen-plus", **params: Any) -> dict[str, Any]:
    return ask(model=model, **params).body["parameters"]


def in_our_form(body: dict[str, Any]) -> dict[str, Any]:
    """The SDK's request without what it leaves to the vendor's defaults and what it echoes of an answer."""
    body["parameters"].setdefault("result_format", "message")
    for message in body["input"]["messages"]:
        for call in message.get("tool_calls", []):
            call.pop("index", None)
    return body


def test_text_and_tools_as_the_sdk_sends_them() -> None:
    expected = sent("aliyun-text-tools")
    got = ask(QUESTION, tools=[TOOL], temperature=0.2, max_tokens=64, enable_thinking=False)
    assert got.body == in_our_form(expected["body"])
    assert got.url.path == expected["path"]
    assert got.headers["authorization"] == "Bearer k"
    assert got.warnings == []


def test_a_tool_round_trip_as_the_sdk_sends_it() -> None:
    expected = sent("aliyun-text-tools", 1)["body"]
    got = ask(
        [*QUESTION, Message.assistant("", tool_calls=[CALL]), RESULT],
        tools=[TOOL],
        top_p=0.9,
        top_k=5,
        seed=7,
        stop="END",
        presence_penalty=0.1,
        tool_choice="auto",
        parallel_tool_calls=True,
        response_format="json_object",
        extra_body={"parameters": {"repetition_penalty": 1.1}},
    )
    system = got.body["input"]["messages"][0]
    assert system["content"] == "You are terse.\n\nAnswer with one JSON object."  # the vendor demands the word
    assert "the word JSON" in got.warnings[0]
    system["content"] = "You are terse."
    assert got.body == in_our_form(expected)


def test_a_stream_as_the_sdk_asks_for_it() -> None:
    expected = sent("aliyun-text-tools-stream")
    got = ask(QUESTION, stream=True, tools=[TOOL], enable_thinking=True, thinking_budget=128)
    assert got.body == in_our_form(expected["body"])
    for name in ("accept", "x-dashscope-sse"):
        assert got.headers[name] == expected["headers"][name]
    assert "x-dashscope-sse" not in ask(QUESTION).headers


@pytest.mark.parametrize("name", ["aliyun-multimodal-tools", "aliyun-multimodal-stream"])
def test_a_picture_as_the_sdk_sends_it(name: str) -> None:
    expected = sent(name)
    stream = name.endswith("stream")
    got = ask(PICTURE, "qwen-vl-plus", stream=stream, **({} if stream else {"tools": [TOOL]}))
    assert got.body == in_our_form(expected["body"])
    assert got.url.path == expected["path"] == MULTIMODAL_PATH


def test_a_multimodal_tool_round_trip_as_the_sdk_sends_it() -> None:
    expected = sent("aliyun-multimodal-tools", 1)["body"]
    result = Message.tool(RESULT.content, CALL.id)
    got = ask([*PICTURE, Message.assistant("", tool_calls=[CALL]), result], "qwen-vl-plus")
    assert got.body == in_our_form(expected)


def test_the_new_sdk_sends_the_same() -> None:
    expected = sent("aliyun_v2-chat-native")
    swapped = [PICTURE[0], Message.user(list(reversed(PICTURE[1].blocks)))]
    got = ask(swapped, "qwen-vl-plus", temperature=0.2, max_tokens=64, tools=[TOOL])
    expected["body"]["input"]["messages"][0]["content"] = [{"text": "You are terse."}]  # it sends this one as a string
    assert got.body == expected["body"]
    assert got.url.path == expected["path"]


def test_a_workspace_has_a_header_and_a_host() -> None:
    expected = sent("aliyun-workspace-header")
    got = ask(QUESTION, options={"workspace": "ws-1", "region": "intl"})
    assert got.headers["x-dashscope-workspace"] == expected["headers"]["x-dashscope-workspace"]
    assert got.body == expected["body"]
    assert got.url.host == "ws-1.ap-southeast-1.maas.aliyuncs.com"
    private = ask(QUESTION, options={"workspace": "ws-1", "base_url": "http://gateway/qwen"})
    assert str(private.url) == "http://gateway/qwen/services/aigc/text-generation/generation"
    assert private.headers["x-dashscope-workspace"] == "ws-1"


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, f"https://dashscope.aliyuncs.com{TEXT_PATH}"),
        ({"region": "intl"}, f"https://dashscope-intl.aliyuncs.com{TEXT_PATH}"),
        ({"region": "ap-southeast-1"}, f"https://dashscope-intl.aliyuncs.com{TEXT_PATH}"),
        ({"region": "cn-hongkong"}, f"https://cn-hongkong.dashscope.aliyuncs.com{TEXT_PATH}"),
        ({"region": "us"}, f"https://dashscope-us.aliyuncs.com{TEXT_PATH}"),
        ({"base_url": "https://dashscope-intl.aliyuncs.com"}, f"https://dashscope-intl.aliyuncs.com{TEXT_PATH}"),
        ({"base_url": "http://127.0.0.1:9"}, "http://127.0.0.1:9/services/aigc/text-generation/generation"),
    ],
)
def test_addresses(options: dict, url: str) -> None:
    assert str(ask(options=options).url) == url


def test_aliases_of_the_older_implementation() -> None:
    international = request_of("aliyun_international", options={"model": "qwen-plus"})
    assert international.url.host == "dashscope-intl.aliyuncs.com"
    private = request_of("aliyun_private", options={"model": "qwen-plus", "base_url": "https://qwen.example/api/v1"})
    assert str(private.url) == f"https://qwen.example{TEXT_PATH}"


def test_a_private_cloud_needs_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="pass base_url="):
        LLMClient("aliyun_private", "m", api_key="k")
    monkeypatch.setenv("DASHSCOPE_BASE_URL", "https://qwen.example/api/v1")
    assert request_of("aliyun_private").url.host == "qwen.example"


def test_an_unknown_region_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"region is one of cn, .*us"):
        LLMClient("aliyun", "m", api_key="k", region="mars")


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("qwen-plus", TEXT_PATH),
        ("qwen3-max", TEXT_PATH),
        ("qwen-max-latest", TEXT_PATH),
        ("qwen2.5-7b-instruct", TEXT_PATH),
        ("deepseek-v3.2", TEXT_PATH),
        ("qwen-vl-max", MULTIMODAL_PATH),
        ("qwen3-vl-plus", MULTIMODAL_PATH),
        ("qwen2.5-vl-72b-instruct", MULTIMODAL_PATH),
        ("qwen3-omni-flash", MULTIMODAL_PATH),
        ("qvq-max", MULTIMODAL_PATH),
        ("qwen-vl-ocr", MULTIMODAL_PATH),
        ("qwen3.5-plus", MULTIMODAL_PATH),
        ("qwen3.6-flash", MULTIMODAL_PATH),
        ("qwen3.5-397b-a17b", MULTIMODAL_PATH),
    ],
)
def test_the_service_by_the_model(model: str, path: str) -> None:
    assert ask(QUESTION, model, enable_thinking=False).url.path == path


def test_the_service_by_content_and_by_option() -> None:
    assert ask(PICTURE, "qwen-of-tomorrow").url.path == MULTIMODAL_PATH
    got = ask(QUESTION, "qwen-of-tomorrow", {"endpoint": "multimodal"})
    assert got.url.path == MULTIMODAL_PATH
    assert got.body["input"]["messages"][0] == {"role": "system", "content": [{"text": "You are terse."}]}
    assert ask(QUESTION, "qwen-vl-max", {"endpoint": "text"}).url.path == TEXT_PATH
    with pytest.raises(UnsupportedError, match="endpoint='text'"):
        ask(PICTURE, "qwen-vl-max", {"endpoint": "text"})
    with pytest.raises(ConfigError, match="endpoint is one of auto, text, multimodal"):
        ask(options={"endpoint": "both"})


def test_media() -> None:
    blocks = [
        "look",
        ImageBlock(url="https://x/y.png"),
        AudioBlock(url="https://x/y.mp3"),
        AudioBlock(data="AAAA", mime_type="audio/wav"),
        VideoBlock(url="https://x/y.mp4", fps=2),
        TextBlock("long", cache_control={"type": "ephemeral"}),
    ]
    got = ask([Message.user(blocks)], "qwen3-omni-flash")
    assert got.body["input"]["messages"][0]["content"] == [
        {"text": "look"},
        {"image": "https://x/y.png"},
        {"audio": "https://x/y.mp3"},
        {"audio": "data:audio/wav;base64,AAAA"},
        {"video": "https://x/y.mp4", "fps": 2},
        {"text": "long", "cache_control": {"type": "ephemeral"}},
    ]
    assert "x-dashscope-ossresourceresolve" not in got.headers


def test_what_was_uploaded_to_the_vendors_store_is_resolved() -> None:
    got = ask([Message.user([ImageBlock(url="oss://bucket/y.png")])])
    assert got.headers["x-dashscope-ossresourceresolve"] == "enable"


def test_a_documents_or_files_id_is_refused_before_sending() -> None:
    with pytest.raises(UnsupportedError, match="takes no document"):
        ask([Message.user([DocumentBlock(url="https://x/y.pdf")])])
    with pytest.raises(UnsupportedError, match="file id"):
        ask([Message.user([ImageBlock(file_id="file-1")])])


def test_an_images_detail_is_told() -> None:
    got = ask([Message.user([ImageBlock(url="https://x/y.png", detail="low")])])
    assert got.body["input"]["messages"][0]["content"] == [{"image": "https://x/y.png"}]
    assert any("detail" in warning for warning in got.warnings)


def test_a_cache_mark_on_text_names_the_types() -> None:
    marked = Message.system([TextBlock("long", cache_control={"type": "ephemeral"})])
    messages = ask([marked, Message.user(["a", "b"])]).body["input"]["messages"]
    assert messages[0]["content"] == [{"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}]
    assert messages[1]["content"] == "a\nb"


def test_a_picture_from_a_tool_is_shown_by_the_user() -> None:
    result = Message.tool(["a chart", ImageBlock(url="https://x/y.png")], CALL.id)
    got = ask([*QUESTION, Message.assistant("", tool_calls=[CALL]), result])
    assert got.url.path == MULTIMODAL_PATH
    assert got.body["input"]["messages"][-2:] == [
        {"role": "tool", "tool_call_id": CALL.id, "content": [{"text": "a chart"}]},
        {"role": "user", "content": [{"text": "What the tool returned:"}, {"image": "https://x/y.png"}]},
    ]


@pytest.mark.parametrize(
    ("replay", "calls", "kept"),
    [
        ("with_tool_calls", True, True),
        ("with_tool_calls", False, False),
        ("always", False, True),
        ("never", True, False),
    ],
)
def test_reasoning_goes_back_as_the_row_says(replay: str, calls: bool, kept: bool) -> None:
    said = Message.assistant("x", reasoning_content="thought", tool_calls=[CALL] if calls else [])
    history = [*QUESTION, said, RESULT if calls else Message.user("go on")]
    got = ask(history, options={"reasoning_replay": replay}).body["input"]["messages"][2]
    assert (got.get("reasoning_content") == "thought") is kept


@pytest.mark.parametrize(
    ("params", "wire", "told"),
    [
        ({"enable_thinking": True}, {"enable_thinking": True}, []),
        ({"enable_thinking": False}, {"enable_thinking": False}, []),
        ({"reasoning_effort": "none"}, {"enable_thinking": False}, []),
        ({"thinking_budget": 0}, {"enable_thinking": False}, []),
        ({"thinking_budget": 500}, {"enable_thinking": True, "thinking_budget": 500}, []),
        (
            {"reasoning_effort": "low"},
            {"enable_thinking": True, "thinking_budget": 2048},
            ["reasoning_effort 'low' was sent as thinking_budget 2048"],
        ),
    ],
)
def test_reasoning(params: dict, wire: dict, told: list[str]) -> None:
    got = ask(**params)
    assert got.body["parameters"] == {"result_format": "message", **wire}
    assert got.warnings == [f"aliyun: {text}" for text in told]


@pytest.mark.parametrize(
    ("choice", "wire", "told"),
    [
        ("auto", "auto", False),
        ("none", "none", False),
        ("required", "auto", True),
        ("get_weather", {"type": "function", "function": {"name": "get_weather"}}, False),
    ],
)
def test_tool_choice(choice: str, wire: Any, told: bool) -> None:
    got = ask(tools=[TOOL], tool_choice=choice)
    assert got.body["parameters"]["tool_choice"] == wire
    assert bool(got.warnings) is told


def test_numbers_that_are_zero_and_all_other_fields() -> None:
    got = parameters(
        temperature=0, seed=0, top_k=0, max_tokens=1, n=2, logprobs=True, top_logprobs=0, presence_penalty=0
    )
    assert got == {
        "result_format": "message",
        "temperature": 0,
        "seed": 0,
        "top_k": 0,
        "max_tokens": 1,
        "n": 2,
        "logprobs": True,
        "top_logprobs": 0,
        "presence_penalty": 0,
    }


def test_what_has_no_equivalent_is_told() -> None:
    got = ask(frequency_penalty=1, logit_bias={"1": 1}, user="u", metadata={"a": "b"}, temperature=2)
    assert got.body["parameters"] == {"result_format": "message", "temperature": 1.99}
    assert len(got.warnings) == 5
    for name in ("frequency_penalty", "logit_bias", "user", "metadata", "temperature 2"):
        assert any(name in warning for warning in got.warnings)


class Answer(BaseModel):
    """What is wanted."""

    value: int


@pytest.mark.parametrize("model", ["qwen-plus", "qwen-plus-2025-07-28", "qwen-flash", "qwen3-max", "deepseek-v3.2"])
def test_a_schema_for_models_that_take_one(model: str) -> None:
    got = ask(model=model, response_format=Answer)
    wanted = got.body["parameters"]["response_format"]
    assert wanted == {"type": "json_schema", "json_schema": {"name": "Answer", "schema": Answer.model_json_schema()}}
    assert got.warnings == []


def test_thinking_gives_way_to_a_form_unless_it_was_asked_for() -> None:
    got = ask(model="qwen3.5-plus", response_format=Answer)
    assert got.body["parameters"]["response_format"]["type"] == "json_schema"
    assert got.body["parameters"]["enable_thinking"] is False
    assert "reasoning was switched off" in got.warnings[0]
    got = ask(model="qwen3.5-plus", response_format=Answer, enable_thinking=True)
    assert got.body["parameters"]["enable_thinking"] is True
    assert "enable_thinking" not in parameters("qwen3.5-plus", response_format="text")


@pytest.mark.parametrize(
    ("model", "params", "choice", "thinking"),
    [
        ("qwen-plus", {}, "named", None),
        ("qwen-plus", {"enable_thinking": True}, "auto", True),
        ("qwen-plus", {"enable_thinking": False}, "named", False),
        ("qwen3-32b", {}, "named", False),
        ("qwen3.5-plus", {}, "named", False),
    ],
)
def test_no_tool_is_forced_while_the_model_thinks(model: str, params: dict, choice: str, thinking: Any) -> None:
    got = parameters(model, tools=[TOOL], tool_choice="get_weather", **params)
    assert got["tool_choice"] == (
        "auto" if choice == "auto" else {"type": "function", "function": {"name": "get_weather"}}
    )
    assert got.get("enable_thinking") is thinking


@pytest.mark.parametrize("model", ["qwen-turbo", "qwen-plus-2024-12-20", "qwen-vl-max", "qwen2.5-7b-instruct"])
def test_a_schema_in_the_prompt_for_the_others(model: str) -> None:
    got = ask(model=model, response_format=Answer)
    assert got.body["parameters"]["response_format"] == {"type": "json_object"}
    assert "JSON" in str(got.body["input"]["messages"][0]["content"])
    assert '"value"' in str(got.body["input"]["messages"][0]["content"])
    assert "takes no schema" in got.warnings[0]


def test_json_object_is_left_alone_where_the_word_is_there() -> None:
    got = ask("Give me Json", response_format="json_object")
    assert got.body["input"]["messages"] == [{"role": "user", "content": "Give me Json"}]
    assert got.warnings == []


def test_extra_body_adds_to_the_parameters_and_wins() -> None:
    extra = {"parameters": {"enable_search": True, "temperature": 1}, "x": [1]}
    body = ask(temperature=0.5, extra_body=extra).body
    assert body["parameters"] == {"result_format": "message", "temperature": 1, "enable_search": True}
    assert body["x"] == [1]
