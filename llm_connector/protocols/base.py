"""What every wire protocol is made of. Pure: bytes and values in, bytes and values out.

A protocol is one subclass of ``Protocol`` (build requests, read answers) and one of ``Decoder`` (events to chunks).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from llm_connector.collect import Collector
from llm_connector.errors import (
    ConfigError,
    DecodeError,
    LLMError,
    StreamInterruptedError,
    UnsupportedError,
)
from llm_connector.faults import KEPT_BODY, Rule, classify, read_fault
from llm_connector.framing import Event, Framing, SSEDecoder
from llm_connector.joining import joined
from llm_connector.jsontext import decode
from llm_connector.protocols.conversation import check_conversation
from llm_connector.protocols.fields import RequestFields
from llm_connector.protocols.wire import MISSHAPEN, checked_model, misshapen_error
from llm_connector.structured import parse_structured
from llm_connector.types import ChatChunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from llm_connector.protocols.conversation import ToolResults
    from llm_connector.protocols.wire import Answer, Exchange, WireRequest
    from llm_connector.settings import Settings
    from llm_connector.types import (
        ChatRequest,
        ChatResponse,
        EmbeddingResponse,
        FinishReason,
        ModelInfo,
        Usage,
    )


class Decoder(ABC):
    """Turns a vendor's events into chunks, and holds back what belongs at the end: finish reasons, then usage.

    Attributes:
        done: That the vendor's mark of the end has come.
        created: When the answer was made, in seconds since 1970, if the vendor tells it.
    """

    finish_reasons: ClassVar[Mapping[str, FinishReason]] = {}

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self.done = False
        self.created: int | None = None
        self._usage: Usage | None = None
        self._endings: dict[int, tuple[FinishReason, str | None]] = {}
        self._id: str | None = None
        self._model: str | None = None

    @abstractmethod
    def event(self, event: Event) -> Iterable[ChatChunk]:
        """The chunks of one event; a whole answer instead of an event is read as well.

        Raises:
            LLMError: The event is an error; of the same class as if it had been an HTTP status.
        """

    @abstractmethod
    def whole(self, payload: Any) -> Iterable[ChatChunk]:
        """The chunks of a whole answer's JSON."""

    def flush(self) -> Iterable[ChatChunk]:
        """Deltas held back until the end, such as half a tag."""
        return ()

    def ending(self) -> Iterator[ChatChunk]:
        """The chunks that close a complete answer."""
        for index, (reason, raw) in self._endings.items():
            yield ChatChunk(finish_reason=reason, raw_finish_reason=raw, index=index, id=self._id, model=self._model)
        if (usage := self.usage) is not None:
            yield ChatChunk(usage=usage, id=self._id, model=self._model)

    @property
    def complete(self) -> bool:
        """Whether what came so far may be an answer's end. A finish reason is enough where no mark came."""
        return self.done or bool(self._endings)

    @property
    def usage(self) -> Usage | None:
        """The token counts that came so far."""
        return self._usage

    def _finish(self, raw: str, *, index: int = 0, called_tools: bool = False) -> None:
        """Hold the finish reason. A tool turn that the vendor calls a stop is told as ``tool_calls``."""
        reason = self.finish_reasons.get(raw, "other")
        if reason == "stop" and called_tools:
            reason = "tool_calls"
        self._endings[index] = (reason, raw)


class StreamReader:
    """Reads one streamed answer: bytes in, chunks out, and the folded response at the end.

    Attributes:
        warnings: What was changed in the request or not sent.
        ended: That the answer is complete and all its chunks are given.
        joins_arguments: Whether pieces of a tool call's arguments that are fed together become one chunk.
    """

    def __init__(self, protocol: Protocol, request: ChatRequest, warnings: list[str]) -> None:
        self._protocol = protocol
        self._request = request
        self.warnings = warnings
        self._framing = protocol.framing()
        self._decoder = protocol.decoder(request)
        self._collector = protocol.collector()
        self._begun = False
        self.ended = False
        self.joins_arguments = False

    def feed(self, data: bytes) -> Iterator[ChatChunk]:
        """The chunks that these bytes complete.

        Raises:
            LLMError: The vendor reported an error in the stream; ``partial`` holds what had arrived.
        """
        chunks = self._chunks(data)
        return joined(chunks) if self.joins_arguments else chunks

    def _chunks(self, data: bytes) -> Iterator[ChatChunk]:
        if self.ended:  # some vendors go on talking after their own end
            return
        decoder, add = self._decoder, self._collector.add
        try:
            for event in self._framing.feed(data):
                for chunk in decoder.event(event):
                    add(chunk)
                    yield chunk
                if decoder.done:
                    break
        except LLMError as error:
            error.partial = self.response()
            raise
        except MISSHAPEN as error:
            raise self._misshapen(error) from error
        if decoder.done:
            yield from self._end()

    def finish(self) -> Iterator[ChatChunk]:
        """The last chunks, when the body has ended.

        Raises:
            StreamInterruptedError: It ended before the vendor's mark of the end.
        """
        if self.ended:
            return
        try:
            for event in self._framing.finish():
                for chunk in self._decoder.event(event):
                    self._collector.add(chunk)
                    yield chunk
        except DecodeError as error:  # the last event was cut through
            raise self.interrupted() from error
        except LLMError as error:
            error.partial = self.response()
            raise
        except MISSHAPEN as error:
            raise self._misshapen(error) from error
        if not self._decoder.complete:
            raise self._no_stream() or self.interrupted()
        yield from self._end()

    def interrupted(self) -> StreamInterruptedError:
        """The error of a stream that stopped too early."""
        return StreamInterruptedError(
            "the stream stopped before its end; what had arrived is in .partial",
            provider=self._protocol.settings.provider.name,
            partial=self.response(),
        )

    def _no_stream(self) -> LLMError | None:
        """The error of a body that was none from its beginning: the page of a gateway, most likely."""
        page = getattr(self._framing, "stray", b"")
        if self._begun or b"<" not in page:  # the first bytes of a stream that was cut are no page
            return None
        text = page[:KEPT_BODY].decode("utf-8", "replace")
        provider = self._protocol.settings.provider.name
        return DecodeError(f"the answer is no stream: {text[:80]!r}; check base_url", provider=provider, raw=text)

    def response(self) -> ChatResponse:
        """The response folded from what was read so far."""
        response = self._collector.response(created=self._decoder.created, warnings=self.warnings)
        if response.usage is None:  # of a stream that broke before its usage chunk: what the vendor had told so far
            response.usage = self._decoder.usage
        return parse_structured(response, self._request) if self.ended else response

    def _misshapen(self, error: Exception) -> DecodeError:
        told = misshapen_error(error)
        told.partial = self.response()
        return told

    def _end(self) -> Iterator[ChatChunk]:
        for chunk in (*self._decoder.flush(), *self._decoder.ending()):
            self._collector.add(chunk)
            yield chunk
        self.ended = True


