"""Google's Gemini API, at its developer endpoint. Source: google-genai 3.4 and Google's pages, 2026-11.

Reading answers is in ``gemini_stream``; what Vertex does differently is in ``gemini_vertex``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from llm_connector import errors
from llm_connector.faults import Rule, classify, read_fault
from llm_connector.jsontext import encode
from llm_connector.protocols.base import Protocol
from llm_connector.protocols.gemini_config import answer_form, generation_config, tool_fields
from llm_connector.protocols.gemini_facts import read_usage
from llm_connector.protocols.gemini_framing import GeminiFraming
from llm_connector.protocols.gemini_messages import ContentWriter
from llm_connector.protocols.gemini_models import gate_of
from llm_connector.protocols.gemini_stream import GeminiDecoder
from llm_connector.protocols.wire import WireRequest
from llm_connector.types import EmbeddingResponse, ModelInfo, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_connector.errors import LLMError
    from llm_connector.protocols.fields import RequestFields
    from llm_connector.protocols.wire import Exchange
    from llm_connector.types import ChatRequest

JSON_HEADERS = {"content-type": "application/json"}

_VERSION_AT_END = re.compile(r"/v\d+((alpha|beta)\d*)?$")
_SHORT_VERSIONS = {"alpha": "v1alpha", "beta": "v1beta"}  # as GOOGLE_GENAI_API_VERSION may say
_NOT_IN_A_NAME = re.compile(r"\.\.|(^|/)\.(/|$)|[^\w.:@/ -]|//|^/|/$|^$|\n")
_EMBEDDING_BATCH = 100

# google.rpc.Code and ErrorInfo's reasons (cloud.google.com, "Errors"; ai.google.dev, "Troubleshooting", 2026-11).
RULES = (
    Rule(errors.AuthenticationError, code=r"API_KEY_(INVALID|EXPIRED)|ACCESS_TOKEN_\w+|CREDENTIALS_MISSING"),
    Rule(errors.AuthenticationError, message=r"API key (not valid|not found|expired|was reported as leaked)"),
    Rule(errors.AuthenticationError, message=r"unregistered callers|without (an )?established identity"),
    Rule(errors.AuthenticationError, code=r"UNAUTHENTICATED"),
    Rule(errors.BillingError, code=r"BILLING_DISABLED"),
    Rule(
        errors.BillingError, code=r"RESOURCE_EXHAUSTED", message=r"limit: 0\b|credits are depleted|spending (cap|limit)"
    ),
    Rule(errors.RateLimitError, code=r".*PerDay.*", retryable=False),  # QuotaFailure: nothing will come before tomorrow
    Rule(errors.RateLimitError, code=r"RESOURCE_EXHAUSTED"),
    Rule(errors.PermissionDeniedError, code=r"PERMISSION_DENIED|FAILED_PRECONDITION"),
    Rule(errors.ModelNotFoundError, code=r"NOT_FOUND"),
    Rule(errors.OverloadedError, code=r"UNAVAILABLE"),
    Rule(errors.RequestTimeoutError, code=r"DEADLINE_EXCEEDED"),
    Rule(errors.ServerError, code=r"CANCELLED|INTERNAL|UNKNOWN|DATA_LOSS|ABORTED"),
    Rule(errors.InvalidRequestError, code=r"INVALID_ARGUMENT|OUT_OF_RANGE|UNIMPLEMENTED"),
)


class Gemini(Protocol):
    """generateContent, models and embeddings."""

    rules = RULES
    tool_results = "turn"
    default_version = "v1beta"
    files_url = "https://generativelanguage.googleapis.com/v1beta/"
    tells_server_calls = True

    def build(self, fields: RequestFields, *, stream: bool) -> WireRequest:
        """The request in the vendor's form."""
        request = fields.request
        path = self.model_path(request.model or "")
        body = merged(self._body(fields), request.extra_body or {})
        if stream:
            return WireRequest(f"{path}:streamGenerateContent", encode(body), {"alt": "sse"}, JSON_HEADERS)
        return WireRequest(f"{path}:generateContent", encode(body), headers=JSON_HEADERS)

    def decoder(self, request: ChatRequest) -> GeminiDecoder:
        """A fresh decoder for one answer."""
        del request
        return GeminiDecoder(self)

    def framing(self) -> GeminiFraming:
        """A fresh framing for one stream."""
        return GeminiFraming()

    def _body(self, fields: RequestFields) -> dict[str, Any]:
        gate = gate_of(fields.request.model or "")
        form, instruction = answer_form(fields, gate)
        body = ContentWriter(self.settings, fields, gate, self.files_url).write(fields.request.messages, instruction)
        body |= tool_fields(fields, gate, tells_server_calls=self.tells_server_calls)
        config = generation_config(fields, gate) | form
        return body | ({"generationConfig": config} if config else {})

    # Addresses

    def model_path(self, model: str) -> str:
        """The path of a model, which may be given with or without what it is a member of.

        Raises:
            InvalidRequestError: It holds what no name has, and what could lead to another address.
        """
        name = self.checked_name(model)
        return f"/{quote(name if name.startswith(('models/', 'tunedModels/')) else f'models/{name}')}"

    def checked_name(self, model: str) -> str:
        """The name as it is, if it can be one."""
        if _NOT_IN_A_NAME.search(model):
            raise errors.InvalidRequestError(
                f"{model[:80]!r} is not the name of a model: allowed are letters, digits and . _ : @ - with single "
                "slashes between them",
                provider=self.settings.provider.name,
            )
        return model

    def normalise_base_url(self, base_url: str) -> str:
        """Append the API's version, unless the address ends with one."""
        url = base_url.rstrip("/")
        if _VERSION_AT_END.search(url):
            return url
        version = str(self.settings.options.get("api_version") or self.default_version)
        return f"{url}/{quote(_SHORT_VERSIONS.get(version, version), safe='')}"

    # Errors

    def is_fault(self, payload: Any) -> bool:
        """Whether it is an error, or tells that the prompt was blocked."""
        body = payload[0] if isinstance(payload, list) and payload else payload
        return super().is_fault(body) or _block_reason(body) is not None

    def error(self, payload: Any, status: int | None = None, headers: Mapping[str, str] | None = None) -> LLMError:
        """The typed error of an error body; ``status`` is ``None`` in mid-stream."""
        body = payload[0] if isinstance(payload, list) and payload else payload
        reason = _block_reason(body)
        if reason is not None:
            return self._blocked(body, reason, status)
        fault = read_fault(status, headers or {}, payload)
        fault.codes = _codes(body, fault.codes)
        return classify(fault, (*self.settings.provider.rules, *self.rules), self.settings.provider.name)

    def _blocked(self, body: dict[str, Any], reason: str, status: int | None) -> LLMError:
        told = body["promptFeedback"].get("blockReasonMessage")
        return errors.ContentFilterError(
            f"the prompt was blocked ({reason}){f': {told}' if told else ''}",
            provider=self.settings.provider.name,
            status_code=status,
            code=reason,
            request_id=body.get("responseId"),
            raw=body,
        )

    # Models and embeddings

    def models(self) -> Exchange[list[ModelInfo]]:
        """List the models, all pages."""
        return self._listed("/models", "models")

    def _listed(self, path: str, name: str, above: str = "") -> Exchange[list[ModelInfo]]:
        found: list[ModelInfo] = []
        query = {"pageSize": "1000"}
        seen = {""}
        while True:
            answer = yield WireRequest(path, query=query, method="GET", above=above)
            payload = answer.payload if isinstance(answer.payload, dict) else {}
            found += [_model_info(entry) for entry in payload.get(name) or ()]
            token = str(payload.get("nextPageToken") or "")
            if token in seen:
                return found
            seen.add(token)
            query = {**query, "pageToken": token}

    def embed(self, inputs: Sequence[str], model: str, dimensions: int | None) -> Exchange[EmbeddingResponse]:
        """Embed texts, in as many requests as the vendor's limit needs."""
        path = self.model_path(model)
        vectors: list[list[float]] = []
        usage: Usage | None = None
        for start in range(0, len(inputs), _EMBEDDING_BATCH):
            batch = inputs[start : start + _EMBEDDING_BATCH]
            body = {"requests": [embedding_request(text, dimensions, model=path[1:]) for text in batch]}
            answer = yield WireRequest(f"{path}:batchEmbedContents", encode(body), headers=JSON_HEADERS)
            vectors += [item["values"] for item in answer.payload["embeddings"]]
            usage = added(usage, read_usage(answer.payload.get("usageMetadata") or {}))
        return EmbeddingResponse(embeddings=vectors, usage=usage, model=model)


