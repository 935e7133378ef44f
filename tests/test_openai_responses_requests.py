"""Responses requests: equal in meaning to what the vendors' SDKs send, stateless, and nothing lost in silence."""

from __future__ import annotations

import base64

import pytest

from llm_connector import ConfigError, DocumentBlock, ImageBlock, LLMClient, Message, TextBlock, ToolCall
from llm_connector.errors import UnsupportedError
from llm_connector.types import AudioBlock, Reasoning, VideoBlock
from oracle import sent
from requests_of import request_of

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "City name"}},
    "required": ["city"],
}
TOOL = {"name": "get_weather", "description": "Current weather for a city", "parameters": PARAMETERS}
PICTURE = [
    Message.system("You are terse."),
    Message.user(["What is in this picture, and what is the weather in Paris?", ImageBlock.from_bytes(PNG)]),
]
CALL = ToolCall(id="call_abc123", name="get_weather", arguments='{"city": "Paris"}')
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
STATELESS = {"store": False, "include": ["reasoning.encrypted_content"]}
ENCRYPTED = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA+/=="}


def body_of(messages="hi", model="gpt-5.2", provider="openai_responses", **params) -> dict:
    return request_of(provider, messages, options={"model": model, **params.pop("options", {})}, **params).body


def items_of(message: Message, *after: Message, **options) -> list[dict]:
    """The items of an assistant's message (and what follows it) in a history."""
    return body_of([Message.user("a"), message, *after], options=options)["input"][1:]


def replayable(*blocks: dict, text: str = "", calls=(), family: str = "openai_responses") -> Message:
    return Message.assistant(text, tool_calls=list(calls), reasoning=Reasoning(family=family, blocks=list(blocks)))


@pytest.mark.parametrize("generation", ["openai", "openai_v2"])
def test_a_picture_and_a_tool_as_openais_sdk_sends_them(generation: str) -> None:
    expected = sent(f"{generation}-responses-tools")
    got = request_of(
        "openai_responses",
        PICTURE,
        options={"model": "gpt-5.2", "api_key": "sk-fake"},
        tools=[TOOL],
        max_tokens=64,
        reasoning_effort="low",
    )
    assert got.body == expected["body"] | STATELESS | {"model": "gpt-5.2"}
    assert got.url.raw_path.decode() == expected["raw_path"]
    assert got.headers["authorization"] == expected["headers"]["authorization"]
    assert got.warnings == []


@pytest.mark.parametrize("generation", ["openai", "openai_v2"])
def test_a_tool_result_as_openais_sdk_sends_it(generation: str) -> None:
    expected = sent(f"{generation}-responses-tools", 1)["body"]
    block = {"type": "reasoning", "id": "rs_1", "summary": []}
    answer = replayable(block, {"type": "function_call", "call_id": CALL.id}, calls=[CALL])
    history = [*PICTURE, answer, Message.tool('{"temp_c": 17, "sky": "rain"}', CALL)]
    got = body_of(history, tools=[TOOL])
    assert got == {name: value for name, value in expected.items() if name != "stream"} | {"model": "gpt-5.2"}


def test_volcengines_body() -> None:
    expected = {name: value for name, value in sent("volcengine-responses")["body"].items() if value is not None}
    got = body_of([Message.user([TextBlock("Hi")])], model="doubao-x", options={"base_url": "https://h.example/api/v3"})
    assert got == expected | STATELESS


def test_the_headers_of_an_organization() -> None:
    got = request_of("openai_responses", options={"organization": "org-1", "project": "proj-1"})
    assert got.headers["openai-organization"] == "org-1"
    assert got.headers["openai-project"] == "proj-1"


def test_a_stream_says_so() -> None:
    assert body_of(stream=True)["stream"] is True
    assert "stream" not in body_of()


