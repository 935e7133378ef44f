"""The Responses API on Azure: the addresses of ``azure_openai``, everything else of ``openai_responses``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from llm_connector.protocols.azure_openai import AzureOpenAI
from llm_connector.protocols.openai_responses import OpenAIResponses

if TYPE_CHECKING:
    from llm_connector.protocols.openai_chat import OpenAIChat


class AzureResponses(OpenAIResponses):
    """Azure serves ``/responses`` on its v1 surface, and under a dated ``api_version`` beside the deployments."""

    chat_protocol: ClassVar[type[OpenAIChat]] = AzureOpenAI


PROTOCOL = AzureResponses
