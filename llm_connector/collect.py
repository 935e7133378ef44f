"""Chunks to a response: the one place where pieces are put together, for streamed and whole answers alike.

Where the chunks come from is not known here.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

from llm_connector.types import ChatResponse, Choice, Message, Reasoning, ToolCall
from llm_connector.types.unchecked import unchecked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_connector.types import ChatChunk, FinishReason, ToolCallDelta, Usage

_OF_MESSAGE = ("role", "content", "tool_calls", "reasoning_content", "reasoning")
_OF_STREAM = ("choices", "usage", "id", "model", "provider", "created", "warnings", "citations")
_OF_WHOLE = (*_OF_STREAM, "raw")


class _ToolCallPieces:
    __slots__ = ("arguments", "id", "name")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []

    def whole(self) -> ToolCall:
        return ToolCall(id=self.id, name=self.name, arguments="".join(self.arguments) or "{}")


def _checked(text: str) -> str:
    """A text as it is; a vendor's answer may hold anything in its place."""
    if not isinstance(text, str):
        raise TypeError(f"text expected, not {type(text).__name__}")
    return text


class _ChoicePieces:
    """One choice in the making. Text goes into string buffers, so that a long stream costs its text and no more."""

    __slots__ = ("calls", "finish_reason", "logprobs", "raw_finish_reason", "reasoning", "refusal", "text", "thought")

    def __init__(self) -> None:
        self.text = StringIO()
        self.thought = StringIO()
        self.calls: dict[int, _ToolCallPieces] = {}
        self.reasoning: list[dict[str, Any]] = []
        self.refusal = False
        self.logprobs: list[dict[str, Any]] | None = None
        self.finish_reason: FinishReason | None = None
        self.raw_finish_reason: str | None = None

    def add_call(self, delta: ToolCallDelta) -> None:
        call = self.calls.get(delta.index)
        if call is None:
            call = self.calls[delta.index] = _ToolCallPieces()
        if delta.id:
            call.id = str(delta.id)
        if delta.name:
            call.name = str(delta.name)
        if arguments := delta.arguments:
            call.arguments.append(arguments if arguments.__class__ is str else _checked(arguments))

    def whole(self, index: int, family: str) -> Choice:
        message = unchecked(
            Message,
            {
                "role": "assistant",
                "content": self.text.getvalue(),
                "name": None,
                "tool_calls": [call.whole() for call in self.calls.values()],
                "tool_call_id": None,
                "is_error": False,
                "reasoning_content": self.thought.getvalue() or None,
                "reasoning": Reasoning(family=family, blocks=self.reasoning) if self.reasoning else None,
            },
            _OF_MESSAGE,
        )
        fields = {
            "index": index,
            "message": message,
            "finish_reason": self.finish_reason,
            "raw_finish_reason": self.raw_finish_reason,
            "logprobs": self.logprobs,
            "refusal": self.refusal or self.raw_finish_reason == "refusal",  # OpenAI marks the text, Anthropic the end
        }
        return unchecked(Choice, fields) if self.logprobs is None else Choice(**fields)  # they are the vendor's as yet


class Collector:
    """Folds chunks into a ``ChatResponse``.

    Args:
        provider: The provider's name, told in the response.
        family: See ``Reasoning.family``.
    """

    def __init__(self, provider: str | None = None, family: str = "") -> None:
        self._provider = provider
        self._family = family
        self._choices: dict[int, _ChoicePieces] = {}
        self._usage: Usage | None = None
        self._id: str | None = None
        self._model: str | None = None
        self._citations: list[dict[str, Any]] = []

    def add(self, chunk: ChatChunk) -> None:
        """Take the next chunk."""
        choice = self._choices.get(chunk.index) or self._new_choice(chunk)
        if chunk.content:
            choice.text.write(chunk.content)
        if chunk.reasoning_content:
            choice.thought.write(chunk.reasoning_content)
        for delta in chunk.tool_calls:
            choice.add_call(delta)
        if self._id is None or self._model is None:
            self._take_names(chunk)
        if chunk.finish_reason is not None:
            raw = chunk.raw_finish_reason
            choice.finish_reason, choice.raw_finish_reason = chunk.finish_reason, None if raw is None else str(raw)
        if chunk.usage is not None:
            self._usage = chunk.usage
        if chunk.reasoning or chunk.logprobs or chunk.citations or chunk.refusal:
            self._add_rarities(choice, chunk)

    def _new_choice(self, chunk: ChatChunk) -> _ChoicePieces:
        if not isinstance(chunk.index, int):
            raise TypeError(f"a choice's index is a number, not {type(chunk.index).__name__}")
        choice = self._choices[chunk.index] = _ChoicePieces()
        return choice

    def _take_names(self, chunk: ChatChunk) -> None:
        if self._id is None and chunk.id is not None:
            self._id = str(chunk.id)
        if self._model is None and chunk.model is not None:
            self._model = str(chunk.model)

    def _add_rarities(self, choice: _ChoicePieces, chunk: ChatChunk) -> None:
        choice.reasoning += chunk.reasoning or []
        choice.refusal = choice.refusal or chunk.refusal
        if chunk.logprobs is not None:
            choice.logprobs = (choice.logprobs or []) + chunk.logprobs
        given = [item for item in chunk.citations or [] if isinstance(item, dict)]
        self._citations += [item for item in given if item not in self._citations]

    def response(self, *, created: int | None = None, warnings: Iterable[str] = (), raw: Any = None) -> ChatResponse:
        """The response of all chunks so far; the arguments are its other fields."""
        pieces = self._choices or {0: _ChoicePieces()}
        fields = {
            "choices": [pieces[index].whole(index, self._family) for index in sorted(pieces)],
            "usage": self._usage,
            "id": self._id,
            "model": self._model,
            "provider": self._provider,
            "created": created,
            "warnings": list(warnings),
            "citations": [dict(citation) for citation in self._citations],
            "parsed": None,
            "raw": raw,
        }
        return unchecked(ChatResponse, fields, _OF_STREAM if raw is None else _OF_WHOLE)
