"""The ways of single vendors: how each pages, signs, embeds, streams and manages models. Refusals are listed apart."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from servers import assets
from servers.anthropic import AnthropicServer
from servers.azure import AzureOpenAIServer
from servers.base import Call, Fault, Reply
from servers.bedrock import AnthropicBedrockServer
from servers.dashscope import DashScopeServer
from servers.dialects import DIALECTS
from servers.gemini import GeminiServer
from servers.hunyuan import HunyuanServer
from servers.ollama import OllamaServer
from servers.openai_chat import OpenAIChatServer
from servers.zhipu import ZhipuServer
from wire_kits import BEARER, HUNYUAN_HEADERS, SCHEMA, events, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PNG = base64.b64encode(assets.png()).decode()
ANTHROPIC = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def asked(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def test_multimodal_dashscope_has_lists_for_contents(client: httpx.Client) -> None:
    body = {"model": "qwen-vl-plus", "input": asked({"image": f"data:image/png;base64,{PNG}"}, {"text": "What?"})}
    with DashScopeServer() as server:
        url = f"{server.url}/services/aigc/multimodal-generation/generation"
        told = client.post(url, json=body, headers=BEARER)
        oss = client.post(url, json=body | {"input": asked({"image": "oss://x"})}, headers=BEARER)
    assert told.json()["output"]["choices"][0]["message"]["content"] == [{"text": "I see 1 image. You said: What?"}]
    assert oss.status_code == 400


def test_dashscope_streams_increments_or_all_that_was_said(client: httpx.Client) -> None:
    def stream(server: DashScopeServer, **given: Any) -> list[Any]:
        body = {"model": "test-model", "input": {"messages": [{"role": "user", "content": "x"}]}, "parameters": given}
        headers = BEARER | {"x-dashscope-sse": "enable"}
        response = client.post(f"{server.url}/services/aigc/text-generation/generation", json=body, headers=headers)
        return [event["output"] for event in events(response.content)]

    reply = Reply("abcd", chunk_size=2)
    with DashScopeServer(reply) as server, DashScopeServer(reply, cumulative=True) as stubborn:
        assert [one["text"] for one in stream(server)] == ["ab", "abcd", "abcd"]
        told = stream(server, incremental_output=True, result_format="message")
        again = stream(stubborn, incremental_output=True)
    assert [one["choices"][0]["message"]["content"] for one in told] == ["ab", "cd", ""]
    assert [one["choices"][0]["finish_reason"] for one in told] == ["null", "null", "stop"]
    assert [one["text"] for one in again] == ["ab", "abcd", "abcd"]


@pytest.mark.parametrize("in_200", [False, True])
def test_a_dashscope_error_to_a_stream_is_an_event(client: httpx.Client, in_200: bool) -> None:
    with DashScopeServer(Fault(400, "DataInspectionFailed", "bad", in_200=in_200)) as server:
        body = {"model": "test-model", "input": {"messages": [{"role": "user", "content": "x"}]}}
        url = f"{server.url}/services/aigc/text-generation/generation"
        response = client.post(url, json=body, headers=BEARER | {"x-dashscope-sse": "enable"})
    assert response.status_code == (200 if in_200 else 400)
    assert response.headers["content-type"].startswith("text/event-stream" if in_200 else "application/json")
    assert response.text.startswith("id:9\nevent:error\n:HTTP_STATUS/400\ndata:{")


@pytest.mark.parametrize("name", [name for name in DIALECTS if name != "azure"])  # it has a server of its own
def test_a_chat_dialect_streams_all_choices_and_tells_usage_in_its_place(client: httpx.Client, name: str) -> None:
    dialect = DIALECTS[name]
    body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
    body |= {"stream_options": {"include_usage": True}} if dialect.usage_on_demand else {}
    with OpenAIChatServer(Reply("abcd", "thought", chunk_size=2), dialect=name) as server:
        chunks = events(client.post(f"{server.url}/chat/completions", json=body, headers=BEARER).content)
    told = [chunk for chunk in chunks if chunk.get("usage") or any("usage" in choice for choice in chunk["choices"])]
    own = [chunk for chunk in told if not chunk["choices"]]
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert text == ("<think>\nthought\n</think>\n\nabcd" if dialect.reasoning == "think" else "abcd")
    assert len(own) == (dialect.usage_at in {"own", "every"})
    assert (len(told) > 1) == (dialect.usage_at == "every")


def test_a_gateway_may_answer_a_stream_with_a_whole(client: httpx.Client) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True, "n": 2}
    with OpenAIChatServer(Reply("all", whole=True)) as server:
        response = client.post(f"{server.url}/chat/completions", json=body, headers=BEARER)
    assert response.headers["content-type"] == "application/json"
    assert [choice["message"]["content"] for choice in response.json()["choices"]] == ["all", "all (2)"]


# Models


def pages(fetch: Callable[[Any], Any], names: Callable[[Any], list[str]], more: Callable[[Any], Any]) -> list[str]:
    found: list[str] = []
    query: dict[str, str] = {}
    while True:
        page = fetch(query)
        found += names(page)
        query = more(page)
        if not query:
            return found


def test_models_are_paged_where_the_vendor_pages(client: httpx.Client) -> None:
    models = [f"m{number}" for number in range(5)]
    with AnthropicServer(models=models, page_size=2) as server:
        found = pages(
            lambda query: client.get(f"{server.url}/v1/models", params=query, headers=ANTHROPIC).json(),
            lambda page: [row["id"] for row in page["data"]],
            lambda page: {"after_id": page["last_id"]} if page["has_more"] else {},
        )
        assert found == models
    with GeminiServer(models=models, page_size=2) as server:
        found = pages(
            lambda query: client.get(f"{server.url}/models", params=query, headers={"x-goog-api-key": "k"}).json(),
            lambda page: [row["name"].removeprefix("models/") for row in page["models"]],
            lambda page: {"pageToken": page["nextPageToken"]} if "nextPageToken" in page else {},
        )
        assert found == models
    with DashScopeServer(models=models, page_size=2) as server:
        found = pages(
            lambda query: client.get(f"{server.url}/models", params=query, headers=BEARER).json()["output"],
            lambda page: [row["model"] for row in page["models"]],
            lambda page: {"page_no": str(page["page_no"] + 1)} if page["page_no"] * 2 < page["total"] else {},
        )
        assert found == models
    with OpenAIChatServer(models=models) as server:
        rows = client.get(f"{server.url}/models", headers=BEARER).json()["data"]
        assert [row["id"] for row in rows] == models


# Embeddings


def test_openai_embeddings_come_as_floats_or_base64(client: httpx.Client) -> None:
    with OpenAIChatServer() as server:
        url, body = f"{server.url}/embeddings", {"model": "e", "input": ["hi", "ho"], "dimensions": 4}
        floats = client.post(url, json=body, headers=BEARER).json()["data"]
        packed = client.post(url, json=body | {"encoding_format": "base64"}, headers=BEARER).json()["data"]
        empty = client.post(url, json=body | {"input": []}, headers=BEARER)
    assert [row["index"] for row in floats] == [0, 1]
    assert len(floats[0]["embedding"]) == 4
    assert len(base64.b64decode(packed[1]["embedding"])) == 16
    assert empty.status_code == 400


def test_embedding_batches_have_the_vendors_limit(client: httpx.Client) -> None:
    with DashScopeServer() as server:
        url = f"{server.url}/services/embeddings/text-embedding/text-embedding"
        bodies = [{"model": "text-embedding-v4", "input": {"texts": ["x"] * count}} for count in (10, 11)]
        assert [client.post(url, json=body, headers=BEARER).status_code for body in bodies] == [200, 400]
    with GeminiServer() as server:
        url = f"{server.url}/models/e:batchEmbedContents"
        one = {"model": "models/e", "content": {"parts": [{"text": "x"}]}}
        answers = [
            client.post(url, json={"requests": [one] * count}, headers={"x-goog-api-key": "k"}) for count in (100, 101)
        ]
        assert [answer.status_code for answer in answers] == [200, 400]
    with HunyuanServer() as server:
        headers = HUNYUAN_HEADERS | {"x-tc-action": "GetEmbedding"}
        bodies = [{"InputList": ["x"] * count} for count in (50, 51)]
        told = [client.post(f"{server.url}/", json=body, headers=headers).json() for body in bodies]
        assert len(told[0]["Response"]["Data"][0]["Embedding"]) == 1024
        assert "Error" in told[1]["Response"]


# Signatures, with vectors made by the vendors' own clients


def test_tc3_signatures_are_verified(client: httpx.Client) -> None:
    body = '{"Model":"hunyuan-turbos-latest","Messages":[{"Role":"user","Content":"hi"}],"Stream":false}'
    signature = "0fbb5d49567f859387a4826326e472500c256b243530a226b52aa6def9ce9996"
    headers = HUNYUAN_HEADERS | {"host": "hunyuan.tencentcloudapi.com"}
    signed = headers | {
        "authorization": "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"
        f"/2026-11-22/hunyuan/tc3_request, SignedHeaders=content-type;host, Signature={signature}"
    }
    with HunyuanServer(secret_key="Gu5t9xGARNpq86cd98joQYCN3EXAMPLE") as server:  # the vendor's documented example
        right = client.post(f"{server.url}/", content=body, headers=signed).json()["Response"]
        other = client.post(f"{server.url}/", content=body + " ", headers=signed).json()["Response"]
    assert "Choices" in right
    assert other["Error"]["Code"] == "AuthFailure.SignatureFailure"


def test_sigv4_signatures_are_verified(client: httpx.Client) -> None:
    body = '{"anthropic_version":"bedrock-2023-05-31","max_tokens":16,"messages":[{"role":"user","content":"hi"}]}'
    signature = "416a399fecff26892a9b01d433ce1bcf217f4b94a324bca352f9d9a46b060697"
    headers = {
        "host": "bedrock-runtime.us-east-1.amazonaws.com",
        "accept": "application/json",
        "content-type": "application/json",
        "x-amz-date": "20261122T120000Z",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/bedrock/aws4_request,"
        f" SignedHeaders=accept;content-type;host;x-amz-date, Signature={signature}",
    }
    with AnthropicBedrockServer(secret_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY") as server:
        url = f"{server.url}/model/anthropic.claude-sonnet-4-5-20250929-v1:0/invoke"
        right = client.post(url, content=body, headers=headers)
        other = client.post(url, content=body, headers=headers | {"x-amz-date": "20261122T120001Z"})
    assert right.status_code == 200, right.text
    assert other.status_code == 403
    assert other.headers["x-amzn-errortype"].startswith("InvalidSignatureException")


def jwt(identity: str, secret: str, milliseconds: int) -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).decode().rstrip("=")

    claims = {"api_key": identity, "exp": milliseconds + 60_000, "timestamp": milliseconds}
    text = ".".join(part(json.dumps(one).encode()) for one in ({"alg": "HS256", "sign_type": "SIGN"}, claims))
    return f"{text}.{part(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("id.secret", 200),
        ("noperiod", 401),
        ("id.other", 401),
        (jwt("id", "secret", 4_000_000_000_000), 200),
        (jwt("id", "wrong", 4_000_000_000_000), 401),
        (jwt("id", "secret", int(time.time() * 1000) - 900_000), 401),
        (jwt("id", "secret", int(time.time())), 401),  # seconds instead of milliseconds
    ],
)
def test_zhipu_takes_keys_and_tokens(client: httpx.Client, key: str, status: int) -> None:
    body = {"model": "glm-4.6", "messages": [{"role": "user", "content": "Hi"}]}
    with ZhipuServer(require_key="id.secret") as server:
        url = f"{server.url}/chat/completions"
        assert client.post(url, json=body, headers={"authorization": f"Bearer {key}"}).status_code == status


def test_zhipu_streams_whole_calls_unless_asked_for_fragments(client: httpx.Client) -> None:
    with ZhipuServer(Reply(tool_calls=[Call("f", {"city": "Rome"})], chunk_size=4)) as server:
        body = {"model": "glm-4.6", "messages": [{"role": "user", "content": "Hi"}], "tools": [TOOL], "stream": True}
        answers = [
            client.post(f"{server.url}/chat/completions", json=body | extra, headers=BEARER)
            for extra in ({}, {"tool_stream": True})
        ]
    counts = [answer.text.count('"tool_calls":[') for answer in answers]
    assert counts[0] == 1
    assert counts[1] > 2


# Surfaces


def test_azure_has_two_surfaces(client: httpx.Client) -> None:
    body, headers = {"messages": [{"role": "user", "content": "Hello"}]}, {"api-key": "k"}
    with AzureOpenAIServer() as server:
        dated = f"{server.url}/openai/deployments/my%20gpt/chat/completions"
        newest = client.post(f"{server.url}/openai/v1/chat/completions", json=body | {"model": "d"}, headers=headers)
        told = client.post(f"{dated}?api-version=2024-10-21", json=body | {"stream": True}, headers=headers)
        without = client.post(dated, json=body, headers=headers)
    assert newest.status_code == 200
    assert events(told.content)[0] == {**events(told.content)[0], "id": "", "choices": [], "prompt_filter_results": []}
    assert events(told.content)[1]["model"] == "my gpt"
    assert without.status_code == 404


def test_gemini_without_sse_streams_an_array_and_tells_delays_in_the_body(client: httpx.Client) -> None:
    body, headers = {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}, {"x-goog-api-key": "k"}
    with GeminiServer([Reply("abcdefghij", chunk_size=2), Fault(429, headers={"retry-after": "3"})]) as server:
        url = f"{server.url}/models/m:streamGenerateContent"
        whole = client.post(url, json=body, headers=headers).json()
        limited = client.post(url, json=body, headers=headers)
    assert "".join(chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in whole) == "abcdefghij"
    assert "retry-after" not in limited.headers
    assert limited.json()["error"]["details"][0]["retryDelay"] == "3s"


def test_anthropic_thinking_can_stand_before_each_call_and_be_redacted(client: httpx.Client) -> None:
    reply = Reply("", "first second", [Call("f"), Call("f")], interleave=True, redacted="opaque", signature="c2ln")
    with AnthropicServer(reply) as server:
        answer = send(client, server, "anthropic", {}).json()
    kinds = [part["type"] for part in answer["content"]]
    assert kinds == ["redacted_thinking", "thinking", "tool_use", "thinking", "tool_use"]
    assert answer["content"][1]["signature"] == "c2ln" != answer["content"][3]["signature"]


# Ollama's store


def test_ollama_manages_models(client: httpx.Client) -> None:
    with OllamaServer(models=["m:latest"]) as server:

        def call(method: str, path: str, **body: Any) -> httpx.Response:
            return client.request(method, f"{server.url}{path}", json=body or None)

        def names(path: str = "/api/tags") -> list[str]:
            return [row["name"] for row in call("GET", path).json()["models"]]

        pulled = [json.loads(line) for line in call("POST", "/api/pull", model="new").text.splitlines()]
        assert pulled[0] == {"status": "pulling manifest"}
        assert [line["completed"] for line in pulled if "completed" in line] == [250, 500, 1000]
        assert pulled[-1] == {"status": "success"}
        missing = call("POST", "/api/pull", model="missing")
        assert missing.status_code == 200
        assert "error" in json.loads(missing.text.splitlines()[-1])
        assert call("POST", "/api/copy", source="new", destination="other:tag").content == b""
        assert names() == ["m:latest", "new:latest", "other:tag"]
        assert call("DELETE", "/api/delete", model="new").status_code == 200
        assert call("POST", "/api/show", model="new").json() == {"error": "model 'new' not found"}
        assert "tools" in call("POST", "/api/show", model="m").json()["capabilities"]
        assert names("/api/ps") == []
        assert call("POST", "/api/chat", model="m", messages=[], stream=False).json()["done_reason"] == "load"
        assert names("/api/ps") == ["m:latest"]
        assert len(call("POST", "/api/embed", model="m", input=["a", "b"]).json()["embeddings"]) == 2
        assert call("GET", "/api/version").json()["version"]


def test_an_ollama_model_may_lack_a_feature(client: httpx.Client) -> None:
    with OllamaServer(without=["tools", "thinking"]) as server:
        assert "does not support thinking" in send(client, server, "ollama", {"think": True}).json()["error"]
        assert "does not support tools" in send(client, server, "ollama", {"tools": [TOOL]}).json()["error"]
        assert send(client, server, "ollama", {"model": "nope"}).status_code == 404
