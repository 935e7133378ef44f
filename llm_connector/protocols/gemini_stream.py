"""Gemini's answers to chunks, whole or streamed. The request's side is in ``gemini`` and ``gemini_messages``.

What must go back with the history becomes the message's reasoning payload, a list of blocks in the answer's order:
``text`` (its length), ``function_call`` (its id, and whether it was generated here), ``thought`` (signed ones only) and
``part`` (any other part, as it came). Each may carry a ``thoughtSignature``.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from llm_connector.jsontext import dumps
from llm_connector.protocols.base import Decoder
from llm_connector.protocols.gemini_arguments import StreamedArguments
from llm_connector.protocols.gemini_facts import citations_of, logprobs_of, read_usage
from llm_connector.protocols.tool_calls import new_call_id
from llm_connector.types import ChatChunk, ToolCallDelta

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from llm_connector.framing import Event
    from llm_connector.protocols.base import Protocol
    from llm_connector.types import FinishReason, Usage

FINISH_REASONS: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "MODEL_ARMOR"), "content_filter"
    ),
    **dict.fromkeys(("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"), "content_filter"),
    **dict.fromkeys(("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"), "error"),
    **dict.fromkeys(("MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE"), "error"),
}
_BESIDE_DATA = frozenset({"thought", "thoughtSignature"})


class _OpenCall:
    """A call whose arguments come in pieces."""

    __slots__ = ("arguments", "block", "index")

    def __init__(self, index: int, block: dict[str, Any]) -> None:
        self.index = index
        self.block = block
        self.arguments = StreamedArguments()


class _Candidate:
    """One candidate so far, and what its parts in the present event make.

    Attributes:
        calls: How many calls it made.
        unmarked: Characters of text since the last block.
        open: The call whose arguments are still coming.
    """

    __slots__ = ("blocks", "calls", "deltas", "open", "text", "thought", "unmarked")

    def __init__(self) -> None:
        self.calls = 0
        self.unmarked = 0
        self.open: _OpenCall | None = None
        self._clear()

    def _clear(self) -> None:
        self.text: list[str] = []
        self.thought: list[str] = []
        self.deltas: list[ToolCallDelta] = []
        self.blocks: list[dict[str, Any]] = []

    def take(self, parts: Iterable[dict[str, Any]]) -> None:
        """Read an event's parts; what they make is in the lists until the next."""
        self._clear()
        for part in parts:
            text = part.get("text")
            if text is None and not part.keys() - _BESIDE_DATA:
                text = ""  # a signature with nothing to sign
            if text is not None:
                self._take_text(text, part)
            elif part.get("functionCall") is not None:
                self._take_call(part["functionCall"], part.get("thoughtSignature"))
            else:
                self._mark({"type": "part", "part": part})

    def _take_text(self, text: str, part: dict[str, Any]) -> None:
        signature = part.get("thoughtSignature")
        if part.get("thought"):
            self.thought.append(text)
            if signature is not None:
                self._mark({"type": "thought", "text": text, "thoughtSignature": signature})
            return
        self.text.append(text)
        if signature is None:
            self.unmarked += len(text)
        else:
            self._mark({"type": "text", "length": len(text), "thoughtSignature": signature})

    def _take_call(self, call: dict[str, Any], signature: str | None) -> None:
        name = call.get("name")
        if name:
            self.close_call()
            self._begin_call(name, call, signature)
        elif self.open is not None:
            if signature is not None:
                self.open.block["thoughtSignature"] = signature
            self.open.arguments.add(call.get("partialArgs"))
            if not call.get("willContinue"):
                self.close_call()

    def _begin_call(self, name: str, call: dict[str, Any], signature: str | None) -> None:
        given = call.get("id")
        block = {"type": "function_call", "id": given or new_call_id()}
        if not given:
            block["generated"] = True
        if signature is not None:
            block["thoughtSignature"] = signature
        index, self.calls = self.calls, self.calls + 1
        if call.get("willContinue") or call.get("partialArgs"):
            self.open = _OpenCall(index, block)
            self.open.arguments.add(call.get("partialArgs"))
            self.deltas.append(ToolCallDelta(index, block["id"], name))
            if not call.get("willContinue"):
                self.close_call()
            return
        self._mark(block)
        self.deltas.append(ToolCallDelta(index, block["id"], name, dumps(call.get("args") or {})))

    def close_call(self) -> None:
        """Give the arguments of the call that came in pieces."""
        if self.open is not None:
            self._mark(self.open.block)
            self.deltas.append(ToolCallDelta(self.open.index, arguments=self.open.arguments.text()))
            self.open = None

    def _mark(self, block: dict[str, Any]) -> None:
        if self.unmarked:
            self.blocks.append({"type": "text", "length": self.unmarked})
            self.unmarked = 0
        self.blocks.append(block)


