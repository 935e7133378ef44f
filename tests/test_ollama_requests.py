"""Ollama requests: equal in meaning to what ollama-python sends, and nothing lost in silence."""

from __future__ import annotations

import base64

import pytest

from llm_connector import ConfigError, DocumentBlock, ImageBlock, LLMClient, Message, TextBlock, ToolCall
from llm_connector.errors import UnsupportedError
from llm_connector.providers.ollama import parse_host
from llm_connector.types import AudioBlock
from oracle import sent
from requests_of import request_of

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
OTHER_TOOL = {"name": "other", "description": "Another", "parameters": {"type": "object", "properties": {}}}
PICTURE = [
    Message.system("You are terse."),
    Message.user(["What is in this picture, and what is the weather in Paris?", ImageBlock.from_bytes(PNG)]),
]
CALL = ToolCall(id="call_1", name="get_weather", arguments='{"city": "Paris"}')
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def body_of(messages="hi", **params) -> dict:
    return request_of("ollama", messages, **params).body


def test_a_picture_and_a_tool_as_ollamas_sdk_sends_them() -> None:
    expected = sent("ollama-chat-tools")
    got = request_of(
        "ollama",
        PICTURE,
        options={"keep_alive": "5m", "options": {"num_ctx": 4096}},
        tools=[TOOL],
        temperature=0.2,
        max_tokens=64,
        enable_thinking=True,
    )
    assert got.body == expected["body"]
    assert got.url.raw_path.decode() == expected["raw_path"]
    assert got.warnings == []


def test_a_stream_as_ollamas_sdk_sends_it() -> None:
    assert body_of(PICTURE, tools=[TOOL], stream=True) == sent("ollama-chat-tools-stream")["body"]


def test_a_tool_result_as_ollamas_sdk_sends_it_with_the_ids_of_newer_servers() -> None:
    expected = sent("ollama-chat-tools", 1)["body"]
    history = [
        *PICTURE,
        Message.assistant(tool_calls=[CALL]),
        Message.tool('{"temp_c": 17, "sky": "rain"}', "call_1"),
    ]
    got = body_of(history, tools=[TOOL])
    (call,), result = got["messages"][2]["tool_calls"], got["messages"][3]
    assert (call.pop("id"), call["function"].pop("index")) == ("call_1", 0)
    assert result.pop("tool_call_id") == "call_1"
    assert got["messages"][2].pop("content") == ""
    assert got == expected


def test_a_schema_and_a_level_as_ollamas_sdk_sends_them() -> None:
    expected = sent("ollama-chat-format-schema")["body"]
    got = body_of("Hi", response_format=SCHEMA, reasoning_effort="low", logprobs=False)
    assert got == {name: value for name, value in expected.items() if name != "tools"}


def test_the_headers_hold_a_key_only_when_there_is_one() -> None:
    with LLMClient("ollama", "m") as client:
        call, request = client._chat_call("hi", {})
        wire = next(call.protocol.chat(request))
        headers = call.http_request(wire, str(call.base_url), call.key).headers
    assert "authorization" not in headers
    assert request_of("ollama", options={"api_key": "secret"}).headers["authorization"] == "Bearer secret"


def test_the_key_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "cloud-key")
    assert request_of("ollama", options={"api_key": None}).headers["authorization"] == "Bearer cloud-key"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", "http://127.0.0.1:11434"),
        ("  ", "http://127.0.0.1:11434"),
        ("example.com", "http://example.com:11434"),
        ("example.com:8080", "http://example.com:8080"),
        (":8080", "http://127.0.0.1:8080"),
        ("http://example.com", "http://example.com:80"),
        ("https://example.com", "https://example.com:443"),
        ("https://example.com:8443/ollama/", "https://example.com:8443/ollama"),
        ("example.com/prefix/", "http://example.com:11434/prefix"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:1234", "http://127.0.0.1:1234"),
        ("[::1]", "http://[::1]:11434"),
        ("[::]:77", "http://[::1]:77"),
        ('"http://example.com:99"', "http://example.com:99"),
    ],
)
def test_what_ollama_host_means(text: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_host(text) == address
    monkeypatch.setenv("OLLAMA_HOST", text)
    with LLMClient("ollama") as client:
        assert client.settings.base_url == address


def test_a_broken_ollama_host_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "localhost:port")
    with pytest.raises(ConfigError, match="OLLAMA_HOST"):
        LLMClient("ollama")


