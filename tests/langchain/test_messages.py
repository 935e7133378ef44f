"""LangChain's messages and blocks, in every form that it lets through, as the connector's messages."""

from __future__ import annotations

import base64
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_llm_connector.blocks_in import block_of
from langchain_llm_connector.messages_in import connector_messages
from llm_connector import InvalidRequestError
from llm_connector.types import AudioBlock, DocumentBlock, ImageBlock, Message, TextBlock, VideoBlock
from servers.assets import pdf, png, wav
from servers.script import Reply

if TYPE_CHECKING:
    from langchain_kits import Kit

PNG, PDF, WAV = (base64.b64encode(data).decode() for data in (png(), pdf(), wav()))
CALL: Any = {"name": "f", "args": {"city": "罗马"}, "id": "call_1", "type": "tool_call"}
INVALID: Any = {"name": "f", "args": "{", "id": "call_2", "error": "no", "type": "invalid_tool_call"}
EPHEMERAL = {"type": "ephemeral"}


def one(message: BaseMessage) -> Any:
    (made,) = connector_messages([message])
    return made


@pytest.mark.parametrize(
    ("message", "role"),
    [
        (SystemMessage("x"), "system"),
        (SystemMessage("x", additional_kwargs={"__openai_role__": "developer"}), "developer"),
        (HumanMessage("x"), "user"),
        (AIMessage("x"), "assistant"),
        (AIMessageChunk(content="x"), "assistant"),
        (ChatMessage("x", role="user"), "user"),
        (ChatMessage("x", role="assistant"), "assistant"),
        (ChatMessage("x", role="developer"), "developer"),
        (ToolMessage("x", tool_call_id="1"), "tool"),
    ],
)
def test_roles(message: BaseMessage, role: str) -> None:
    assert (one(message).role, one(message).text) == (role, "x")


@pytest.mark.parametrize(
    "message", [FunctionMessage("x", name="f"), RemoveMessage("1"), ChatMessage("x", role="critic")]
)
def test_what_cannot_be_sent_is_said(message: BaseMessage) -> None:
    with pytest.raises(InvalidRequestError, match="cannot be sent"):
        connector_messages([message])


def test_names_and_errors_are_kept() -> None:
    assert one(HumanMessage("x", name="eve")).name == "eve"
    failed = one(ToolMessage("broken", tool_call_id="1", status="error", name="f"))
    assert (failed.is_error, failed.tool_call_id, failed.name) == (True, "1", "f")