class GeminiDecoder(Decoder):
    """Reads ``GenerateContentResponse`` objects."""

    finish_reasons: ClassVar[Mapping[str, FinishReason]] = FINISH_REASONS

    def __init__(self, protocol: Protocol) -> None:
        super().__init__(protocol)
        self._candidates: dict[int, _Candidate] = {}
        self._counts: dict[str, Any] = {}

    def event(self, event: Event) -> Iterable[ChatChunk]:
        """The chunks of one event."""
        return self.whole(self._protocol.decode(event))

    def whole(self, payload: Any) -> Iterable[ChatChunk]:
        """The chunks of an answer's JSON, or of a list of them."""
        if isinstance(payload, list):
            return [chunk for item in payload for chunk in self.whole(item)]
        return self._chunks(payload) if isinstance(payload, dict) else []

    def flush(self) -> Iterator[ChatChunk]:
        """The arguments of a call that no last piece closed."""
        for index, candidate in self._candidates.items():
            if candidate.open is not None:
                candidate.take(())
                candidate.close_call()
                yield self._chunk(candidate, index)

    @property
    def usage(self) -> Usage | None:
        """The token counts that came so far."""
        return read_usage(self._counts)

    @property
    def complete(self) -> bool:
        """Whether each candidate that has begun has its finish reason; there is no other mark of the end."""
        return bool(self._endings) and self._candidates.keys() <= self._endings.keys()

    def _chunks(self, payload: dict[str, Any]) -> list[ChatChunk]:
        self._id = self._id or payload.get("responseId")
        self._model = self._model or payload.get("modelVersion")
        if self.created is None and "createTime" in payload:
            self.created = _seconds(payload["createTime"])
        self._counts |= payload.get("usageMetadata") or {}  # cumulative, but a count may be missing where it was told
        found = (self._read(item, at, payload) for at, item in enumerate(payload.get("candidates") or ()))
        return [chunk for chunk in found if chunk is not None]

    def _read(self, told: dict[str, Any], position: int, payload: dict[str, Any]) -> ChatChunk | None:
        index = told.get("index", position)
        candidate = self._candidates.get(index)
        if candidate is None:
            candidate = self._candidates[index] = _Candidate()
        candidate.take((told.get("content") or {}).get("parts") or ())
        chunk = self._chunk(candidate, index)
        chunk.logprobs = logprobs_of(told)
        chunk.citations = citations_of(told)
        reason = told.get("finishReason")
        if reason and reason != "FINISH_REASON_UNSPECIFIED":
            self._finish(reason, index=index, called_tools=candidate.calls > 0)
        chunk.raw = payload
        told_something = chunk.content or chunk.reasoning_content or chunk.tool_calls or chunk.reasoning
        return chunk if told_something or chunk.logprobs or chunk.citations else None

    def _chunk(self, candidate: _Candidate, index: int) -> ChatChunk:
        return ChatChunk(
            content="".join(candidate.text),
            reasoning_content="".join(candidate.thought),
            tool_calls=candidate.deltas,
            reasoning=candidate.blocks or None,
            id=self._id,
            model=self._model,
            index=index,
        )


def _seconds(moment: Any) -> int | None:
    try:
        return int(datetime.fromisoformat(moment).timestamp())
    except (TypeError, ValueError):
        return None
