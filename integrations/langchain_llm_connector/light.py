"""LangChain's messages and chunks made without validation; what goes into them: ``messages_out`` and ``chunks``.

All of it comes from typed answers, so validating it again finds nothing, and costs three times what the rest of our
part of a chunk costs (langchain-core 1.7.2, 2026-11). The defaults are taken from objects that the library made, and a
test compares both ways for every kind of message and chunk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from llm_connector.types.unchecked import Template

if TYPE_CHECKING:
    from langchain_core.messages.tool import ToolCallChunk


_message = Template(AIMessageChunk(content=""))
_generation = Template(ChatGenerationChunk(message=AIMessageChunk(content="")))
_whole_message = Template(AIMessage(content=""))
_whole_generation = Template(ChatGeneration(message=AIMessage(content="")))
_result = Template(ChatResult(generations=[]))


def result(generations: list[ChatGeneration]) -> ChatResult:
    """A result of whole answers; validation would read each one's text again."""
    return _result.make({"generations": generations})


def whole(fields: dict[str, Any]) -> ChatGeneration:
    """A whole answer, of the fields of its message."""
    message, content = _whole_message.make(fields), fields["content"]
    if not isinstance(content, str):
        return ChatGeneration(message=message)  # the library finds the text
    return _whole_generation.make({"message": message, "text": content})


def text_chunk(text: str, metadata: dict[str, Any]) -> ChatGenerationChunk:
    """A piece of visible text."""
    return _wrapped(_message.make({"content": text, "response_metadata": metadata}), text)


def kwargs_chunk(additional: dict[str, Any], metadata: dict[str, Any]) -> ChatGenerationChunk:
    """A piece of what goes into ``additional_kwargs``."""
    given = {"content": "", "additional_kwargs": additional, "response_metadata": metadata}
    return _wrapped(_message.make(given), "")


def blocks_chunk(
    blocks: list[Any], metadata: dict[str, Any], additional: dict[str, Any] | None = None
) -> ChatGenerationChunk:
    """Standard or other blocks; the library finds their text."""
    given = {"content": blocks, "additional_kwargs": additional or {}, "response_metadata": metadata}
    return ChatGenerationChunk(message=_message.make(given))


def calls_chunk(
    pieces: list[ToolCallChunk], metadata: dict[str, Any], blocks: list[Any] | None = None
) -> ChatGenerationChunk:
    """Pieces of tool calls.

    LangChain tells in each chunk how its pieces look when they are read as whole calls. A piece that does not begin an
    object is no call; only others need to be parsed, which the library does.
    """
    given: dict[str, Any] = {"content": blocks or "", "tool_call_chunks": pieces, "response_metadata": metadata}
    if blocks or not all(_is_no_call(piece["args"]) for piece in pieces):
        return ChatGenerationChunk(message=AIMessageChunk(**given))
    given["tool_calls"] = []
    given["invalid_tool_calls"] = [
        {"name": piece["name"], "args": piece["args"], "id": piece["id"], "error": None, "type": "invalid_tool_call"}
        for piece in pieces
    ]
    return _wrapped(_message.make(given), "")


def _is_no_call(arguments: str | None) -> bool:
    return arguments is not None and arguments != "" and not arguments.lstrip().startswith("{")


def _wrapped(message: AIMessageChunk, text: str) -> ChatGenerationChunk:
    return _generation.make({"message": message, "text": text})
