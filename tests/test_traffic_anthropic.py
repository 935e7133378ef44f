"""Recorded Messages answers read right, however their bytes are cut, through both clients over real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llm_connector import AsyncLLMClient, LLMClient, LLMError, StreamInterruptedError
from traffic import Case, assert_reads_right, cases

if TYPE_CHECKING:
    from servers.replay import ReplayServer

ROW_OF = {"bedrock": "anthropic_bedrock", "vertex": "anthropic_vertex"}
CASES = [
    *cases("anthropic"),
    *(case for case in cases("bedrock_eventstream") if case.values[0] is None or case.values[0].variant == "invoke"),
]


def client_arguments(case: Case, url: str) -> dict:
    row = ROW_OF.get(case.provider, "anthropic")
    options = {"project": "p"} if row == "anthropic_vertex" else {}
    return {"provider": row, "model": case.model, "api_key": "k", "base_url": url, "max_retries": 0, **options}


def check_failure(case: Case, error: LLMError) -> None:
    expected = case.expect
    if expected.get("error"):
        assert expected["error"]["message"][:60] in error.message
    else:
        assert isinstance(error, StreamInterruptedError), repr(error)
    assert expected.get("finish_reason") is None
    assert_reads_right(case, error.partial)


def check(case: Case, response) -> None:
    assert not case.expect.get("error")
    assert_reads_right(case, response)
    kept = response.message.reasoning.blocks if response.message.reasoning is not None else []
    kinds = [block["type"] for block in kept]
    expected = [_kind(kind) for kind in case.expect.get("block_order") or ()]
    told = [_kind(kind) for kind in kinds]
    if kept:
        assert [kind for at, kind in enumerate(told) if at == 0 or told[at - 1] != kind] == expected
    else:
        assert set(expected) <= {"text", "tool_call"}
    signed = sum(1 for block in kept if block["type"] == "thinking" and block.get("signature"))
    assert signed == (case.expect.get("signatures") or 0)
    assert kinds.count("redacted_thinking") == (case.expect.get("redacted_thinking") or 0)
    if case.expect.get("citations"):
        assert response.citations


def _kind(kind: str) -> str:
    if kind.endswith("_tool_result"):
        return "server_result"
    return {"tool_use": "tool_call", "server_tool_use": "server_tool", "mcp_tool_use": "server_tool"}.get(kind, kind)


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
    check(case, response)


@pytest.mark.parametrize("case", CASES)
async def test_async(case: Case, replay: ReplayServer) -> None:
    url = replay.serve(case, 4)
    async with AsyncLLMClient(**client_arguments(case, url)) as client:
        try:
            response = await client.stream("hi").response() if case.stream else await client.chat("hi")
        except LLMError as error:
            check_failure(case, error)
            return
    check(case, response)
