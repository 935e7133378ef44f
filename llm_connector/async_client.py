"""The async client: it sends, waits and reads, and decides nothing. What decides is pure and shared: see ``call``.

``client`` is this file without ``async`` and ``await``; a test compares them line for line.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self, TypeVar

from llm_connector.base_client import BaseClient, as_inputs
from llm_connector.errors import LLMError
from llm_connector.protocols.wire import Conversation
from llm_connector.transport.async_pool import AsyncConnectionPool, aresolve, asleep
from llm_connector.transport.compression import areadable
from llm_connector.transport.errors import TransportErrors, stream_errors
from llm_connector.transport.http_message import WholeAnswer
from llm_connector.transport.reading import aread_body
from llm_connector.types import ModelList

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Sequence
    from types import TracebackType

    from llm_connector.call import Call
    from llm_connector.ollama import AsyncOllamaModels
    from llm_connector.protocols.base import StreamReader
    from llm_connector.protocols.wire import Answer, Exchange, WireRequest
    from llm_connector.transport.http_message import AsyncHttpAnswer
    from llm_connector.types import ChatChunk, ChatRequest, ChatResponse, EmbeddingResponse, Message, ModelInfo

    Messages = str | ChatRequest | Sequence[Message | dict[str, Any]]

T = TypeVar("T")


def unopened(stream: AsyncChatStream) -> AsyncChatStream:
    """An async stream opens at the first ``await``, ``async with`` or ``async for``."""
    return stream


class AsyncOpening:
    """A stream's request, sent at most once, and its chunks.

    Apart from ``AsyncChatStream``, so that the chunks do not hold the stream: dropping the stream then closes them.
    """

    def __init__(self, client: AsyncLLMClient, call: Call, exchange: Exchange[StreamReader]) -> None:
        self._client = client
        self._call = call
        self.reader: StreamReader | None = None
        self.answer: AsyncHttpAnswer | None = None
        self._conversation: Conversation[StreamReader] = Conversation(exchange)  # last: it may refuse

    async def open(self) -> StreamReader:
        """Send the request, unless it was sent."""
        if self.reader is None:
            with self._call.observer.asking():
                reader, self.answer = await self._client.open_stream(self._call, self._conversation)
            self.reader = reader
        return self.reader

    async def chunks(self) -> AsyncGenerator[ChatChunk, None]:
        """The chunks; closing the generator closes the connection."""
        reader = await self.open()
        answer = self.answer
        assert answer is not None
        try:
            deadline, observer = self._call.deadline, self._call.observer
            errors = stream_errors(reader, self._call, answer.url)
            with observer.reading(reader), errors:
                async for data in areadable(answer):
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
            await answer.aclose()

    async def aclose(self) -> None:
        """Close the connection."""
        self._call.observer.end()
        if self.answer is not None:
            await self.answer.aclose()


class AsyncChatStream:
    """An answer as it comes: iterate over its chunks, then ask for the whole ``response()``.

    ``await`` it to open it, use it as a context manager, or just iterate. A stream that is left early keeps its
    connection until the context ends, or nothing holds the stream any more.
    """

    def __init__(self, client: AsyncLLMClient, call: Call, exchange: Exchange[StreamReader]) -> None:
        self._opening = AsyncOpening(client, call, exchange)
        self._chunks = self._opening.chunks()

    async def open(self) -> Self:
        """Send the request, unless it was sent.

        Raises:
            LLMError: The vendor refused, or could not be reached.
        """
        await self._opening.open()
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self.open().__await__()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[ChatChunk]:
        return self._chunks

    async def __anext__(self) -> ChatChunk:
        return await anext(self._chunks)

    @property
    def warnings(self) -> list[str]:
        """What was changed in the request or not sent; known once the stream is open."""
        return [] if self._opening.reader is None else self._opening.reader.warnings

    async def response(self) -> ChatResponse:
        """The folded answer; what was not read yet is read first.

        Raises:
            LLMError: The stream failed, or was closed before its end.
        """
        async for _ in self._chunks:
            pass
        reader = await self._opening.open()
        if not reader.ended:
            raise reader.interrupted()
        return reader.response()

    async def join_arguments(self) -> Self:
        """Make one chunk of the pieces of a tool call's arguments that arrive together.

        For those who do much with each chunk; text and reasoning stay as they come.

        Raises:
            LLMError: The vendor refused, or could not be reached.
        """
        reader = await self._opening.open()
        reader.joins_arguments = True
        return self

    async def display(self) -> None:
        """Show the rest of the answer as it comes: rendered in a notebook, as plain text elsewhere.

        Raises:
            LLMError: The stream failed; what had arrived stays on the screen.
        """
        from llm_connector.notebook import LiveAnswer  # noqa: PLC0415 - only people who look at it need it

        with LiveAnswer(await self._opening.open()) as live:
            async for chunk in self._chunks:
                live.add(chunk)

    def _repr_markdown_(self) -> str | None:
        """The answer as far as it was read."""
        reader = self._opening.reader
        return None if reader is None else reader.response()._repr_markdown_()

    async def aclose(self) -> None:
        """Close the connection; what was not read is lost. Who reads elsewhere gets a ``StreamInterruptedError``."""
        with contextlib.suppress(RuntimeError):  # the generator runs in another task, which what follows wakes
            await self._chunks.aclose()
        await self._opening.aclose()


class AsyncLLMClient(BaseClient):
    """Any provider's models, for ``async`` code."""

    _pool: AsyncConnectionPool

    def _make_pool(self) -> AsyncConnectionPool:
        return AsyncConnectionPool(self._transport, self._http_client)

    async def chat(self, messages: Messages, **params: Any) -> ChatResponse:
        """Ask for an answer.

        Args:
            messages: A text, messages (also dicts in OpenAI form), or a ``ChatRequest``.
            params: The other fields of ``ChatRequest``.

        Raises:
            LLMError: See ``llm_connector.errors``.
        """
        call, request = self._chat_call(messages, params)
        return await self._run(call, call.protocol.chat(request))

    def stream(self, messages: Messages, **params: Any) -> AsyncChatStream:
        """Ask for an answer as it comes; the arguments are those of ``chat``."""
        call, request = self._chat_call(messages, params, stream=True)
        return unopened(AsyncChatStream(self, call, call.protocol.stream(request)))

    async def models(self) -> list[ModelInfo]:
        """List the provider's models, all pages.

        Raises:
            UnsupportedError: The vendor has no such call.
        """
        call = self._call()
        return ModelList(await self._run(call, call.protocol.models()))

    async def embed(
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
        return await self._run(call, call.protocol.embed(as_inputs(inputs), name, dimensions))

    @property
    def ollama(self) -> AsyncOllamaModels:
        """The models of an Ollama server: list, show, pull, delete and the rest; only with the provider ``ollama``.

        Raises:
            NotOllamaError: The provider is another.
        """
        from llm_connector.ollama import AsyncOllamaModels  # noqa: PLC0415 - only one provider needs it

        return AsyncOllamaModels(self)

    async def aclose(self) -> None:
        """Close the connections; an ``http_client`` of your own stays open."""
        self._closed = True
        await self._pool.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self.aclose()

    async def _run(self, call: Call, exchange: Exchange[T]) -> T:
        with call.observer.asking():
            conversation = Conversation(exchange)
            while conversation.wire is not None:
                try:
                    answer, _ = await self._ask(call, conversation.wire)
                except LLMError as error:
                    conversation.fail(error)
                else:
                    conversation.answer(answer)
            call.observer.answered(conversation.result)
        return conversation.result

    async def open_stream(self, call: Call, conversation: Conversation[T]) -> tuple[T, AsyncHttpAnswer]:
        """Send a stream's request; the streams do this themselves."""
        while True:
            assert conversation.wire is not None
            try:
                answer, http = await self._ask(call, conversation.wire)
            except LLMError as error:
                conversation.fail(error)
            else:
                conversation.answer(answer)
                return conversation.result, http

    async def _ask(self, call: Call, wire: WireRequest) -> tuple[Answer, AsyncHttpAnswer]:
        attempt = 0
        while True:
            try:
                return await self._try(call, wire)
            except LLMError as error:
                seconds = call.delay(error, attempt)
                if seconds is None:
                    raise
            await asleep(seconds)
            attempt += 1

    async def _try(self, call: Call, wire: WireRequest) -> tuple[Answer, AsyncHttpAnswer]:
        request = call.http_request(wire, await aresolve(call.base_url), await aresolve(call.key))
        with TransportErrors(self.provider_name, request.url, call.deadline):
            http = await self._pool.send(request, call.deadline)
            if call.streams(wire, http):
                return call.answer(http, None), http
            body = await aread_body(http)
        return call.answer(http, body), WholeAnswer(http, body) if wire.stream else http
