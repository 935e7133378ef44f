"""``llm_connector``'s chunks as LangChain's.

LangChain adds chunks up, and its merging asks for order: one kind of content a chunk; an integer ``index`` on each
piece of a tool call, whose id and name come once; what is told about the whole answer in the last chunk alone, for
strings are concatenated and counts summed. In standard content (``output_version="v1"``) blocks merge by index across
their types, so each block has a text index of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.outputs import ChatGenerationChunk

from langchain_llm_connector.light import blocks_chunk, calls_chunk, kwargs_chunk, text_chunk
from langchain_llm_connector.messages_out import opaque_block, refusal_block, response_metadata, usage_metadata
from langchain_llm_connector.reasoning import TEXT, provider_tag, reasoning_kwargs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.messages.ai import UsageMetadata

    from llm_connector.types import ChatChunk, ChatResponse, Reasoning, ToolCallDelta


class ChunkWriter:
    """Writes the chunks of one streamed answer.

    Args:
        provider: The provider's name.
        model: The model that was asked for, for vendors that do not name theirs.
        usage: Whether to tell the token counts.
    """

    def __init__(self, provider: str, model: str | None, *, usage: bool = True) -> None:
        self._tag: dict[str, Any] = {"model_provider": provider_tag(provider)}
        self._told = False
        self._refused = False
        self._model = model
        self._usage = usage

    def chunks(self, chunk: ChatChunk) -> Iterator[ChatGenerationChunk]:
        """The chunks for one of the connector's; further choices (``n > 1``) cannot be streamed in LangChain."""
        if chunk.index:
            return
        if chunk.reasoning_content:
            yield self._reasoning(chunk.reasoning_content)
        if chunk.content:
            yield self._refusal(chunk.content) if chunk.refusal else self._text(chunk.content)
        if chunk.tool_calls:
            yield self._calls([_piece(delta) for delta in chunk.tool_calls])

    def closing(self, response: ChatResponse) -> Iterator[ChatGenerationChunk]:
        """The last chunk, which tells all about the folded answer."""
        choice = response.choices[0]
        reasoning = choice.message.reasoning
        if choice.refusal and not self._refused:  # an answer that was broken off
            yield self._refusal("")
        message = AIMessageChunk(
            content=self._payload(reasoning),
            additional_kwargs=reasoning_kwargs(None, reasoning),
            response_metadata=response_metadata(response, choice, self._model) | self._tag,
            usage_metadata=self._counts(response),
            chunk_position="last",
        )
        yield ChatGenerationChunk(message=message)

    def _metadata(self) -> dict[str, Any]:
        """The provider's name, on the first chunk: events announce it before any content."""
        if self._told:
            return {}
        self._told = True
        return self._tag.copy()

    def _counts(self, response: ChatResponse) -> UsageMetadata | None:
        return usage_metadata(response.usage) if self._usage else None

    def _payload(self, reasoning: Reasoning | None) -> Any:
        del reasoning
        return ""

    def _text(self, text: str) -> ChatGenerationChunk:
        return text_chunk(text, self._metadata())

    def _refusal(self, text: str) -> ChatGenerationChunk:
        self._refused = True
        return blocks_chunk([{**refusal_block(text), "index": 0}], self._metadata())

    def _reasoning(self, text: str) -> ChatGenerationChunk:
        return kwargs_chunk({TEXT: text}, self._metadata())

    def _calls(self, pieces: list[ToolCallChunk]) -> ChatGenerationChunk:
        return calls_chunk(pieces, self._metadata())


class BlockChunkWriter(ChunkWriter):
    """The same with standard blocks as content; a block goes on while its kind does."""

    def __init__(self, provider: str, model: str | None, *, usage: bool = True) -> None:
        super().__init__(provider, model, usage=usage)
        self._tag["output_version"] = "v1"
        self._kind = ""
        self._number = -1
        self._thought: str | None = None

    def _metadata(self) -> dict[str, Any]:
        """On each chunk, since langchain-core asks each whether its content is standard blocks."""
        return self._tag.copy()

    def _index(self, kind: str, *, call: int = 0) -> str:
        """The index of the open block of this kind (and call), or of a new one."""
        if kind != self._kind:
            self._kind = kind
            self._number += 1
        return f"lc_{kind}_{call if kind == 'tc' else self._number}"

    def _text(self, text: str) -> ChatGenerationChunk:
        return self._one({"type": "text", "text": text, "index": self._index("txt")})

    def _refusal(self, text: str) -> ChatGenerationChunk:
        self._refused = True
        return self._one({**refusal_block(text), "index": self._index("ref")})

    def _reasoning(self, text: str) -> ChatGenerationChunk:
        self._thought = self._index("rs")
        return self._one({"type": "reasoning", "reasoning": text, "index": self._thought}, {TEXT: text})

    def _calls(self, pieces: list[ToolCallChunk]) -> ChatGenerationChunk:
        content: list[Any] = [{**piece, "index": self._index("tc", call=piece["index"] or 0)} for piece in pieces]
        return calls_chunk(pieces, self._metadata(), content)

    def _payload(self, reasoning: Reasoning | None) -> Any:
        """The opaque payload: into the last block of reasoning, or into one for itself."""
        if reasoning is None:
            return []
        block = opaque_block(reasoning, self._thought)
        block["index"] = self._thought or self._index("ns")
        if self._thought is not None:
            block["reasoning"] = ""
        return [block]

    def _one(self, block: dict[str, Any], additional: dict[str, Any] | None = None) -> ChatGenerationChunk:
        return blocks_chunk([block], self._metadata(), additional)


def _piece(delta: ToolCallDelta) -> ToolCallChunk:
    return ToolCallChunk(name=delta.name, args=delta.arguments, id=delta.id, index=delta.index, type="tool_call_chunk")
