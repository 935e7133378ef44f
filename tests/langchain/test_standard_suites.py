"""LangChain's own standard suites, unit and integration, against each protocol's server. Not one test is overridden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_llm_connector import ChatConnector
from llm_connector.providers import find_provider
from servers.anthropic import AnthropicServer
from servers.dashscope import DashScopeServer
from servers.gemini import GeminiServer
from servers.hunyuan import HunyuanServer
from servers.ollama import OllamaServer
from servers.openai_chat import OpenAIChatServer
from servers.openai_responses import OpenAIResponsesServer
from servers.zhipu import ZhipuServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_core.language_models import BaseChatModel

    from llm_connector.provider import Capabilities
    from servers.base import Server


class Suite:
    """One provider: its server, and what the provider's API cannot do."""

    provider: ClassVar[str]
    serve: ClassVar[Callable[[], Server]]
    lacks: ClassVar[frozenset[str]] = frozenset()
    options: ClassVar[dict[str, Any]] = {}
    other_model: ClassVar[str] = "test-model-mini"
    server: ClassVar[Server]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _served(cls) -> Iterator[None]:
        with cls.serve() as cls.server:
            yield

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatConnector

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "provider": self.provider,
            "model": "test-model",
            "base_url": self.server.url,
            "api_key": "test",
            **self.options,
        }

    @property
    def _capabilities(self) -> Capabilities:
        return find_provider(self.provider).capabilities

    @property
    def has_tool_choice(self) -> bool:
        """Whether some tool can be demanded; the suite asks for "any" and for a name."""
        return "tool_choice" not in self.lacks

    @property
    def supports_image_inputs(self) -> bool:
        return self._capabilities.images

    @property
    def supports_image_urls(self) -> bool:
        return self._capabilities.images and "image_url" not in self.lacks

    @property
    def supports_pdf_inputs(self) -> bool:
        return self._capabilities.documents

    @property
    def supports_audio_inputs(self) -> bool:
        return self._capabilities.audio

    @property
    def supports_video_inputs(self) -> bool:
        return self._capabilities.video

    @property
    def supports_image_tool_message(self) -> bool:
        return self._capabilities.images

    @property
    def supports_pdf_tool_message(self) -> bool:
        return self._capabilities.documents

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str | None:
        return self.other_model


class OpenAICompatible(Suite):
    provider = "openai_compatible"
    serve = OpenAIChatServer


class TestOpenAICompatible(OpenAICompatible, ChatModelIntegrationTests): ...


class TestOpenAICompatibleUnit(OpenAICompatible, ChatModelUnitTests):
    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        environment = {"OPENAI_COMPATIBLE_API_KEY": "from-the-environment"}
        return environment, self.chat_model_params | {"api_key": None}, {"api_key": "from-the-environment"}


class Anthropic(Suite):
    provider = "anthropic"
    serve = AnthropicServer


class TestAnthropic(Anthropic, ChatModelIntegrationTests): ...


class TestAnthropicUnit(Anthropic, ChatModelUnitTests): ...


class Google(Suite):
    provider = "google"
    serve = GeminiServer


class TestGoogle(Google, ChatModelIntegrationTests): ...


class TestGoogleUnit(Google, ChatModelUnitTests): ...


class Aliyun(Suite):
    provider = "aliyun"
    serve = DashScopeServer
    lacks = frozenset({"tool_choice"})
    options: ClassVar[dict[str, Any]] = {"model": "qwen-vl-plus"}  # text models take no pictures
    other_model = "qwen3-vl-plus"


class TestAliyun(Aliyun, ChatModelIntegrationTests): ...


class TestAliyunUnit(Aliyun, ChatModelUnitTests): ...


class Ollama(Suite):
    provider = "ollama"
    serve = OllamaServer
    lacks = frozenset({"tool_choice", "image_url"})
    other_model = "llama3.2:1b"


class TestOllama(Ollama, ChatModelIntegrationTests): ...


class TestOllamaUnit(Ollama, ChatModelUnitTests): ...


class Zhipu(Suite):
    provider = "zhipu"
    serve = ZhipuServer
    lacks = frozenset({"tool_choice"})
    options: ClassVar[dict[str, Any]] = {"api_key": "id.secret"}


class TestZhipu(Zhipu, ChatModelIntegrationTests): ...


class TestZhipuUnit(Zhipu, ChatModelUnitTests): ...


class Tencent(Suite):
    provider = "tencent"
    serve = HunyuanServer
    lacks = frozenset({"tool_choice"})
    options: ClassVar[dict[str, Any]] = {"secret_id": "AKIDtest", "secret_key": "secret"}


class TestTencent(Tencent, ChatModelIntegrationTests): ...


class TestTencentUnit(Tencent, ChatModelUnitTests): ...


class OpenAIResponses(Suite):
    provider = "openai_responses"
    serve = OpenAIResponsesServer


class TestOpenAIResponses(OpenAIResponses, ChatModelIntegrationTests): ...


class TestOpenAIResponsesUnit(OpenAIResponses, ChatModelUnitTests): ...
