"""Embeddings of any provider that has them. Batching and vendors' forms are ``llm_connector``'s."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings

from langchain_llm_connector.connection import Connection
from langchain_llm_connector.errors import model_errors


class ConnectorEmbeddings(Connection, Embeddings):
    """Texts to vectors.

    ```python
    embeddings = ConnectorEmbeddings(provider="zhipu", model="embedding-3", dimensions=512)
    ```

    The other arguments are those of ``langchain_llm_connector.connection.Connection``.

    Attributes:
        dimensions: The length of the vectors, for models that let one choose.
    """

    dimensions: int | None = None

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector a text.

        Raises:
            LLMError: See ``llm_connector.errors``; also LangChain's ``ModelError``.
        """
        if not texts:
            return []
        with model_errors():
            return self._sync().embed(texts, dimensions=self.dimensions).embeddings

    def embed_query(self, text: str) -> list[float]:
        """The text's vector."""
        return self.embed_documents([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """The same without blocking the event loop."""
        if not texts:
            return []
        with model_errors():
            response = await self._async().embed(texts, dimensions=self.dimensions)
        return response.embeddings

    async def aembed_query(self, text: str) -> list[float]:
        """The text's vector, without blocking the event loop."""
        return (await self.aembed_documents([text]))[0]
