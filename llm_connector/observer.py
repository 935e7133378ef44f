"""What may watch a call from outside. This one watches nothing; OpenTelemetry's is in ``tracing``."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_connector.protocols.base import StreamReader
    from llm_connector.settings import Settings
    from llm_connector.types import ChatChunk, ChatRequest


class Observer:
    """Told what becomes of one call."""

    def asking(self) -> contextlib.AbstractContextManager[None]:
        """From the first attempt until the answer is there, or a stream's head."""
        return contextlib.nullcontext()

    def answered(self, result: Any) -> None:
        """The whole answer is there."""

    def reading(self, reader: StreamReader) -> contextlib.AbstractContextManager[None]:
        """While a stream is read."""
        del reader
        return contextlib.nullcontext()

    def chunks(self, chunks: Iterator[ChatChunk]) -> Iterator[ChatChunk]:
        """Chunks on their way to the caller."""
        return chunks

    def end(self) -> None:
        """The call is over, if it was not before."""


NOBODY = Observer()


def _anybody_watches() -> bool:
    """Whether spans would go anywhere. LangChain imports OpenTelemetry for everybody; only some set it up."""
    trace = sys.modules.get("opentelemetry.trace")
    provider = getattr(trace, "get_tracer_provider", None)  # not there yet while another thread imports it
    return provider is not None and not isinstance(provider(), trace.ProxyTracerProvider)  # type: ignore[union-attr]


def observer_of_chat(settings: Settings, request: ChatRequest, *, stream: bool) -> Observer:
    """Who watches a chat. Where OpenTelemetry was not set up nobody does, and nothing is imported or made."""
    if not _anybody_watches():
        return NOBODY
    from llm_connector.tracing import ChatObserver  # noqa: PLC0415 - only where there is OpenTelemetry

    return ChatObserver(settings, request, stream=stream)


def observer_of_embedding(settings: Settings, model: str, dimensions: int | None) -> Observer:
    """Who watches an embedding."""
    if not _anybody_watches():
        return NOBODY
    from llm_connector.tracing import EmbeddingObserver  # noqa: PLC0415 - only where there is OpenTelemetry

    return EmbeddingObserver(settings, model, dimensions)
