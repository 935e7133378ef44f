"""Chat Completions requests of OpenAI, Azure and the open servers: equal in meaning to what the vendors' SDKs send."""

from __future__ import annotations

import base64

import pytest

from llm_connector import DocumentBlock, ImageBlock, Message, Provider, ToolCall, UnsupportedError
from llm_connector.protocols.chat_dialect import ChatDialect
from llm_connector.types import AudioBlock, TextBlock, VideoBlock
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
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
PICTURE = [
    Message.system("You are terse."),
    Message.user(["What is in this picture, and what is the weather in Paris?", ImageBlock.from_bytes(PNG)]),
]


def test_options_as_openais_sdk_sends_them() -> None:
    expected = sent("openai-chat-options")
    got = request_of(
        "openai",
        [Message(role="developer", content="You are terse."), Message.user("Hi")],
        options={"model": "gpt-x", "api_key": "sk-fake"},
        max_tokens=64,
        metadata={"k": "v"},
        parallel_tool_calls=False,
        reasoning_effort="high",
        response_format={"type": "json_schema", "json_schema": {"name": "p", "strict": True, "schema": SCHEMA}},
        seed=7,
        stop="END",
        tool_choice="get_weather",
        tools=[TOOL],
        top_p=0.9,
        user="u1",
        extra_body={"store": False},
        extra_headers={"X-Trace": "1"},
    )
    assert got.body == expected["body"]
    assert got.url.raw_path.decode() == expected["raw_path"]
    assert got.headers["authorization"] == expected["headers"]["authorization"]
    assert got.warnings == []


def test_what_is_about_tools_goes_with_tools() -> None:
    """OpenAI refuses ``parallel_tool_calls`` without any (HTTP 400)."""
    got = request_of("openai", tool_choice="auto", parallel_tool_calls=False)
    assert got.body.keys() == {"model", "messages"}
    assert got.warnings == []


def test_a_stream_with_a_picture_and_a_tool() -> None:
    got = request_of(
        "openai_compatible",
        PICTURE,
        options={"model": "gpt-x", "base_url": "https://api.openai.com/v1"},
        stream=True,
        max_tokens=64,
        temperature=0.2,
        tools=[TOOL],
    )
    assert got.body == sent("openai-chat-tools-stream")["body"]


def test_a_tool_round_trip() -> None:
    requests = [sent("openai-chat-tools", position) for position in range(2)]
    expected = requests[-1]["body"]
    history = list(expected["messages"])
    got = request_of("openai_compatible", history, options={"model": "gpt-x"}, max_tokens=64)
    strip = lambda message: {key: value for key, value in message.items() if value is not None}
    assert [strip(message) for message in got.body["messages"]] == [strip(message) for message in history]


@pytest.mark.parametrize("kind", ["azure", "azure_v2"])
def test_azures_two_surfaces(kind: str) -> None:
    expected = sent(f"{kind}-chat-tools")
    query = dict(expected["query"])
    deployment = expected["path"].split("/deployments/")[1].split("/")[0]
    got = request_of(
        "azure_openai",
        options={
            "base_url": "https://res.openai.azure.com",
            "deployment": deployment,
            "api_version": query["api-version"],
            "api_key": expected["headers"]["api-key"],
        },
    )
    assert got.url.path == expected["path"]
    assert dict(got.url.params) == query
    assert got.headers["api-key"] == expected["headers"]["api-key"]
    assert "authorization" not in got.headers
    plain = sent(f"{kind}-v1-openai-client")
    got = request_of("azure_openai", options={"base_url": "https://res.openai.azure.com"})
    assert got.url.path == plain["path"]
    assert not got.url.params


def test_an_entra_token_wins() -> None:
    expected = sent("azure-chat-aad")["headers"]["authorization"]
    options = {"azure_ad_token": expected.removeprefix("Bearer "), "deployment": "d"}
    got = request_of("azure_openai", options=options)
    assert got.headers["authorization"] == expected
    assert "api-key" not in got.headers
    got = request_of("azure_openai", options={"azure_ad_token": lambda: "made"})
    assert got.headers["authorization"] == "Bearer made"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("https://r.openai.azure.com/openai/v1/", "/openai/v1/chat/completions"),
        ("https://r.openai.azure.com/openai", "/openai/v1/chat/completions"),
        ("https://proxy/azure", "/azure/openai/v1/chat/completions"),
    ],
)
def test_azure_addresses(given: str, path: str) -> None:
    assert request_of("azure_openai", options={"base_url": given}).url.path == path


@pytest.mark.parametrize("provider", ["azure_openai", "azure_openai_responses"])
def test_a_key_that_was_given_goes_before_a_token_of_the_environment(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "of-another-account")
    address = {"base_url": "https://r.openai.azure.com"}
    of_environment = request_of(provider, options={**address, "api_key": None})
    assert of_environment.headers["authorization"] == "Bearer of-another-account"
    got = request_of(provider, options={**address, "api_key": "mine"})
    assert (got.headers.get("authorization"), got.headers["api-key"]) == (None, "mine")


