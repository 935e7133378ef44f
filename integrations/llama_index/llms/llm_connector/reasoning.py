"""Where reasoning is kept in a LlamaIndex message, written and read. Whether it is sent back is the provider's row's.

Its text is in a ``ThinkingBlock`` and in ``additional_kwargs["reasoning_content"]``: streaming chat engines keep only
the latter. What a vendor must be given back byte for byte is in the block's ``additional_information``, as JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ThinkingBlock

from llm_connector.types import Reasoning

if TYPE_CHECKING:
    from collections.abc import Iterable

REASONING_CONTENT = "reasoning_content"
PAYLOAD = "llm_connector_reasoning"


def thinking_block(text: str | None, reasoning: Reasoning | None, tokens: int | None) -> ThinkingBlock | None:
    """The block of an answer's reasoning, or ``None`` when there was none."""
    if not text and reasoning is None:
        return None
    return ThinkingBlock(content=text or "", num_tokens=tokens or None, additional_information=_information(reasoning))


def reasoning_of(blocks: Iterable[ThinkingBlock]) -> Reasoning | None:
    """The replayable payload of the first block that has one of ours."""
    for block in blocks:
        payload = block.additional_information.get(PAYLOAD)
        if isinstance(payload, dict):
            return Reasoning(**payload)
    return None


def _information(reasoning: Reasoning | None) -> dict[str, Any]:
    """The payload, and under LlamaIndex's usual name the signature, for those who show it."""
    if reasoning is None:
        return {}
    signatures = [block["signature"] for block in reasoning.blocks if isinstance(block.get("signature"), str)]
    information: dict[str, Any] = {PAYLOAD: {"family": reasoning.family, "blocks": reasoning.blocks}}
    return information | ({"signature": signatures[0]} if signatures else {})
