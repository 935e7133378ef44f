"""The unified stream in other formats, for programs that expect a vendor's: editors, proxies, front ends.

Each takes a ``ChatStream`` and gives an iterator of bytes, or takes an ``AsyncChatStream`` and gives an async one. When
the stream fails, the format's own error event is given before the error is raised. The formats themselves are in
``openai``, ``anthropic``, ``ollama`` and ``plain``.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, overload

from llm_connector.errors import LLMError
from llm_connector.formats.anthropic import AnthropicEncoder
from llm_connector.formats.ollama import OllamaEncoder
from llm_connector.formats.openai import OpenAIEncoder
from llm_connector.formats.plain import JSONEncoder, NDJSONEncoder

if TYPE_CHECKING:
    from llm_connector.formats.encoder import Encoder
    from llm_connector.types import ChatChunk

__all__ = ["StreamFormat", "to_anthropic_sse", "to_json", "to_ndjson", "to_ollama_ndjson", "to_openai_sse"]


class StreamFormat:
    """A function from a stream to its bytes in one format.

    Args:
        make_encoder: Makes what writes one stream.
    """

    def __init__(self, make_encoder: Callable[[], Encoder]) -> None:
        self._make_encoder = make_encoder

    @overload
    def __call__(self, stream: Iterable[ChatChunk]) -> Iterator[bytes]: ...
    @overload
    def __call__(self, stream: AsyncIterable[ChatChunk]) -> AsyncIterator[bytes]: ...
    def __call__(
        self, stream: Iterable[ChatChunk] | AsyncIterable[ChatChunk]
    ) -> Iterator[bytes] | AsyncIterator[bytes]:
        """Give the stream's bytes as its chunks come.

        Raises:
            LLMError: The stream failed; the format's error event was given before.
        """
        encoder = self._make_encoder()
        if isinstance(stream, AsyncIterable):
            return _encode_async(stream, encoder)
        return _encode(stream, encoder)


def _encode(stream: Iterable[ChatChunk], encoder: Encoder) -> Iterator[bytes]:
    try:
        for chunk in stream:
            if data := encoder.encode(chunk):
                yield data
    except LLMError as error:
        yield encoder.fail(error)
        raise
    if data := encoder.finish():
        yield data


async def _encode_async(stream: AsyncIterable[ChatChunk], encoder: Encoder) -> AsyncIterator[bytes]:
    try:
        async for chunk in stream:
            if data := encoder.encode(chunk):
                yield data
    except LLMError as error:
        yield encoder.fail(error)
        raise
    if data := encoder.finish():
        yield data


to_openai_sse = StreamFormat(OpenAIEncoder)
"""``chat.completion.chunk`` events, with usage in the last and ``[DONE]`` after it."""

to_anthropic_sse = StreamFormat(AnthropicEncoder)
"""Events of Anthropic's Messages API, from ``message_start`` to ``message_stop``."""

to_ollama_ndjson = StreamFormat(OllamaEncoder)
"""Lines of Ollama's ``/api/chat``, the last with ``"done": true``."""

to_ndjson = StreamFormat(NDJSONEncoder)
"""Our own chunks, one JSON object a line, without their empty fields."""

to_json = StreamFormat(JSONEncoder)
"""The folded ``ChatResponse`` as one JSON object, when the stream has ended."""
