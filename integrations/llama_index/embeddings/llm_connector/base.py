"""``ConnectorEmbedding``: any provider's embedding models. Batch limits and formats are ``llm_connector``'s."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import Field

from llama_index.llms.llm_connector.connection import Connection, sort_options
from llm_connector.errors import ConfigError

_UNKNOWN = "unknown"  # what LlamaIndex calls a model without a name


class ConnectorEmbedding(Connection, BaseEmbedding):
    """Any provider's embedding models.

    Besides the fields below it takes the options of the provider's row, LlamaIndex's own fields and those of
    ``Connection``.

    Attributes:
        model_name: The model's name; ``model`` in the constructor is the same.
        dimensions: The length of the vectors, where the model lets one choose.
        embed_batch_size: How many texts LlamaIndex hands over at once; cut further where the vendor takes fewer.

    Raises:
        ConfigError: The provider or an option is unknown, or a key, an address or the model is missing.
    """

    dimensions: int | None = Field(default=None, gt=0)
    embed_batch_size: int = Field(default=100, gt=0, le=2048)

    def __init__(self, provider: str, model: str | None = None, **fields: Any) -> None:
        own = type(self).model_fields
        options = {name: value for name, value in fields.items() if name not in own}
        fields = {name: value for name, value in fields.items() if name in own}
        shown, secret = sort_options(provider, {**fields.pop("provider_options", {}), **options})
        fields["secret_options"] = {**fields.get("secret_options", {}), **secret}
        if model is not None:
            fields["model_name"] = model
        super().__init__(provider=provider, provider_options=shown, **fields)
        self._check()
        if self.model_name == _UNKNOWN and self._row().default_model is None:
            raise ConfigError("no model given: pass model=", provider=self.provider)

    @classmethod
    def class_name(cls) -> str:
        """The name in dumps."""
        return "llm_connector_embedding"

    def _model(self) -> str | None:
        return None if self.model_name == _UNKNOWN else self.model_name

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._client().embed(texts, self._model(), self.dimensions).embeddings

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return (await self._aclient().embed(texts, self._model(), self.dimensions)).embeddings

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await self._aget_text_embedding(query)
