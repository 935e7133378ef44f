"""Chat Completions answers to chunks, whole or streamed, from all the servers that claim the format.

The request's side is in ``openai_chat``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from llm_connector.protocols.base import Decoder
from llm_connector.protocols.reasoning_details import DetailsInTheMaking
from llm_connector.protocols.tool_calls import ToolCallTracker
from llm_connector.reasoning import SYNONYMS, ThinkTagReader, reasoning_text
from llm_connector.types import ChatChunk, Usage
from llm_connector.types.unchecked import unchecked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from llm_connector.framing import Event
    from llm_connector.protocols.base import Protocol
    from llm_connector.types import FinishReason, ToolCallDelta

FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "eos": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "refusal": "content_filter",
    "error": "error",
    "network_error": "error",
    "insufficient_system_resource": "error",
    "malformed_function_call": "error",
}


class ChatDecoder(Decoder):
    """Reads ``chat.completion.chunk`` events and ``chat.completion`` answers.

    Args:
        protocol: The protocol.
        think_tags: Whether reasoning comes between tags in the text.
        reasoning_field: A name of reasoning besides the usual ones.
        reasoning_details: Whether ``reasoning_details`` are kept.
        asked_model: The model that was asked, for vendors whose answers do not name theirs.
    """

    finish_reasons: ClassVar[Mapping[str, FinishReason]] = FINISH_REASONS

    def __init__(
        self,
        protocol: Protocol,
        *,
        think_tags: bool = False,
        reasoning_field: str = "",
        reasoning_details: bool = False,
        asked_model: str | None = None,
    ) -> None:
        super().__init__(protocol)
        self._asked_model = asked_model
        self._keeps_details = reasoning_details
        self._details: dict[int, DetailsInTheMaking] = {}
        self._reasoning_field = "" if reasoning_field in SYNONYMS else reasoning_field
        self._think_tags = think_tags
        self._whole = False
        self._counts: dict[str, Any] | None = None
        self._readers: dict[int, ThinkTagReader] = {}
        self._trackers: dict[int, ToolCallTracker] = {}

    def event(self, event: Event) -> Iterable[ChatChunk]:
        """The chunks of one event."""
        if event.data[:1] != b"{" and event.data.strip().startswith(b"[DONE]"):
            self.done = True
            return ()
        return self._chunks(self._protocol.decode(event))

    def whole(self, payload: Any) -> Iterable[ChatChunk]:
        """The chunks of a whole answer's JSON."""
        self.done = self._whole = True
        return self._chunks(payload)

    def flush(self) -> Iterator[ChatChunk]:
        """Text held back as a possible tag, and what must be sent back."""
        for index, reader in self._readers.items():
            thought, text = reader.finish()
            if thought or text:
                yield ChatChunk(text, thought, index=index, id=self._id, model=self._model)
        for index, details in self._details.items():
            yield ChatChunk(index=index, id=self._id, model=self._model, reasoning=details.blocks())

    def _chunks(self, payload: Any) -> list[ChatChunk]:
        if not isinstance(payload, dict):
            return []
        if self.created is None or not self._id or not self._model:
            self._take_names(payload)
        if usage := payload.get("usage"):
            self._take_usage(usage)
        if (plain := self._plain(payload)) is not None:
            return [plain]
        if "x_groq" in payload and not usage:
            self._take_usage((payload["x_groq"] or {}).get("usage"))
        chunks = []
        for choice in payload.get("choices") or ():
            if (chunk := self._choice(choice, payload)) is not None:
                chunks.append(chunk)  # noqa: PERF401 - the hottest loop; a comprehension is slower before Python 3.12
        if payload.get("citations") or payload.get("search_results"):
            chunks.append(self._cited(payload))
        return chunks

    def _take_usage(self, usage: Any) -> None:
        """Keep the vendor's counts, to be read when they are asked for: some send them with every piece of text."""
        if usage and not isinstance(usage, dict):
            raise TypeError(f"token counts are an object, not {type(usage).__name__}")
        self._counts = usage or self._counts

    @property
    def usage(self) -> Usage | None:
        """The token counts that came so far."""
        return None if self._counts is None else read_usage(self._counts)

    def _take_names(self, payload: dict[str, Any]) -> None:
        self._id = self._id or payload.get("id")  # a relay's first chunk may have none of its own
        self._model = self._model or payload.get("model") or self._asked_model
        if self.created is None and isinstance(payload.get("created"), int):
            self.created = int(payload["created"]) or None

    def _choice(self, choice: dict[str, Any], payload: dict[str, Any]) -> ChatChunk | None:
        index = self._index(choice, payload)
        first, second = ("message", "delta") if self._whole else ("delta", "message")  # Perplexity sends both
        delta = choice.get(first) or choice.get(second) or {}
        content = delta.get("content")
        thought = reasoning_text(delta, self._reasoning_field)
        if content.__class__ is not str:
            content, part_thought = read_parts(content)
            thought = thought or part_thought
        refusal = None if content else delta.get("refusal")
        if refusal:
            content = refusal
        if self._think_tags and content:
            tag_thought, content = self._reader(index).feed(content)
            thought += tag_thought
        if self._keeps_details and delta.get("reasoning_details"):
            details = self._details.setdefault(index, DetailsInTheMaking())
            details.take(delta["reasoning_details"], whole=self._whole)
        calls = self._tool_calls(delta, index)
        self._take_ending(choice, index)
        logprobs = _logprobs(choice)
        citations = _annotations(delta)
        if content or thought or calls or logprobs or citations:
            return ChatChunk(
                content,
                thought,
                calls,
                None,
                None,
                None,
                self._id,
                self._model,
                index,
                None,
                logprobs,
                citations,
                payload,
                bool(refusal),
            )
        return None

    def _plain(self, payload: dict[str, Any]) -> ChatChunk | None:
        """The chunk of an event that goes on with the first answer, as nearly all do; ``None`` where there is more.

        Nothing is changed here, so that what follows can look at the event anew; it takes three times as long.
        """
        try:
            (choice,) = payload["choices"]
            delta = choice["delta"]
        except (KeyError, TypeError, ValueError):
            return None
        if (
            payload.get("citations")
            or payload.get("search_results")
            or "x_groq" in payload
            or choice.get("logprobs")
            or choice.get("usage")
            or (choice.get("finish_reason") or "null") != "null"  # "null" is DashScope's
            or delta.__class__ is not dict
        ):
            return None
        index = self._index(choice, payload) if choice.get("index") else 0
        text, thought = "", ""
        calls: tuple[ToolCallDelta, ...] = ()
        for name, value in delta.items():
            if not value:
                continue
            if value.__class__ is str:
                if name == "content" and not self._think_tags:
                    text = value
                elif name == "reasoning_content":
                    thought = value
                elif name != "role":
                    return None
            elif name == "tool_calls" and (call := self._continued(value, index)) is not None:
                calls = (call,)
            else:
                return None
        chunk = ChatChunk(
            text, thought, calls, None, None, None, self._id, self._model, index, None, None, None, payload
        )
        return chunk if text or thought or calls else None

    def _continued(self, pieces: Any, index: int) -> ToolCallDelta | None:
        tracker = self._trackers.get(index)
        return None if tracker is None else tracker.continued(pieces)

    def _index(self, choice: dict[str, Any], payload: dict[str, Any]) -> int:
        """The choice's number. A server that counts its chunks there has asked for one choice and names no object."""
        index = choice.get("index")
        if not isinstance(index, int) or index == 0:
            return 0
        return 0 if not payload.get("object") and not payload.get("id") else index

    def _reader(self, index: int) -> ThinkTagReader:
        return self._readers.setdefault(index, ThinkTagReader())

    def _tool_calls(self, delta: dict[str, Any], index: int) -> Any:
        pieces = delta.get("tool_calls")
        if not pieces:
            legacy = delta.get("function_call")  # before tools there was one function_call; Snowflake sends it empty
            if not legacy or not (legacy.get("name") or legacy.get("arguments")) or index in self._trackers:
                return ()
            pieces = [{"index": 0, "function": legacy}]
        tracker = self._trackers.get(index)
        if tracker is None:
            tracker = self._trackers[index] = ToolCallTracker()
        return tracker.deltas(pieces)

    def _take_ending(self, choice: dict[str, Any], index: int) -> None:
        reason = choice.get("finish_reason")
        if reason and reason != "null":
            self._finish(str(reason), index=index, called_tools=bool(self._trackers.get(index)))
        self._take_usage(choice.get("usage"))  # Moonshot, older versions

    def _cited(self, payload: dict[str, Any]) -> ChatChunk:
        found = payload.get("search_results") or payload["citations"]
        citations = [item if isinstance(item, dict) else {"url": item} for item in found]
        return ChatChunk(id=self._id, model=self._model, citations=citations, raw=payload)


