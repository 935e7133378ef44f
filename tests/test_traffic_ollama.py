"""Recorded Ollama answers read right, however their bytes are cut, through both clients over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llm_connector import AsyncLLMClient, LLMClient
from traffic import Case, assert_reads_right, cases

if TYPE_CHECKING:
    from servers.replay import ReplayServer


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
@pytest.mark.parametrize("case", cases("ollama"))
def test_sync(case: Case, seed: int, replay: ReplayServer) -> None:
    with LLMClient("ollama", "m", base_url=replay.serve(case, seed), max_retries=0) as client:
        response = client.stream("hi").response() if case.stream else client.chat("hi")
    assert_reads_right(case, response)


@pytest.mark.parametrize("case", cases("ollama"))
async def test_async(case: Case, replay: ReplayServer) -> None:
    async with AsyncLLMClient("ollama", "m", base_url=replay.serve(case, 4), max_retries=0) as client:
        response = await client.stream("hi").response() if case.stream else await client.chat("hi")
    assert_reads_right(case, response)
