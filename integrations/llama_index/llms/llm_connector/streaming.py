"""Unified chunks as LlamaIndex's cumulative ones. Reading the network is ``base``'s, the last chunk ``responses``'s.

Each chunk carries all text so far, as LlamaIndex demands, in objects of its own: callers keep chunks, and change them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatResponse, ThinkingBlock

from llama_index.llms.llm_connector.responses import assistant_message, logprobs, to_response

if TYPE_CHECKING:
    import llm_connector
    from llama_index.llms.llm_connector.tools import ToldCall
    from llm_connector.types import ChatChunk


class Accumulator:
    """One stream's text, thinking and calls so far."""

    __slots__ = ("_calls", "_text", "_thought")

    def __init__(self) -> None:
        self._text = ""
        self._thought = ""
        self._calls: dict[int, ToldCall] = {}

    def add(self, chunk: ChatChunk) -> ChatResponse | None:
        """The chunk in LlamaIndex's form, or ``None`` when there is nothing new to see in it.

        Finish reason, usage and replayable reasoning are in the ``last`` chunk. Further choices (``n``) are not
        streamed: a LlamaIndex stream has one message.
        """
        if chunk.index != 0 or not (chunk.content or chunk.reasoning_content or chunk.tool_calls):
            return None
        self._text += chunk.content
        self._thought += chunk.reasoning_content
        for delta in chunk.tool_calls:
            call_id, name, arguments = self._calls.get(delta.index, (None, "", ""))
            self._calls[delta.index] = (delta.id or call_id, delta.name or name, arguments + delta.arguments)
        raw = chunk.raw
        return ChatResponse(
            message=assistant_message(self._text, self._thinking(), list(self._calls.values())),
            delta=chunk.content,
            raw=dict(raw) if isinstance(raw, dict) else {},
            logprobs=logprobs(chunk.logprobs),
            additional_kwargs=_news(chunk),
        )

    def _thinking(self) -> ThinkingBlock | None:
        return ThinkingBlock(content=self._thought) if self._thought else None


def _news(chunk: ChatChunk) -> dict[str, Any]:
    """Agents read new thinking here and nowhere else."""
    return {"thinking_delta": chunk.reasoning_content} if chunk.reasoning_content else {}


def last(answer: llm_connector.ChatResponse) -> ChatResponse:
    """The chunk that ends a stream: the complete message, which agents keep, and the usage."""
    return to_response(answer, delta="")