@pytest.mark.parametrize("ending", ["", "/", "/api", "/api/", "/api/chat"])
def test_a_base_url_may_end_with_our_own_path(ending: str) -> None:
    got = request_of("ollama", options={"base_url": f"https://h.example/p{ending}"})
    assert str(got.url) == "https://h.example/p/api/chat"


def test_every_sampling_field_goes_into_options_zeros_too() -> None:
    got = body_of(
        temperature=0,
        top_p=0.5,
        top_k=0,
        seed=0,
        max_tokens=1,
        stop=["X", "Y"],
        presence_penalty=0,
        frequency_penalty=0.5,
        logprobs=True,
        top_logprobs=2,
    )
    assert got["options"] == {
        "temperature": 0,
        "top_p": 0.5,
        "top_k": 0,
        "seed": 0,
        "num_predict": 1,
        "stop": ["X", "Y"],
        "presence_penalty": 0,
        "frequency_penalty": 0.5,
    }
    assert (got["logprobs"], got["top_logprobs"]) == (True, 2)


def test_what_ollama_does_not_know_is_reported() -> None:
    got = request_of(
        "ollama", n=2, user="u", logit_bias={"1": 1}, metadata={"a": 1}, parallel_tool_calls=False, tools=[TOOL]
    )
    reported = [warning.split()[1] for warning in got.warnings]
    assert reported == ["logit_bias", "metadata", "n", "parallel_tool_calls", "user"]
    assert not {"n", "user", "logit_bias", "metadata", "parallel_tool_calls"} & got.body.keys()


def test_options_of_client_request_and_extra_body_are_merged_in_that_order() -> None:
    got = body_of(
        options={"options": {"num_ctx": 1, "seed": 1, "min_p": 0.1}},
        seed=2,
        temperature=1,
        extra_body={"options": {"temperature": 0.5, "num_gpu": 0}, "truncate": False},
    )
    assert got["options"] == {"num_ctx": 1, "seed": 2, "min_p": 0.1, "temperature": 0.5, "num_gpu": 0}
    assert got["truncate"] is False


@pytest.mark.parametrize("keep_alive", [0, -1, "10m", 30])
def test_keep_alive_is_sent_as_given_zero_too(keep_alive: int | str) -> None:
    assert body_of(options={"keep_alive": keep_alive})["keep_alive"] == keep_alive


def test_nothing_is_sent_that_was_not_asked_for() -> None:
    assert body_of() == {"model": "m", "stream": False, "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(
    ("asked", "think", "warned"),
    [
        ({"enable_thinking": True}, True, 0),
        ({"enable_thinking": False}, False, 0),
        ({"reasoning_effort": "none"}, False, 0),
        ({"thinking_budget": 0}, False, 0),
        ({"reasoning_effort": "minimal"}, "low", 1),
        ({"reasoning_effort": "medium"}, "medium", 0),
        ({"reasoning_effort": "max"}, "max", 0),
        ({"thinking_budget": 9000}, "high", 1),
    ],
)
def test_think(asked: dict, think: bool | str, warned: int) -> None:
    got = request_of("ollama", **asked)
    assert got.body["think"] == think
    assert len(got.warnings) == warned


@pytest.mark.parametrize(
    ("asked", "think", "warned"),
    [
        ({"enable_thinking": True}, "medium", 0),
        ({"enable_thinking": False}, "low", 1),
        ({"reasoning_effort": "max"}, "high", 1),
    ],
)
def test_gpt_oss_takes_a_level_and_cannot_stop(asked: dict, think: str, warned: int) -> None:
    got = request_of("ollama", options={"model": "gpt-oss:20b"}, **asked)
    assert got.body["think"] == think
    assert len(got.warnings) == warned


def test_forms_of_answers() -> None:
    assert body_of(response_format="json_object")["format"] == "json"
    assert body_of(response_format=SCHEMA)["format"] == SCHEMA
    assert "format" not in body_of(response_format="text")


