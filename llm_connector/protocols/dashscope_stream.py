"""DashScope answers to chunks, whole or streamed, through the Chat Completions reader. Requests: ``dashscope``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connector.jsontext import decode, dumps
from llm_connector.protocols.openai_stream import ChatDecoder, read_parts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_connector.framing import Event
    from llm_connector.protocols.base import Protocol
    from llm_connector.types import ChatChunk

_FAILED = 400


class Growth:
    """Tells what is new in texts that are repeated whole each time."""

    def __init__(self) -> None:
        self._seen: dict[Any, str] = {}

    def new(self, key: Any, text: str) -> str:
        """What ``text`` has beyond the last one of this key; all of it when it does not go on from there."""
        if not text:  # the last event of a stream may repeat nothing
            return ""
        seen = self._seen.get(key, "")
        self._seen[key] = text
        return text.removeprefix(seen)


class DashScopeDecoder(ChatDecoder):
    """Reads ``event:result`` and whole answers.

    Args:
        protocol: The protocol.
        think_tags: See ``ChatDecoder``.
        cumulative: That increments were not asked for, so each event repeats all that came before. The answer itself
            does not tell, and a text may well begin like the one before it: only what was asked decides.
        asked_model: See ``ChatDecoder``.
    """

    def __init__(self, protocol: Protocol, *, think_tags: bool, cumulative: bool, asked_model: str | None) -> None:
        super().__init__(protocol, think_tags=think_tags, asked_model=asked_model)
        self._cumulative = cumulative
        self._growth = Growth()
        self._sources: list[dict[str, Any]] = []

    def event(self, event: Event) -> Iterable[ChatChunk]:
        """The chunks of one event; a failure is told by its name, by the status in a comment, or by a code."""
        if event.name == "error" or (event.status is not None and event.status >= _FAILED):
            raise self._protocol.error(decode(event.data), event.status)
        return super().event(event)

    def _chunks(self, payload: Any) -> list[ChatChunk]:
        if not isinstance(payload, dict):
            return []
        output = payload.get("output") or {}
        flat = {
            "object": "dashscope",
            "id": payload.get("request_id"),
            "model": payload.get("model"),
            "usage": payload.get("usage"),
            "choices": [self._grown(choice, at) for at, choice in enumerate(_choices(output))],
            "search_results": self._new_sources(output),
        }
        chunks = super()._chunks(flat)
        for chunk in chunks:
            chunk.raw = payload
        return chunks

    def _grown(self, choice: dict[str, Any], at: int) -> dict[str, Any]:
        """The choice with what is new in it."""
        index = choice.get("index", at)
        message = dict(choice.get("message") or {})
        if self._cumulative and not self._whole:
            message["content"] = self._growth.new((index, "text"), _text(message.get("content")))
            thought = message.get("reasoning_content") or ""
            message["reasoning_content"] = self._growth.new((index, "thought"), thought)
        if message.get("tool_calls"):
            calls = [call for call in message["tool_calls"] if isinstance(call, dict)]
            message["tool_calls"] = [self._grown_call(call, index, at) for at, call in enumerate(calls)]
        return {**choice, "index": index, "message" if self._whole else "delta": message}

    def _grown_call(self, call: dict[str, Any], choice: int, at: int) -> dict[str, Any]:
        """Calls without an index are a snapshot of all calls so far (dashscope 2.0.2)."""
        if self._whole or ("index" in call and not self._cumulative):
            return call
        function = dict(call.get("function") or {})
        arguments = function.get("arguments") or ""
        arguments = arguments if isinstance(arguments, str) else dumps(arguments)
        function["arguments"] = self._growth.new((choice, "call", call.get("id") or at), arguments)
        return {"index": at, **call, "function": function}

    def _new_sources(self, output: dict[str, Any]) -> list[dict[str, Any]]:
        """Search results, which later events repeat."""
        found = (output.get("search_info") or {}).get("search_results") or []
        new = [source for source in found if isinstance(source, dict) and source not in self._sources]
        self._sources += new
        return new


def _choices(output: dict[str, Any]) -> list[dict[str, Any]]:
    choices = output.get("choices")
    if choices:
        return [choice for choice in choices if isinstance(choice, dict)]
    if output.get("text") is not None or output.get("finish_reason"):  # result_format "text", the older form
        return [{"message": {"content": output.get("text") or ""}, "finish_reason": output.get("finish_reason")}]
    return []


def _text(content: Any) -> str:
    return content if isinstance(content, str) else read_parts(content)[0]
