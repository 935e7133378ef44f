"""Chats by the Responses API through both clients: loops, errors, and the way out where the endpoint is missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from llm_connector import (
    AsyncLLMClient,
    AuthenticationError,
    BillingError,
    ContentFilterError,
    ContextLengthError,
    InvalidRequestError,
    LLMClient,
    LLMError,
    Message,
    ModelNotFoundError,
    OverloadedError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
)
from servers.azure import AzureOpenAIServer
from servers.openai_chat import OpenAIChatServer
from servers.openai_responses import OpenAIResponsesServer
from servers.script import Call, Fault, Reply, Use

if TYPE_CHECKING:
    from servers.replay import ReplayServer

TOOL = {"name": "look", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
REPLY = Reply(
    "日本は晴れ 🌞 and dry.",
    reasoning="思う… so",
    tool_calls=[Call("look", {"city": "東京"}), Call("look", {"city": "Rome"})],
    usage=Use(20, 12, cached=8, reasoning=5),
)


def client(server: OpenAIChatServer, **options) -> LLMClient:
    given = {"model": "gpt-5.2", "api_key": "k", "base_url": server.url, "max_retries": 0, **options}
    return LLMClient("openai_responses", **given)


def comparable(response) -> dict:
    told = response.model_dump(exclude={"raw", "id", "choices"})
    told["usage"].pop("raw")
    return told | {"message": response.message.model_dump(exclude={"reasoning", "tool_calls"})}


def reloaded(history: list[Message]) -> list[Message]:
    """The history as a program that keeps it as JSON gives it back."""
    return [Message.model_validate(json.loads(message.model_dump_json())) for message in history]


def test_a_whole_answer_and_a_stream_are_the_same() -> None:
    with OpenAIResponsesServer(REPLY, write_size=11) as server, client(server) as c:
        whole = c.chat("hi", tools=[TOOL])
        with c.stream("hi", tools=[TOOL]) as stream:
            chunks = list(stream)
            folded = stream.response()
    assert comparable(whole) == comparable(folded)
    assert (whole.content, whole.reasoning_content) == (REPLY.text, REPLY.reasoning)
    assert [call.parse_arguments() for call in whole.tool_calls] == [{"city": "東京"}, {"city": "Rome"}]
    assert (whole.usage.input_tokens, whole.usage.cached_tokens, whole.usage.reasoning_tokens) == (20, 8, 5)
    assert whole.finish_reason == "tool_calls"
    assert [block["type"] for block in whole.message.reasoning.blocks] == [
        block["type"] for block in folded.message.reasoning.blocks
    ]
    assert chunks[-2].finish_reason == "tool_calls"
    assert chunks[-1].usage is not None


async def test_the_async_client_reads_the_same() -> None:
    with OpenAIResponsesServer(REPLY) as server:
        async with AsyncLLMClient("openai_responses", "gpt-5.2", api_key="k", base_url=server.url) as c:
            whole = await c.chat("hi", tools=[TOOL])
            stream = await c.stream("hi", tools=[TOOL])
            text = "".join([chunk.content async for chunk in stream])
            assert comparable(await stream.response()) == comparable(whole)
            assert [info.id for info in await c.models()] == server.models
            assert len((await c.embed(["a", "b"], model="e")).embeddings) == 2
    assert text == REPLY.text


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize(
    ("provider", "key", "prefix"),
    [("openai_responses", "api_key", None), ("azure_openai_responses", "azure_ad_token", "/openai/v1")],
)
def test_a_tool_loop_sends_the_encrypted_reasoning_back(
    *, streamed: bool, provider: str, key: str, prefix: str | None
) -> None:
    calls = [Call("look", {"city": "Rome"}), Call("look", {"city": "Oslo"})]
    script = [Reply(reasoning="must look", signature="gAAA+/==", tool_calls=calls), Reply("warm, cold"), Reply("bye")]
    with OpenAIResponsesServer(script, demand_reasoning=True, prefix=prefix) as server:
        with LLMClient(provider, "gpt-5.2", base_url=server.url, max_retries=0, **{key: "k"}) as c:
            history = [Message.user("weather?")]
            answer = c.stream(history, tools=[TOOL]).response() if streamed else c.chat(history, tools=[TOOL])
            history += [answer.message, *(Message.tool({"t": at}, call) for at, call in enumerate(answer.tool_calls))]
            second = c.chat(reloaded(history), tools=[TOOL])
            assert second.content == "warm, cold"
            history += [second.message, Message.user("thanks")]
            assert c.chat(history).content == "bye"
        items = server.requests[2].json["input"]
    assert [item.get("type", item.get("role")) for item in items] == [
        "user",
        "reasoning",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
        "message",
        "user",
    ]
    assert items[1]["encrypted_content"] == "gAAA+/=="
    assert items[6]["id"].startswith("msg_")


def test_another_provider_takes_the_history_without_the_payload() -> None:
    with OpenAIResponsesServer(Reply("yes", reasoning="hm")) as server, client(server) as c:
        answer = c.chat("hi")
    history = [Message.user("hi"), answer.message, Message.user("more")]
    with OpenAIChatServer() as server, LLMClient("openai", "m", api_key="k", base_url=server.url) as c:
        c.chat(history)
        assert server.last.json["messages"][1] == {"role": "assistant", "content": "yes"}


class Weather(BaseModel):
    city: str


def test_a_pydantic_class_is_answered_with_its_instance() -> None:
    with OpenAIResponsesServer(Reply('{"city": "Rome"}')) as server, client(server) as c:
        assert c.chat("weather?", response_format=Weather).parsed == Weather(city="Rome")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(401, "invalid_api_key", message="Incorrect API key provided"), AuthenticationError),
        (Fault(429, "insufficient_quota", message="You exceeded your current quota"), BillingError),
        (Fault(429, "rate_limit_exceeded", message="Rate limit reached"), RateLimitError),
        (Fault(400, "context_length_exceeded", message="Your input exceeds the context window"), ContextLengthError),
        (Fault(404, "model_not_found", message="The model `x` does not exist"), ModelNotFoundError),
        (Fault(400, "content_policy_violation", message="refused"), ContentFilterError),
        (Fault(400, "invalid_prompt", message="refused"), InvalidRequestError),
        (Fault(500, "server_error", message="failed"), ServerError),
        (Fault(503, "server_error", message="The server is overloaded"), OverloadedError),
    ],
)
def test_errors(fault: Fault, kind: type[LLMError]) -> None:
    with OpenAIResponsesServer(fault) as server, client(server) as c:
        for ask in (lambda: c.chat("hi"), lambda: c.stream("hi").response()):
            with pytest.raises(LLMError) as caught:
                ask()
            assert type(caught.value) is kind
        assert {request.path for request in server.requests} == {f"{server.base_path}/responses"}


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimitError), (500, ServerError)])
def test_an_error_in_mid_stream_has_its_class_and_what_came_before(status: int, kind: type[LLMError]) -> None:
    fault = Fault(status, midstream_after=7, reply=Reply("abcdefgh", chunk_size=2))
    with OpenAIResponsesServer(fault) as server, client(server) as c, pytest.raises(LLMError) as caught:
        c.stream("hi").response()
    assert type(caught.value) is kind
    assert caught.value.partial is not None
    assert caught.value.partial.content == "abcdefgh"[: len(caught.value.partial.content)] != ""


@pytest.mark.parametrize("polite", [True, False])
def test_a_stream_without_its_end_is_interrupted(*, polite: bool) -> None:
    fault = Fault(cut_after=6, polite=polite, reply=Reply("This will be cut.", chunk_size=4))
    with OpenAIResponsesServer(fault) as server, client(server) as c, pytest.raises(StreamInterruptedError) as caught:
        c.stream("hi").response()
    assert caught.value.partial is not None
    assert caught.value.partial.content == "This will be"[: len(caught.value.partial.content)] != ""


def test_a_server_without_the_endpoint_is_asked_by_chat_completions_from_then_on() -> None:
    script = [Reply(reasoning="hm", tool_calls=[Call("look", {"city": "Rome"}, id="call_1")]), Reply("so")]
    with OpenAIChatServer(script, dialect="deepseek") as server, client(server, model="open-model") as c:
        params = {"tools": [TOOL], "reasoning_effort": "high"}
        with c.stream("hi", **params) as stream:
            chunks = list(stream)
            answer = stream.response()
        history = [Message.user("hi"), answer.message, Message.tool("21", answer.tool_calls[0])]
        second = c.chat(history, **params)
        paths = [request.path.rpartition("/v1")[2] for request in server.requests]
        bodies = [request.json for request in server.requests]
    assert paths == ["/responses", "/chat/completions", "/chat/completions"]
    assert len([chunk for chunk in chunks if chunk.tool_calls]) > 1
    assert (answer.reasoning_content, answer.finish_reason) == ("hm", "tool_calls")
    assert bodies[1]["stream"] is True
    assert bodies[1]["tools"][0]["function"]["name"] == "look"
    assert bodies[1]["reasoning_effort"] == "high"
    assert bodies[2]["messages"][1]["reasoning_content"] == "hm"
    assert second.content == "so"
    for response in (answer, second):
        assert any("/chat/completions was used" in warning for warning in response.warnings)


async def test_the_async_client_takes_the_way_out_too() -> None:
    with OpenAIChatServer(Reply("so")) as server:
        async with AsyncLLMClient("openai_responses", "m", api_key="k", base_url=server.url) as c:
            assert (await c.chat("hi")).content == "so"
            assert (await c.stream("hi").response()).content == "so"
    assert [request.path.rpartition("/")[2] for request in server.requests] == [
        "responses",
        "completions",
        "completions",
    ]


@pytest.mark.parametrize("version", [None, "2024-10-21"])
def test_azure_without_the_endpoint(version: str | None) -> None:
    with AzureOpenAIServer(Reply("so")) as server:
        options = {"api_key": "k", "base_url": server.url, "api_version": version}
        with LLMClient("azure_openai_responses", "gpt-5.2", **options) as c:
            assert c.chat("hi").content == "so"
            assert c.models()
        assert server.requests[1].path.endswith("/chat/completions")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"404 page not found"),
        (404, b'{"detail":"Not Found"}'),
        (405, b'{"detail":"Method Not Allowed"}'),
        (404, b'{"error":{"message":"Invalid URL (POST /v1/responses)","type":"invalid_request_error"}}'),
        (404, b"<html><title>404 Not Found</title></html>"),
        (404, b""),
    ],
)
def test_ways_to_say_that_the_endpoint_is_missing(status: int, body: bytes, replay: ReplayServer) -> None:
    with LLMClient("openai_responses", "m", api_key="k", base_url=replay.serve_bytes([body], status)) as c:
        with pytest.raises(LLMError):
            c.chat("hi")  # the same answer for /chat/completions
        assert c._protocol._endpoint_missing


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b'{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}'),
        (404, b'{"error":{"message":"no such thing","code":"model_not_found"}}'),
        (404, b'{"error":"model \'x\' not found"}'),
        (404, b'{"error":{"message":"Item with id \'rs_1\' not found. Items are not persisted when store is false."}}'),
        (404, b'{"error":{"message":"unknown","code":"DeploymentNotFound"}}'),
        (400, b'{"error":{"message":"bad"}}'),
        (403, b'{"error":{"message":"no"}}'),
    ],
)
def test_what_is_no_missing_endpoint(status: int, body: bytes, replay: ReplayServer) -> None:
    with LLMClient("openai_responses", "m", api_key="k", base_url=replay.serve_bytes([body], status)) as c:
        with pytest.raises(LLMError):
            c.chat("hi")
        assert not c._protocol._endpoint_missing


def test_a_failed_answer_inside_http_200_is_an_error(replay: ReplayServer) -> None:
    failed = {"object": "response", "status": "failed", "error": {"code": "server_error", "message": "it broke"}}
    url = replay.serve_bytes([json.dumps(failed).encode()])
    with LLMClient("openai_responses", "m", api_key="k", base_url=url, max_retries=0) as c:
        with pytest.raises(ServerError, match="it broke"):
            c.chat("hi")
        with pytest.raises(ServerError, match="it broke"):
            c.stream("hi").response()
