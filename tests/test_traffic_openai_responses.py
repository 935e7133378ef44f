"""Recorded Responses answers read right, however their bytes are cut, through both clients over real sockets."""

from __future__ import annotations

import pytest
from llm_connector import AsyncLLMClient, LLMClient, LLMError
from servers.replay import ReplayServer
from traffic import Case, assert_reads_right, cases


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
