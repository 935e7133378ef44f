"""Messages answers to chunks, whole or streamed. Sending an assistant's turn back is in ``anthropic_replay``.

Source: anthropic-python 2.12 and recorded streams of Anthropic, Vertex, Bedrock and gateways.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from llm_connector.errors import DecodeError, StreamInterruptedError
from llm_connector.protocols.base import Decoder
from llm_connector.protocols.tool_calls import new_call_id
from llm_connector.types import ChatChunk, ToolCallDelta, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from llm_connector.framing import Event
    from llm_connector.protocols.base import Protocol
    from llm_connector.types import FinishReason

_KIND_OF_DELTA = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking"}


class _Block:
    """One content block in the making.

    Attributes:
        start: As it began.
        kind: ``text``, ``thinking``, ``tool_use``, ``answer`` (a tool call that is the answer) or ``opaque``.
        length: Characters of text so far.
        pieces: Of thinking, or of a tool's arguments.
        call: The number among the tool calls.
    """

    __slots__ = ("call", "citations", "kind", "length", "pieces", "signature", "start")

    def __init__(self, start: dict[str, Any], kind: str) -> None:
        self.start = start
        self.kind = kind
        self.length = 0
        self.pieces: list[str] = []
        self.signature: str | None = start.get("signature")
        self.citations = [item for item in start.get("citations") or () if isinstance(item, dict)]
        self.call = 0


class AnthropicDecoder(Decoder):
    """Reads the events of a message, and whole messages.

    Args:
        protocol: Types the errors.
        answer_tool: The name of the tool whose arguments are the answer, where the form was asked for that way.
    """

    finish_reasons: ClassVar[Mapping[str, FinishReason]] = {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "pause_turn": "stop",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "tool_use": "tool_calls",
        "refusal": "content_filter",
    }

    def __init__(self, protocol: Protocol, *, answer_tool: str | None = None) -> None:
        super().__init__(protocol)
        self._answer_tool = answer_tool
        self._answered = False
        self._open: dict[int, _Block] = {}
        self._calls = 0
        self._counts: dict[str, Any] = {}
        self._marks: list[dict[str, Any]] = []  # held until there is something opaque to mark the place of
        self._keeps = False
        self._started: str | None = None

    @property
    def complete(self) -> bool:
        """Whether the vendor's mark of the end came: it always sends one, so less is a broken stream."""
        return self.done

    def event(self, event: Event) -> Iterable[ChatChunk]:
        """The chunks of one event; its JSON tells its type, as gateways leave the ``event:`` line out."""
        if event.data.strip() == b"[DONE]":  # OpenRouter; after the end, or in its place
            self.done = self.done or bool(self._endings)
            return ()
        payload = self._decode(event)
        if not isinstance(payload, dict):
            return ()
        kind = payload.get("type")
        if kind == "content_block_delta":
            return self._continue(payload)
        if kind == "message":
            return self.whole(payload)
        return self._frame(kind, payload)

    def whole(self, payload: Any) -> Iterator[ChatChunk]:
        """The chunks of a whole answer's JSON."""
        self.done = True
        if isinstance(payload, dict):
            yield from self._take_message(payload, payload)

    def flush(self) -> Iterator[ChatChunk]:
        """The ends of blocks that no event closed."""
        for index in list(self._open):
            yield from self._close(index, None)

    def _decode(self, event: Event) -> Any:
        if event.name != "error":
            return self._protocol.decode(event)
        try:
            payload = self._protocol.decode(event)
        except DecodeError:
            payload = event.data.decode("utf-8", "replace")
        raise self._protocol.error(payload, event.status)

    def _frame(self, kind: Any, payload: dict[str, Any]) -> Iterable[ChatChunk]:
        if kind == "content_block_start":
            return self._begin(_index(payload), payload.get("content_block") or {}, payload)
        if kind == "content_block_stop":
            return self._close(_index(payload), payload)
        if kind == "message_start":
            return self._start(payload)
        if kind == "message_delta":
            self._take_ending(payload.get("delta") or {})
            self._count(payload.get("usage"))
        elif kind == "message_stop":
            self.done = True
        return ()

    def _start(self, payload: dict[str, Any]) -> Iterable[ChatChunk]:
        message = payload.get("message") or {}
        name = str(message.get("id") or "")
        if self._started is None:
            self._started = name
            return self._take_message(message, payload)
        if name != self._started:
            raise StreamInterruptedError("another answer began before this one had ended")
        return ()  # gateways repeat it

    def _take_message(self, message: dict[str, Any], raw: Any) -> Iterator[ChatChunk]:
        """A message, or its beginning. A call that was deferred stands in it whole, with no events after it."""
        self._id = self._id or _text(message.get("id")) or None
        self._model = self._model or _text(message.get("model")) or None
        for index, block in enumerate(message.get("content") or ()):
            if isinstance(block, dict):
                yield from self._begin(index, block, raw, whole=True)
                yield from self._close(index, raw)
        self._take_ending(message)
        self._count(message.get("usage"))

    def _begin(self, index: int, start: dict[str, Any], raw: Any, *, whole: bool = False) -> Iterator[ChatChunk]:
        if index in self._open:
            yield from self._close(index, raw)
        kind = start.get("type")
        if kind == "tool_use":
            yield from self._begin_call(index, start, raw, whole=whole)
            return
        block = self._open[index] = _Block(start, str(kind) if kind in {"text", "thinking"} else "opaque")
        if block.kind == "text":
            text = _text(start.get("text"))
            block.length = len(text)
            if text or block.citations:
                yield self._chunk(raw, content=text, citations=block.citations or None)
        elif block.kind == "thinking" and (thought := _text(start.get("thinking"))):
            block.pieces.append(thought)
            yield self._chunk(raw, reasoning_content=thought)

    def _begin_call(self, index: int, start: dict[str, Any], raw: Any, *, whole: bool) -> Iterator[ChatChunk]:
        block = self._open[index] = _Block(start, "tool_use")
        if self._answer_tool is not None and start.get("name") == self._answer_tool:
            block.kind, self._answered = "answer", True
            return
        block.call, self._calls = self._calls, self._calls + 1
        block.start = start = {**start, "id": _text(start.get("id")) or new_call_id()}
        arguments = ""
        if whole and start.get("input"):  # in a stream the object is a placeholder for what follows
            arguments = _arguments(start["input"])
            block.pieces.append(arguments)
        yield self._chunk(
            raw, tool_calls=(ToolCallDelta(block.call, start["id"], _text(start.get("name")), arguments),)
        )

    def _continue(self, payload: dict[str, Any]) -> Iterable[ChatChunk]:
        delta = payload.get("delta") or {}
        kind = delta.get("type")
        block = self._open.get(_index(payload))
        if block is None:
            if kind not in _KIND_OF_DELTA:
                return ()
            block = self._open[_index(payload)] = _Block({"type": _KIND_OF_DELTA[kind]}, _KIND_OF_DELTA[kind])
        if kind == "text_delta" and block.kind == "text":
            text = _text(delta.get("text"))
            block.length += len(text)
            return (ChatChunk(text, id=self._id, model=self._model, raw=payload),) if text else ()
        if kind == "thinking_delta" and block.kind == "thinking":
            thought = _text(delta.get("thinking"))
            block.pieces.append(thought)
            return (self._chunk(payload, reasoning_content=thought),) if thought else ()
        if kind == "input_json_delta":
            return self._continue_input(block, _text(delta.get("partial_json")), payload)
        return self._continue_rarity(block, delta, payload)

    def _continue_input(self, block: _Block, piece: str, raw: Any) -> Iterable[ChatChunk]:
        if not piece:
            return ()
        block.pieces.append(piece)
        if block.kind == "answer":
            return (self._chunk(raw, content=piece),)
        if block.kind == "tool_use":
            delta = ToolCallDelta(block.call, None, None, piece)
            return (ChatChunk(tool_calls=(delta,), id=self._id, model=self._model, raw=raw),)
        return ()  # a tool that the vendor runs

    def _continue_rarity(self, block: _Block, delta: dict[str, Any], raw: Any) -> Iterable[ChatChunk]:
        kind = delta.get("type")
        if kind == "signature_delta":
            block.signature = delta.get("signature")
        elif kind == "citations_delta" and isinstance(delta.get("citation"), dict):
            block.citations.append(delta["citation"])
            return (self._chunk(raw, citations=[delta["citation"]]),)
        elif block.kind == "opaque":  # such as compaction_delta: text to append, anything else to set
            block.start = dict(block.start)
            for name, value in delta.items():
                held = block.start.get(name)
                if name != "type":
                    block.start[name] = held + value if isinstance(held, str) and isinstance(value, str) else value
        return ()

    def _close(self, index: int, raw: Any) -> Iterator[ChatChunk]:
        block = self._open.pop(index, None)
        if block is None:
            return
        if block.kind in {"tool_use", "answer"} and not block.pieces and block.start.get("input"):
            arguments = _arguments(block.start["input"])
            if block.kind == "answer":
                yield self._chunk(raw, content=arguments)
            else:
                yield self._chunk(raw, tool_calls=(ToolCallDelta(block.call, arguments=arguments),))
        kept = self._keep(_kept(block))
        if kept:
            yield self._chunk(raw, reasoning=kept)

    def _keep(self, item: dict[str, Any] | None) -> list[dict[str, Any]]:
        """What to hand out for replaying now that this block has ended."""
        if item is None:
            return []
        self._marks.append(item)
        self._keeps = self._keeps or _is_opaque(item)
        if not self._keeps:
            return []
        marks, self._marks = self._marks, []
        return marks

    def _take_ending(self, source: dict[str, Any]) -> None:
        raw = source.get("stop_reason")
        if not raw:
            return
        self._finish(str(raw), called_tools=self._calls > 0)
        if self._answered and not self._calls and self._endings[0][0] == "tool_calls":
            self._endings[0] = ("stop", str(raw))

    def _count(self, usage: Any) -> None:
        """Merge token counts field by field: the end of a stream repeats some of its beginning's, grown."""
        if isinstance(usage, dict):
            self._counts |= {name: value for name, value in usage.items() if value is not None}
        if self._counts:
            self._usage = read_usage(self._counts)

    def _chunk(self, raw: Any, **fields: Any) -> ChatChunk:
        return ChatChunk(id=self._id, model=self._model, raw=raw, **fields)


