"""Recorded Chat Completions answers read right, however their bytes are cut, through both clients over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llm_connector import AsyncLLMClient, LLMClient, LLMError, StreamInterruptedError
from traffic import Case, assert_reads_right, cases

if TYPE_CHECKING:
    from servers.replay import ReplayServer

PROTOCOLS = ("openai_chat", "zhipu")
ROW_OF = {"zhipu": "zhipu_openai", "deepseek": "deepseek", "moonshot": "moonshot", "volcengine": "volcengine"}


def client_arguments(case: Case, url: str) -> dict:
    return {
        "provider": ROW_OF.get(case.provider, "openai_compatible"),
        "model": case.model or "m",
        "api_key": "k",
        "base_url": url,
        "max_retries": 0,
    }


def check_failure(case: Case, error: LLMError) -> None:
    expected = case.expect
    if expected.get("error"):
        assert expected["error"].get("message") is None or expected["error"]["message"][:60] in str(error.message)
    else:
        assert isinstance(error, StreamInterruptedError), repr(error)
        assert expected.get("finish_reason") is None
        assert_reads_right(case, error.partial)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("case", cases(*PROTOCOLS))
def test_sync(case: Case, seed: int, replay: ReplayServer) -> None:
    url = replay.serve(case, seed)
    with LLMClient(**client_arguments(case, url)) as client:
        try:
            response = client.stream("hi").response() if case.stream else client.chat("hi")
        except LLMError as error:
            check_failure(case, error)
            return
    assert not case.expect.get("error")
    assert_reads_right(case, response)


@pytest.mark.parametrize("case", cases(*PROTOCOLS))
async def test_async(case: Case, replay: ReplayServer) -> None:
    url = replay.serve(case, 4)
    async with AsyncLLMClient(**client_arguments(case, url)) as client:
        try:
            response = await client.stream("hi").response() if case.stream else await client.chat("hi")
        except LLMError as error:
            check_failure(case, error)
            return
    assert not case.expect.get("error")
    assert_reads_right(case, response)
