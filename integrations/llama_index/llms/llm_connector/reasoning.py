"""Where reasoning is kept in a LlamaIndex message, written and read. Whether it is sent back is the provider's row's.

Its text is in a ``ThinkingBlock`` and in ``additional_kwargs["reasoning_content"]``: streaming chat engines keep only
the latter. What a vendor must be given back byte for byte is JSON in the block's ``additional_information``, or, of an
answer without thoughts, in ``additional_kwargs``. Not always there: memories count what is in ``additional_kwargs``,
and condensed questions show it to the model (llama-index-core 0.14.25), and encrypted thoughts are long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ThinkingBlock

from llm_connector.types import Reasoning

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatMessage

REASONING_CONTENT = "reasoning_content"
PAYLOAD = "llm_connector_reasoning"


def thinking_block(text: str | None, reasoning: Reasoning | None, tokens: int | None) -> ThinkingBlock | None:
    """The block of an answer's thoughts, without text where the vendor hides and counts them; ``None`` without any."""
    hidden = reasoning is not None and tokens
    if not text and not hidden:
        return None
    return ThinkingBlock(
        content=text or None, num_tokens=tokens or None, additional_information=_information(reasoning)
    )


def keep_payload(message: ChatMessage, reasoning: Reasoning | None) -> None:
    """Keep what must go back in a message of our own that has no block for it, such as the ids of a plain answer."""
    if reasoning is not None and not any(isinstance(block, ThinkingBlock) for block in message.blocks):
        message.additional_kwargs[PAYLOAD] = _payload(reasoning)


def reasoning_of(message: ChatMessage) -> Reasoning | None:
    """The replayable payload, from the first place that has one of ours."""
    blocks = [block.additional_information for block in message.blocks if isinstance(block, ThinkingBlock)]
    for place in (*blocks, message.additional_kwargs):
        payload = place.get(PAYLOAD)
        if isinstance(payload, dict):
            return Reasoning(**payload)
    return None


def _information(reasoning: Reasoning | None) -> dict[str, Any]:
    """The payload, and under LlamaIndex's usual name the signature, for those who show it."""
    if reasoning is None:
        return {}
    signatures = [block["signature"] for block in reasoning.blocks if isinstance(block.get("signature"), str)]
    information: dict[str, Any] = {PAYLOAD: _payload(reasoning)}
    return information | ({"signature": signatures[0]} if signatures else {})


def _payload(reasoning: Reasoning) -> dict[str, Any]:
    return {"family": reasoning.family, "blocks": reasoning.blocks}