def test_tool_choices() -> None:
    tools = [TOOL, OTHER_TOOL]
    none, required = (request_of("ollama", tools=tools, tool_choice=choice) for choice in ("none", "required"))
    assert "tools" not in none.body
    assert len(required.body["tools"]) == 2
    assert "tool_choice 'none'" in none.warnings[0]
    assert "tool_choice 'required'" in required.warnings[0]
    named = request_of("ollama", tools=tools, tool_choice="other")
    assert [tool["function"]["name"] for tool in named.body["tools"]] == ["other"]
    assert "this tool alone" in named.warnings[0]
    assert request_of("ollama", tools=tools, tool_choice="auto").warnings == []


def test_a_strict_tool_is_sent_and_the_loss_reported() -> None:
    got = request_of("ollama", tools=[{**OTHER_TOOL, "strict": True, "cache_control": {"type": "ephemeral"}}])
    assert got.body["tools"] == [{"type": "function", "function": OTHER_TOOL}]
    assert len(got.warnings) == 2


@pytest.mark.parametrize(
    "content",
    [
        [ImageBlock.from_url("https://example.com/a.png")],
        [ImageBlock.from_file_id("file_1")],
        [AudioBlock.from_bytes(b"RIFF0000WAVE")],
        [DocumentBlock.from_bytes(b"%PDF-1.7")],
    ],
)
def test_other_media_are_refused_before_sending(content: list) -> None:
    with pytest.raises(UnsupportedError, match="Ollama takes no"):
        request_of("ollama", [Message.user(content)])


def test_a_vendors_tool_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="web_search"):
        request_of("ollama", tools=[{"type": "web_search"}])


def test_pictures_that_tools_return_are_shown_by_one_message_of_the_user_after_the_results() -> None:
    calls = [ToolCall(id=f"call_{number}", name="look", arguments="{}") for number in (1, 2)]
    history = [
        Message.user("look"),
        Message.assistant(tool_calls=calls),
        Message.tool(["one", ImageBlock.from_bytes(PNG)], calls[0]),
        Message.tool([ImageBlock.from_bytes(PNG)], calls[1]),
    ]
    expected = base64.b64encode(PNG).decode()
    for tail in ([], [Message.user("and?")]):
        _, _, first, second, shown, *rest = body_of([*history, *tail])["messages"]
        assert [message["role"] for message in (first, second, shown)] == ["tool", "tool", "user"]
        assert "images" not in first
        assert first["content"] == "one"
        assert shown["images"] == [expected, expected]
        assert len(rest) == len(tail)


def test_developer_messages_and_several_texts() -> None:
    got = body_of([Message(role="developer", content="Be brief."), Message.user(["a", TextBlock(text="b")])])
    assert got["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "a\nb"}]


def test_names_and_cache_marks_are_reported() -> None:
    got = request_of("ollama", [Message.user([TextBlock("a", cache_control={"type": "ephemeral"})], name="Ann")])
    assert got.body["messages"] == [{"role": "user", "content": "a"}]
    assert len(got.warnings) == 2


@pytest.mark.parametrize(
    ("rule", "with_calls", "thinking"),
    [
        (None, True, True),
        (None, False, False),
        ("never", True, False),
        ("always", False, True),
    ],
)
def test_thinking_is_sent_back_as_the_row_says(rule: str | None, with_calls: bool, thinking: bool) -> None:
    calls = [CALL] if with_calls else []
    answer = Message.assistant("so", reasoning_content="hm", tool_calls=calls)
    results = [Message.tool("x", CALL)] if with_calls else []
    options = {} if rule is None else {"reasoning_replay": rule}
    got = body_of([Message.user("a"), answer, *results, Message.user("b")], options=options)
    assert got["messages"][1].get("thinking") == ("hm" if thinking else None)


def test_broken_arguments_in_the_history_are_sent_as_none_and_reported() -> None:
    broken = ToolCall(id="call_1", name="f", arguments='{"a": ')
    history = [Message.user("a"), Message.assistant(tool_calls=[broken]), Message.tool("x", broken)]
    got = request_of("ollama", history)
    assert got.body["messages"][1]["tool_calls"][0]["function"]["arguments"] == {}
    assert "'f'" in got.warnings[0]
