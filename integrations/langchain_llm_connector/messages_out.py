"""``llm_connector``'s answers as LangChain's messages. Pieces of a streamed answer are in ``chunks``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.messages import InvalidToolCall, ToolCall
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from langchain_llm_connector.light import result, whole
from langchain_llm_connector.reasoning import REASONING, payload, provider_tag, reasoning_kwargs

if TYPE_CHECKING:
    from langchain_core.outputs import ChatResult

    from llm_connector.types import ChatResponse, Choice, Reasoning, Usage
    from llm_connector.types import ToolCall as ConnectorToolCall

# The type of LangChain's block for it, and the block's key.
REFUSAL = "refusal"


def chat_result(response: ChatResponse, model: str | None, *, blocks: bool) -> ChatResult:
    """The response as a result, one generation a choice.

    Args:
        response: The response.
        model: The model that was asked for, for vendors that do not name theirs.
        blocks: Whether content is to be standard blocks (``output_version="v1"``).
    """
    generations = [
        whole(_message(response, choice, model, first=position == 0, blocks=blocks))
        for position, choice in enumerate(response.choices)
    ]
    return result(generations)


def _message(response: ChatResponse, choice: Choice, model: str | None, *, first: bool, blocks: bool) -> dict[str, Any]:
    """The message of one choice; the token counts are of all choices together and go with the first."""
    said = choice.message
    calls, invalid = tool_calls_of(said.tool_calls)
    content = _content(choice)
    metadata = response_metadata(response, choice, model)
    if blocks:
        content = _blocks(content, said.reasoning_content, said.reasoning, calls)
        metadata["output_version"] = "v1"
    return {
        "content": content,
        "additional_kwargs": reasoning_kwargs(said.reasoning_content, said.reasoning),
        "tool_calls": calls,
        "invalid_tool_calls": invalid,
        "response_metadata": metadata,
        "usage_metadata": usage_metadata(response.usage) if first else None,
    }


def _content(choice: Choice) -> Any:
    """Text, or blocks where there is a refusal: the answer itself, or the end of one that was broken off."""
    text = choice.message.text
    if not choice.refusal:
        return text
    if choice.raw_finish_reason != REFUSAL:
        return [refusal_block(text)]
    return [*([{"type": "text", "text": text}] if text else []), refusal_block("")]


def refusal_block(text: str) -> dict[str, Any]:
    """LangChain's block for a refusal; without text where the vendor gives no reason."""
    return {"type": REFUSAL, REFUSAL: text}


def _blocks(
    content: Any, thought: str | None, reasoning: Reasoning | None, calls: list[ToolCall]
) -> list[dict[str, Any]]:
    """Standard blocks, the opaque payload among them, which langchain-core would not make of it."""
    blocks: list[dict[str, Any]] = [{"type": "reasoning", "reasoning": thought}] if thought else []
    if reasoning is not None:
        blocks = [opaque_block(reasoning, thought)]
    if isinstance(content, list):
        blocks += content
    elif content:
        blocks.append({"type": "text", "text": content})
    return blocks + [dict(call) for call in calls]


def opaque_block(reasoning: Reasoning, thought: str | None) -> dict[str, Any]:
    """The block that holds the opaque payload: the reasoning's own, or one for itself when there is no text."""
    if thought:
        return {"type": "reasoning", "reasoning": thought, "extras": {REASONING: payload(reasoning)}}
    return {"type": "non_standard", "value": {"type": REASONING, **payload(reasoning)}}


def tool_calls_of(calls: list[ConnectorToolCall]) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """The calls, and those whose arguments are not the JSON of an object: these keep the model's text."""
    good: list[ToolCall] = []
    bad: list[InvalidToolCall] = []
    for call in calls:
        try:
            arguments, problem = json.loads(call.arguments), "the arguments are not a JSON object"
        except ValueError as error:
            arguments, problem = None, f"the arguments are not JSON: {error}"
        if isinstance(arguments, dict):
            good.append(ToolCall(name=call.name, args=arguments, id=call.id, type="tool_call"))
        else:
            bad.append(
                InvalidToolCall(
                    name=call.name, args=call.arguments, id=call.id, error=problem, type="invalid_tool_call"
                )
            )
    return good, bad


def response_metadata(response: ChatResponse, choice: Choice, model: str | None) -> dict[str, Any]:
    """What is told about an answer besides what it says; JSON only, so that checkpointers can keep it."""
    metadata: dict[str, Any] = {
        "model_name": response.model or model,
        "model_provider": provider_tag(response.provider or ""),
        "finish_reason": choice.finish_reason,
        "id": response.id,
    }
    if choice.raw_finish_reason != choice.finish_reason:
        metadata["raw_finish_reason"] = choice.raw_finish_reason
    if choice.logprobs is not None:
        metadata["logprobs"] = {"content": choice.logprobs}
    for name in ("created", "citations", "warnings"):
        if value := getattr(response, name):
            metadata[name] = value
    return {name: value for name, value in metadata.items() if value is not None}


def usage_metadata(usage: Usage | None) -> UsageMetadata | None:
    """Token counts; both packages count alike, so nothing is added up here."""
    if usage is None:
        return None
    counts = UsageMetadata(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.input_tokens + usage.output_tokens,
    )
    details = InputTokenDetails()
    if usage.cached_tokens:
        details["cache_read"] = usage.cached_tokens
    if usage.cache_write_tokens:
        details["cache_creation"] = usage.cache_write_tokens
    if details:
        counts["input_token_details"] = details
    if usage.reasoning_tokens:
        counts["output_token_details"] = OutputTokenDetails(reasoning=usage.reasoning_tokens)
    return counts
