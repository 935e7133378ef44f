"""One conversation, the same code, every provider: the same comes back, and each feature that a row claims works."""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel

from llm_connector import DocumentBlock, ImageBlock, LLMClient, Message, UnsupportedError
from llm_connector.providers import ROWS
from llm_connector.types import AudioBlock, VideoBlock
from servers.anthropic import AnthropicServer, AnthropicVertexServer
from servers.azure import AzureOpenAIServer
from servers.bedrock import AnthropicBedrockServer
from servers.dashscope import DashScopeServer
from servers.dialects import DIALECTS
from servers.gemini import GeminiServer, GoogleVertexServer
from servers.hunyuan import HunyuanServer
from servers.ollama import OllamaServer
from servers.openai_chat import OpenAIChatServer
from servers.openai_responses import OpenAIResponsesServer
from servers.script import Call, Reply, Use
from servers.zhipu import ZhipuServer

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4\n%%EOF"
WAV = (
    b"RIFF\x24\x00\x00\x00WAVEfmt "
    + bytes([16, 0, 0, 0, 1, 0, 1, 0, 64, 31, 0, 0, 128, 62, 0, 0, 2, 0, 16, 0])
    + b"data"
    + bytes(4)
)
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"  # Moonshot fetches nothing from the web
TOOL = {
    "name": "look",
    "description": "Look at a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
ASKS = Reply(
    "Let me look.",
    reasoning="Two cities to look at.",
    tool_calls=[Call("look", {"city": "Rome"}), Call("look", {"city": "北京"})],
    usage=Use(40, 20, reasoning=6),
)
SAYS = Reply("Rome is sunny, 北京 is windy.", usage=Use(60, 9))

OPTIONS: dict[str, dict[str, Any]] = {
    "anthropic": {"model": "claude-sonnet-4-5"},
    "anthropic_vertex": {"project": "p", "location": "us-east5", "model": "claude-sonnet-4-5@20250929"},
    "anthropic_bedrock": {"region": "us-east-1", "model": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"},
    "google": {"model": "gemini-2.5-flash"},
    "google_vertex": {"project": "p", "location": "us-east5", "model": "gemini-2.5-flash"},
    "tencent": {"secret_id": "AKIDtest", "secret_key": "secret", "api_key": None, "model": "hunyuan-a13b"},
    "aliyun": {"model": "qwen-vl-max"},
    "openai_responses": {"model": "gpt-5.2"},
    "azure_openai_responses": {"model": "gpt-5.2"},
    "zhipu": {"model": "glm-4.6v", "api_key": "id.secret"},
    "zhipu_openai": {"model": "glm-4.6v", "api_key": "id.secret"},
    "ollama": {"model": "qwen3"},
}
SERVERS: dict[str, Any] = {
    "anthropic": AnthropicServer,
    "anthropic_vertex": AnthropicVertexServer,
    "anthropic_bedrock": AnthropicBedrockServer,
    "google": GeminiServer,
    "google_vertex": GoogleVertexServer,
    "tencent": HunyuanServer,
    "aliyun": DashScopeServer,
    "ollama": OllamaServer,
    "openai_responses": OpenAIResponsesServer,
    "azure_openai": AzureOpenAIServer,
    "zhipu": ZhipuServer,
    "zhipu_openai": ZhipuServer,
}
# Azure's Responses surface is served by no test server; its addresses are tested with its requests.
NAMES = [row.name for row in ROWS if row.name != "azure_openai_responses"]
# What the test servers do not serve of a claim; it is tested in test_gemini_*.py, request by request.
UNSERVED = {("google_vertex", "models"), ("google_vertex", "embeddings")}
CAN = {row.name: row.capabilities for row in ROWS}


def serve(name: str, script: Any = None) -> Any:
    """A server that speaks as this provider does."""
    dialect = {"aliyun_openai": "aliyun", "longcat": "longcat"}.get(name, name)
    default = partial(OpenAIChatServer, dialect=dialect if dialect in DIALECTS else "compatible")
    if name == "longcat_anthropic":
        default = AnthropicServer
    return SERVERS.get(name, default)(script)


def client(name: str, server: Any, **more: Any) -> LLMClient:
    given = {"model": "test-model", "api_key": "k", "base_url": server.url, "max_retries": 0}
    return LLMClient(name, **{**given, **OPTIONS.get(name, {}), **more})


def thinking(name: str) -> dict[str, Any]:
    """Ask for reasoning where that decides whether the vendor tells it."""
    return {"thinking_budget": 2000} if CAN[name].reasoning and name.startswith(("anthropic", "google")) else {}


def told(response: Any, name: str) -> dict[str, Any]:
    """What must be the same whatever the provider."""
    return {
        "content": response.content,
        "reasoning": (response.reasoning_content or "").strip() if CAN[name].reasoning else ASKS.reasoning,
        "calls": [(call.name, call.parse_arguments()) for call in response.tool_calls],
        "finish": response.finish_reason,
        "input": response.usage.input_tokens,
        "output": response.usage.output_tokens,
    }


def converse(name: str, ask: Any) -> tuple[Any, Any]:
    """The conversation: a picture where the provider takes one, two tool calls, their results, an answer."""
    picture = [ImageBlock.from_bytes(PNG)] if CAN[name].images else []
    history = [Message.system("Be brief."), Message.user(["How is the weather in both?", *picture])]
    first = ask(history)
    history.append(first.message)
    history += [Message.tool({"sky": "seen"}, call) for call in first.tool_calls]
    return first, ask(history)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_same_conversation(name: str, streaming: bool) -> None:
    with serve(name, [ASKS, SAYS]) as server, client(name, server) as c:

        def ask(history: list[Message]) -> Any:
            if streaming:
                return c.stream(history, tools=[TOOL], **thinking(name)).response()
            return c.chat(history, tools=[TOOL], **thinking(name))

        first, last = converse(name, ask)
        assert len(server.requests) == 2
    assert told(first, name) == {
        "content": ASKS.text,
        "reasoning": ASKS.reasoning,
        "calls": [("look", {"city": "Rome"}), ("look", {"city": "北京"})],
        "finish": "tool_calls",
        "input": 40,
        "output": 20,
    }
    assert (last.content, last.finish_reason, last.usage.total_tokens) == (SAYS.text, "stop", 69)
    assert len({call.id for call in first.tool_calls}) == 2


MEDIA = {
    "images": ImageBlock.from_bytes(PNG),
    "documents": DocumentBlock.from_bytes(PDF, name="a.pdf"),
    "audio": AudioBlock.from_bytes(WAV),
    "video": VideoBlock.from_url("https://example.com/a.mp4"),
}


@pytest.mark.parametrize("kind", MEDIA)
@pytest.mark.parametrize("name", NAMES)
def test_media_are_taken_or_refused_before_sending(name: str, kind: str) -> None:
    with serve(name, Reply("seen")) as server, client(name, server) as c:
        block = VideoBlock.from_bytes(MP4) if (name, kind) == ("moonshot", "video") else MEDIA[kind]
        message = Message.user(["What is this?", block])
        if getattr(CAN[name], kind):
            assert c.chat([message]).content == "seen"
        else:
            with pytest.raises(UnsupportedError):
                c.chat([message])
            assert server.requests == []


class Joke(BaseModel):
    """A joke."""

    setup: str
    punchline: str


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_in_a_form(name: str) -> None:
    with serve(name) as server, client(name, server) as c:
        answer = c.chat("Tell me a joke about cats.", response_format=Joke)
    assert isinstance(answer.parsed, Joke), (answer.content, answer.warnings)


@pytest.mark.parametrize("name", [name for name in NAMES if (name, "models") not in UNSERVED])
def test_lists_of_models(name: str) -> None:
    with serve(name) as server, client(name, server) as c:
        if CAN[name].models:
            assert [info.id for info in c.models()]
        else:
            with pytest.raises(UnsupportedError):
                c.models()


@pytest.mark.parametrize("name", [name for name in NAMES if (name, "embeddings") not in UNSERVED])
def test_embeddings(name: str) -> None:
    with serve(name) as server, client(name, server) as c:
        if CAN[name].embeddings:
            answer = c.embed(["one", "two", "three"])
            assert len(answer.embeddings) == 3
            assert len({len(vector) for vector in answer.embeddings}) == 1
        else:
            with pytest.raises(UnsupportedError):
                c.embed("one")
