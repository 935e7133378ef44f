"""Recorded Responses answers read right, however their bytes are cut, through both clients over real sockets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from llm_connector import AsyncLLMClient, LLMClient, LLMError, Message
from llm_connector.protocols.openai_responses_items import part_text
from requests_of import request_of
from traffic import Case, assert_reads_right, cases

if TYPE_CHECKING:
    from servers.replay import ReplayServer


def client_arguments(case: Case, url: str) -> dict:
    row = "azure_openai_responses" if case.provider == "azure_openai" else "openai_responses"
    return {"provider": row, "model": case.model or "m", "api_key": "k", "base_url": url, "max_retries": 0}


def check_failure(case: Case, error: LLMError) -> None:
    assert case.expect["error"], repr(error)
    assert (case.expect["error"].get("message") or "")[:60] in error.message


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("case", cases("openai_responses"))
def test_sync(case: Case, seed: int, replay: ReplayServer) -> None:
    with LLMClient(**client_arguments(case, replay.serve(case, seed))) as client:
        try:
            response = client.stream("hi").response() if case.stream else client.chat("hi")
        except LLMError as error:
            check_failure(case, error)
            return
    assert not case.expect.get("error")
    assert_reads_right(case, response)


@pytest.mark.parametrize("case", cases("openai_responses"))
async def test_async(case: Case, replay: ReplayServer) -> None:
    async with AsyncLLMClient(**client_arguments(case, replay.serve(case, 4))) as client:
        try:
            response = await client.stream("hi").response() if case.stream else await client.chat("hi")
        except LLMError as error:
            check_failure(case, error)
            return
    assert not case.expect.get("error")
    assert_reads_right(case, response)


def output_of(case: Case) -> list[dict]:
    """The items that the vendor sent, in their last form."""
    if not case.stream:
        return json.loads(case.bytes)["output"]
    events = [json.loads(line[5:]) for line in case.bytes.splitlines() if line.startswith(b"data: {")]
    done = [event for event in events if event["type"] == "response.output_item.done"]
    return [event["item"] for event in sorted(done, key=lambda event: event["output_index"])]


@pytest.mark.parametrize("case", list(cases("openai_responses", status=200)))
def test_what_goes_back_is_what_came(case: Case, replay: ReplayServer) -> None:
    """Reasoning and the vendor's own tools byte for byte, texts and calls in their places."""
    if case.expect.get("error"):
        return
    arguments = client_arguments(case, replay.serve(case))
    with LLMClient(**arguments) as client:
        answer = client.stream("hi").response() if case.stream else client.chat("hi")
    results = [Message.tool("x", call) for call in answer.tool_calls]
    options = {name: arguments[name] for name in ("model", "base_url")}
    history = [Message.user("hi"), Message.model_validate_json(answer.message.model_dump_json()), *results]
    sent = request_of(arguments["provider"], history, options=options).body["input"][1 : -len(results) or None]
    told = [item for item in output_of(case) if item["type"] != "message" or any(map(part_text, item["content"]))]
    if all(item["type"] == "reasoning" for item in told):
        told = []
    assert [item.get("type", "message") for item in sent] == [item["type"] for item in told]
    for got, want in zip(sent, told, strict=True):
        if want["type"] == "message":
            assert texts(got) == "".join(map(part_text, want["content"]))
            assert got.get("phase") == want.get("phase")
        elif want["type"] in {"function_call", "custom_tool_call"}:
            names = ("call_id", "name", "arguments", "input")
            assert [got.get(name) or "{}" for name in names] == [want.get(name) or "{}" for name in names]
        else:
            assert got == {"summary": [], **want} if want["type"] == "reasoning" else want


def texts(item: dict) -> str:
    content = item["content"]
    return content if isinstance(content, str) else "".join(map(part_text, content))
