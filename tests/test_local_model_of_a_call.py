"""The model that one call asks of the provider ``local`` is the one that answers, or the call fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from llm_connector import AsyncLLMClient, ConfigError, LLMClient
from llm_connector.types import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALLS: dict[str, Callable[[LLMClient, str], Any]] = {
    "chat": lambda client, model: client.chat("hi", model=model),
    "stream": lambda client, model: client.stream("hi", model=model),
    "request": lambda client, model: client.chat(ChatRequest.from_any("hi", {"model": model})),
    "embed": lambda client, model: client.embed("hi", model=model),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@each_call
def test_an_unknown_model_is_refused_as_the_constructors_is(call: Callable[[LLMClient, str], Any]) -> None:
    with LLMClient("local") as client, pytest.raises(ConfigError, match=r"Unknown model 'gpt-4o'.*'smollm2'") as caught:
        call(client, "gpt-4o")
    with LLMClient("local", "gpt-4o") as client, pytest.raises(ConfigError) as told:
        client.chat("hi")
    assert caught.value.message == told.value.message


async def test_so_it_is_by_the_async_client() -> None:
    async with AsyncLLMClient("local") as client:
        with pytest.raises(ConfigError, match="Unknown model 'gpt-4o'"):
            await client.chat("hi", model="gpt-4o")
        with pytest.raises(ConfigError, match="Unknown model 'gpt-4o'"):
            await client.embed("hi", model="gpt-4o")


@each_call
def test_a_file_of_ones_own_is_loaded(call: Callable[[LLMClient, str], Any], tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"this is no model")
    with LLMClient("local") as client, pytest.raises(ConfigError, match=r"cannot serve .*mine\.gguf.*magic"):
        call(client, str(path))


def test_an_address_of_ones_own_is_kept_whatever_the_model() -> None:
    with LLMClient("local", base_url="http://127.0.0.1:9/v1", max_retries=0) as client:
        assert client.settings.for_model("gpt-4o") is client.settings


@pytest.mark.local_model
def test_the_known_name_in_a_call_is_the_same_server() -> None:
    with LLMClient("local") as client:
        assert "Paris" in client.chat("What is the capital of France?", model="smollm2", temperature=0).content


@pytest.mark.local_model
def test_a_file_of_ones_own_answers_under_its_name(tmp_path: Path) -> None:
    from llm_connector.local.models import SMOLLM2
    from llm_connector.local.weights import fetch

    path = tmp_path / "mine.gguf"
    path.symlink_to(fetch(SMOLLM2.weights))
    with LLMClient("local", context_size=512, threads=1) as client:
        answer = client.chat("What is the capital of France?", model=str(path), temperature=0, max_tokens=20)
    assert answer.model == "mine"
