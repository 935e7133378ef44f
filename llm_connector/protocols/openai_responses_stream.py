"""The Responses API's answers to chunks, whole or streamed. The request's side is in ``openai_responses``.

Pieces belong together by ``output_index``: GitHub Copilot gives an item another id in every event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from llm_connector.collect import Collector
from llm_connector.protocols.base import Decoder
from llm_connector.protocols.openai_responses_items import CALL_KINDS, part_text, replay_block
from llm_connector.protocols.openai_stream import read_usage
from llm_connector.protocols.tool_calls import new_call_id
from llm_connector.types import ChatChunk, ToolCallDelta

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from llm_connector.framing import Event
    from llm_connector.protocols.base import Protocol
    from llm_connector.types import FinishReason

# The text that an event carries: where it goes, and which number tells its part.
_DELTAS = {
    "response.output_text.delta": ("content", "content_index"),
    "response.refusal.delta": ("content", "content_index"),
    "response.reasoning_summary_text.delta": ("summary", "summary_index"),
    "response.reasoning_text.delta": ("thought", "content_index"),
    "response.function_call_arguments.delta": ("arguments", ""),
    "response.custom_tool_call_input.delta": ("arguments", ""),
}
# The same texts whole, for servers that send no deltas of them.
_WHOLE = {
    "response.output_text.done": ("response.output_text.delta", "text"),
    "response.refusal.done": ("response.refusal.delta", "refusal"),
    "response.reasoning_summary_text.done": ("response.reasoning_summary_text.delta", "text"),
    "response.reasoning_text.done": ("response.reasoning_text.delta", "text"),
    "response.function_call_arguments.done": ("response.function_call_arguments.delta", "arguments"),
    "response.custom_tool_call_input.done": ("response.custom_tool_call_input.delta", "input"),
}
_ENDS = frozenset({"response.completed", "response.incomplete", "response.cancelled"})


class _Item:
    """An output item in the making: how much of each of its parts was given out."""

    __slots__ = ("block", "call", "cited", "closed", "given", "likely")

    def __init__(self) -> None:
        self.block: dict[str, Any] | None = None
        self.call: int | None = None
        self.given: dict[tuple[str, int], int] = {}
        self.cited = 0
        self.likely = False  # whether log probabilities were given out
        self.closed = False


class ResponsesCollector(Collector):
    """Takes the answer's id from its end: GitHub Copilot's answers begin under another."""

    def add(self, chunk: ChatChunk) -> None:
        """Take the next chunk."""
        super().add(chunk)
        if chunk.finish_reason is not None:
            self._id = None if chunk.id is None else str(chunk.id)


class ResponsesDecoder(Decoder):
    """Reads ``response.*`` events, and ``response`` objects."""

    finish_reasons: ClassVar[Mapping[str, FinishReason]] = {
        "completed": "stop",
        "max_output_tokens": "length",
        "max_messages": "length",
        "content_filter": "content_filter",
        "failed": "error",
    }

    def __init__(self, protocol: Protocol) -> None:
        super().__init__(protocol)
        self._items: dict[Any, _Item] = {}
        self._calls = 0

    def event(self, event: Event) -> Iterable[ChatChunk]:
        """The chunks of one event."""
        if event.data.strip() == b"[DONE]":  # OpenRouter; it may stand alone at the end
            self._end({})
            return ()
        return self._chunks(self._protocol.decode(event))

    def flush(self) -> Iterator[ChatChunk]:
        """What must be sent back, in the order of the items: OpenRouter closes reasoning after the text."""
        placed = sorted if all(isinstance(place, int) for place in self._items) else list
        blocks = [self._items[place].block for place in placed(self._items)]
        if kept := [block for block in blocks if block is not None]:
            yield ChatChunk(id=self._id, model=self._model, reasoning=kept)

    def whole(self, payload: Any) -> Iterable[ChatChunk]:
        """The chunks of a whole answer's JSON."""
        return self._answer(payload, payload) if isinstance(payload, dict) else ()

    def _chunks(self, payload: Any) -> Iterable[ChatChunk]:
        if not isinstance(payload, dict):
            return ()
        kind = payload.get("type")
        if kind in _DELTAS:
            return self._delta(payload, payload.get("delta"), *_DELTAS[kind])
        if kind in _WHOLE:
            return self._whole_text(payload, *_WHOLE[kind])
        if kind in {"response.output_item.added", "response.output_item.done"}:
            return self._item(payload, payload.get("item") or {}, closed=kind.endswith("done"))
        if kind == "response.output_text.annotation.added":
            return self._annotation(payload)
        if kind in _ENDS or payload.get("object") == "response":
            return self._answer(payload.get("response") or payload, payload)
        if isinstance(begun := payload.get("response"), dict):
            self._take_facts(begun)
        return ()

    def _delta(self, payload: dict[str, Any], text: Any, kind: str, number: str) -> list[ChatChunk]:
        item = self._item_of(payload)
        if not text or not isinstance(text, str) or (kind == "arguments" and item.call is None):
            return []
        part = (kind, payload.get(number) or 0)
        item.given[part] = item.given.get(part, 0) + len(text)
        if kind == "arguments":
            assert item.call is not None
            return [self._chunk(payload, calls=[ToolCallDelta(item.call, arguments=text)])]
        chunk = self._chunk(payload, text if kind == "content" else "", "" if kind == "content" else text)
        chunk.logprobs = payload.get("logprobs") or None
        item.likely = item.likely or chunk.logprobs is not None
        return [chunk]

    def _whole_text(self, payload: dict[str, Any], delta: str, name: str) -> list[ChatChunk]:
        kind, number = _DELTAS[delta]
        rest = self._rest(self._item_of(payload), (kind, payload.get(number) or 0), payload.get(name))
        return self._delta({**payload, "logprobs": None}, rest, kind, number)

    def _item_of(self, payload: dict[str, Any]) -> _Item:
        """By its place, else by its id, else the latest."""
        key = payload.get("output_index")
        if key is None:
            key = payload.get("item_id") or (payload.get("item") or {}).get("id")
        if key is None and self._items:
            key = next(reversed(self._items))
        item = self._items.get(key)
        if item is None:
            item = self._items[key] = _Item()
        return item

    def _item(self, payload: dict[str, Any], told: dict[str, Any], *, closed: bool) -> Iterator[ChatChunk]:
        item = self._item_of(payload)
        kind = told.get("type")
        if kind in CALL_KINDS and item.call is None and told.get("name"):
            item.call, self._calls = self._calls, self._calls + 1
            call_id = told.get("call_id") or told.get("id") or new_call_id()
            yield self._chunk(payload, calls=[ToolCallDelta(item.call, call_id, told["name"])])
        if not closed or item.closed:
            return
        item.closed = True
        if kind in CALL_KINDS and item.call is not None:
            rest = self._rest(item, ("arguments", 0), told.get(CALL_KINDS[kind]))
            if rest:
                yield self._chunk(payload, calls=[ToolCallDelta(item.call, arguments=rest)])
        elif kind == "message":
            yield from self._message_rest(payload, item, told)
        elif kind == "reasoning":
            yield from self._reasoning_rest(payload, item, told)
        if kind is not None:
            item.block = replay_block(told)

    def _message_rest(self, payload: dict[str, Any], item: _Item, told: dict[str, Any]) -> Iterator[ChatChunk]:
        """What the deltas did not tell."""
        parts = [part for part in told.get("content") or () if isinstance(part, dict)]
        for number, part in enumerate(parts):
            chunk = self._chunk(payload, self._rest(item, ("content", number), part_text(part)))
            chunk.logprobs = None if item.likely else part.get("logprobs") or None
            if chunk.content or chunk.logprobs:
                yield chunk
        citations = [citation for part in parts for citation in part.get("annotations") or ()][item.cited :]
        if citations:
            yield ChatChunk(id=self._id, model=self._model, citations=citations, raw=payload)

    def _reasoning_rest(self, payload: dict[str, Any], item: _Item, told: dict[str, Any]) -> Iterator[ChatChunk]:
        for kind, name in (("summary", "summary"), ("thought", "content")):
            for number, part in enumerate(told.get(name) or ()):
                if rest := self._rest(item, (kind, number), part.get("text")):
                    yield self._chunk(payload, thought=rest)

    def _rest(self, item: _Item, part: tuple[str, int], text: Any) -> str:
        """The end of a text, of which the beginning was given out."""
        given = item.given.get(part, 0)
        return text[given:] if isinstance(text, str) else ""

    def _annotation(self, payload: dict[str, Any]) -> list[ChatChunk]:
        item, citation = self._item_of(payload), payload.get("annotation")
        if not isinstance(citation, dict):
            return []
        item.cited += 1
        return [ChatChunk(id=self._id, model=self._model, citations=[citation], raw=payload)]

    def _answer(self, answer: dict[str, Any], payload: dict[str, Any]) -> Iterator[ChatChunk]:
        """The whole answer: its items as far as no event told them (Codex and proxies leave them out here)."""
        self._id = answer.get("id") or self._id
        self._take_facts(answer)
        output = [item for item in answer.get("output") or () if isinstance(item, dict)]
        if len(output) > sum(item.closed for item in self._items.values()):
            for index, told in enumerate(output):
                yield from self._item({**payload, "output_index": index}, told, closed=True)
        self._end(answer)

    def _take_facts(self, answer: dict[str, Any]) -> None:
        self._id = self._id or answer.get("id")
        self._model = self._model or answer.get("model")
        if self.created is None and answer.get("created_at"):
            self.created = int(answer["created_at"])

    def _end(self, answer: dict[str, Any]) -> None:
        self.done = True
        if answer.get("usage"):
            self._usage = read_usage(answer["usage"])
        reason = (answer.get("incomplete_details") or {}).get("reason")
        self._finish(str(reason or answer.get("status") or "completed"), called_tools=self._calls > 0)

    def _chunk(
        self, payload: dict[str, Any], text: str = "", thought: str = "", calls: list[ToolCallDelta] | None = None
    ) -> ChatChunk:
        return ChatChunk(text, thought, calls or (), id=self._id, model=self._model, raw=payload)