@pytest.mark.parametrize("base", ["http://h/v1", "http://h/v1/", "http://h/v1/chat/completions"])
def test_addresses_of_compatible_servers(base: str) -> None:
    assert str(request_of("openai_compatible", options={"base_url": base}).url) == "http://h/v1/chat/completions"


@pytest.mark.parametrize(
    ("model", "params", "body", "refused"),
    [
        ("o3", {"temperature": 0.5, "max_tokens": 5}, {"max_completion_tokens": 5}, ["temperature"]),
        ("o3", {"reasoning_effort": "none"}, {"reasoning_effort": "low"}, ["cannot be told not to reason"]),
        ("gpt-5", {"enable_thinking": False, "top_p": 1}, {"reasoning_effort": "minimal"}, ["top_p"]),
        ("gpt-5.1", {"enable_thinking": False, "top_p": 1}, {"reasoning_effort": "none", "top_p": 1}, []),
        (
            "gpt-5.1",
            {"reasoning_effort": "none", "logprobs": True, "frequency_penalty": 1, "logit_bias": {"5": 1}},
            {"reasoning_effort": "none", "logprobs": True},
            ["frequency_penalty", "logit_bias"],
        ),
        ("o3", {"stop": ["X"]}, {}, ["stop"]),
        ("o4-mini-2025-04-16", {"stop": "X"}, {}, ["stop"]),
        ("ft:o4-mini-2025-04-16:me::1", {"temperature": 0, "stop": "X"}, {}, ["stop", "temperature"]),
        ("ft:gpt-4o-2024-08-06:me::1", {"temperature": 0, "stop": "X"}, {"temperature": 0, "stop": ["X"]}, []),
        ("gpt-6", {"thinking_budget": 9000}, {"reasoning_effort": "high"}, ["thinking_budget 9000"]),
        ("gpt-5-chat-latest", {"temperature": 0}, {"temperature": 0}, []),
        ("gpt-4o", {"reasoning_effort": "low"}, {}, ["does not reason"]),
        ("gpt-4o", {"top_k": 3}, {}, ["top_k"]),
    ],
)
def test_gates_of_openais_models(model: str, params: dict, body: dict, refused: list[str]) -> None:
    got = request_of("openai", options={"model": model}, **params)
    rest = {key: value for key, value in got.body.items() if key not in {"model", "messages"}}
    assert rest == body
    assert len(got.warnings) == len(refused)
    assert all(text in warning for text, warning in zip(refused, got.warnings, strict=True))


def test_instructions_are_a_developers_for_reasoning_models() -> None:
    system = [Message.system("be brief"), Message.user("x")]
    roles = lambda provider, model: request_of(provider, system, options={"model": model}).body["messages"][0]["role"]
    assert roles("openai", "gpt-5") == "developer"
    assert roles("openai", "gpt-4o") == "system"
    developer = [Message(role="developer", content="be brief"), Message.user("x")]
    assert request_of("openai_compatible", developer).body["messages"][0]["role"] == "system"


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("get_weather", {"type": "function", "function": {"name": "get_weather"}}),
    ],
)
def test_tool_choice(choice: str, wire) -> None:
    assert request_of("openai", tools=[TOOL], tool_choice=choice).body["tool_choice"] == wire


def test_a_custom_tool_is_chosen_as_one() -> None:
    custom = {"type": "custom", "custom": {"name": "sql", "description": "Runs SQL."}}
    body = request_of("openai", tools=[custom, TOOL], tool_choice="sql").body
    assert body["tools"][0] == custom
    assert body["tool_choice"] == {"type": "custom", "custom": {"name": "sql"}}


def test_the_local_server_takes_no_named_choice() -> None:
    from llm_connector.providers import find_provider

    row = find_provider("local")
    assert "named" not in row.dialect.tool_choices


