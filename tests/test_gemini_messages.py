"""Messages, media and the results of tools as Gemini's contents."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gemini_kit import PNG
from llm_connector import DocumentBlock, ImageBlock, InvalidRequestError, Message, ToolCall, UnsupportedError
from llm_connector.types import AudioBlock, TextBlock, VideoBlock
from requests_of import request_of


def contents_of(messages: list[Any], model: str = "gemini-2.5-flash", row: str = "google") -> list[dict[str, Any]]:
    options = {"model": model, "project": "p"} if row == "google_vertex" else {"model": model}
    return request_of(row, messages, options=options).body["contents"]


def test_roles_are_merged_and_instructions_gathered() -> None:
    messages = [
        Message.user("a"),
        Message.user(["b", "c"]),
        Message.system("first"),
        Message.assistant("d"),
        Message(role="developer", content=["second", "third"]),
        Message.assistant("e"),
        Message.assistant(""),
        Message.user("f"),
    ]
    body = request_of("google", messages).body
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]},
        {"role": "model", "parts": [{"text": "d"}, {"text": "e"}]},
        {"role": "user", "parts": [{"text": "f"}]},
    ]
    assert body["systemInstruction"] == {"parts": [{"text": "first"}, {"text": "second"}, {"text": "third"}]}


def test_instructions_alone_are_sent_as_a_users_message() -> None:
    got = request_of("google", [Message.system("Say hi.")])
    assert got.body == {"contents": [{"role": "user", "parts": [{"text": "Say hi."}]}]}
    assert "sent as one" in got.warnings[0]


def test_empty_messages_are_refused_before_they_are_sent() -> None:
    with pytest.raises(InvalidRequestError, match="empty"):
        request_of("google", [Message.user("")])


def test_a_picture_is_no_instruction() -> None:
    with pytest.raises(UnsupportedError, match="only text"):
        request_of("google", [Message.system([ImageBlock.from_bytes(PNG)]), Message.user("hi")])


def test_media_by_value_and_by_address() -> None:
    blocks = [
        TextBlock("see"),
        ImageBlock.from_bytes(PNG),
        ImageBlock.from_url("https://x.test/a.png?size=2"),
        ImageBlock.from_url("https://x.test/picture"),
        AudioBlock.from_bytes(b"RIFF\x00\x00\x00\x00WAVEfmt "),
        DocumentBlock.from_url("gs://bucket/paper.pdf"),
        VideoBlock.from_url("https://www.youtube.com/watch?v=abc", fps=2),
        DocumentBlock.from_file_id("files/abc-1"),
        DocumentBlock.from_url("https://x.test/x", mime_type="text/plain"),
    ]
    (content,) = contents_of([Message.user(blocks)])
    files = "https://generativelanguage.googleapis.com/v1beta/files/abc-1"
    assert content["parts"] == [
        {"text": "see"},
        {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://x.test/a.png?size=2"}},
        {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x.test/picture"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "UklGRgAAAABXQVZFZm10IA=="}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://bucket/paper.pdf"}},
        {"fileData": {"fileUri": "https://www.youtube.com/watch?v=abc"}, "videoMetadata": {"fps": 2}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": files}},
        {"fileData": {"mimeType": "text/plain", "fileUri": "https://x.test/x"}},
    ]


def test_uploaded_files_are_the_developer_apis() -> None:
    block = DocumentBlock.from_file_id("files/abc")
    with pytest.raises(UnsupportedError, match="gs://"):
        contents_of([Message.user([block])], row="google_vertex")
    by_address = DocumentBlock.from_file_id("https://generativelanguage.googleapis.com/v1beta/files/abc")
    part = contents_of([Message.user([by_address])], row="google_vertex")[0]["parts"][0]
    assert part["fileData"]["fileUri"] == by_address.file_id
    with pytest.raises(InvalidRequestError, match="not the name of a file"):
        contents_of([Message.user([DocumentBlock.from_file_id("files/../models")])])


def test_what_a_block_says_in_vain_is_told_once() -> None:
    picture = ImageBlock.from_bytes(PNG, detail="high", cache_control={"type": "ephemeral"})
    paper = DocumentBlock.from_bytes(b"%PDF-1.7", citations=True)
    got = request_of("google", [Message.user([picture, picture, paper], name="Ada")])
    assert [word for word in ("name", "cache_control", "detail", "citations") if word in " ".join(got.warnings)] == [
        "name",
        "cache_control",
        "detail",
        "citations",
    ]
    assert len(got.warnings) == 4


CALLS = [
    ToolCall(id="call_a", name="look", arguments='{"at": "a"}'),
    ToolCall(id="call_b", name="look", arguments='{"at": "b"}'),
]


def results(*messages: Message, model: str) -> list[dict[str, Any]]:
    return contents_of([Message.user("x"), Message.assistant(tool_calls=CALLS), *messages], model)[2]["parts"]


def test_results_in_the_order_of_their_calls() -> None:
    back = [Message.tool("it is b", "call_b"), Message.tool('{"is": "a"}', "call_a"), Message.user("go on")]
    assert results(*back, model="gemini-2.5-flash") == [
        {"functionResponse": {"name": "look", "response": {"is": "a"}}},
        {"functionResponse": {"name": "look", "response": {"output": "it is b"}}},
        {"text": "go on"},
    ]
    with_ids = results(*back, model="gemini-3-flash")
    assert [part["functionResponse"]["id"] for part in with_ids[:2]] == ["call_a", "call_b"]


@pytest.mark.parametrize(
    ("text", "is_error", "response"),
    [
        ("", False, {"output": ""}),
        ("[1, 2]", False, {"output": "[1, 2]"}),
        ('{"a": 1}', False, {"a": 1}),
        (' {"a": "温"}', False, {"a": "温"}),
        ('{"a": NaN}', False, {"output": '{"a": NaN}'}),
        ("{broken", False, {"output": "{broken"}),
        ('{"a": 1}', True, {"error": '{"a": 1}'}),
        ("no such city", True, {"error": "no such city"}),
    ],
)
def test_the_result_of_a_tool_is_an_object(text: str, is_error: bool, response: dict[str, Any]) -> None:
    back = [Message.tool(text, "call_a", is_error=is_error), Message.tool("", "call_b")]
    assert results(*back, model="gemini-2.5-flash")[0]["functionResponse"]["response"] == response


def test_pictures_in_a_result() -> None:
    back = [
        Message.tool(["look:", ImageBlock.from_bytes(PNG), ImageBlock.from_url("https://x.test/a.png")], "call_a"),
        Message.tool("b", "call_b"),
    ]
    inline = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}}
    by_address = {"fileData": {"mimeType": "image/png", "fileUri": "https://x.test/a.png"}}
    first = {"name": "look", "response": {"output": "look:"}}
    second = {"functionResponse": {"name": "look", "response": {"output": "b"}}}
    old = results(*back, model="gemini-2.5-flash")
    assert old == [{"functionResponse": first}, second, inline, by_address]
    new = results(*back, model="gemini-3-flash")
    assert new[0] == {"functionResponse": {**first, "id": "call_a", "parts": [inline]}}
    assert new[2:] == [by_address]


def test_arguments_that_are_no_json_are_told() -> None:
    broken = [ToolCall(id="c", name="f", arguments='{"a": ')]
    messages = [Message.user("x"), Message.assistant(tool_calls=broken), Message.tool("r", "c")]
    got = request_of("google", messages, options={"model": "gemini-2.5-flash"})
    assert got.body["contents"][1]["parts"] == [{"functionCall": {"name": "f", "args": {}}}]
    assert "not JSON" in got.warnings[0]
