"""The model of the provider ``local`` in LlamaIndex: the one that was named, or an error that says why not."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest

from llama_index.embeddings.llm_connector import ConnectorEmbedding
from llama_index.llms.llm_connector import ChatConnector
from llm_connector import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_name_that_is_not_known_never_answers_as_another() -> None:
    llm = ChatConnector(provider="local", model="gpt-4o")
    with pytest.raises(ConfigError, match="Unknown model 'gpt-4o'"):
        llm.complete("hi")
    with pytest.raises(ConfigError, match="Unknown model 'gpt-4o'"):
        await llm.acomplete("hi")
    with pytest.raises(ConfigError, match="Unknown model 'gpt-4o'"):
        llm.models()
    with pytest.raises(ConfigError, match="Unknown model 'gpt-4o'"):
        ConnectorEmbedding(provider="local", model="gpt-4o").get_text_embedding("hi")
    with pytest.raises(ConfigError, match="Unknown model 'gpt-4o'"):
        ChatConnector(provider="local").complete("hi", model="gpt-4o")


def test_a_field_that_was_changed_counts(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"this is no model")
    llm = copy.copy(ChatConnector(provider="local"))
    llm.model = str(path)
    with pytest.raises(ConfigError, match=r"cannot serve .*mine\.gguf"):
        llm.complete("hi")
    embedding = ConnectorEmbedding(provider="local", model_name=str(path))
    with pytest.raises(ConfigError, match=r"cannot serve .*mine\.gguf"):
        embedding.get_text_embedding("hi")