@pytest.mark.parametrize(
    ("provider", "params", "body"),
    [
        ("openai_compatible", {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        ("openai_compatible", {"enable_thinking": False}, {"reasoning_effort": "none"}),
        ("openrouter", {"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        ("openrouter", {"thinking_budget": 300}, {"reasoning": {"max_tokens": 300}}),
        ("openrouter", {"enable_thinking": False}, {"reasoning": {"enabled": False}}),
        (
            "siliconflow",
            {"enable_thinking": True, "thinking_budget": 5},
            {"enable_thinking": True, "thinking_budget": 5},
        ),
        ("vllm", {"enable_thinking": False}, {"chat_template_kwargs": {"enable_thinking": False}}),
        ("xinference", {"enable_thinking": True}, {"chat_template_kwargs": {"enable_thinking": True}}),
        ("lmstudio", {"reasoning_effort": "high"}, {"reasoning_effort": "high"}),
    ],
)
def test_reasoning_controls(provider: str, params: dict, body: dict) -> None:
    got = request_of(provider, **params).body
    assert {key: value for key, value in got.items() if key not in {"model", "messages"}} == body


def test_a_vendor_without_a_control_says_so() -> None:
    got = request_of("minimax", enable_thinking=False)
    assert set(got.body) == {"model", "messages"}
    assert "how to reason cannot be asked for" in got.warnings[0]


def test_media() -> None:
    blocks = [
        "look",
        ImageBlock(url="https://x/y.png", detail="low"),
        AudioBlock(data="AAAA", mime_type="audio/mpeg"),
        DocumentBlock(data="JVBERi0=", mime_type="application/pdf", name="a.pdf"),
        DocumentBlock(data="aGVsbG8=", mime_type="text/plain"),
        DocumentBlock(file_id="file-1"),
        VideoBlock(url="https://x/y.mp4"),
    ]
    assert request_of("openai_compatible", [Message.user(blocks)]).body["messages"][0]["content"] == [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,aGVsbG8=", "filename": "document.txt"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "video_url", "video_url": {"url": "https://x/y.mp4"}},
    ]


@pytest.mark.parametrize(
    ("provider", "block"),
    [
        ("deepseek", ImageBlock(url="https://x")),
        ("openai", VideoBlock(url="https://x")),
        ("openai", DocumentBlock(url="https://x")),
        ("openai", AudioBlock(url="https://x")),
        ("moonshot", ImageBlock(url="https://x")),
        ("openai", ImageBlock(file_id="f")),
    ],
)
def test_media_that_the_vendor_cannot_take_is_refused(provider: str, block) -> None:
    with pytest.raises(UnsupportedError, match="the provider takes no"):
        request_of(provider, [Message.user([block])])


def test_what_a_tool_shows_comes_after_all_results() -> None:
    calls = [ToolCall(id="a", name="f"), ToolCall(id="b", name="f")]
    picture = ImageBlock.from_bytes(PNG)
    messages = [
        Message.user("x"),
        Message.assistant(tool_calls=calls),
        Message.tool([TextBlock("seen"), picture], "a"),
        Message.tool([picture], "b"),
        Message.user("and?"),
    ]
    wire = request_of("openai", messages).body["messages"]
    assert [message["role"] for message in wire] == ["user", "assistant", "tool", "tool", "user", "user"]
    assert wire[1]["content"] is None
    assert wire[2]["content"] == "seen"
    assert wire[3]["content"]
    assert [part["type"] for part in wire[4]["content"]] == ["text", "image_url", "image_url"]


@pytest.mark.parametrize(("replay", "kept"), [("never", 0), ("with_tool_calls", 1), ("always", 2)])
def test_when_reasoning_is_sent_back(replay: str, kept: int) -> None:
    call = ToolCall(id="a", name="f")
    messages = [
        Message.user("x"),
        Message.assistant("y", reasoning_content="r1"),
        Message.assistant(tool_calls=[call], reasoning_content="r2"),
        Message.tool("z", call),
    ]
    wire = request_of("openai_compatible", messages, options={"reasoning_replay": replay}).body["messages"]
    assert sum("reasoning_content" in message for message in wire) == kept


def test_a_schema_goes_where_the_vendor_wants_it() -> None:
    got = request_of("deepseek", response_format=SCHEMA)
    assert got.body["response_format"] == {"type": "json_object"}
    assert '"required":["a"]' in got.body["messages"][0]["content"]
    assert any("takes no schema" in warning for warning in got.warnings)


def test_adding_a_provider_is_one_row() -> None:
    row = Provider(
        name="new_vendor",
        title="New",
        protocol="openai_chat",
        docs="https://example.com",
        base_url="https://api.example.com/v1",
        key_env=("NEW_VENDOR_KEY",),
        dialect=ChatDialect(token_limit="limit", unsupported=frozenset({"seed"})),
    )
    got = request_of(row, max_tokens=3, seed=1)
    assert got.body["limit"] == 3
    assert str(got.url) == "https://api.example.com/v1/chat/completions"
    assert got.warnings == ["new_vendor: seed has no equivalent and was not sent"]


@pytest.mark.parametrize(("provider", "marked"), [("openai", False), ("deepseek", False), ("openrouter", True)])
def test_cache_marks_go_to_vendors_that_take_them_and_are_reported_elsewhere(provider: str, marked: bool) -> None:
    mark = {"type": "ephemeral"}
    tool = {**TOOL, "cache_control": mark}
    messages = [Message.user([TextBlock("long", cache_control=mark), TextBlock("short")])]
    got = request_of(provider, messages, tools=[tool])
    assert ("cache_control" in str(got.body)) == marked
    assert len([warning for warning in got.warnings if "cache_control" in warning]) == (0 if marked else 1)


def test_reasoning_between_tags_goes_back_between_tags() -> None:
    call = ToolCall(id="a", name="f")
    messages = [
        Message.user("x"),
        Message.assistant("y", tool_calls=[call], reasoning_content="r"),
        Message.tool("z", call),
    ]
    assistant = request_of("minimax", messages).body["messages"][1]
    assert assistant["content"] == "<think>r</think>y"
    assert "reasoning_content" not in assistant
