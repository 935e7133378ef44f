"""The client for ordinary code: it sends, waits and reads, and decides nothing. What decides is pure: see ``call``.

This file is ``async_client`` without ``async`` and ``await``; a test compares them line for line.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self, TypeVar

from llm_connector.base_client import BaseClient, as_inputs
from llm_connector.errors import LLMError
from llm_connector.protocols.wire import Conversation
from llm_connector.transport.compression import readable
from llm_connector.transport.errors import TransportErrors, stream_errors
from llm_connector.transport.http_message import WholeAnswer
from llm_connector.transport.pool import ConnectionPool, resolve, sleep
from llm_connector.transport.reading import read_body
from llm_connector.types import ModelList

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from types import TracebackType

    from llm_connector.call import Call
    from llm_connector.ollama import OllamaModels
    from llm_connector.protocols.base import StreamReader
    from llm_connector.protocols.wire import Answer, Exchange, WireRequest
    from llm_connector.transport.http_message import HttpAnswer
    from llm_connector.types import ChatChunk, ChatRequest, ChatResponse, EmbeddingResponse, Message, ModelInfo

    Messages = str | ChatRequest | Sequence[Message | dict[str, Any]]

T = TypeVar("T")


def opened(stream: ChatStream) -> ChatStream:
    """A sync stream is open when the caller gets it, so that a refusal is raised where it was asked for."""
    return stream.open()


class Opening:
    """A stream's request, sent at most once, and its chunks.

    Apart from ``ChatStream``, so that the chunks do not hold the stream: dropping the stream then closes them.
    """

    def __init__(self, client: LLMClient, call: Call, exchange: Exchange[StreamReader]) -> None:
        self._client = client
        self._call = call
        self.reader: StreamReader | None = None
        self.answer: HttpAnswer | None = None
        self._conversation: Conversation[StreamReader] = Conversation(exchange)  # last: it may refuse

    def open(self) -> StreamReader:
        """Send the request, unless it was sent."""
        if self.reader is None:
            with self._call.observer.asking():
                reader, self.answer = self._client.open_stream(self._call, self._conversation)
            self.reader = reader
        return self.reader

    def chunks(self) -> Generator[ChatChunk, None, None]:
        """The chunks; closing the generator closes the connection."""
        reader = self.open()
        answer = self.answer
        assert answer is not None
        try:
            deadline, observer = self._call.deadline, self._call.observer
            errors = stream_errors(reader, self._call, answer.url)
            with observer.reading(reader), errors:
                for data in readable(answer):
                    if deadline.limited:
                        deadline.check()
                    for chunk in observer.chunks(reader.feed(data)):
                        yield chunk
                    if reader.ended:
                        answer.hurry()
                deadline.check()
                for chunk in reader.finish():
                    yield chunk
        finally:
            answer.close()

    def close(self) -> None:
        """Close the connection."""
        self._call.observer.end()
        if self.answer is not None:
            self.answer.close()

    def __del__(self) -> None:
        if self.answer is not None:
            self.answer.close()


class ChatStream:
    """An answer as it comes: iterate over its chunks, then ask for the whole ``response()``.

    Use it as a context manager, or just iterate. A stream that is left early keeps its connection until the context
    ends, or nothing holds the stream any more.
    """

    def __init__(self, client: LLMClient, call: Call, exchange: Exchange[StreamReader]) -> None:
        self._opening = Opening(client, call, exchange)
        self._chunks = self._opening.chunks()

    def open(self) -> Self:
        """Send the request, unless it was sent.

        Raises:
            LLMError: The vendor refused, or could not be reached.
        """
        self._opening.open()
        return self

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[ChatChunk]:
        return self._chunks

    def __next__(self) -> ChatChunk:
        return next(self._chunks)

    @property
    def warnings(self) -> list[str]:
        """What was changed in the request or not sent; known once the stream is open."""
        return [] if self._opening.reader is None else self._opening.reader.warnings

    def response(self) -> ChatResponse:
        """The folded answer; what was not read yet is read first.

        Raises:
            LLMError: The stream failed, or was closed before its end.
        """
        for _ in self._chunks:
            pass
        reader = self._opening.open()
        if not reader.ended:
            raise reader.interrupted()
        return reader.response()

    def join_arguments(self) -> Self:
        """Make one chunk of the pieces of a tool call's arguments that arrive together.

        For those who do much with each chunk; text and reasoning stay as they come.

        Raises:
            LLMError: The vendor refused, or could not be reached.
        """
        reader = self._opening.open()
        reader.joins_arguments = True
        return self

    def display(self) -> None:
        """Show the rest of the answer as it comes: rendered in a notebook, as plain text elsewhere.

        Raises:
            LLMError: The stream failed; what had arrived stays on the screen.
        """
        from llm_connector.notebook import LiveAnswer  # noqa: PLC0415 - only people who look at it need it

        with LiveAnswer(self._opening.open()) as live:
            for chunk in self._chunks:
                live.add(chunk)

    def _repr_markdown_(self) -> str | None:
        """The answer as far as it was read."""
        reader = self._opening.reader
        return None if reader is None else reader.response()._repr_markdown_()

    def close(self) -> None:
        """Close the connection; what was not read is lost. Who reads elsewhere gets a ``StreamInterruptedError``."""
        with contextlib.suppress(ValueError):  # the generator runs in another thread, which what follows wakes
            self._chunks.close()
        self._opening.close()


class LLMClient(BaseClient):
    """Any provider's models, for ordinary code."""

    _pool: ConnectionPool

    def _make_pool(self) -> ConnectionPool:
        return ConnectionPool(self._transport, self._http_client)

    def chat(self, messages: Messages, **params: Any) -> ChatResponse:
        """Ask for an answer.

        Args:
            messages: A text, messages (also dicts in OpenAI form), or a ``ChatRequest``.
            params: The other fields of ``ChatRequest``.

        Raises:
            LLMError: See ``llm_connector.errors``.
        """
        call, request = self._chat_call(messages, params)
        return self._run(call, call.protocol.chat(request))

    def stream(self, messages: Messages, **params: Any) -> ChatStream:
        """Ask for an answer as it comes; the arguments are those of ``chat``."""
        call, request = self._chat_call(messages, params, stream=True)
        return opened(ChatStream(self, call, call.protocol.stream(request)))

    def models(self) -> list[ModelInfo]:
        """List the provider's models, all pages.

        Raises:
            UnsupportedError: The vendor has no such call.
        """
        call = self._call()
        return ModelList(self._run(call, call.protocol.models()))

    def embed(
        self, inputs: str | Sequence[str], model: str | None = None, dimensions: int | None = None
    ) -> EmbeddingResponse:
        """Turn texts into vectors, in as many requests as the vendor's limit needs.

        Args:
            inputs: One text or several.
            model: The model; the client's when not given.
            dimensions: The length of the vectors, where the model lets one choose.

        Raises:
            UnsupportedError: The vendor has no embeddings.
        """
        call, name = self._embedding_call(model, dimensions)
        return self._run(call, call.protocol.embed(as_inputs(inputs), name, dimensions))

    @property
    def ollama(self) -> OllamaModels:
        """The models of an Ollama server: list, show, pull, delete and the rest; only with the provider ``ollama``.

        Raises:
            NotOllamaError: The provider is another.
        """
        from llm_connector.ollama import OllamaModels  # noqa: PLC0415 - only one provider needs it

        return OllamaModels(self)

    def close(self) -> None:
        """Close the connections; an ``http_client`` of your own stays open."""
        self._closed = True
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def _run(self, call: Call, exchange: Exchange[T]) -> T:
        with call.observer.asking():
            conversation = Conversation(exchange)
            while conversation.wire is not None:
                try:
                    answer, _ = self._ask(call, conversation.wire)
                except LLMError as error:
                    conversation.fail(error)
                else:
                    conversation.answer(answer)
            call.observer.answered(conversation.result)
        return conversation.result

    def open_stream(self, call: Call, conversation: Conversation[T]) -> tuple[T, HttpAnswer]:
        """Send a stream's request; the streams do this themselves."""
        while True:
            assert conversation.wire is not None
            try:
                answer, http = self._ask(call, conversation.wire)
            except LLMError as error:
                conversation.fail(error)
            else:
                conversation.answer(answer)
                return conversation.result, http

    def _ask(self, call: Call, wire: WireRequest) -> tuple[Answer, HttpAnswer]:
        attempt = 0
        while True:
            try:
                return self._try(call, wire)
            except LLMError as error:
                seconds = call.delay(error, attempt)
                if seconds is None:
                    raise
            sleep(seconds)
            attempt += 1

    def _try(self, call: Call, wire: WireRequest) -> tuple[Answer, HttpAnswer]:
        request = call.http_request(wire, resolve(call.base_url), resolve(call.key))
        with TransportErrors(self.provider_name, request.url, call.deadline):
            http = self._pool.send(request, call.deadline)
            if call.streams(wire, http):
                return call.answer(http, None), http
            body = read_body(http)
        return call.answer(http, body), WholeAnswer(http, body) if wire.stream else http