class Protocol(ABC):
    """A wire protocol as one provider speaks it.

    Attributes:
        rules: The rows of its error table; a provider's own come first.
        tool_results: Where the vendor wants the result of each tool call.

    Args:
        settings: The provider's row and the client's options.
    """

    rules: tuple[Rule, ...] = ()
    tool_results: ClassVar[ToolResults] = "next"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @abstractmethod
    def build(self, fields: RequestFields, *, stream: bool) -> WireRequest:
        """The request in the vendor's form."""

    @abstractmethod
    def decoder(self, request: ChatRequest) -> Decoder:
        """A fresh decoder for one answer."""

    def framing(self) -> Framing:
        """A fresh framing for one stream."""
        return SSEDecoder()

    def collector(self) -> Collector:
        """A fresh collector for one answer."""
        return Collector(self.settings.provider.name, self.settings.provider.family)

    def chat(self, request: ChatRequest) -> Exchange[ChatResponse]:
        """Ask for a whole answer."""
        fields = self._checked(request)
        wire = self.build(fields, stream=False)
        answer = yield wire
        return self.read_whole(answer.payload, request, fields.report_untaken())

    def stream(self, request: ChatRequest) -> Exchange[StreamReader]:
        """Ask for a stream; the reader takes the bytes of the answer to the last request."""
        fields = self._checked(request)
        wire = self.build(fields, stream=True)
        wire.stream = True
        yield wire
        return StreamReader(self, request, fields.report_untaken())

    def read_whole(self, payload: Any, request: ChatRequest, warnings: list[str]) -> ChatResponse:
        """Fold a whole answer with the same code as a stream, so that both give the same response."""
        decoder, collector = self.decoder(request), self.collector()
        if not isinstance(payload, (dict, list)):
            raise DecodeError(
                f"the answer is not JSON: {str(payload)[:80]!r}; check base_url",
                provider=self.settings.provider.name,
                raw=str(payload)[:4096],
            )
        chunks = [*decoder.whole(payload), *decoder.flush(), *decoder.ending()]
        if not chunks:
            raise DecodeError(
                "the answer holds nothing to read; check base_url",
                provider=self.settings.provider.name,
                raw=str(payload)[:4096],
            )
        for chunk in chunks:
            collector.add(chunk)
        response = collector.response(created=decoder.created, warnings=warnings, raw=payload)
        return parse_structured(response, request)

    def models(self) -> Exchange[list[ModelInfo]]:
        """List the models, all pages."""
        raise self.unsupported("models()", "the vendor has no call that lists models")

    def embed(self, inputs: Sequence[str], model: str, dimensions: int | None) -> Exchange[EmbeddingResponse]:
        """Embed texts, in as many requests as the vendor's limit needs."""
        del inputs, model, dimensions
        raise self.unsupported("embed()", "the vendor has no embeddings of its own")

    def fault(self, answer: Answer) -> LLMError | None:
        """The error that an answer is, or ``None``."""
        if answer.status < 300 and not self.is_fault(answer.payload):  # noqa: PLR2004
            return None
        return self.error(answer.payload, answer.status, answer.headers)

    def is_fault(self, payload: Any) -> bool:
        """Whether a body inside HTTP 200, or an event, is an error all the same."""
        return isinstance(payload, dict) and bool(payload.get("error"))

    def error(self, payload: Any, status: int | None = None, headers: Mapping[str, str] | None = None) -> LLMError:
        """The typed error of an error body; ``status`` is ``None`` in mid-stream."""
        row = self.settings.provider
        return classify(read_fault(status, headers or {}, payload), (*row.rules, *self.rules), row.name)

    def normalise_base_url(self, base_url: str) -> str:
        """The base URL in the form that paths are appended to."""
        return base_url.rstrip("/")

    def unsupported(self, feature: str, why: str) -> UnsupportedError:
        """The error for a feature that the provider lacks."""
        return UnsupportedError(f"{feature}: {why}", provider=self.settings.provider.name)

    def decode(self, event: Event) -> Any:
        """An event's JSON; raises when it is an error."""
        payload = decode(event.data)
        if self.is_fault(payload):
            raise self.error(payload, event.status)
        return payload

    def _checked(self, request: ChatRequest) -> RequestFields:
        if not request.model:
            raise ConfigError(
                f"no model given: pass model= to the client or to the call. The provider's models: "
                f"{self.settings.provider.docs}",
                provider=self.settings.provider.name,
            )
        checked_model(request.model, self.settings.provider.name)
        check_conversation(request.messages, self.settings.provider.name, self.tool_results)
        return RequestFields(request, self.settings.provider.name)