@pytest.mark.parametrize(
    ("model", "encrypted"),
    [
        ("gpt-5.2", True),
        ("o4-mini", True),
        ("deepseek-v4", True),
        ("my-deployment", True),
        ("gpt-4o", False),
        ("gpt-4.1-mini", False),
        ("gpt-5-chat-latest", False),
        ("team/gpt-4o", False),
    ],
)
def test_encrypted_reasoning_is_asked_of_models_that_may_reason(model: str, encrypted: bool) -> None:
    got = body_of(model=model)
    assert got["store"] is False
    assert ("include" in got) is encrypted


def test_reasoning_models_take_no_sampling_and_that_is_reported() -> None:
    sampling = {"temperature": 0, "top_p": 0.5, "logprobs": True, "top_logprobs": 2}
    refused = request_of("openai_responses", options={"model": "gpt-5.2"}, **sampling)
    assert not sampling.keys() & refused.body.keys()
    assert [warning.split()[1] for warning in refused.warnings] == sorted(sampling)
    for options, effort in (({"model": "gpt-5.2"}, {"reasoning_effort": "none"}), ({"model": "gpt-4.1"}, {})):
        taken = request_of("openai_responses", options=options, **sampling, **effort)
        assert (taken.body["temperature"], taken.body["top_p"], taken.body["top_logprobs"]) == (0, 0.5, 2)
        assert "message.output_text.logprobs" in taken.body["include"]
        assert taken.warnings == []


def test_what_the_api_does_not_know_is_reported() -> None:
    fields = {"stop": ["X"], "seed": 0, "n": 2, "presence_penalty": 0, "frequency_penalty": 1, "top_k": 1}
    got = request_of("openai_responses", logit_bias={"1": 1}, **fields)
    assert [warning.split()[1] for warning in got.warnings] == sorted([*fields, "logit_bias"])
    assert not fields.keys() & got.body.keys()


def test_the_other_fields() -> None:
    got = body_of(max_tokens=1, user="u", metadata={"k": "v"}, tools=[TOOL], parallel_tool_calls=False)
    assert (got["max_output_tokens"], got["safety_identifier"], got["metadata"]) == (1, "u", {"k": "v"})
    assert got["parallel_tool_calls"] is False
    assert body_of(extra_body={"store": True, "truncation": "auto"})["store"] is True


@pytest.mark.parametrize(
    ("model", "asked", "reasoning", "warned"),
    [
        ("gpt-5.2", {}, None, 0),
        ("gpt-5.2", {"reasoning_effort": "xhigh"}, {"effort": "xhigh", "summary": "auto"}, 0),
        ("gpt-5.2", {"enable_thinking": True}, {"effort": "medium", "summary": "auto"}, 0),
        ("gpt-5.2", {"enable_thinking": False}, {"effort": "none"}, 0),
        ("gpt-5", {"enable_thinking": False}, {"effort": "minimal"}, 0),
        ("gpt-5", {"reasoning_effort": "max"}, {"effort": "high", "summary": "auto"}, 1),
        ("o4-mini", {"reasoning_effort": "none"}, {"effort": "low"}, 1),
        ("gpt-5.2", {"thinking_budget": 2000}, {"effort": "low", "summary": "auto"}, 1),
        ("gpt-4o", {"reasoning_effort": "low"}, None, 1),
        ("deepseek-v4", {"reasoning_effort": "high"}, {"effort": "high", "summary": "auto"}, 0),
    ],
)
def test_reasoning(model: str, asked: dict, reasoning: dict | None, warned: int) -> None:
    got = request_of("openai_responses", options={"model": model}, **asked)
    assert got.body.get("reasoning") == reasoning
    assert len(got.warnings) == warned


def test_forms_of_answers() -> None:
    told = {"name": "p", "schema": SCHEMA, "strict": True, "description": "d"}
    got = body_of(response_format={"type": "json_schema", "json_schema": told})
    assert got["text"] == {"format": {"type": "json_schema", **told}}
    assert body_of(response_format="json_object")["text"] == {"format": {"type": "json_object"}}
    assert "strict" not in body_of(response_format=SCHEMA)["text"]["format"]
    assert "text" not in body_of()


