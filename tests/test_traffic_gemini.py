"""Recorded Gemini answers read right, however their bytes are cut, through both clients over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from llm_connector import AsyncLLMClient, LLMClient, LLMError, StreamInterruptedError
from traffic import Case, assert_reads_right, cases

if TYPE_CHECKING:
    from servers.replay import ReplayServer

CASES = cases("gemini")


def client_arguments(case: Case, url: str) -> dict[str, Any]:
    row = "google_vertex" if case.provider == "vertex" else "google"
    project = {"project": "p"} if row == "google_vertex" else {}
    return {
        "provider": row,
        "model": case.model or "m",
        "api_key": "k",
        "base_url": url,
        "max_retries": 0,
        **project,
    }


def check_failure(case: Case, error: LLMError) -> None:
    expected = case.expect
    if expected.get("error"):
        assert expected["error"].get("message") is None or expected["error"]["message"][:60] in str(error.message)
    else:
        assert isinstance(error, StreamInterruptedError), repr(error)
        assert expected.get("finish_reason") is None
        assert_reads_right(case, error.partial)


def check_answer(case: Case, response: Any) -> None:
    assert not case.expect.get("error")
    assert_reads_right(case, response)
    usage, told = response.usage, case.expect["usage_raw"]
    assert usage.raw == told
    assert usage.total_tokens == told["totalTokenCount"]
    assert usage.input_tokens == told["promptTokenCount"] + told.get("toolUsePromptTokenCount", 0)
    assert usage.output_tokens == told["candidatesTokenCount"] + told.get("thoughtsTokenCount", 0)
    urls = [citation.get("url") for citation in response.citations]
    assert urls == (case.expect.get("citations") or [])
    payload = response.message.reasoning
    signed = [block for block in payload.blocks if _signature(block)] if payload else []
    assert len(signed) == (case.expect.get("signatures") or 0)


def _signature(block: dict[str, Any]) -> Any:
    return block.get("thoughtSignature") or block.get("part", {}).get("thoughtSignature")


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("case", CASES)
def test_sync(case: Case, seed: int, replay: ReplayServer) -> None:
    url = replay.serve(case, seed)
    with LLMClient(**client_arguments(case, url)) as client:
        try:
            response = client.stream("hi").response() if case.stream else client.chat("hi")
        except LLMError as error:
            check_failure(case, error)
            return
    check_answer(case, response)


@pytest.mark.parametrize("case", CASES)
async def test_async(case: Case, replay: ReplayServer) -> None:
    url = replay.serve(case, 4)
    async with AsyncLLMClient(**client_arguments(case, url)) as client:
        try:
            response = await client.stream("hi").response() if case.stream else await client.chat("hi")
        except LLMError as error:
            check_failure(case, error)
            return
    check_answer(case, response)
