"""The providers that LlamaIndex's tests go through, each with its own test server."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool

from llama_index.llms.llm_connector import ChatConnector
from servers.anthropic import AnthropicServer
from servers.dashscope import DashScopeServer
from servers.gemini import GeminiServer
from servers.hunyuan import HunyuanServer
from servers.ollama import OllamaServer
from servers.openai_chat import OpenAIChatServer
from servers.openai_responses import OpenAIResponsesServer
from servers.zhipu import ZhipuServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers.base import Server
    from servers.script import Source

IN_USE: list[Any] = []  # as ``Settings.llm`` does, holds models for longer than an event loop lives
KEY = "sk-test-0123456789abcdef"


@dataclass(frozen=True)
class Wire:
    """A provider and its server.

    Attributes:
        thinking: Connector arguments with which the provider reasons.
        secrets: Connector arguments that are secrets.
        forces: Whether the vendor can be told that a tool must be called.
        media: What may be in a prompt, of image, image_url, audio, video, document.
        embeds: The name of an embedding model.
        sees: The name of a model that takes media, where it is another one.
    """

    provider: str
    server: Callable[..., Server]
    model: str = "test-model"
    secrets: dict[str, Any] = field(default_factory=lambda: {"api_key": KEY})
    thinking: dict[str, Any] = field(default_factory=lambda: {"reasoning_effort": "high"})
    forces: bool = True
    media: frozenset[str] = frozenset({"image", "image_url"})
    embeds: str | None = "test-embedding"
    sees: str | None = None

    def llm(self, server: Server, **fields: Any) -> ChatConnector:
        """A language model that talks to the server."""
        given = {"model": self.model, "base_url": server.url, "max_retries": 0, **self.secrets, **fields}
        llm = ChatConnector(provider=self.provider, **given)
        IN_USE.append(llm)
        return llm

    def serve(self, script: Source = None, **options: Any) -> Server:
        """The provider's server."""
        return self.server(script, **options)


_ALL = frozenset({"image", "image_url", "audio", "video", "document"})
_ZHIPU = {"api_key": "0123456789abcdef.zhipusecret"}
_TENCENT = {"secret_id": "AKIDtest", "secret_key": "tencent-secret-0123"}

WIRES = {
    wire.provider: wire
    for wire in (
        Wire("openai_compatible", partial(OpenAIChatServer, dialect="compatible"), media=_ALL),
        Wire("anthropic", AnthropicServer, "claude-test-4-5", media=_ALL - {"audio", "video"}, embeds=None),
        Wire("google", GeminiServer, "gemini-2.5-flash-test", media=_ALL),
        Wire("ollama", OllamaServer, forces=False, media=frozenset({"image"}), embeds="nomic-embed-text"),
        Wire("zhipu", ZhipuServer, "glm-4.7", _ZHIPU, forces=False, media=_ALL - {"audio"}),
        Wire(
            "aliyun",
            DashScopeServer,
            "qwen-plus",
            forces=False,
            embeds="text-embedding-v4",
            media=_ALL - {"document"},
            sees="qwen-vl-plus",
        ),
        Wire("openai_responses", OpenAIResponsesServer, "gpt-5.1", media=_ALL - {"audio", "video"}),
        Wire(
            "tencent",
            HunyuanServer,
            "hunyuan-test",
            _TENCENT,
            forces=False,
            media=frozenset({"image", "image_url", "video"}),
        ),
    )
}


def user(text: str) -> list[ChatMessage]:
    """A history of one question."""
    return [ChatMessage(role="user", content=text)]


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It rains in {city}."


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


WEATHER = FunctionTool.from_defaults(fn=get_weather)
ADD = FunctionTool.from_defaults(fn=add)
