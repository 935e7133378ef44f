"""Google's lists of models and embeddings, at both endpoints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from llm_connector import AsyncLLMClient, LLMClient, LLMError
from llm_connector.call import load_protocol
from llm_connector.errors import InvalidRequestError, ServerError
from llm_connector.protocols.wire import Answer, Conversation
from llm_connector.settings import Settings
from oracle import sent
from servers.gemini import GeminiServer
from servers.script import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_connector.protocols.wire import WireRequest

NAMES = [f"gemini-{number}" for number in range(7)]


def client(server: GeminiServer, **options: Any) -> LLMClient:
    return LLMClient("google", **{"api_key": "k", "base_url": server.origin, "max_retries": 0, **options})


def run(exchange: Any, answering: Callable[[WireRequest], Any]) -> tuple[Any, list[WireRequest]]:
    """The result of an exchange whose requests are answered here."""
    conversation: Conversation[Any] = Conversation(exchange)
    asked = []
    while conversation.wire is not None:
        asked.append(conversation.wire)
        conversation.answer(Answer(200, {}, json.dumps(answering(conversation.wire)).encode()))
    return conversation.result, asked


def protocol(row: str) -> Any:
    options = {"project": "p"} if row == "google_vertex" else {}
    return load_protocol(Settings.resolve(row, "m", "k", None, options))


# Models


@pytest.mark.parametrize("page_size", [1, 3, 7, 100])
async def test_all_pages_of_models(page_size: int) -> None:
    with GeminiServer(models=NAMES, page_size=page_size) as server:
        with client(server) as model:
            found = model.models()
        pages = [request.query.get("pageToken") for request in server.requests]
        assert all(request.query["pageSize"] == "1000" for request in server.requests)
        assert server.last.headers["x-goog-api-key"] == "k"
        async with AsyncLLMClient("google", api_key="k", base_url=server.origin) as amodel:
            assert await amodel.models() == found
    assert [item.id for item in found] == NAMES
    assert pages == [None, *(str(start) for start in range(page_size, 7, page_size))]
    assert (found[0].context_window, found[0].max_output_tokens) == (1_048_576, 65_536)
    assert found[0].raw["supportedGenerationMethods"] == ["generateContent", "countTokens"]


def test_a_page_token_that_repeats_ends_the_list() -> None:
    page = {"models": [{"name": "models/a"}, {"name": "tunedModels/b"}], "nextPageToken": "again"}
    found, asked = run(protocol("google").models(), lambda _: page)
    assert [item.id for item in found] == ["a", "tunedModels/b", "a", "tunedModels/b"]
    assert len(asked) == 2
    assert found[0].context_window is None


def test_no_models_at_all() -> None:
    assert run(protocol("google").models(), lambda _: {})[0] == []


def test_models_of_vertex() -> None:
    page = {"publisherModels": [{"name": "publishers/google/models/gemini-x", "versionId": "1"}]}
    found, asked = run(protocol("google_vertex").models(), lambda _: page)
    assert [(item.id, item.raw["versionId"]) for item in found] == [("gemini-x", "1")]
    assert (asked[0].method, asked[0].path) == ("GET", "/publishers/google/models")


def test_a_list_that_fails() -> None:
    with GeminiServer(Fault(500)) as server, client(server) as model, pytest.raises(ServerError):
        model.models()


# Embeddings


@pytest.mark.parametrize("vendor", ["google", "google_v1"])
def test_embeddings_as_googles_sdk_asks_for_them(vendor: str) -> None:
    expected = sent(f"{vendor}-embed")
    _, (asked,) = run(protocol("google").embed(["Hi"], "e", None), lambda _: {"embeddings": [{"values": [0.5]}]})
    wanted = expected["body"]
    for request in wanted["requests"]:
        del request["content"]["role"]  # the SDK's; it makes no difference
    assert json.loads(asked.body) == wanted
    assert expected["raw_path"].endswith(asked.path)


@pytest.mark.parametrize(("count", "batches"), [(1, [1]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])])
async def test_embeddings_in_batches(count: int, batches: list[int]) -> None:
    texts = [f"text {number}" for number in range(count)]
    with GeminiServer() as server:
        with client(server) as model:
            response = model.embed(texts, "embed-x", dimensions=3)
            first = [model.embed(texts[0], "embed-x", dimensions=3).embeddings[0]]
        sizes = [len(request.json["requests"]) for request in server.requests][: len(batches)]
        async with AsyncLLMClient("google", api_key="k", base_url=server.origin) as amodel:
            assert (await amodel.embed(texts, "embed-x", dimensions=3)).embeddings == response.embeddings
    assert sizes == batches
    assert len(response.embeddings) == count
    assert all(len(vector) == 3 for vector in response.embeddings)
    assert response.embeddings[:1] == first
    assert response.usage is None


def test_embeddings_that_are_counted() -> None:
    answer = {"embeddings": [{"values": [1, 2]}], "usageMetadata": {"promptTokenCount": 4}}
    response, asked = run(protocol("google").embed(["a"] * 101, "models/e", 2), lambda _: answer)
    assert response.usage.input_tokens == 8
    request = json.loads(asked[1].body)["requests"]
    assert request == [{"model": "models/e", "content": {"parts": [{"text": "a"}]}, "outputDimensionality": 2}]


def test_embeddings_with_a_name_that_is_none() -> None:
    with pytest.raises(InvalidRequestError, match="name of a model"):
        run(protocol("google").embed(["a"], "../e", None), lambda _: {})


def test_embeddings_of_vertex_by_predict() -> None:
    def answer(wire: WireRequest) -> Any:
        found = [{"values": [float(len(item["content"]))]} for item in json.loads(wire.body)["instances"]]
        return {"predictions": [{"embeddings": {**item, "statistics": {"token_count": 2}}} for item in found]}

    texts = ["a" * (number % 9) for number in range(260)]
    response, asked = run(protocol("google_vertex").embed(texts, "text-embedding-005", 1), answer)
    assert response.embeddings == [[float(len(text))] for text in texts]
    assert [len(json.loads(wire.body)["instances"]) for wire in asked] == [250, 10]
    assert json.loads(asked[0].body)["parameters"] == {"outputDimensionality": 1}
    assert asked[0].path == "/projects/p/locations/global/publishers/google/models/text-embedding-005:predict"
    assert response.usage.input_tokens == 520
    one_by_one, asked = run(protocol("google_vertex").embed(["a", "b"], "gemini-embedding-001", None), answer)
    assert (len(asked), len(one_by_one.embeddings)) == (2, 2)
    assert "parameters" not in json.loads(asked[0].body)


def test_embeddings_of_vertex_by_content() -> None:
    answer = {"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 3}}
    response, asked = run(protocol("google_vertex").embed(["a", "b"], "gemini-embedding-2", 1), lambda _: answer)
    assert response.embeddings == [[0.5], [0.5]]
    assert response.usage.input_tokens == 6
    assert asked[0].path.endswith("/gemini-embedding-2:embedContent")
    assert json.loads(asked[0].body) == {"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 1}


def test_embeddings_that_are_refused() -> None:
    with GeminiServer(Fault(429)) as server, client(server) as model, pytest.raises(LLMError) as caught:
        model.embed("a", "e")
    assert caught.value.code == "RESOURCE_EXHAUSTED"


def test_the_key_is_never_in_the_address() -> None:
    with GeminiServer() as server, client(server, api_key="secret-key") as model:
        model.chat("hi", model="gemini-x")
        model.stream("hi", model="gemini-x").response()
        model.models()
        assert all("secret-key" not in f"{request.path}{request.query}" for request in server.requests)
        assert [request.query for request in server.requests] == [{}, {"alt": "sse"}, {"pageSize": "1000"}]
    assert parse_qs(urlsplit(server.base_path).query) == {}
