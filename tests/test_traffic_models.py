"""Recorded lists of models read right, with the context windows that vendors tell; a refusal is typed."""

from __future__ import annotations

import pytest

from llm_connector import AsyncLLMClient, AuthenticationError, LLMClient
from servers.replay import ReplayServer
from traffic import Case, cases

WINDOWS = {"github_copilot": 264_000, "groq": 448, "mistral": 131_072, "llamacpp": 4096}


def arguments(case: Case, url: str) -> dict:
    row = "aliyun_openai" if case.provider == "aliyun" else "openai_compatible"
    return {"provider": row, "api_key": "k", "base_url": url, "max_retries": 0}


@pytest.mark.parametrize("case", cases("models"))
async def test_lists_of_models(case: Case, replay: ReplayServer) -> None:
    given = arguments(case, replay.serve(case, 2))
    with LLMClient(**given) as client:
        if case.status >= 400:
            with pytest.raises(AuthenticationError, match="Invalid API Key"):
                client.models()
            return
        models = client.models()
    async with AsyncLLMClient(**given) as client:
        assert [model.id for model in await client.models()] == [model.id for model in models]
    assert sorted(model.id for model in models) == sorted(case.expect["models"])
    if case.provider in WINDOWS:
        assert models[0].context_window == WINDOWS[case.provider]