def test_tools_are_flat_and_not_strict_unless_asked() -> None:
    tools = body_of(tools=[TOOL, {**TOOL, "name": "b", "strict": True}, {"type": "web_search"}])["tools"]
    assert tools[0] == {"type": "function", **TOOL, "strict": False}
    assert tools[1]["strict"] is True
    assert tools[2] == {"type": "web_search"}


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("get_weather", {"type": "function", "name": "get_weather"}),
        ("grep", {"type": "custom", "name": "grep"}),
        ("web_search", {"type": "web_search"}),
    ],
)
def test_tool_choices(choice: str, wire: object) -> None:
    tools = [TOOL, {"type": "custom", "name": "grep"}, {"type": "web_search"}]
    assert body_of(tools=tools, tool_choice=choice)["tool_choice"] == wire


def test_a_custom_tool_in_either_form_is_sent_flat() -> None:
    grammar = {"syntax": "lark", "definition": "start: WORD"}
    nested = {"name": "patch", "description": "d", "format": {"type": "grammar", "grammar": grammar}}
    flat = {"type": "custom", "name": "patch", "description": "d", "format": {"type": "grammar", **grammar}}
    assert body_of(tools=[{"type": "custom", "custom": nested}])["tools"] == [flat]
    assert body_of(tools=[flat])["tools"] == [flat]


def test_instructions_are_the_systems_text_at_the_beginning_and_later_ones_stay_in_place() -> None:
    history = [
        Message.system("One."),
        Message(role="developer", content="Two."),
        Message.user("hi"),
        Message.system("Three."),
    ]
    got = body_of(history)
    assert got["instructions"] == "One.\n\nTwo."
    assert got["input"] == [{"role": "user", "content": "hi"}, {"role": "system", "content": "Three."}]
    assert "instructions" not in body_of("hi")
    assert body_of([Message.system("alone")])["input"] == [{"role": "system", "content": "alone"}]


def test_media() -> None:
    blocks = [
        ImageBlock.from_url("https://h.example/a.png", detail="low"),
        ImageBlock.from_file_id("file_1"),
        DocumentBlock.from_bytes(b"%PDF-1.7", name="a.pdf"),
        DocumentBlock.from_bytes(b"%PDF-1.7"),
        DocumentBlock.from_bytes(b"hello", "text/plain"),
        DocumentBlock.from_url("https://h.example/a.pdf"),
        DocumentBlock.from_file_id("file_2"),
    ]
    data = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.7").decode()
    parts = [
        {"type": "input_image", "image_url": "https://h.example/a.png", "detail": "low"},
        {"type": "input_image", "file_id": "file_1", "detail": "auto"},
        {"type": "input_file", "file_data": data, "filename": "a.pdf"},
        {"type": "input_file", "file_data": data, "filename": "document.pdf"},
        {"type": "input_file", "file_data": "data:text/plain;base64,aGVsbG8=", "filename": "document.txt"},
        {"type": "input_file", "file_url": "https://h.example/a.pdf"},
        {"type": "input_file", "file_id": "file_2"},
    ]
    assert body_of([Message.user(blocks)])["input"][0]["content"] == parts
    history = [Message.user("a"), Message.assistant(tool_calls=[CALL]), Message.tool(["see", blocks[0]], CALL)]
    output = body_of(history)["input"][-1]["output"]
    assert output == [{"type": "input_text", "text": "see"}, parts[0]]


@pytest.mark.parametrize("block", [AudioBlock.from_bytes(b"RIFF0000WAVE"), VideoBlock.from_url("https://h/a.mp4")])
def test_other_media_are_refused_before_sending(block: object) -> None:
    with pytest.raises(UnsupportedError, match="Responses API takes no"):
        body_of([Message.user([block])])
    with pytest.raises(UnsupportedError, match="text alone"):
        body_of([Message.user("a"), Message.assistant([block])])