def _index(payload: dict[str, Any]) -> int:
    index = payload.get("index")
    return index if isinstance(index, int) else 0


def _text(value: Any) -> str:
    """The text; nothing for what is none."""
    return value if isinstance(value, str) else ""


def _arguments(value: Any) -> str:
    """Arguments as JSON text, spaced as the vendor does it in streams, so that both ways give the same text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _kept(block: _Block) -> dict[str, Any] | None:
    """What of a block must be given back, or marks its place."""
    if block.kind == "text":
        mark = {"type": "text", "length": block.length}
        return (mark | ({"citations": block.citations} if block.citations else {})) if block.length else None
    if block.kind == "thinking":
        whole = {**block.start, "thinking": "".join(block.pieces)}
        return whole if block.signature is None else whole | {"signature": block.signature}
    if block.kind == "tool_use":
        return {name: value for name, value in block.start.items() if name not in {"name", "input"}}
    if block.kind == "answer":
        return None
    whole = dict(block.start)
    if block.pieces:
        whole["input"] = _parsed("".join(block.pieces))
    if block.citations:
        whole["citations"] = block.citations
    return whole


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"arguments": text}


def _is_opaque(item: dict[str, Any]) -> bool:
    """Whether it cannot be made again from the message: no mark, or a call that code of the vendor's made."""
    if item.get("type") == "tool_use":
        return bool((item.get("caller") or {}).get("type", "direct") != "direct")
    return item.get("type") != "text"


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Token counts; the vendor's input excludes what was read from or written to its cache."""
    cached, written = _number(usage, "cache_read_input_tokens"), _number(usage, "cache_creation_input_tokens")
    input_tokens, output_tokens = _number(usage, "input_tokens") + cached + written, _number(usage, "output_tokens")
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=input_tokens + output_tokens,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=_number(usage.get("output_tokens_details") or {}, "thinking_tokens"),
        raw=dict(usage),
    )


def _number(source: Mapping[str, Any], name: str) -> int:
    value = source.get(name)
    return value if isinstance(value, int) else 0
