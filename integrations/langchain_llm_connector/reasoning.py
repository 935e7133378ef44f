"""Where reasoning is kept in a LangChain message, written and read.

Text is in ``additional_kwargs["reasoning_content"]``, where LangChain itself looks for it. The opaque payload that a
vendor must be given back is in ``additional_kwargs["llm_connector_reasoning"]`` as
``{"family": …, "blocks": […]}``, all JSON; in standard content (``output_version="v1"``) also in the reasoning block's
``extras`` under the same name, or in a ``non_standard`` block of that type where there is no reasoning text.
Whether and how it is sent back is decided by the provider's row and protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connector.providers import supported_providers
from llm_connector.types import Reasoning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.messages import AIMessage

TEXT = "reasoning_content"
REASONING = "llm_connector_reasoning"

# Names under which langchain-core would read our messages as those of its own packages, and lose their reasoning.
_TAKEN = frozenset({"anthropic", "bedrock", "bedrock_converse", "google_genai", "google_vertexai", "groq", "openai"})
_PREFIX = "llm-connector-"


def provider_tag(provider: str) -> str:
    """The provider's name for ``response_metadata["model_provider"]``."""
    return f"{_PREFIX}{provider}" if provider in _TAKEN else provider


def reasoning_kwargs(text: str | None, reasoning: Reasoning | None) -> dict[str, Any]:
    """The ``additional_kwargs`` of a message with this reasoning."""
    kwargs: dict[str, Any] = {TEXT: text} if text else {}
    if reasoning is not None:
        kwargs[REASONING] = payload(reasoning)
    return kwargs


def payload(reasoning: Reasoning) -> dict[str, Any]:
    """The opaque payload as plain JSON."""
    return {"family": reasoning.family, "blocks": reasoning.blocks}


def reasoning_text_of(message: AIMessage) -> str | None:
    """The message's reasoning text, once, wherever it is; none when another package's model wrote it."""
    if _is_foreign(message):
        return None
    text = message.additional_kwargs.get(TEXT)
    if isinstance(text, str) and text:
        return text
    return "".join(_texts(message.content)) or None


def reasoning_of(message: AIMessage) -> Reasoning | None:
    """The message's opaque payload."""
    found = message.additional_kwargs.get(REASONING)
    if found is None:
        found = next(_payloads(message.content), None) or _signed_thinking(message.content)
    return Reasoning(family=found["family"], blocks=found["blocks"]) if isinstance(found, dict) else None


def _is_foreign(message: AIMessage) -> bool:
    """Whether a model of another package wrote it; a message that does not say is taken as the user's own."""
    tag = message.response_metadata.get("model_provider")
    if not isinstance(tag, str):
        return False
    return tag in _TAKEN or tag.removeprefix(_PREFIX) not in supported_providers()


def _texts(content: str | list[Any]) -> Iterator[str]:
    for block in _blocks(content):
        text = block.get("thinking") if block.get("type") == "thinking" else block.get("reasoning")
        if block.get("type") in {"reasoning", "thinking"} and isinstance(text, str):
            yield text


def _payloads(content: str | list[Any]) -> Iterator[dict[str, Any]]:
    for block in _blocks(content):
        inner = block.get("value") if block.get("type") == "non_standard" else block
        if isinstance(inner, dict) and inner.get("type") == REASONING:
            yield inner
        elif block.get("type") == "reasoning" and REASONING in (block.get("extras") or {}):
            yield block["extras"][REASONING]


def _signed_thinking(content: str | list[Any]) -> dict[str, Any] | None:
    """The payload in Anthropic's own blocks, as langchain-anthropic leaves them in a history."""
    kept = [
        block
        for block in _blocks(content)
        if (block.get("type") == "thinking" and block.get("signature")) or block.get("type") == "redacted_thinking"
    ]
    names = ("type", "thinking", "signature", "data")
    blocks = [{name: block[name] for name in names if name in block} for block in kept]
    return {"family": "anthropic", "blocks": blocks} if blocks else None


def _blocks(content: str | list[Any]) -> Iterator[dict[str, Any]]:
    return (block for block in content if isinstance(block, dict)) if isinstance(content, list) else iter(())
