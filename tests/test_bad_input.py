"""Each misuse of the table is told in words that help, by both clients alike, before anything is sent.

Whether keys stay hidden in such messages is in ``test_secrecy``.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import ValidationError

from llm_connector import AsyncLLMClient, ConfigError, LLMClient, LLMError, Message, Tool
from misuse import Misuse, chat
from misuse_table import CALL, CALLED, LOOK, MISUSES
from servers.faults import FaultServer, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

NEEDED = {
    "tencent": {"api_key": None, "secret_id": "i", "secret_key": "s"},
    "anthropic_vertex": {"project": "p"},
    "google_vertex": {"project": "p"},
}
# Words of pydantic and Python that help nobody.
RAW = re.compile(
    r"pydantic\.|pydantic[_-]core|validation error|Input should|\[type=|function-|list\[|no attribute|0x[0-9a-f]{6}"
)


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    answer = b'{"choices":[{"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}'
    with FaultServer([whole(answer)]) as listening:
        yield listening


def made(kind: type[Any], misuse: Misuse, server: FaultServer) -> Any:
    needed = NEEDED.get(misuse.provider, {}) if isinstance(misuse.provider, str) else {}
    given = {"model": "m", "api_key": "k", "base_url": server.url, "max_retries": 0, **needed, **misuse.options}
    return kind(misuse.provider, **given)


async def done(kind: type[Any], misuse: Misuse, act: Any, server: FaultServer) -> None:
    client = made(kind, misuse, server)
    if act is None:
        return
    result = act(client)
    if inspect.isawaitable(result):
        await result


async def told(misuse: Misuse, server: FaultServer) -> list[LLMError]:
    """The error of each way to do it."""
    errors = []
    for kind in (LLMClient, AsyncLLMClient):
        for act in misuse.acts or (None,):
            with pytest.raises(misuse.error) as caught:
                await done(kind, misuse, act, server)
            errors.append(caught.value)
    return errors


@pytest.mark.parametrize("misuse", MISUSES, ids=[misuse.name for misuse in MISUSES])
async def test_a_misuse_is_told_before_anything_is_sent(misuse: Misuse, server: FaultServer) -> None:
    before = server.connections
    errors = await told(misuse, server)
    assert server.connections == before
    for error in errors:
        message = str(error)
        assert all(words in message for words in misuse.told.split("|")), message
        assert not RAW.search(message), message
        assert not error.retryable
        assert not isinstance(error.__cause__ or error.__context__, ValidationError), (
            "its values would be in tracebacks"
        )
    assert len({str(error).replace("AsyncClient", "Client") for error in errors}) == 1


def test_each_row_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter(misuse.name for misuse in MISUSES).items() if count > 1] == []


@pytest.mark.parametrize(
    "params",
    [
        {"temperature": 0, "top_p": 1, "top_k": -1, "seed": -1, "n": 1, "top_logprobs": 0, "thinking_budget": 0},
        {"temperature": "0.5", "max_tokens": 10.0, "stop": [], "tools": [], "metadata": {}, "logit_bias": {"5": -100}},
        {"tools": [LOOK, {"type": "web_search"}, {"type": "web_search"}], "tool_choice": {"type": "any"}},
        {"tool_choice": "auto"},
        {"extra_headers": {"connection": "close"}, "model": "a model/with: odd signs"},
    ],
)
async def test_what_is_right_arrives(params: dict[str, Any], server: FaultServer) -> None:
    """The counterpart of the table: its way of counting sees what is sent."""
    right = chat("right", "", [*CALLED, Message.tool("1", CALL), *CALLED, Message.tool("2", CALL)], **params)
    before = len(server.requests)
    for kind in (LLMClient, AsyncLLMClient):
        for act in right.acts:
            await done(kind, right, act, server)
    assert len(server.requests) == before + 4


def test_the_other_kind_of_http_client(server: FaultServer) -> None:
    for kind, other in ((LLMClient, httpx.AsyncClient), (AsyncLLMClient, httpx.Client)):
        with pytest.raises(ConfigError, match=rf"http_client must be an httpx\.\w*Client, not {other.__name__}"):
            made(kind, Misuse("", "", ConfigError, options={"http_client": other()}), server)


@pytest.mark.parametrize(
    ("provider", "options", "address"),
    [
        ("aliyun", {"workspace": "llm-1a"}, "https://llm-1a.cn-beijing.maas.aliyuncs.com/api/v1"),
        (
            "aliyun_openai",
            {"workspace": "w", "region": "us"},
            "https://w.us-east-1.maas.aliyuncs.com/compatible-mode/v1",
        ),
        ("anthropic_bedrock", {"region": "cn-north-1"}, "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"),
        ("anthropic_vertex", {"project": "a.test:p", "location": "eu"}, "https://aiplatform.eu.rep.googleapis.com/v1"),
        ("google_vertex", {"project": "p", "location": "us-east5"}, "https://us-east5-aiplatform.googleapis.com"),
    ],
)
def test_a_place_that_is_one(provider: str, options: dict[str, str], address: str) -> None:
    with LLMClient(provider, "m", api_key="k", **options) as client:
        assert client.settings.base_url == address


@pytest.mark.parametrize(
    ("provider", "model", "path"),
    [
        ("anthropic_bedrock", "us.anthropic.claude-x-v1:0", "/v1/model/us.anthropic.claude-x-v1:0/invoke"),
        ("anthropic_bedrock", "arn:aws:bedrock:us-east-1:1:inference-profile/p", "/v1/model/arn:aws:bedrock:us-east-1:1:inference-profile%2Fp/invoke"),
        ("anthropic_vertex", "claude-x@20250929", "/v1/projects/p/locations/global/publishers/anthropic/models/claude-x@20250929:rawPredict"),
        ("google", "tunedModels/mine", "/v1/tunedModels/mine:generateContent"),
    ],
)  # fmt: skip
def test_a_model_that_is_one(provider: str, model: str, path: str, server: FaultServer) -> None:
    with made(LLMClient, Misuse("", "", LLMError, provider), server) as client, pytest.raises(LLMError):
        client.chat("hi", model=model)
    assert server.requests[-1].split(b" ")[1].decode() == path


def test_arguments_of_any_name_make_a_tool() -> None:
    def find(schema: str, _from: int = 1, *, json: bool = False, model_config: str | None = None) -> None:
        """Find.

        Args:
            _from: Where to begin.
        """

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parameters = Tool.from_any(find).parameters
    assert list(parameters["properties"]) == ["schema", "_from", "json", "model_config"]
    assert parameters["properties"]["_from"]["description"] == "Where to begin."
    assert parameters["required"] == ["schema"]


def test_a_result_may_be_anywhere_where_the_server_does_not_mind(server: FaultServer) -> None:
    """Ollama writes what it is given; the others refuse it (see the table)."""
    before = len(server.requests)
    with made(LLMClient, Misuse("", "", LLMError, "ollama"), server) as client, pytest.raises(LLMError):
        client.chat(CALLED)
    assert len(server.requests) == before + 1
