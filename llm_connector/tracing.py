"""A span of OpenTelemetry for each call (extra ``otel``), in the words of its conventions for generative AI.

Names as of opentelemetry-semantic-conventions 0.66b2, 2026-11. What is said to and by a model is not recorded, unless
the environment's OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT asks for it; see ``tracing_content``.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opentelemetry import trace

from llm_connector import tracing_content
from llm_connector.observer import Observer
from llm_connector.types import ChatResponse, EmbeddingResponse, Usage
from llm_connector.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llm_connector.protocols.base import StreamReader
    from llm_connector.settings import Settings
    from llm_connector.types import ChatChunk, ChatRequest

# The convention's own names of providers; ours serve for the others, as it demands.
_PROVIDERS = {
    "openai_responses": "openai",
    "azure_openai": "azure.ai.openai",
    "azure_openai_responses": "azure.ai.openai",
    "anthropic_vertex": "gcp.vertex_ai",
    "anthropic_bedrock": "aws.bedrock",
    "google": "gcp.gemini",
    "google_vertex": "gcp.vertex_ai",
}
_REQUEST = {
    "gen_ai.request.temperature": "temperature",
    "gen_ai.request.top_p": "top_p",
    "gen_ai.request.top_k": "top_k",
    "gen_ai.request.max_tokens": "max_tokens",
    "gen_ai.request.stop_sequences": "stop",
    "gen_ai.request.seed": "seed",
    "gen_ai.request.presence_penalty": "presence_penalty",
    "gen_ai.request.frequency_penalty": "frequency_penalty",
}
_USAGE = {
    "gen_ai.usage.input_tokens": "input_tokens",
    "gen_ai.usage.output_tokens": "output_tokens",
}
_USAGE_DETAILS = {  # told only where there are any
    "gen_ai.usage.cache_read.input_tokens": "cached_tokens",
    "gen_ai.usage.cache_creation.input_tokens": "cache_write_tokens",
    "gen_ai.usage.reasoning.output_tokens": "reasoning_tokens",
}


class SpanObserver(Observer):
    """One call's span. It begins with the first attempt, not when the call is prepared.

    Args:
        settings: The client's.
        operation: The convention's name of what is done.
        model: The model asked for.
        facts: More attributes, by the convention's names; those that are ``None`` are left out.
    """

    def __init__(self, settings: Settings, operation: str, model: str | None, facts: Mapping[str, Any]) -> None:
        name = settings.provider.name
        self._name = operation if model is None else f"{operation} {model}"
        self._attributes: dict[str, Any] = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": _PROVIDERS.get(name, name),
            "gen_ai.request.model": model,
            **facts,
            **_server(settings.base_url),
        }
        self._span: trace.Span | None = None
        self._reader: StreamReader | None = None
        self._began = 0.0
        self._waits_for_a_chunk = True

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Open the span; it is the current one until the answer begins."""
        attributes = {name: value for name, value in self._attributes.items() if value is not None}
        tracer = trace.get_tracer("llm_connector", __version__)
        span = self._span = tracer.start_span(self._name, kind=trace.SpanKind.CLIENT, attributes=attributes)
        self._began = time.monotonic()
        with self._failures(), trace.use_span(span, record_exception=False, set_status_on_exception=False):
            yield

    def answered(self, result: Any) -> None:
        """Tell the answer, and end the span."""
        if self._span is not None and self._span.is_recording():
            self._tell(result)
        self.end()

    @contextlib.contextmanager
    def reading(self, reader: StreamReader) -> Iterator[None]:
        """End the span with the stream."""
        self._reader = reader
        try:
            with self._failures():
                yield
        finally:
            self.end()

    def chunks(self, chunks: Iterator[ChatChunk]) -> Iterator[ChatChunk]:
        """Tell when the first one comes."""
        return self._timed(chunks) if self._waits_for_a_chunk else chunks

    def _timed(self, chunks: Iterator[ChatChunk]) -> Iterator[ChatChunk]:
        for chunk in chunks:
            if self._waits_for_a_chunk and self._span is not None:
                self._waits_for_a_chunk = False
                seconds = time.monotonic() - self._began
                self._span.set_attribute("gen_ai.response.time_to_first_chunk", seconds)
            yield chunk

    def end(self) -> None:
        """End the span, with what a stream has brought so far."""
        span, self._span = self._span, None
        if span is None:
            return
        if self._reader is not None and span.is_recording():
            span.set_attributes(self._response_attributes(self._reader.response()))
        span.end()

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except GeneratorExit:  # the caller has read enough
            raise
        except BaseException as error:
            self._fail(error)
            self.end()
            raise

    def _fail(self, error: BaseException) -> None:
        """Vendors' error texts may repeat the prompt: the code and the status are told, not the text."""
        if self._span is None:
            return
        self._span.set_attribute("error.type", type(error).__qualname__)
        facts = ((name, getattr(error, name, None)) for name in ("status_code", "code", "request_id"))
        told = ", ".join(f"{name} {value}" for name, value in facts if value is not None)
        self._span.set_status(trace.StatusCode.ERROR, told or None)

    def _tell(self, result: Any) -> None:
        assert self._span is not None
        if isinstance(result, ChatResponse):
            self._span.set_attributes(self._response_attributes(result))
        elif isinstance(result, EmbeddingResponse) and result.usage is not None:
            self._span.set_attribute("gen_ai.usage.input_tokens", result.usage.input_tokens)

    def _response_attributes(self, response: ChatResponse) -> dict[str, Any]:
        reasons = [choice.finish_reason for choice in response.choices if choice.finish_reason is not None]
        found = {
            "gen_ai.response.id": response.id,
            "gen_ai.response.model": response.model,
            "gen_ai.response.finish_reasons": reasons or None,
            **_usage_attributes(response.usage),
        }
        if tracing_content.wanted():
            found["gen_ai.output.messages"] = tracing_content.output_messages(response)
        return {name: value for name, value in found.items() if value is not None}


class ChatObserver(SpanObserver):
    """The span of a chat.

    Args:
        settings: The client's.
        request: What is asked.
        stream: Whether the answer comes in chunks.
    """

    def __init__(self, settings: Settings, request: ChatRequest, *, stream: bool) -> None:
        facts = {name: getattr(request, field) for name, field in _REQUEST.items()}
        facts["gen_ai.request.choice.count"] = request.n if request.n != 1 else None
        facts["gen_ai.request.stream"] = stream or None
        if request.response_format is not None:
            facts["gen_ai.output.type"] = "text" if request.response_format.type == "text" else "json"
        if tracing_content.wanted():
            facts |= tracing_content.request_attributes(request)
        super().__init__(settings, "chat", request.model, facts)


class EmbeddingObserver(SpanObserver):
    """The span of an embedding."""

    def __init__(self, settings: Settings, model: str, dimensions: int | None) -> None:
        super().__init__(settings, "embeddings", model, {"gen_ai.embeddings.dimension.count": dimensions})


def _usage_attributes(usage: Usage | None) -> dict[str, int]:
    if usage is None:
        return {}
    details = {name: count for name, field in _USAGE_DETAILS.items() if (count := getattr(usage, field)) > 0}
    return {name: getattr(usage, field) for name, field in _USAGE.items()} | details


def _server(base_url: Any) -> dict[str, Any]:
    if not isinstance(base_url, str):
        return {}
    parts = urlsplit(base_url)
    return {"server.address": parts.hostname, "server.port": parts.port or (80 if parts.scheme == "http" else 443)}
