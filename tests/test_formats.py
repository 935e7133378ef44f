"""The re-encoded stream is read back by our own decoders as the same answer."""

from __future__ import annotations

import json

import pytest

from llm_connector import AsyncLLMClient, ChatRequest, LLMClient, StreamInterruptedError
from llm_connector.call import load_protocol
from llm_connector.formats import to_anthropic_sse, to_json, to_ndjson, to_ollama_ndjson, to_openai_sse
from llm_connector.formats.anthropic import AnthropicEncoder
from llm_connector.protocols.base import StreamReader
from llm_connector.settings import Settings
from llm_connector.types import ChatChunk, ToolCallDelta
from servers.anthropic import AnthropicServer
from servers.openai_chat import OpenAIChatServer
from servers.script import Call, Fault, Reply, Use

ANSWER = Reply(
    "Über Paris 🗼.",
    reasoning="Think first.",
    tool_calls=[Call("look", {"city": "巴黎"}), Call("look", {"city": "Rome"})],
    usage=Use(20, 30, cached=5, reasoning=7),
)
READERS = {
    to_openai_sse: ("openai_compatible", {"api_key": "k"}),
    to_anthropic_sse: ("anthropic", {"api_key": "k"}),
    to_ollama_ndjson: ("ollama", {}),
}


def read_back(form, body: bytes):
    provider, options = READERS[form]
    protocol = load_protocol(Settings.resolve(provider, "m", options.get("api_key"), "http://h", {}))
    reader = StreamReader(protocol, ChatRequest(messages="x", model="m"), [])
    list(reader.feed(body))
    list(reader.finish())
    return reader.response()


@pytest.fixture
def server():
    with OpenAIChatServer(ANSWER, dialect="deepseek") as server:
        yield server


def client(server) -> LLMClient:
    return LLMClient("openai_compatible", "m", api_key="k", base_url=server.url)


@pytest.mark.parametrize("form", READERS)
async def test_read_back_as_the_same_answer(form, server) -> None:
    with client(server) as c:
        stream = c.stream("hi")
        body = b"".join(form(stream))
        direct = stream.response()
    async with AsyncLLMClient("openai_compatible", "m", api_key="k", base_url=server.url) as c:
        assert b"".join([data async for data in form(c.stream("hi"))])
    back = read_back(form, body)
    assert (back.content, back.reasoning_content) == (direct.content, direct.reasoning_content)
    assert [(call.name, call.parse_arguments()) for call in back.tool_calls] == [
        (call.name, call.parse_arguments()) for call in direct.tool_calls
    ]
    assert back.finish_reason == direct.finish_reason == "tool_calls"
    assert (back.usage.input_tokens, back.usage.output_tokens) == (20, 30)


@pytest.mark.parametrize("form", READERS)
def test_calls_that_come_in_turns(form) -> None:
    calls = [Call("look", {"city": "Paris", "near": {"km": 5}}), Call("look", {"city": "Rome"}), Call("rest")]
    reply = Reply("Both.", tool_calls=calls, interleave=True, chunk_size=3)
    with OpenAIChatServer(reply, dialect="compatible") as server, client(server) as c:
        body = b"".join(form(c.stream("hi")))
    back = read_back(form, body)
    assert [(call.name, call.parse_arguments()) for call in back.tool_calls] == [
        ("look", {"city": "Paris", "near": {"km": 5}}),
        ("look", {"city": "Rome"}),
        ("rest", {}),
    ]


def test_a_block_of_anthropics_format_is_whole_before_the_next_begins(server) -> None:
    with client(server) as c:
        events = [sse_data(event) for event in to_anthropic_sse(c.stream("hi"))]
    flat = [event for events_of_chunk in events for event in events_of_chunk]
    blocks = [event["type"] for event in flat if event["type"] in {"content_block_start", "content_block_stop"}]
    assert blocks == ["content_block_start", "content_block_stop"] * 4
    ends = {event["type"] for event in events[-1]}
    assert ends == {"content_block_stop", "message_delta", "message_stop"}, "nothing is held that could be told"


def test_arguments_that_are_nested_too_deep_to_be_looked_at_are_told_all_the_same() -> None:
    encoder = AnthropicEncoder()
    deep = '{"a":' * 100_000 + "}"
    told = encoder.encode(ChatChunk(tool_calls=(ToolCallDelta(0, "first", "look", deep),)))
    told += encoder.encode(ChatChunk(tool_calls=(ToolCallDelta(1, "second", "look", "{}"),)))
    assert b"second" not in told
    assert b"second" in encoder.finish()


def sse_data(data: bytes) -> list:
    return [json.loads(line.removeprefix(b"data: ")) for line in data.splitlines() if line.startswith(b"data: ")]


@pytest.mark.parametrize("form", READERS)
def test_one_choice_is_told_where_a_format_has_but_one(form) -> None:
    with OpenAIChatServer(Reply("One answer."), dialect="compatible") as server, client(server) as c:
        body = b"".join(form(c.stream("hi", n=2)))
    assert read_back(form, body).content == "One answer."


def test_a_call_without_arguments_has_an_empty_object_in_openais_format() -> None:
    with (
        AnthropicServer(Reply("", tool_calls=[Call("rest"), Call("look", {"city": "Rome"})])) as server,
        LLMClient("anthropic", "claude-sonnet-4-5", api_key="k", base_url=server.url) as c,
    ):
        body = b"".join(to_openai_sse(c.stream("hi")))
    told = [event for event in sse_data(body.replace(b"data: [DONE]", b"")) if event["choices"]]
    calls = [call for event in told for call in event["choices"][0]["delta"].get("tool_calls", ())]
    arguments = ["".join(call["function"]["arguments"] for call in calls if call["index"] == at) for at in range(2)]
    assert [json.loads(text) for text in arguments] == [{}, {"city": "Rome"}]


def test_signatures_of_anthropic_survive_its_own_format() -> None:
    reply = Reply("x", reasoning="why", signature="c2ln", redacted="hidden")
    with (
        AnthropicServer(reply) as server,
        LLMClient("anthropic", "claude-sonnet-4-5", api_key="k", base_url=server.url) as c,
    ):
        stream = c.stream("hi", thinking_budget=2000)
        body = b"".join(to_anthropic_sse(stream))
        direct = stream.response()
    assert read_back(to_anthropic_sse, body).message.reasoning == direct.message.reasoning
    assert direct.message.reasoning is not None


def test_our_own_lines(server) -> None:
    with client(server) as c:
        lines = [json.loads(line) for line in b"".join(to_ndjson(c.stream("hi"))).splitlines()]
    assert "".join(line.get("content", "") for line in lines) == ANSWER.text
    assert lines[-1]["usage"]["output_tokens"] == 30
    assert not any("raw" in line for line in lines)


def test_one_object(server) -> None:
    with client(server) as c:
        (body,) = to_json(c.stream("hi"))
    assert json.loads(body)["choices"][0]["message"]["content"] == ANSWER.text


@pytest.mark.parametrize("form", [*READERS, to_ndjson, to_json])
async def test_a_failure_is_told_and_raised(form) -> None:
    fault = Fault(cut_after=2, reply=Reply("one two three", chunk_size=3))
    with OpenAIChatServer(fault) as server:
        with client(server) as c:
            told = []
            with pytest.raises(StreamInterruptedError):
                told.extend(form(c.stream("hi")))
        async with AsyncLLMClient("openai_compatible", "m", api_key="k", base_url=server.url) as c:
            with pytest.raises(StreamInterruptedError):
                _ = [data async for data in form(c.stream("hi"))]
    assert b'"error"' in told[-1]