def embedding_request(text: str, dimensions: int | None, **fields: Any) -> dict[str, Any]:
    """One text of an embedding request."""
    request: dict[str, Any] = {**fields, "content": {"parts": [{"text": text}]}}
    if dimensions is not None:
        request["outputDimensionality"] = dimensions
    return request


def added(usage: Usage | None, more: Usage | None) -> Usage | None:
    """The sum of what was counted."""
    if usage is None or more is None:
        return usage or more
    return usage + more


def merged(body: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the caller's own fields, also inside objects: Gemini keeps most of its fields in one of them."""
    result = dict(body)
    for name, value in extra.items():
        mine = result.get(name)
        result[name] = merged(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return result


def _block_reason(body: Any) -> str | None:
    """Why the prompt was blocked; an answer with candidates was not."""
    if not isinstance(body, dict) or body.get("candidates"):
        return None
    feedback = body.get("promptFeedback")
    return (feedback.get("blockReason") or None) if isinstance(feedback, dict) else None


def _codes(body: Any, codes: list[str]) -> list[str]:
    """The status by name first, then what the details say, then the number."""
    error = body.get("error") if isinstance(body, dict) else None
    details = (error.get("details") or ()) if isinstance(error, dict) else ()
    named: list[str] = [code for code in codes if not code.isdigit()]
    for item in details:
        if isinstance(item, dict):
            named += [str(item["reason"])] if item.get("reason") else []
            named += [str(violation.get("quotaId", "")) for violation in item.get("violations") or ()]
    return named + [code for code in codes if code.isdigit()]


def _model_info(entry: dict[str, Any]) -> ModelInfo:
    return ModelInfo(
        id=str(entry.get("name", "")).rsplit("models/", 1)[-1],
        context_window=entry.get("inputTokenLimit"),
        max_output_tokens=entry.get("outputTokenLimit"),
        raw=entry,
    )


PROTOCOL = Gemini
