"""Chats with an Ollama server through both clients: answers, streams, tool loops, errors, cut bytes."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from llm_connector import (
    AsyncLLMClient,
    AuthenticationError,
    ChatRequest,
    ConnectError,
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
from llm_connector.call import load_protocol
from llm_connector.protocols.base import StreamReader
from llm_connector.settings import Settings
from servers.ollama import OllamaServer
from servers.script import Call, Fault, Reply

TOOL = {"name": "look", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
REPLY = Reply("日本は晴れ 🌞 and dry.", reasoning="思う… so", tool_calls=[Call("look", {"city": "東京", "n": 0})])


def client(server: OllamaServer, **options) -> LLMClient:
    return LLMClient("ollama", "qwen3", base_url=server.url, max_retries=0, **options)


def read(lines: list[dict], **settings):
    """What the lines of a stream fold to."""
    reader = reader_of(**settings)
    chunks = list(reader.feed(b"".join(json.dumps(line).encode() + b"\n" for line in lines)))
    chunks += reader.finish()
    return reader.response(), chunks


def reader_of(**options) -> StreamReader:
    protocol = load_protocol(Settings.resolve("ollama", "m", None, None, options))
    return StreamReader(protocol, ChatRequest(messages="hi"), [])


def line(content: str = "", **message) -> dict:
    return {"model": "m", "message": {"role": "assistant", "content": content, **message}, "done": False}


END = {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}


def test_a_whole_answer_and_a_stream_are_the_same() -> None:
    with OllamaServer(REPLY, write_size=7) as server, client(server) as c:
        whole = c.chat("hi", tools=[TOOL], enable_thinking=True)
        with c.stream("hi", tools=[TOOL], enable_thinking=True) as stream:
            chunks = list(stream)
            folded = stream.response()
    assert (whole.content, whole.reasoning_content) == (REPLY.text, REPLY.reasoning)
    assert whole.finish_reason == folded.finish_reason == "tool_calls"
    assert whole.raw_finish_reason == "stop"
    assert (folded.content, folded.reasoning_content) == (whole.content, whole.reasoning_content)
    assert folded.usage == whole.usage
    assert folded.created == whole.created == 1795348800
    assert whole.tool_calls[0].parse_arguments() == {"city": "東京", "n": 0}
    assert [chunk.finish_reason for chunk in chunks[-2:]] == ["tool_calls", None]
    assert chunks[-1].usage is not None
    assert len([chunk for chunk in chunks if chunk.content]) > 2


async def test_the_async_client_reads_the_same() -> None:
    with OllamaServer(REPLY) as server:
        async with AsyncLLMClient("ollama", "qwen3", base_url=server.url) as c:
            whole = await c.chat("hi", tools=[TOOL])
            stream = await c.stream("hi", tools=[TOOL])
            text = "".join([chunk.content async for chunk in stream])
            folded = await stream.response()
    assert whole.content == folded.content == text == REPLY.text
    assert whole.tool_calls[0].arguments == folded.tool_calls[0].arguments


def test_usage_is_counted_and_keeps_the_times() -> None:
    with OllamaServer(Reply("x")) as server, client(server) as c:
        usage = c.chat("hi").usage
    assert usage is not None
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens > 0
    assert usage.raw is not None
    assert usage.raw["total_duration"] == 5_000_000


@pytest.mark.parametrize("call_ids", [True, False])
@pytest.mark.parametrize("streamed", [True, False])
def test_a_tool_loop_with_thinking_and_two_calls(*, call_ids: bool, streamed: bool) -> None:
    calls = [Call("look", {"city": "Rome"}), Call("look", {"city": "Oslo"})]
    script = [Reply(reasoning="must look", tool_calls=calls), Reply("warm and cold")]
    with OllamaServer(script, call_ids=call_ids, demand_reasoning=True) as server, client(server) as c:
        history = [Message.user("weather?")]
        answer = c.stream(history, tools=[TOOL]).response() if streamed else c.chat(history, tools=[TOOL])
        assert len({call.id for call in answer.tool_calls}) == 2
        history += [answer.message, *(Message.tool({"t": at}, call) for at, call in enumerate(answer.tool_calls))]
        assert c.chat(history, tools=[TOOL]).content == "warm and cold"
        assistant, *results = server.requests[1].json["messages"][1:]
    assert assistant["thinking"] == "must look"
    assert [call["function"]["arguments"]["city"] for call in assistant["tool_calls"]] == ["Rome", "Oslo"]
    assert [call["id"] for call in assistant["tool_calls"]] == [result["tool_call_id"] for result in results]
    assert {result["tool_name"] for result in results} == {"look"}


class Weather(BaseModel):
    city: str
    degrees: int


def test_a_pydantic_class_is_answered_with_its_instance() -> None:
    with OllamaServer(Reply('{"city": "Rome", "degrees": 21}')) as server, client(server) as c:
        answer = c.chat("weather?", response_format=Weather)
        assert server.last.json["format"] == Weather.model_json_schema()
    assert answer.parsed == Weather(city="Rome", degrees=21)


def test_think_tags_of_older_models_are_reasoning_unless_told_otherwise() -> None:
    with OllamaServer(Reply("<think>\nhm\n</think>\n\nyes", chunk_size=1)) as server:
        with client(server) as c:
            for answer in (c.chat("hi"), c.stream("hi").response()):
                assert (answer.reasoning_content, answer.content) == ("\nhm\n", "yes")
        with client(server, think_tags=False) as c:
            assert c.chat("hi").content == "<think>\nhm\n</think>\n\nyes"


@pytest.mark.parametrize("streamed", [True, False])
def test_a_level_of_thinking_becomes_a_switch_where_the_server_takes_none(*, streamed: bool) -> None:
    script = [Fault(400, message='think value "high" is not supported for this model'), Reply("so", reasoning="hm")]
    with OllamaServer(script) as server, client(server) as c:
        params = {"reasoning_effort": "high", "temperature": 0}
        answer = c.stream("hi", **params).response() if streamed else c.chat("hi", **params)
        assert [request.json["think"] for request in server.requests] == ["high", True]
        assert [request.json["options"] for request in server.requests] == [{"temperature": 0}] * 2
    assert answer.reasoning_content == "hm"
    assert answer.warnings == ["ollama: the model takes no level of thinking; it was sent only as a switch"]


def test_a_length_limit() -> None:
    with OllamaServer(Reply("cut", finish="length")) as server, client(server) as c:
        assert c.chat("hi").finish_reason == "length"


def test_unknown_reasons_and_absent_ones() -> None:
    assert read([line("a"), {**END, "done_reason": "unload"}])[0].finish_reason == "other"
    response, chunks = read([line("a"), {name: value for name, value in END.items() if name != "done_reason"}])
    assert (response.content, response.finish_reason, len(chunks)) == ("a", None, 1)


def test_odd_lines_are_survived() -> None:
    calls = [
        {"function": {"name": "a", "arguments": {}}},
        {"id": "x", "function": {"name": "b", "index": 0, "arguments": '{"n":1}'}},
        {"function": {"name": "c", "arguments": None}},
    ]
    lines = [
        {"model": "m", "message": {"role": "assistant", "content": None, "thinking": None}, "done": False, "new": 1},
        {"model": "m", "done": False},
        line("", tool_calls=calls[:2]),
        line("", tool_calls=calls[2:]),
        line("text after the calls"),
        {**END, "prompt_eval_count": None, "eval_count": 3},
    ]
    response, chunks = read(lines)
    assert [(call.name, call.arguments) for call in response.tool_calls] == [("a", "{}"), ("b", '{"n":1}'), ("c", "{}")]
    assert response.tool_calls[1].id == "x"
    assert len({call.id for call in response.tool_calls}) == 3
    assert [delta.index for chunk in chunks for delta in chunk.tool_calls] == [0, 1, 2]
    assert response.content == "text after the calls"
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (0, 3)


def test_half_a_tag_at_the_end_is_text() -> None:
    assert read([line("<thi"), END])[0].content == "<thi"
    response, _ = read([line("<think>hm</th"), END])
    assert (response.reasoning_content, response.content) == ("hm</th", "")


@pytest.mark.parametrize("odd", [5, [], "text", None])
def test_a_line_that_is_no_object_is_passed_over(odd: object) -> None:
    assert read([line("a"), odd, line("b"), END])[0].content == "ab"


def test_a_line_of_another_shape_is_our_error() -> None:
    for odd in ({"message": 5}, line("", tool_calls=[5]), {**END, "created_at": 5, "eval_count": "x"}):
        with pytest.raises(LLMError):
            read([{**line("a"), "created_at": 5}, odd])


def test_log_probabilities() -> None:
    told = [{"token": "a", "logprob": -0.1, "top_logprobs": [{"token": "a", "logprob": -0.1}]}]
    assert read([{**line("a"), "logprobs": told}, END])[0].logprobs == told


def test_what_comes_after_done_is_not_read() -> None:
    assert read([line("a"), END, line("b")])[0].content == "a"


@given(cuts=st.lists(st.integers(0, 2000), max_size=12), newline=st.booleans())
def test_any_cut_reads_the_same(cuts: list[int], *, newline: bool) -> None:
    lines = [line("é"), line("", thinking="思"), line("\u2028\u0085🌞\r\n"), line("", tool_calls=[]), END]
    data = b"\n".join(json.dumps(item, ensure_ascii=False).encode() for item in lines) + b"\n" * newline
    places = sorted({min(cut, len(data)) for cut in cuts})
    reader = reader_of()
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        list(reader.feed(data[start:end]))
    list(reader.finish())
    assert (reader.response().content, reader.response().reasoning_content) == ("é\u2028\u0085🌞\r\n", "思")


@pytest.mark.parametrize("polite", [True, False])
def test_a_stream_without_its_end_is_interrupted(*, polite: bool) -> None:
    fault = Fault(cut_after=3, polite=polite, reply=Reply("This will be cut.", chunk_size=4))
    with OllamaServer(fault) as server, client(server) as c, pytest.raises(StreamInterruptedError) as caught:
        c.stream("hi").response()
    assert caught.value.partial is not None
    assert (caught.value.partial.content, caught.value.partial.finish_reason) == ("This will be", None)


def test_a_line_cut_through_is_an_interruption() -> None:
    reader = reader_of()
    list(reader.feed(json.dumps(line("a")).encode() + b'\n{"model": "m", "mess'))
    with pytest.raises(StreamInterruptedError):
        list(reader.finish())


def test_an_error_in_mid_stream_has_its_class_and_what_came_before() -> None:
    for text, kind in (
        ("an error was encountered while running the model", ServerError),
        ("server busy, please try again.  maximum pending requests exceeded", OverloadedError),
        ("model 'qwen3' not found", ModelNotFoundError),
    ):
        fault = Fault(message=text, midstream_after=2, reply=Reply("abcdef", chunk_size=2))
        with OllamaServer(fault) as server, client(server) as c, pytest.raises(LLMError) as caught:
            c.stream("hi").response()
        assert type(caught.value) is kind
        assert caught.value.partial is not None
        assert caught.value.partial.content == "abcd"


@pytest.mark.parametrize(
    ("status", "text", "kind", "retryable"),
    [
        (400, '"qwen3" does not support thinking', InvalidRequestError, False),
        (
            400,
            "the prompt is longer than the context length currently available to the model",
            ContextLengthError,
            False,
        ),
        (400, "the input length exceeds the context length", ContextLengthError, False),
        (401, "unauthorized", AuthenticationError, False),
        (404, 'model "qwen3" not found, try pulling it first', ModelNotFoundError, False),
        (404, "model 'qwen3' not found", ModelNotFoundError, False),
        (429, "too many concurrent requests", RateLimitError, True),
        (499, "request canceled", ServerError, True),
        (500, "model requires more system memory (9 GiB) than is available (1 GiB)", ServerError, False),
        (500, "llama runner process has terminated", ServerError, True),
        (502, "bad gateway", OverloadedError, True),
        (503, "server busy, please try again.  maximum pending requests exceeded", OverloadedError, True),
    ],
)
def test_errors(status: int, text: str, kind: type[LLMError], retryable: bool) -> None:
    with OllamaServer(Fault(status, message=text)) as server, client(server) as c:
        for ask in (lambda: c.chat("hi"), lambda: c.stream("hi").response()):
            with pytest.raises(LLMError) as caught:
                ask()
            assert type(caught.value) is kind
            assert (caught.value.retryable, caught.value.status_code) == (retryable, status)
            assert text in caught.value.message


def test_a_missing_model_says_how_to_get_it() -> None:
    with OllamaServer() as server, client(server) as c, pytest.raises(ModelNotFoundError, match="`ollama pull no:7b`"):
        c.chat("hi", model="no:7b")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_when_nobody_listens_the_error_asks_whether_ollama_runs() -> None:
    url = f"http://name:password@127.0.0.1:{free_port()}"
    with LLMClient("ollama", "m", base_url=url, max_retries=0) as c:
        asks = (
            lambda: c.chat("hi"),
            lambda: c.stream("hi").response(),
            c.models,
            lambda: c.embed("a"),
            c.ollama.list,
            lambda: list(c.ollama.pull("m")),
        )
        for ask in asks:
            with pytest.raises(ConnectError, match=r"is ollama running at http://127\.0\.0\.1:\d+\?") as caught:
                ask()
            assert "password" not in str(caught.value)

    async def ask_async() -> None:
        async with AsyncLLMClient("ollama", "m", base_url=url, max_retries=0) as c:
            await c.chat("hi")

    with pytest.raises(ConnectError, match="is ollama running"):
        asyncio.run(ask_async())


def test_models_and_embeddings() -> None:
    with OllamaServer() as server, client(server) as c:
        assert [info.id for info in c.models()] == server.models
        assert c.models()[0].raw["details"]["format"] == "gguf"
        answer = c.embed(["a", "b"], model="nomic-embed-text", dimensions=3)
        assert server.last.json == {"model": "nomic-embed-text", "input": ["a", "b"], "dimensions": 3}
    assert [len(vector) for vector in answer.embeddings] == [3, 3]
    assert answer.usage is not None
    assert answer.usage.input_tokens > 0


def test_keep_alive_and_options_reach_embeddings_too() -> None:
    with OllamaServer() as server, client(server, keep_alive=0, options={"num_ctx": 64}) as c:
        c.embed("a", model="nomic-embed-text")
        assert server.last.json["keep_alive"] == 0
        assert server.last.json["options"] == {"num_ctx": 64}
