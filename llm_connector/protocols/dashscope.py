"""Aliyun's native DashScope API: generation, models, embeddings. Messages and answers have files of their own.

Source: dashscope 2.0.2 and Model Studio's API reference, 2026-10.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llm_connector.errors import InvalidRequestError
from llm_connector.jsontext import encode
from llm_connector.protocols.aliyun_chat import AliyunChat
from llm_connector.protocols.dashscope_messages import DashScopeWriter, as_parts, as_text, has_media
from llm_connector.protocols.dashscope_stream import DashScopeDecoder
from llm_connector.protocols.openai_chat import JSON_HEADERS
from llm_connector.protocols.openai_stream import read_usage
from llm_connector.protocols.wire import WireRequest
from llm_connector.types import EmbeddingResponse, ModelInfo, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_connector.protocols.base import StreamReader
    from llm_connector.protocols.fields import RequestFields
    from llm_connector.protocols.wire import Exchange
    from llm_connector.settings import Settings
    from llm_connector.types import ChatRequest, ChatResponse

_GENERATION = "/services/aigc/{service}-generation/generation"
_EMBEDDING = "/services/embeddings/text-embedding/text-embedding"
_PAGE = 100
# Models that are served by multimodal generation even for text alone; the vendor publishes no list, 2026-11.
_MULTIMODAL = re.compile(r"-vl\b|qvq|-omni|-audio|-ocr|qwen3\.[5-9]-(plus|flash)|qwen3\.[5-9]-\d", re.IGNORECASE)
_WRONG_SERVICE = re.compile(r"url error", re.IGNORECASE)
_WINDOWS = ("context_window", "max_input_tokens", "context_length")
_OUTPUTS = ("max_output_tokens",)


class DashScope(AliyunChat):
    """DashScope's generation services.

    Which of the two serves a model is known by the model's name, and where that misleads by the vendor's answer, which
    is remembered: "url error".
    """

    default_path = "/api/v1"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._learned: dict[str, bool] = {}

    def chat(self, request: ChatRequest) -> Exchange[ChatResponse]:
        """Ask for a whole answer."""
        try:
            return (yield from super().chat(request))
        except InvalidRequestError as error:
            self._learn_service(request, error)
        return (yield from super().chat(request))

    def stream(self, request: ChatRequest) -> Exchange[StreamReader]:
        """Ask for a stream."""
        try:
            return (yield from super().stream(request))
        except InvalidRequestError as error:
            self._learn_service(request, error)
        return (yield from super().stream(request))

    def build(self, fields: RequestFields, *, stream: bool) -> WireRequest:
        """The request in the vendor's form."""
        multimodal = self._multimodal(fields.request)
        body = self._generation(fields, multimodal=multimodal, stream=stream)
        path = _GENERATION.format(service="multimodal" if multimodal else "text")
        content = encode(body)
        headers = self._headers()
        if stream:
            headers |= {"accept": "text/event-stream", "x-dashscope-sse": "enable"}
        if b'"oss://' in content:
            headers["x-dashscope-ossresourceresolve"] = "enable"
        return WireRequest(path, content, headers=headers)

    def decoder(self, request: ChatRequest) -> DashScopeDecoder:
        """A fresh decoder for one answer."""
        tags = self.settings.think_tags
        asked = (request.extra_body or {}).get("parameters") or {}
        return DashScopeDecoder(
            self,
            think_tags=self.dialect.think_tags if tags is None else tags,
            cumulative=asked.get("incremental_output") is False,
            asked_model=request.model,
        )

    def is_fault(self, payload: Any) -> bool:
        """An error has a code, whatever the HTTP status; an answer of some gateways has an empty one."""
        return super().is_fault(payload) or (isinstance(payload, dict) and bool(payload.get("code")))

    def _generation(self, fields: RequestFields, *, multimodal: bool, stream: bool) -> dict[str, Any]:
        request = fields.request
        if not multimodal and has_media(request.messages):
            raise self.unsupported("media in messages", "endpoint='text' takes text alone; use endpoint='auto'")
        messages = DashScopeWriter(self.dialect, self.settings, fields, "system").write(request.messages)
        parameters: dict[str, Any] = {"result_format": "message"}
        if stream:
            parameters["incremental_output"] = True
        parameters |= self._reasoning(fields, request.model or "")
        parameters |= self._sampling(fields, parameters, reasons=False)
        parameters |= self._tools(fields, stream=stream)
        parameters |= self._format(fields, messages)
        written = as_parts(messages) if multimodal else as_text(messages)
        body = {"model": request.model, "input": {"messages": written}, "parameters": parameters}
        return _merged(body, request.extra_body or {})

    def _multimodal(self, request: ChatRequest) -> bool:
        wanted = self.settings.options.get("endpoint", "auto")
        if wanted != "auto":
            return bool(wanted == "multimodal")
        if has_media(request.messages):
            return True
        model = request.model or ""
        return self._learned.get(model, _MULTIMODAL.search(model) is not None)

    def _learn_service(self, request: ChatRequest, error: InvalidRequestError) -> None:
        """Remember that the other service has the model; raises when that cannot be the cause of the error."""
        model, tried = request.model or "", self._multimodal(request)
        chosen = self.settings.options.get("endpoint", "auto") != "auto" or has_media(request.messages)
        if chosen or model in self._learned or not _WRONG_SERVICE.search(error.message):
            raise error
        self._learned[model] = not tried

    def _headers(self) -> dict[str, str]:
        workspace = self.settings.options.get("workspace")
        return JSON_HEADERS | ({"x-dashscope-workspace": workspace} if workspace else {})

    def models(self) -> Exchange[list[ModelInfo]]:
        """List the models, all pages."""
        found: dict[str, ModelInfo] = {}
        for number in range(1, 1000):
            query = {"page_no": str(number), "page_size": str(_PAGE)}
            answer = yield WireRequest("/models", query=query, headers=self._headers(), method="GET")
            output = answer.payload.get("output") or {}
            page = {str(entry["model"]): _model_info(entry) for entry in output.get("models") or []}
            new = page.keys() - found.keys()
            found |= page
            if not new or len(found) >= (output.get("total") or len(found)):
                break
        return list(found.values())

    def embed(self, inputs: Sequence[str], model: str, dimensions: int | None) -> Exchange[EmbeddingResponse]:
        """Embed texts, in as many requests as the vendor's limit needs."""
        vectors: list[list[float]] = []
        usage: Usage | None = None
        parameters = {} if dimensions is None else {"dimension": dimensions}
        size = self.dialect.embedding_batch
        for start in range(0, len(inputs), size):
            texts = {"texts": list(inputs[start : start + size])}
            body = encode({"model": model, "input": texts, "parameters": parameters})
            answer = yield WireRequest(_EMBEDDING, body, headers=self._headers())
            vectors += _vectors(answer.payload)
            told = _embedding_usage(answer.payload.get("usage"))
            usage = told if usage is None or told is None else usage + told
        return EmbeddingResponse(embeddings=vectors, usage=usage, model=model)


def _merged(body: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """The body with the user's own fields; an object such as ``parameters`` is added to, not replaced."""
    merged = dict(body)
    for name, value in extra.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = {**merged[name], **value} if both else value
    return merged


def _model_info(entry: dict[str, Any]) -> ModelInfo:
    limits = entry | (entry.get("model_info") or {})
    sizes = [next((limits[name] for name in names if isinstance(limits.get(name), int)), None) for names in _LIMITS]
    return ModelInfo(id=str(entry["model"]), context_window=sizes[0], max_output_tokens=sizes[1], raw=entry)


_LIMITS = (_WINDOWS, _OUTPUTS)


def _vectors(payload: dict[str, Any]) -> list[list[float]]:
    items = (payload.get("output") or {}).get("embeddings") or []
    ordered = sorted(items, key=lambda item: item.get("text_index") or 0)
    return [[float(number) for number in item["embedding"]] for item in ordered]


def _embedding_usage(usage: dict[str, Any] | None) -> Usage | None:
    """Only a total is told, which is all input."""
    if not usage:
        return None
    read = read_usage(usage)
    return read if read.input_tokens else read.model_copy(update={"input_tokens": read.total_tokens})


PROTOCOL = DashScope
