"""LangChain's messages and chunks made without validation; what goes into them: ``messages_out`` and ``chunks``.

All of it comes from typed answers, so validating it again finds nothing, and costs three times what the rest of our
part of a chunk costs (langchain-core 1.7.2, 2026-11). The defaults are taken from objects that the library made, and a
test compares both ways for every kind of message and chunk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk

if TYPE_CHECKING:
    from langchain_core.messages.tool import ToolCallChunk
    from pydantic import BaseModel


class _Model:
    """Makes instances of one model from its fields alone."""

    def __init__(self, example: BaseModel) -> None:
        self._class = type(example)
        self._fields = dict(example.__dict__)
        self._fresh = tuple(
            (name, type(value)) for name, value in self._fields.items() if isinstance(value, dict | list)
        )
        self._private = {name: getattr(example, name) for name in ("__pydantic_extra__", "__pydantic_private__")}

    def make(self, given: dict[str, Any]) -> Any:
        made = self._class.__new__(self._class)
        fields = self._fields.copy()
        for name, kind in self._fresh:
            fields[name] = kind()
        fields.update(given)
        extra = self._private["__pydantic_extra__"]
        object.__setattr__(made, "__dict__", fields)
        object.__setattr__(made, "__pydantic_fields_set__", set(given))
        object.__setattr__(made, "__pydantic_extra__", None if extra is None else {})
        object.__setattr__(made, "__pydantic_private__", self._private["__pydantic_private__"])
        return made


_message = _Model(AIMessageChunk(content=""))
_generation = _Model(ChatGenerationChunk(message=AIMessageChunk(content="")))
_whole_message = _Model(AIMessage(content=""))
_whole_generation = _Model(ChatGeneration(message=AIMessage(content="")))


def whole(fields: dict[str, Any]) -> ChatGeneration:
    """A whole answer, of the fields of its message."""
    message, content = _whole_message.make(fields), fields["content"]
    if not isinstance(content, str):
        return ChatGeneration(message=message)  # the library finds the text
    made: ChatGeneration = _whole_generation.make({"message": message, "text": content})
    return made


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
    made: ChatGenerationChunk = _generation.make({"message": message, "text": text})
    return made