@pytest.mark.parametrize(
    "message",
    [
        SystemMessage("x"),
        HumanMessage("x", name="eve"),
        HumanMessage(""),
        AIMessage("x", name="bot", tool_calls=[CALL], invalid_tool_calls=[INVALID]),
        AIMessage("", additional_kwargs={"reasoning_content": "Let me see"}),
        AIMessage([{"type": "thinking", "thinking": "Hm", "signature": "s"}, {"type": "text", "text": "x"}]),
        ToolMessage("x", tool_call_id="1", name="f", status="error"),
        HumanMessage([{"type": "text", "text": "x"}]),
    ],
)
def test_made_without_validation_or_with_it(message: BaseMessage) -> None:
    made = one(message)
    fields = {name: getattr(made, name) for name in made.__pydantic_fields_set__}
    wanted = Message(**fields)
    assert made == wanted
    assert list(made.__dict__) == list(wanted.__dict__)
    assert made.__pydantic_fields_set__ == wanted.__pydantic_fields_set__
    assert made.model_dump() == wanted.model_dump()
    assert made.model_copy(deep=True) == pickle.loads(pickle.dumps(made)) == wanted
    assert one(message).tool_calls is not made.tool_calls


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (HumanMessage("x"), "name"),
        (AIMessage("x"), "name"),
        (ToolMessage("x", tool_call_id="1"), "tool_call_id"),
    ],
)
def test_what_a_caller_put_there_is_checked(message: BaseMessage, field: str) -> None:
    changed = message.model_copy(update={field: {"no": "text"}})
    with pytest.raises(InvalidRequestError):
        connector_messages([changed])


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("hi", TextBlock(text="hi")),
        ({"type": "text", "text": "hi", "cache_control": EPHEMERAL}, TextBlock(text="hi", cache_control=EPHEMERAL)),
        ({"type": "text", "text": "hi", "extras": {"cache_control": EPHEMERAL}}, TextBlock(text="hi", cache_control=EPHEMERAL)),
        ({"text": "hi"}, TextBlock(text="hi")),
        ({"type": "text-plain", "text": "hi", "mime_type": "text/plain"}, TextBlock(text="hi")),
        ({"type": "image_url", "image_url": "https://x/a.png"}, ImageBlock(url="https://x/a.png")),
        ({"type": "image_url", "image_url": {"url": "https://x/a.png", "detail": "low"}}, ImageBlock(url="https://x/a.png", detail="low")),
        ({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}, ImageBlock(data=PNG, mime_type="image/png")),
        ({"type": "image", "url": "https://x/a.png"}, ImageBlock(url="https://x/a.png")),
        ({"type": "image", "base64": PNG, "mime_type": "image/png"}, ImageBlock(data=PNG, mime_type="image/png")),
        ({"type": "image", "file_id": "f1"}, ImageBlock(file_id="f1")),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}, ImageBlock(data=PNG, mime_type="image/png")),
        ({"type": "image", "source": {"type": "url", "url": "https://x/a.png"}, "cache_control": EPHEMERAL}, ImageBlock(url="https://x/a.png", cache_control=EPHEMERAL)),
        ({"type": "audio", "base64": WAV, "mime_type": "audio/wav"}, AudioBlock(data=WAV, mime_type="audio/wav")),
        ({"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}, AudioBlock(data=WAV, mime_type="audio/wav")),
        ({"type": "video", "url": "https://x/a.mp4", "mime_type": "video/mp4"}, VideoBlock(url="https://x/a.mp4", mime_type="video/mp4")),
        ({"type": "file", "base64": PDF, "mime_type": "application/pdf", "extras": {"filename": "a.pdf"}}, DocumentBlock(data=PDF, mime_type="application/pdf", name="a.pdf")),
        ({"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "a.pdf"}}, DocumentBlock(data=PDF, mime_type="application/pdf", name="a.pdf")),
        ({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}, "title": "A", "citations": {"enabled": True}}, DocumentBlock(data=PDF, mime_type="application/pdf", title="A", citations=True)),
        ({"type": "document", "source": {"type": "text", "data": "hi", "media_type": "text/plain"}}, DocumentBlock(data=base64.b64encode(b"hi").decode(), mime_type="text/plain")),
        ({"type": "media", "mime_type": "audio/wav", "data": WAV}, AudioBlock(data=WAV, mime_type="audio/wav")),
        ({"type": "media", "mime_type": "application/pdf", "file_uri": "gs://x/a.pdf"}, DocumentBlock(url="gs://x/a.pdf", mime_type="application/pdf")),
        ({"type": "non_standard", "value": {"type": "text", "text": "hi"}}, TextBlock(text="hi")),
    ],
)  # fmt: skip
def test_blocks(block: Any, expected: Any) -> None:
    assert block_of(block) == expected


@pytest.mark.parametrize(
    "block", [{"type": "magic"}, {"type": "image"}, {"type": "image_url"}, {}, 7, {"type": "text"}]
)
def test_blocks_that_cannot_be_read(block: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"content block|ImageBlock|'image_url'"):
        block_of(block)


def test_an_assistants_calls_are_those_of_tool_calls() -> None:
    content: Any = [{"type": "text", "text": "Hm."}, {"type": "tool_use", "id": "other", "name": "g", "input": {}}]
    made = one(AIMessage(content, tool_calls=[CALL]))
    assert made.content == "Hm."
    assert [(call.id, call.name, call.arguments) for call in made.tool_calls] == [("call_1", "f", '{"city": "罗马"}')]


def test_an_assistants_empty_content() -> None:
    assert one(AIMessage([], tool_calls=[CALL])).content == ""


def test_an_assistants_text_is_joined() -> None:
    content: Any = [
        "a",
        {"type": "text", "text": "b"},
        {"type": "reasoning", "reasoning": "r"},
        {"type": "non_standard", "value": {}},
    ]
    made = one(AIMessage(content))
    assert (made.content, made.reasoning_content) == ("ab", "r")


# What other packages keep of tools that their vendors ran, and of citations.
NOTED: dict[str, Any] = {
    "openai": [{"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "q"}}],
    "openai's code": [{"type": "code_interpreter_call", "id": "ci_1", "code": "1 + 1", "outputs": []}],
    "anthropic": [
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
    ],
    "google": [
        {"type": "executable_code", "executable_code": "1 + 1"},
        {"type": "code_execution_result", "outcome": 1},
    ],
    "bedrock": [{"type": "reasoning_content", "reasoning_content": {"text": "t", "signature": "s"}}],
}


@pytest.mark.parametrize("noted", NOTED.values(), ids=NOTED)
def test_what_another_vendor_noted_stays_behind(kit: Kit, noted: Any) -> None:
    with kit.serve(Reply("ok")) as server:
        answer = AIMessage(
            [*noted, {"type": "text", "text": "It is four."}], response_metadata={"model_provider": "openai"}
        )
        assert one(answer).content == "It is four."
        assert kit.model(server).invoke(["How much?", answer, HumanMessage("Sure?")]).text == "ok"


@pytest.mark.parametrize("data", [{"type": "json", "json": {"städte": 2}}, {"type": "search_result", "title": "t"}])
def test_data_that_a_tool_returned_goes_as_json(kit: Kit, data: Any) -> None:
    called = AIMessage("", tool_calls=[CALL])
    returned = ToolMessage([data, {"type": "text", "text": "end"}], tool_call_id="call_1")
    assert [json.loads(one(returned).content[0].text), one(returned).content[1].text] == [data, "end"]
    with kit.serve(Reply("ok")) as server:
        assert kit.model(server).invoke(["How much?", called, returned]).text == "ok"


def test_an_assistants_unknown_text_is_told() -> None:
    with pytest.raises(InvalidRequestError, match="cannot be sent"):
        one(AIMessage([{"type": "txt", "text": "hi"}]))


def test_a_cache_mark_keeps_the_blocks() -> None:
    made = one(AIMessage([{"type": "text", "text": "b", "cache_control": EPHEMERAL}]))
    assert made.content == [TextBlock(text="b", cache_control=EPHEMERAL)]


def test_tool_results_in_a_users_message() -> None:
    content: Any = [
        {
            "type": "tool_result",
            "tool_use_id": "call_1",
            "content": [{"type": "text", "text": "green"}],
            "is_error": True,
        },
        {"type": "text", "text": "And now?"},
    ]
    result, question = connector_messages([HumanMessage(content)])
    assert (result.role, result.tool_call_id, result.text, result.is_error) == ("tool", "call_1", "green", True)
    assert (question.role, question.text) == ("user", "And now?")


def test_media_in_a_tools_message(kit: Kit) -> None:
    if kit.provider in {"deepseek", "aliyun"}:
        pytest.skip("its text models take no pictures")
    result = ToolMessage([{"type": "image", "base64": PNG, "mime_type": "image/png"}], tool_call_id="call_1")
    with kit.serve(Reply("A red picture.")) as server:
        kit.model(server).invoke([HumanMessage("Look."), AIMessage("", tool_calls=[CALL]), result])
        assert PNG.encode() in server.last.body


def test_repeated_roles(kit: Kit) -> None:
    with kit.serve(Reply("ok")) as server:
        history = [SystemMessage("a"), SystemMessage("b"), HumanMessage("c"), HumanMessage("d"), AIMessage("e")]
        assert kit.model(server).invoke([*history, AIMessage("f"), HumanMessage("g")]).text == "ok"


def test_what_was_not_sent_is_told(kit: Kit) -> None:
    """A field without an equivalent is reported, once, streamed or not."""
    with kit.serve([Reply("ok"), Reply("ok")]) as server:
        model = kit.model(server, logit_bias={"5": 1.0}, top_k=5, user="user-1234", n=1)
        chunks = list(model.stream("hi"))
        assert (chunks[0] + chunks[1:]).response_metadata.get("warnings") == model.invoke("hi").response_metadata.get("warnings")  # fmt: skip