def read_parts(content: Any) -> tuple[str, str]:
    """Text and reasoning of content that is not a string: null, or a list of parts (Mistral, DashScope)."""
    if not isinstance(content, list):
        return "", ""
    text: list[str] = []
    thought: list[str] = []
    for part in content:
        if isinstance(part, str):
            text.append(part)
        elif isinstance(part, dict):
            if part.get("type") == "thinking":
                inner = part.get("thinking")
                thought.append(inner if isinstance(inner, str) else read_parts(inner)[0])
            elif isinstance(part.get("text"), str):
                text.append(part["text"])
    return "".join(text), "".join(thought)


def _logprobs(choice: dict[str, Any]) -> list[dict[str, Any]] | None:
    found = choice.get("logprobs")
    return (found.get("content") or None) if isinstance(found, dict) else None


def _annotations(delta: dict[str, Any]) -> list[dict[str, Any]] | None:
    """URL citations (OpenAI's web search; OpenRouter)."""
    found = delta.get("annotations")
    return [item.get("url_citation", item) for item in found if isinstance(item, dict)] if found else None


def read_usage(usage: dict[str, Any]) -> Usage:
    """Token counts in OpenAI's form and its variants."""
    prompt = _count(usage, "prompt_tokens", "input_tokens")
    completion = _count(usage, "completion_tokens", "output_tokens")
    details_in = _details(usage, "prompt_tokens_details", "input_tokens_details")
    details_out = _details(usage, "completion_tokens_details", "output_tokens_details")
    reasoning = _count(details_out, "reasoning_tokens") or _count(usage, "reasoning_tokens")
    total = _count(usage, "total_tokens")
    if reasoning and total == prompt + completion + reasoning:  # xAI counts reasoning beside the answer
        completion += reasoning
    cached = _count(details_in, "cached_tokens") or _count(usage, "prompt_cache_hit_tokens", "cached_tokens")
    counts = {
        "input_tokens": prompt,
        "output_tokens": completion,
        "total_tokens": total or prompt + completion,
        "cached_tokens": cached,
        "cache_write_tokens": _count(details_in, "cache_write_tokens", "cache_creation_input_tokens"),
        "reasoning_tokens": reasoning,
        "raw": dict(usage),
    }
    return unchecked(Usage, counts)


def _details(usage: dict[str, Any], name: str, other: str) -> dict[str, Any]:
    found = usage.get(name) or usage.get(other)
    return found if isinstance(found, dict) else {}


def _count(source: dict[str, Any], name: str, other: str = "") -> int:
    for value in (source.get(name), source.get(other)):
        if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
            return int(value)
    return 0