def test_names_and_cache_marks_are_reported() -> None:
    marked = TextBlock("a", cache_control={"type": "ephemeral"})
    got = request_of(
        "openai_responses",
        [Message.system([marked]), Message.user("b", name="Ann")],
        tools=[{**TOOL, "cache_control": {"type": "ephemeral"}}],
    )
    assert len(got.warnings) == 3


def test_items_go_back_whole_and_in_their_order() -> None:
    second = {**ENCRYPTED, "id": "rs_2", "encrypted_content": "gBBB"}
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    marks = [
        ENCRYPTED,
        {"type": "message", "id": "msg_1", "phase": "commentary", "parts": [["output_text", 5]]},
        search,
        second,
        {"type": "function_call", "id": "fc_1", "call_id": CALL.id},
        {"type": "message", "id": "msg_2", "parts": [["output_text", 3], ["refusal", 2]]},
    ]
    answer = replayable(*marks, text="Let éseeno", calls=[CALL])
    said = {"type": "message", "role": "assistant", "status": "completed"}
    call = {"type": "function_call", "id": "fc_1", "call_id": CALL.id, "name": CALL.name, "arguments": CALL.arguments}
    assert items_of(answer, Message.tool("x", CALL)) == [
        ENCRYPTED,
        {**said, "id": "msg_1", "phase": "commentary", "content": [text_part("Let é")]},
        search,
        second,
        call,
        {**said, "id": "msg_2", "content": [text_part("see"), {"type": "refusal", "refusal": "no"}]},
        {"type": "function_call_output", "call_id": CALL.id, "output": "x"},
    ]


def text_part(text: str) -> dict:
    return {"type": "output_text", "text": text, "annotations": []}


def test_an_edited_message_keeps_its_reasoning_before_what_follows_and_drops_what_hangs() -> None:
    marks = [
        ENCRYPTED,
        {"type": "message", "id": "msg_1", "phase": "commentary", "parts": [["output_text", 5]]},
        {"type": "function_call", "id": "fc_1", "call_id": CALL.id},
        {**ENCRYPTED, "id": "rs_2"},
    ]
    edited = items_of(replayable(*marks, text="other text", calls=[CALL]), Message.tool("x", CALL))
    assert [item.get("id", item.get("role", item.get("type"))) for item in edited] == [
        "rs_1",
        "assistant",
        "fc_1",
        "function_call_output",
    ]
    assert items_of(replayable(*marks, text="", calls=[])) == []
    more = ToolCall(id="call_2", name="f")
    added = items_of(replayable(*marks, text="12345", calls=[more]), Message.tool("y", more))
    assert [item.get("id", item.get("call_id", item.get("role"))) for item in added[:3]] == [
        "rs_1",
        "assistant",
        "rs_2",
    ]


def test_reasoning_that_was_cut_short_is_not_sent_back_and_reasoning_after_the_text_is() -> None:
    said = {"type": "message", "id": "msg_1", "parts": [["output_text", 2]]}
    assert items_of(replayable(ENCRYPTED)) == []
    cut = {**ENCRYPTED, "status": "incomplete"}
    assert [item.get("type") for item in items_of(replayable(said, cut, text="so"))] == ["message"]
    assert items_of(replayable(said, ENCRYPTED, text="so"))[1] == ENCRYPTED


def test_foreign_ids_and_families_are_not_sent() -> None:
    marks = [
        {"type": "message", "id": "1234-uuid", "phase": "final_answer", "parts": [["output_text", 2]]},
        {"type": "function_call", "id": "abc", "call_id": CALL.id},
    ]
    said, call, _ = items_of(replayable(*marks, text="so", calls=[CALL]), Message.tool("x", CALL))
    assert said == {"role": "assistant", "content": "so", "phase": "final_answer"}
    assert "id" not in call
    other = replayable({"type": "thinking", "signature": "s"}, text="so", family="anthropic")
    assert items_of(other) == [{"role": "assistant", "content": "so"}]


