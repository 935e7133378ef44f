"""Recorded DashScope, Hunyuan and Zhipu answers read right by the native rows, however their bytes are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from llm_connector import AsyncLLMClient, LLMClient, LLMError, StreamInterruptedError
from traffic import Case, assert_reads_right, cases

if TYPE_CHECKING:
    from servers.replay import ReplayServer

ROWS = {"dashscope": "aliyun", "tencent": "tencent", "zhipu": "zhipu"}


def row_of(case: Case) -> str:
    return ROWS[case.name.partition("/")[2].partition("__")[0]]


def client_of(kind: type, case: Case, url: str) -> Any:
    row = row_of(case)
    keys = {"secret_id": "AKIDtest", "secret_key": "secret"} if row == "tencent" else {"api_key": "id.secret"}
    return kind(row, case.model or "m", base_url=url, max_retries=0, **keys)


def parameters(case: Case) -> dict[str, Any]:
    """A stream repeats itself only where increments were not asked for: then the recording's request did not."""
    if "dashscope_cumulative" not in (case.tags or ()):
        return {}
    return {"extra_body": {"parameters": {"incremental_output": False}}}


def check_failure(case: Case, error: LLMError) -> None:
    expected = case.expect
    if expected.get("error"):
        assert expected["error"].get("message") is None or expected["error"]["message"][:60] in str(error.message)
        assert expected["error"].get("code") in {None, error.code}
    else:
        assert isinstance(error, StreamInterruptedError), repr(error)
        assert expected.get("finish_reason") is None
        assert_reads_right(case, error.partial)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("case", cases(*ROWS))
def test_sync(case: Case, seed: int, replay: ReplayServer) -> None:
    url = replay.serve(case, seed)
    with client_of(LLMClient, case, url) as client:
        try:
            ask = client.stream if case.stream else client.chat
            response = ask("hi", **parameters(case))
            response = response.response() if case.stream else response
        except LLMError as error:
            check_failure(case, error)
            return
    assert not case.expect.get("error")
    assert_reads_right(case, response)


@pytest.mark.parametrize("seed", [1, 6])
@pytest.mark.parametrize("case", cases(*ROWS))
async def test_async(case: Case, seed: int, replay: ReplayServer) -> None:
    url = replay.serve(case, seed)
    async with client_of(AsyncLLMClient, case, url) as client:
        try:
            if case.stream:
                response = await client.stream("hi", **parameters(case)).response()
            else:
                response = await client.chat("hi", **parameters(case))
        except LLMError as error:
            check_failure(case, error)
            return
    assert not case.expect.get("error")
    assert_reads_right(case, response)
