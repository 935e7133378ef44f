"""OpenRouter's reasoning goes back as it came: signed, encrypted, in its order; the rest is Chat Completions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llm_connector import LLMClient, Message
from requests_of import request_of

if TYPE_CHECKING:
    from servers.replay import ReplayServer

CALLS = [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]
CLAUDE = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
GEMINI = {"type": "reasoning.encrypted", "format": "google-gemini-v1", "index": 0}
# What came in pieces, and what must go back; the pieces are those of recorded streams.
DETAILS = {
    "signed": (
        [[CLAUDE | {"text": "Let "}], [CLAUDE | {"text": "me see."}], [CLAUDE | {"signature": "EvsC=="}]],
        [CLAUDE | {"text": "Let me see.", "signature": "EvsC=="}],
    ),
    "two thoughts": (
        [[CLAUDE | {"text": "a"}], [CLAUDE | {"signature": "S1"}], [CLAUDE | {"text": "b", "signature": "S2"}]],
        [CLAUDE | {"text": "a", "signature": "S1"}, CLAUDE | {"text": "b", "signature": "S2"}],
    ),
    "parallel calls": (
        [[GEMINI | {"data": "x", "id": "c1"}], [GEMINI | {"data": "y", "id": "c2"}]],
        [GEMINI | {"data": "x", "id": "c1"}, GEMINI | {"data": "y", "id": "c2"}],
    ),
    "a summary": (
        [[{"type": "reasoning.summary", "summary": "So"}, {"type": "reasoning.summary", "summary": "…"}]],
        [{"type": "reasoning.summary", "summary": "So…"}],
    ),
}


def streamed(pieces: list[list[dict[str, Any]]]) -> list[bytes]:
    deltas = [{"content": "", "reasoning": detail[0].get("text"), "reasoning_details": detail} for detail in pieces]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in (*deltas, {"tool_calls": CALLS})]
    choices.append({"index": 0, "delta": {"content": "", "reasoning_details": []}, "finish_reason": "tool_calls"})
    return [b"data: " + json.dumps({"id": "g", "choices": [choice]}).encode() + b"\n\n" for choice in choices]


def whole(details: list[dict[str, Any]]) -> list[bytes]:
    message = {"role": "assistant", "content": None, "reasoning_details": details, "tool_calls": CALLS}
    return [json.dumps({"id": "g", "choices": [{"message": message, "finish_reason": "tool_calls"}]}).encode()]


def answer(replay: ReplayServer, body: list[bytes], *, stream: bool) -> Message:
    kind = "text/event-stream" if stream else "application/json"
    url = replay.serve_bytes(body, headers={"content-type": kind})
    with LLMClient("openrouter", "m", api_key="k", base_url=url) as client:
        if not stream:
            return client.chat("hi").message
        with client.stream("hi") as chunks:
            list(chunks)
            return chunks.response().message


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", DETAILS)
def test_reasoning_is_sent_back_as_it_came(replay: ReplayServer, name: str, stream: bool) -> None:
    pieces, expected = DETAILS[name]
    message = answer(replay, streamed(pieces) if stream else whole(expected), stream=stream)
    kept = Message.model_validate_json(message.model_dump_json())  # a history that was stored
    history = [Message.user("hi"), kept, Message.tool("1", kept.tool_calls[0])]
    written = request_of("openrouter", history).body["messages"][1]
    assert written["reasoning_details"] == expected
    assert "reasoning" not in written
    other = request_of("deepseek", history).body["messages"][1]
    assert "reasoning_details" not in other


def test_reasoning_is_not_sent_back_where_the_client_is_told_so(replay: ReplayServer) -> None:
    message = answer(replay, whole(DETAILS["signed"][1]), stream=False)
    history = [Message.user("hi"), message, Message.tool("1", message.tool_calls[0])]
    written = request_of("openrouter", history, options={"reasoning_replay": "never"}).body["messages"][1]
    assert written.keys() == {"role", "content", "tool_calls"}