@pytest.mark.parametrize(
    ("rule", "plain", "with_calls"), [("never", 0, 0), ("with_tool_calls", 0, 1), ("always", 1, 1), (None, 1, 1)]
)
def test_reasoning_is_sent_back_as_told(rule: str | None, plain: int, with_calls: int) -> None:
    options = {} if rule is None else {"reasoning_replay": rule}
    mark = {"type": "message", "id": "msg_1", "parts": [["output_text", 2]]}
    assert items_of(replayable(ENCRYPTED, mark, text="so"), **options).count(ENCRYPTED) == plain
    called = {"type": "function_call", "call_id": CALL.id}
    items = items_of(replayable(ENCRYPTED, called, calls=[CALL]), Message.tool("x", CALL), **options)
    assert items.count(ENCRYPTED) == with_calls


def test_a_reasoning_item_without_its_summary_gets_an_empty_one() -> None:
    bare = {name: value for name, value in ENCRYPTED.items() if name != "summary"}
    mark = {"type": "message", "id": "msg_1", "parts": [["output_text", 2]]}
    assert items_of(replayable(bare, mark, text="so"))[0] == ENCRYPTED


@pytest.mark.parametrize("marked", [True, False])
def test_calls_of_custom_tools_and_their_results(*, marked: bool) -> None:
    call = ToolCall(id="call_9", name="patch", arguments="*** free text")
    mark = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_9"}
    answer = replayable(mark, calls=[call]) if marked else Message.assistant(tool_calls=[call])
    got = body_of([Message.user("a"), answer, Message.tool("done", call)], tools=[{"type": "custom", "name": "patch"}])[
        "input"
    ]
    assert got[1] == {"type": "custom_tool_call", "call_id": "call_9", "name": "patch", "input": "*** free text"} | (
        {"id": "ctc_1"} if marked else {}
    )
    assert got[2] == {"type": "custom_tool_call_output", "call_id": "call_9", "output": "done"}


@pytest.mark.parametrize("ending", ["", "/", "/responses", "/chat/completions"])
def test_a_base_url_may_end_with_our_own_path(ending: str) -> None:
    got = request_of("openai_responses", options={"base_url": f"https://h.example/v1{ending}"})
    assert str(got.url) == "https://h.example/v1/responses"


@pytest.mark.parametrize(
    ("base_url", "api_version", "expected"),
    [
        ("https://r.openai.azure.com", None, "https://r.openai.azure.com/openai/v1/responses"),
        ("https://r.openai.azure.com/openai/v1/", None, "https://r.openai.azure.com/openai/v1/responses"),
        ("https://r.openai.azure.com", "preview", "https://r.openai.azure.com/openai/v1/responses?api-version=preview"),
        (
            "https://r.openai.azure.com",
            "2025-04-01-preview",
            "https://r.openai.azure.com/openai/responses?api-version=2025-04-01-preview",
        ),
    ],
)
def test_azures_addresses(base_url: str, api_version: str | None, expected: str) -> None:
    options = {"base_url": base_url, "api_version": api_version, "model": "prod", "api_key": "azure-key"}
    got = request_of("azure_openai_responses", options=options)
    assert str(got.url) == expected
    assert got.body["model"] == "prod"
    assert got.headers["api-key"] == "azure-key"
    assert "authorization" not in got.headers


def test_azures_token_wins_over_the_key() -> None:
    options = {"base_url": "https://r.openai.azure.com", "azure_ad_token": "entra"}
    got = request_of("azure_openai_responses", options=options)
    assert got.headers["authorization"] == "Bearer entra"
    assert "api-key" not in got.headers


def test_a_missing_key_says_which_variable_to_set() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        LLMClient("openai_responses")
    with pytest.raises(ConfigError, match="AZURE_OPENAI_API_KEY"):
        LLMClient("azure_openai_responses", base_url="https://r.openai.azure.com")
