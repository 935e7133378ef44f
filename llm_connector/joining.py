"""Joins what arrived together: pieces of one tool call's arguments. Which chunks arrived together is not known here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from llm_connector.errors import LLMError
from llm_connector.types.chunk import ToolCallDelta

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from llm_connector.types import ChatChunk


def joined(chunks: Iterable[ChatChunk]) -> Iterator[ChatChunk]:
    """The chunks of one network read, with neighbouring pieces of a call's arguments in one chunk.

    Text and reasoning, which people read as they come, stay as they are. ``raw`` is that of the last piece. Before an
    error comes all that came before it.
    """
    held: ChatChunk | None = None
    pieces: list[str] = []
    try:
        for chunk in chunks:
            if held is not None and _goes_on(held, chunk):
                pieces.append(chunk.tool_calls[0].arguments)
                held.raw = chunk.raw
                continue
            if held is not None:
                yield _whole(held, pieces)
                held = None
            if _is_piece(chunk):
                held, pieces = replace(chunk), [chunk.tool_calls[0].arguments]
            else:
                yield chunk
    except LLMError:
        if held is not None:
            yield _whole(held, pieces)
        raise
    if held is not None:
        yield _whole(held, pieces)


def _is_piece(chunk: ChatChunk) -> bool:
    """Whether a chunk holds a piece of one call and nothing else."""
    if len(chunk.tool_calls) != 1 or chunk.content or chunk.reasoning_content:
        return False
    return chunk.finish_reason is None and chunk.usage is None and not (chunk.reasoning or chunk.citations)


def _goes_on(held: ChatChunk, chunk: ChatChunk) -> bool:
    if chunk.index != held.index or not _is_piece(chunk):
        return False
    delta = chunk.tool_calls[0]
    return delta.index == held.tool_calls[0].index and delta.id is None and delta.name is None


def _whole(held: ChatChunk, pieces: list[str]) -> ChatChunk:
    first = held.tool_calls[0]
    held.tool_calls = (ToolCallDelta(first.index, first.id, first.name, "".join(pieces)),)
    return held
