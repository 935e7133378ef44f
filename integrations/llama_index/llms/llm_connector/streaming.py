"""Unified chunks as LlamaIndex's cumulative ones. Reading the network is ``base``'s, the last chunk ``responses``'s.

Each chunk carries all text so far, as LlamaIndex demands, in objects of its own: callers keep chunks, and change them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llama_index.core.base.llms.types import ChatResponse, ThinkingBlock

from llama_index.llms.llm_connector.responses import assistant_message, logprobs, to_response
from llm_connector.types.unchecked import unchecked

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
        text, thought = chunk.content, chunk.reasoning_content
        if chunk.index != 0 or not (text or thought or chunk.tool_calls):
            return None
        self._text += text
        self._thought += thought
        for delta in chunk.tool_calls:
            call_id, name, arguments = self._calls.get(delta.index, (None, "", ""))
            self._calls[delta.index] = (delta.id or call_id, delta.name or name, arguments + delta.arguments)
        thinking = ThinkingBlock(content=self._thought) if self._thought else None
        raw, told = chunk.raw, chunk.logprobs
        fields = {
            "message": assistant_message(self._text, thinking, self._calls.values()),
            "raw": dict(raw) if isinstance(raw, dict) else {},
            "delta": text,
            "logprobs": logprobs(told) if told else None,
            "additional_kwargs": {"thinking_delta": thought} if thought else {},  # agents read it here and nowhere else
        }
        return unchecked(ChatResponse, fields)


def last(answer: llm_connector.ChatResponse) -> ChatResponse:
    """The chunk that ends a stream: the complete message, which agents keep, and the usage."""
    return to_response(answer, delta="")
