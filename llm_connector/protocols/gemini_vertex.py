"""Gemini on Google's Vertex AI: the same contents under a project's path. Source: google-genai 3.4, 2026-11.

The address of a location is in ``providers.google``; where the token comes from is in ``google_auth``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from llm_connector.errors import ConfigError
from llm_connector.jsontext import encode
from llm_connector.protocols.gemini import JSON_HEADERS, Gemini, added, embedding_request
from llm_connector.protocols.gemini_facts import read_usage
from llm_connector.protocols.wire import WireRequest, segment
from llm_connector.types import EmbeddingResponse, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_connector.protocols.fields import RequestFields
    from llm_connector.protocols.wire import Answer, Exchange
    from llm_connector.settings import Settings
    from llm_connector.types import ModelInfo

_EMBEDDING_BATCH = 250
_ONE_BY_ONE = re.compile(r"gemini-embedding-001")  # takes one text a request (Vertex docs, 2026-10)
_BY_CONTENT = re.compile(r"gemini-embedding-(?!001)")  # newer models have no :predict (google-genai 3.4)


class GeminiVertex(Gemini):
    """generateContent, models and embeddings of a project at a location."""

    default_version = "v1beta1"
    files_url = ""
    tells_server_calls = False

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        project = settings.options.get("project")
        if not project:
            raise ConfigError("no project: pass project=, or set GOOGLE_CLOUD_PROJECT", provider=settings.provider.name)
        self._place = f"/projects/{segment(str(project))}/locations/{segment(str(settings.options['location']))}"

    def _body(self, fields: RequestFields) -> dict[str, Any]:
        body = super()._body(fields)
        if metadata := fields.take("metadata"):
            body["labels"] = {name: str(value) for name, value in metadata.items()}
        return body

    def model_path(self, model: str) -> str:
        """The path of a model: Google's own, another publisher's, or one of a project (a tuned endpoint)."""
        name = self.checked_name(model)
        if name.startswith("projects/"):
            return f"/{quote(name)}"
        if name.startswith(("publishers/", "endpoints/")):
            return f"{self._place}/{quote(name)}"
        name = name.removeprefix("models/")
        publisher, slash, rest = name.partition("/")
        if slash:
            return f"{self._place}/publishers/{quote(publisher)}/models/{quote(rest)}"
        return f"{self._place}/publishers/google/models/{quote(name)}"

    def models(self) -> Exchange[list[ModelInfo]]:
        """List Google's models, all pages."""
        return self._listed("/publishers/google/models", "publisherModels")

    def embed(self, inputs: Sequence[str], model: str, dimensions: int | None) -> Exchange[EmbeddingResponse]:
        """Embed texts, in as many requests as the vendor's limit needs."""
        path = self.model_path(model)
        by_content, one_by_one = _BY_CONTENT.search(model), _ONE_BY_ONE.search(model)
        size = 1 if by_content or one_by_one else _EMBEDDING_BATCH
        vectors: list[list[float]] = []
        usage: Usage | None = None
        for start in range(0, len(inputs), size):
            batch = inputs[start : start + size]
            if by_content:
                body = embedding_request(batch[0], dimensions)
                answer = yield WireRequest(f"{path}:embedContent", encode(body), headers=JSON_HEADERS)
                vectors.append(answer.payload["embedding"]["values"])
                usage = added(usage, read_usage(answer.payload.get("usageMetadata") or {}))
            else:
                answer = yield WireRequest(
                    f"{path}:predict", encode(_instances(batch, dimensions)), headers=JSON_HEADERS
                )
                vectors += [item["embeddings"]["values"] for item in answer.payload["predictions"]]
                usage = added(usage, _counted(answer))
        return EmbeddingResponse(embeddings=vectors, usage=usage, model=model)


def _instances(texts: Sequence[str], dimensions: int | None) -> dict[str, Any]:
    body: dict[str, Any] = {"instances": [{"content": text} for text in texts]}
    return body if dimensions is None else {**body, "parameters": {"outputDimensionality": dimensions}}


def _counted(answer: Answer) -> Usage | None:
    counts = [(item["embeddings"].get("statistics") or {}).get("token_count") for item in answer.payload["predictions"]]
    told = [int(count) for count in counts if count is not None]
    return Usage(input_tokens=sum(told), total_tokens=sum(told)) if told else None


PROTOCOL = GeminiVertex
