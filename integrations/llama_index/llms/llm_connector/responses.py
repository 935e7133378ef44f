"""A unified answer as LlamaIndex's ``ChatResponse``, whole or ending a stream. The way out is ``messages``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LogProb, MessageRole, TextBlock

from llama_index.llms.llm_connector.reasoning import REASONING_CONTENT, keep_payload, thinking_block
from llama_index.llms.llm_connector.tools import TOOL_CALLS, call_block, call_in_kwargs
from llm_connector.types.unchecked import unchecked

if TYPE_CHECKING:
    from collections.abc import Collection

    from llama_index.core.base.llms.types import ContentBlock, ThinkingBlock

    import llm_connector
    from llama_index.llms.llm_connector.tools import ToldCall
    from llm_connector.types import Usage


def to_response(answer: llm_connector.ChatResponse, *, delta: str | None = None) -> ChatResponse:
    """The answer in LlamaIndex's form.

    Args:
        answer: A whole or folded answer.
        delta: The new text, when this is a chunk of a stream.
    """
    usage, reasoning = answer.usage, answer.message.reasoning
    thinking = thinking_block(answer.reasoning_content, reasoning, None if usage is None else usage.reasoning_tokens)
    calls = [(call.id, call.name, call.arguments) for call in answer.tool_calls]
    message = assistant_message(answer.content, thinking, calls)
    keep_payload(message, reasoning)
    return ChatResponse(
        message=message,
        delta=delta,
        raw=_raw(answer),
        logprobs=logprobs(answer.logprobs),
        additional_kwargs=_facts(answer),
    )


def assistant_message(text: str, thinking: ThinkingBlock | None, calls: Collection[ToldCall]) -> ChatMessage:
    """A message of one text block at most: LlamaIndex joins several with line ends."""
    blocks: list[ContentBlock] = [] if thinking is None else [thinking]
    if text or not calls:
        blocks.append(unchecked(TextBlock, {"block_type": "text", "text": text}))
    kwargs: dict[str, Any] = {}
    if thinking is not None and thinking.content:
        kwargs[REASONING_CONTENT] = thinking.content
    if calls:
        blocks += map(call_block, calls)
        kwargs[TOOL_CALLS] = [call_in_kwargs(call) for call in calls]
    return unchecked(ChatMessage, {"role": MessageRole.ASSISTANT, "additional_kwargs": kwargs, "blocks": blocks})


def _raw(answer: llm_connector.ChatResponse) -> dict[str, Any]:
    """The vendor's JSON, always a dict, with ``usage`` where and as LlamaIndex's token counter reads it."""
    told = answer.raw
    if told is None:
        told = {"id": answer.id, "model": answer.model, "finish_reason": answer.raw_finish_reason}
    elif not isinstance(told, dict):
        told = {"events": told}
    return {**told, "usage": None if answer.usage is None else _usage(answer.usage)}


def _usage(usage: Usage) -> dict[str, Any]:
    return {**(usage.raw or {}), **_counts(usage)}


def _counts(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _facts(answer: llm_connector.ChatResponse) -> dict[str, Any]:
    """What tracing tools read beside ``raw``, and what LlamaIndex has no place for."""
    facts: dict[str, Any] = {} if answer.usage is None else _counts(answer.usage)
    told = {
        "finish_reason": answer.finish_reason,
        "warnings": answer.warnings,
        "citations": answer.citations,
    }
    return facts | {name: value for name, value in told.items() if value}


def logprobs(entries: list[dict[str, Any]] | None) -> list[list[LogProb]] | None:
    """Log probabilities: a list of alternatives a token."""
    if not entries:
        return None
    return [[_logprob(one) for one in entry.get("top_logprobs") or [entry]] for entry in entries]


def _logprob(entry: dict[str, Any]) -> LogProb:
    return LogProb(token=entry.get("token") or "", logprob=entry.get("logprob") or 0.0, bytes=entry.get("bytes") or [])
