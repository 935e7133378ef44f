"""The providers whose LangChain models are tested, each with its server."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_llm_connector import ChatConnector
from servers.anthropic import AnthropicServer
from servers.dashscope import DashScopeServer
from servers.gemini import GeminiServer
from servers.ollama import OllamaServer
from servers.openai_chat import OpenAIChatServer
from servers.openai_responses import OpenAIResponsesServer
from servers.zhipu import ZhipuServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers.base import Server


@dataclass(frozen=True)
class Kit:
    """A provider with its server and what a model of it needs.

    Attributes:
        serve: Makes the server.
        options: Arguments of the model.
        thinking: Call arguments that switch reasoning on.
    """

    provider: str
    serve: Callable[..., Server]
    options: dict[str, Any] = field(default_factory=dict)
    thinking: dict[str, Any] = field(default_factory=lambda: {"reasoning_effort": "medium"})

    def model(self, server: Server, **options: Any) -> ChatConnector:
        """A model that asks this server."""
        given = {"model": "test-model", "api_key": "test", "base_url": server.url, "max_retries": 0}
        return ChatConnector(provider=self.provider, **{**given, **self.options, **options})


KITS = {
    kit.provider: kit
    for kit in (
        Kit("openai_compatible", partial(OpenAIChatServer, dialect="compatible")),
        Kit("deepseek", partial(OpenAIChatServer, dialect="deepseek"), {"model": "deepseek-v4"}),
        Kit("moonshot", partial(OpenAIChatServer, dialect="moonshot"), {"model": "kimi-k2-thinking"}),
        Kit("anthropic", AnthropicServer),
        Kit("google", GeminiServer, {"model": "gemini-3-pro"}),
        Kit("aliyun", DashScopeServer, {"model": "qwen3-max"}),
        Kit("ollama", OllamaServer, {"model": "qwen3"}),
        Kit("zhipu", ZhipuServer, {"api_key": "id.secret", "model": "glm-4.7"}),
        Kit("openai_responses", OpenAIResponsesServer, {"model": "gpt-5.2"}),
    )
}
