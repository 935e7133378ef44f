"""A provider for your own tests: scripted answers without a socket, through the real protocol and the real clients.

Not a model of any vendor's quirks. It speaks Chat Completions over an ``httpx`` mock transport.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import httpx

from llm_connector import errors
from llm_connector.formats.openai import OpenAIEncoder, usage_counts
from llm_connector.jsontext import decode, encode
from llm_connector.types import ChatChunk, ToolCall, ToolCallDelta, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

BASE_URL = "http://mock/v1"

_STATUSES: tuple[tuple[type[errors.LLMError], int], ...] = (
    (errors.AuthenticationError, 401),
    (errors.BillingError, 402),
    (errors.PermissionDeniedError, 403),
    (errors.ModelNotFoundError, 404),
    (errors.InvalidRequestError, 400),
    (errors.RateLimitError, 429),
    (errors.OverloadedError, 503),
    (errors.RequestTimeoutError, 504),
)
_CODES: dict[type[errors.LLMError], str] = {
    errors.ContextLengthError: "context_length_exceeded",
    errors.ContentFilterError: "content_filter",
    errors.ModelNotFoundError: "model_not_found",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MockReply:
    """One scripted answer.

    Attributes:
        content: The visible text.
        reasoning_content: The reasoning text.
        tool_calls: The tools asked for.
        finish_reason: Why it ended; ``tool_calls`` or ``stop`` when not given.
        usage: Token counts; counted in words when not given.
        delay: Seconds before the answer.
        chunk_size: Characters a chunk, when streamed.
        fail_after: When streamed, the number of chunks after which ``error`` comes.
        error: What comes then.
    """

    content: str = ""
    reasoning_content: str = ""
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    delay: float = 0.0
    chunk_size: int = 8
    fail_after: int | None = None
    error: errors.LLMError | None = None


@dataclass
class MockProvider:
    """Gives scripted answers in order; the last one repeats.

    >>> from llm_connector import LLMClient
    >>> mock = MockProvider(["Hello."])
    >>> LLMClient(**mock.client_arguments()).chat("hi").content
    'Hello.'

    Attributes:
        script: Texts, ``MockReply``s, and errors to raise.
        requests: The JSON of each request that came.
    """

    script: Sequence[str | MockReply | errors.LLMError]
    requests: list[dict[str, Any]] = field(default_factory=list)

    def client_arguments(self) -> dict[str, Any]:
        """The arguments for ``LLMClient``."""
        return self._common() | {"http_client": httpx.Client(transport=httpx.MockTransport(self._answer))}

    def async_client_arguments(self) -> dict[str, Any]:
        """The arguments for ``AsyncLLMClient``."""
        return self._common() | {"http_client": self._async_client()}

    def langchain_arguments(self) -> dict[str, Any]:
        """The arguments for LangChain's ``ChatConnector``."""
        return self.client_arguments() | {"http_async_client": self._async_client()}

    def llama_index_arguments(self) -> dict[str, Any]:
        """The arguments for LlamaIndex's ``ChatConnector``."""
        return self.client_arguments() | {"async_http_client": self._async_client()}

    def _common(self) -> dict[str, Any]:
        return {"provider": "openai_compatible", "model": "mock", "base_url": BASE_URL, "api_key": "mock"}

    def _async_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer_async))

    def _next(self, request: httpx.Request) -> MockReply | errors.LLMError:
        item = self.script[min(len(self.requests), len(self.script) - 1)]
        self.requests.append(decode(request.content))
        return MockReply(content=item) if isinstance(item, str) else item

    def _answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        item = self._next(request)
        if isinstance(item, MockReply):
            time.sleep(item.delay)
        return self._respond(item, streaming=bool(self.requests[-1].get("stream")))

    async def _answer_async(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        item = self._next(request)
        if isinstance(item, MockReply):
            await anyio.sleep(item.delay)
        return self._respond(item, streaming=bool(self.requests[-1].get("stream")))

    def _respond(self, item: MockReply | errors.LLMError, *, streaming: bool) -> httpx.Response:
        if isinstance(item, errors.LLMError):
            return _refusal(item)
        if streaming:
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=_Pieces(_events(item)))
        return httpx.Response(200, json=_whole(item))


class _Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that either client can read."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def _refusal(error: errors.LLMError) -> httpx.Response:
    status = error.status_code or next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
    headers = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
    return httpx.Response(status, json=_told(error), headers=headers)


def _told(error: errors.LLMError) -> dict[str, Any]:
    code = error.code or _CODES.get(type(error)) or type(error).__name__
    return {"error": {"message": error.message, "code": code}}


def _usage(reply: MockReply) -> Usage:
    if reply.usage is not None:
        return reply.usage
    words = len(reply.content.split()) + len(reply.reasoning_content.split())
    return Usage(input_tokens=1, output_tokens=words, total_tokens=1 + words)


def _finish_reason(reply: MockReply) -> Any:
    return reply.finish_reason or ("tool_calls" if reply.tool_calls else "stop")


def _whole(reply: MockReply) -> dict[str, Any]:
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in reply.tool_calls
    ]
    message: dict[str, Any] = {"role": "assistant", "content": reply.content}
    if reply.reasoning_content:
        message["reasoning_content"] = reply.reasoning_content
    if calls:
        message["tool_calls"] = calls
    return {
        "id": "mock-1",
        "object": "chat.completion",
        "created": 1,
        "model": "mock",
        "choices": [{"index": 0, "message": message, "finish_reason": _finish_reason(reply)}],
        "usage": usage_counts(_usage(reply)),
    }


def _chunks(reply: MockReply) -> Iterator[ChatChunk]:
    facts: dict[str, Any] = {"id": "mock-1", "model": "mock"}
    for text in _cut(reply.reasoning_content, reply.chunk_size):
        yield ChatChunk(reasoning_content=text, **facts)
    for text in _cut(reply.content, reply.chunk_size):
        yield ChatChunk(text, **facts)
    for index, call in enumerate(reply.tool_calls):
        yield ChatChunk(tool_calls=[ToolCallDelta(index, call.id, call.name)], **facts)
        for text in _cut(call.arguments, reply.chunk_size):
            yield ChatChunk(tool_calls=[ToolCallDelta(index, arguments=text)], **facts)
    yield ChatChunk(finish_reason=_finish_reason(reply), **facts)
    yield ChatChunk(usage=_usage(reply), **facts)


def _events(reply: MockReply) -> list[bytes]:
    encoder = OpenAIEncoder()
    events = [encoder.encode(chunk) for chunk in _chunks(reply)]
    if reply.fail_after is None:
        return [*events, encoder.finish()]
    error = reply.error or errors.ServerError("scripted failure")
    return [*events[: reply.fail_after], b"data: " + encode(_told(error)) + b"\n\n"]


def _cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]
