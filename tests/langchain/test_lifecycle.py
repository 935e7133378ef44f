"""A model's life: event loops, threads, cancelling, copies, configuration, caches; and what it tells of itself."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.load import dumpd
from langchain_core.messages import HumanMessage
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import ConfigurableField

from langchain_llm_connector import ChatConnector, ConnectorEmbeddings
from langchain_llm_connector.errors import ConnectorServerError
from llm_connector import ConfigError, supported_providers
from llm_connector.providers import find_provider
from servers.openai_chat import OpenAIChatServer
from servers.script import Fault, Reply

if TYPE_CHECKING:
    from langchain_kits import Kit
    from servers.base import Server

SECRET = "sk-very-secret-key"


def test_two_event_loops(kit: Kit) -> None:
    with kit.serve() as server:
        model = kit.model(server)

        async def ask() -> str:
            chunks = [chunk.text async for chunk in model.astream("hello")]
            return "".join(chunks) + (await model.ainvoke("hello")).text

        assert asyncio.run(ask()) == asyncio.run(ask())
        assert len(server.requests) == 4


def test_threads(compatible: Kit) -> None:
    with compatible.serve() as server, ThreadPoolExecutor(8) as threads:
        model = compatible.model(server)
        texts = list(threads.map(lambda number: model.invoke(f"Say {number}").text, range(24)))
    assert texts == [f"You said: Say {number}" for number in range(24)]


def wait_for(condition: Any) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


LONG = Reply("word " * 400, pace=0.01)


def test_leaving_a_stream_closes_the_connection(compatible: Kit) -> None:
    with compatible.serve(LONG) as server:
        stream = compatible.model(server).stream("hi")
        next(stream)
        stream.close()
        wait_for(lambda: len(server.requests) == 1)
        time.sleep(0.1)
        assert not server.last.delivered


async def test_cancelling_closes_the_connection(compatible: Kit) -> None:
    with compatible.serve(LONG) as server:

        async def read() -> None:
            async for _ in compatible.model(server).astream("hi"):
                pass

        task = asyncio.create_task(read())
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.1)
        assert not server.last.delivered


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_work(kit: Kit, copied: Any) -> None:
    with kit.serve() as server:
        model = kit.model(server)
        text = model.invoke("hello").text
        assert copied(model).invoke("hello").text == text
        assert asyncio.run(copied(model).ainvoke("hello")).text == text


def test_a_changed_field_counts(compatible: Kit) -> None:
    with compatible.serve(Reply("one")) as first, compatible.serve(Reply("two")) as second:
        model = compatible.model(first)
        assert model.invoke("hi").text == "one"
        assert model.model_copy(update={"base_url": second.url}).invoke("hi").text == "two"
        model.base_url = second.url
        assert model.invoke("hi").text == "two"


def test_configurable_fields(compatible: Kit) -> None:
    with compatible.serve(Reply("ok")) as server:
        model: Any = compatible.model(server).configurable_fields(
            temperature=ConfigurableField("heat"), model=ConfigurableField("which")
        )
        model.invoke("hi", {"configurable": {"heat": 0.0, "which": "test-model-large"}})
        assert server.last.json["temperature"] == 0.0
        assert server.last.json["model"] == "test-model-large"


def test_an_environment_key_stays_with_its_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSEEK_API_KEY", "deepseek-key")
    monkeypatch.setenv("MOONSHOT_API_KEY", "moonshot-key")
    model: Any = ChatConnector(provider="deepseek", model="m").configurable_fields(provider=ConfigurableField("p"))
    switched, _ = model._prepare({"configurable": {"p": "moonshot"}})
    assert switched.api_key.get_secret_value() == "moonshot-key"


def test_fallbacks_and_retries(compatible: Kit) -> None:
    with compatible.serve([Fault(500), Reply("retried")]) as server:
        retrying = compatible.model(server).with_retry(retry_if_exception_type=(ConnectorServerError,))
        assert retrying.invoke("hi").text == "retried"
    with compatible.serve(Fault(401)) as broken, compatible.serve(Reply("spare")) as good:
        assert compatible.model(broken).with_fallbacks([compatible.model(good)]).invoke("hi").text == "spare"


def test_its_own_retries(compatible: Kit) -> None:
    with compatible.serve([Fault(429, headers={"retry-after-ms": "10"}), Reply("again")]) as server:
        assert compatible.model(server, max_retries=1).invoke("hi").text == "again"
        assert len(server.requests) == 2


def test_cache_knows_what_an_answer_depends_on(compatible: Kit) -> None:
    with compatible.serve() as server:
        cache = InMemoryCache()
        model = compatible.model(server, cache=cache)
        first, again = model.invoke("hello"), model.invoke("hello")
        assert again.text == first.text
        assert len(server.requests) == 1
        for other in (
            compatible.model(server, cache=cache, model="test-model-large"),
            compatible.model(server, cache=cache, temperature=0),
            compatible.model(server, cache=cache, extra_body={"top_k": 3}),
        ):
            other.invoke("hello")
        model.invoke("hello", reasoning_effort="low")
        assert len(server.requests) == 5


def test_rate_limiter(compatible: Kit) -> None:
    limiter = InMemoryRateLimiter(requests_per_second=20, check_every_n_seconds=0.01, max_bucket_size=1)
    with compatible.serve(Reply("ok")) as server:
        model = compatible.model(server, rate_limiter=limiter)
        for _ in range(3):
            model.invoke("hi")
        first, *_, last = server.requests
    assert last.at - first.at >= 0.08


@pytest.mark.parametrize(
    ("options", "streams"), [({}, False), ({"streaming": True}, True), ({"disable_streaming": True}, False)]
)
def test_streaming_switches(compatible: Kit, options: dict[str, Any], streams: bool) -> None:
    with compatible.serve(Reply("ok")) as server:
        model = compatible.model(server, **options)
        assert model.invoke("hi").text == "ok"
        assert bool(server.last.json.get("stream")) is streams
        list(model.stream("hi"))
        assert bool(server.last.json.get("stream")) is not options.get("disable_streaming", False)


def test_an_http_client_of_ones_own(compatible: Kit) -> None:
    with compatible.serve(Reply("ok")) as server, httpx.Client(trust_env=False) as client:
        model = compatible.model(server, http_client=client)
        assert model.invoke("hi").text == "ok"
        assert copy.deepcopy(model).http_client is client
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(model)
        with pytest.raises(ConfigError, match=r"httpx\.Client"):
            compatible.model(server, http_client=object()).invoke("hi")


# Construction

STANDARD: dict[str, Any] = {
    "temperature": 0,
    "max_tokens": 100,
    "timeout": 60,
    "stop": [],
    "max_retries": 2,
    "api_key": "test",
    "base_url": "http://127.0.0.1:9/v1",
}


@pytest.mark.parametrize("provider", sorted(supported_providers()))
def test_every_provider_takes_the_standard_arguments(provider: str) -> None:
    model = ChatConnector(provider=provider, model="m", **STANDARD)
    assert model._get_ls_params()["ls_provider"] == provider
    assert model.model_name == "m"
    assert model.profile is not None


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"model_name": "x"}, "model", "x"),
        ({"request_timeout": 3}, "timeout", 3),
        ({"stop_sequences": ["a"]}, "stop", ["a"]),
        ({"headers": {"a": "b"}}, "default_headers", {"a": "b"}),
    ],
)
def test_synonyms(given: dict[str, Any], name: str, value: Any) -> None:
    assert getattr(ChatConnector(provider="openai", api_key="k", **given), name) == value


@pytest.mark.parametrize("given", [{"provider": "zhipu:glm-4.7"}, {"model": "zhipu:glm-4.7"}])
def test_shorthand(given: dict[str, str]) -> None:
    model = ChatConnector(api_key="a.b", **given)
    assert (model.provider, model.model) == ("zhipu", "glm-4.7")


def test_a_colon_in_a_models_name_is_its_own() -> None:
    assert ChatConnector(provider="ollama", model="qwen3:8b").model == "qwen3:8b"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"provider": "zhipuu", "api_key": "k"}, "did you mean 'zhipu'"),
        ({"api_key": "k"}, "give provider="),
        ({"provider": "zhipu", "api_key": "k", "temprature": 1}, "did you mean 'temperature'"),
        ({"provider": "zhipu", "api_key": "k", "secret_id": "x"}, "unknown option 'secret_id'"),
        ({"provider": "zhipu", "api_key": "k", "region": "mars"}, "region is one of"),
        ({"provider": "deepseek"}, "DEEPSEEK_API_KEY"),
    ],
)
def test_mistakes_are_told_at_construction(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ChatConnector(**given)


def test_options_of_the_row(compatible: Kit) -> None:
    model = ChatConnector(provider="moonshot", api_key="k", region="intl")
    assert model._identifying_params["base_url"] == "https://api.moonshot.ai/v1"
    assert model._identifying_params["region"] == "intl"


def test_numbers_are_not_truth_values(compatible: Kit) -> None:
    with compatible.serve(Reply("ok")) as server:
        compatible.model(server, temperature=0, seed=0, max_tokens=1, presence_penalty=0, stop=[]).invoke("hi")
        body = server.last.json
    assert (body["temperature"], body["seed"], body["max_tokens"], body["presence_penalty"]) == (0, 0, 1, 0)
    assert "stop" not in body


def test_a_call_goes_before_the_model(compatible: Kit) -> None:
    with compatible.serve(Reply("ok")) as server:
        model = compatible.model(server, temperature=0.5, thinking_budget=100, stop=["x"], model_kwargs={"min_p": 0.1})
        model.invoke("hi", temperature=0, reasoning_effort="low", stop=["y"], model="test-model-large")
        body = server.last.json
    assert (body["temperature"], body["stop"], body["model"], body["min_p"]) == (0, ["y"], "test-model-large", 0.1)
    assert body["reasoning_effort"] == "low"


# What it tells


def test_no_secret_is_told() -> None:
    model = ChatConnector(
        provider="tencent",
        model="m",
        api_key=SECRET,
        secret_id=SECRET,
        secret_key=SECRET,
        base_url=f"http://user:{SECRET}@127.0.0.1:9",
        default_headers={"x": SECRET},
        proxy=f"http://user:{SECRET}@127.0.0.1:9",
    )
    told = [
        repr(model),
        str(model),
        json.dumps(dumpd(model)),
        str(model._identifying_params),
        str(model._get_ls_params()),
        str(model.model_dump()),
        model.model_dump_json(),
    ]
    assert not any(SECRET in text for text in told)
    assert model._identifying_params["base_url"] == "http://127.0.0.1:9"


def test_identity(compatible: Kit) -> None:
    model = ChatConnector(provider="zhipu", model="glm-4.7", api_key="a.b", temperature=0.2, context_window=128_000)
    assert model._llm_type == "chat-llm-connector"
    assert model.lc_secrets == {"api_key": find_provider("zhipu").key_env[0]}
    assert model._get_ls_params(model="other", stop=["x"]) == {
        "ls_provider": "zhipu",
        "ls_model_type": "chat",
        "ls_model_name": "other",
        "ls_temperature": 0.2,
        "ls_stop": ["x"],
    }
    assert model.profile["max_input_tokens"] == 128_000
    assert set(model.metadata["lc_versions"]) >= {"langchain-core", "llm-connector"}


def test_tokens_are_counted_without_a_network(compatible: Kit) -> None:
    model = ChatConnector(provider="ollama", model="m")
    assert 1 <= model.get_num_tokens("Hello, how are you?") <= 20
    assert model.get_num_tokens_from_messages([HumanMessage("Hello"), HumanMessage("there")]) >= 2


# Embeddings


def embeddings_of(server: Server, **options: Any) -> ConnectorEmbeddings:
    given = {"provider": "openai_compatible", "model": "e", "base_url": server.url, "api_key": "k"}
    return ConnectorEmbeddings(**{**given, **options})


def test_embeddings() -> None:
    with OpenAIChatServer() as server:
        made = embeddings_of(server, dimensions=4)
        vectors = made.embed_documents(["one", "two"])
        assert [len(vector) for vector in vectors] == [4, 4]
        assert made.embed_query("one") == vectors[0]
        assert asyncio.run(made.aembed_documents(["one", "two"])) == vectors
        assert asyncio.run(copy.deepcopy(made).aembed_query("two")) == vectors[1]
        assert made.embed_documents([]) == []
        assert SECRET not in repr(embeddings_of(server, api_key=SECRET))
