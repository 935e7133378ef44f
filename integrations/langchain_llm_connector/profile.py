"""The row's capabilities and the model's limits as LangChain's ``ModelProfile``.

The capabilities are the provider's; a single model may do less. A ``profile`` of the user's own goes before this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from langchain_core.language_models.model_profile import ModelProfile

if TYPE_CHECKING:
    from llm_connector.known_models import ModelLimits
    from llm_connector.provider import Capabilities


def profile_of(capabilities: Capabilities, limits: ModelLimits) -> ModelProfile:
    """The profile; keys that the installed langchain-core does not know are left out, since it warns of them.

    Args:
        capabilities: The row's.
        limits: The model's, as far as they are known.
    """
    facts: dict[str, Any] = {
        "text_inputs": True,
        "text_outputs": True,
        "image_inputs": capabilities.images,
        "pdf_inputs": capabilities.documents,
        "audio_inputs": capabilities.audio,
        "video_inputs": capabilities.video,
        "reasoning_output": capabilities.reasoning,
        "tool_calling": capabilities.tools,
        "structured_output": capabilities.tools and capabilities.json_schema,
        "max_input_tokens": limits.max_input_tokens,
        "max_output_tokens": limits.max_output_tokens,
    }
    known = {name: value for name, value in facts.items() if value is not None and name in ModelProfile.__annotations__}
    return cast("ModelProfile", known)
