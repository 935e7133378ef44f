"""DashScope answers through both clients and a real server: streams, failures, models, embeddings, ways around."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llm_connector import (
    AsyncLLMClient,
    ChatRequest,
    ContentFilterError,
    InvalidRequestError,
    LLMClient,
    Message,
    StreamInterruptedError,
)
from llm_connector.call import load_protocol
from llm_connector.protocols.base import StreamReader
from llm_connector.protocols.wire import Answer
from llm_connector.settings import Settings
from servers.dashscope import DashScopeServer
from servers.script import Call, Fault, Reply, Use

if TYPE_CHECKING:
    from servers.replay import ReplayServer

ANSWER = Reply(
    "巴黎, 当然 🙂.",
    reasoning="The user asks for a capital.",
    tool_calls=[Call("look", {"city": "巴黎"}), Call("look", {"city": "Rome"})],
    usage=Use(20, 30, cached=5, reasoning=7),
)
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def client(server: DashScopeServer, model: str = "qwen-plus", **options: Any) -> LLMClient:
    return LLMClient("aliyun", model, **{"base_url": server.url, "api_key": "k", "max_retries": 0, **options})


def async_client(server: DashScopeServer, model: str = "qwen-plus", **options: Any) -> AsyncLLMClient:
    return AsyncLLMClient("aliyun", model, **{"base_url": server.url, "api_key": "k", "max_retries": 0, **options})


def comparable(response: Any) -> dict[str, Any]:
    """What must not differ between two answers to the same question."""
    facts = response.model_dump(exclude={"id", "raw", "created"})
    for choice in facts["choices"]:
        for call in choice["message"]["tool_calls"]:
            call["id"] = "call"
    return facts


def check(response: Any) -> None:
    assert response.content == ANSWER.text
    assert response.reasoning_content == ANSWER.reasoning
    assert [call.parse_arguments() for call in response.tool_calls] == [{"city": "巴黎"}, {"city": "Rome"}]
    assert len({call.id for call in response.tool_calls}) == 2
    assert (response.finish_reason, response.raw_finish_reason) == ("tool_calls", "tool_calls")
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.total_tokens) == (20, 30, 50)
    assert (response.usage.cached_tokens, response.usage.reasoning_tokens) == (5, 7)
    assert response.provider == "aliyun"
    assert response.id


@pytest.mark.parametrize("write_size", [None, 1, 7])
@pytest.mark.parametrize("model", ["qwen-plus", "qwen-vl-plus"])
def test_a_stream_folds_to_the_whole_answer(model: str, write_size: int | None) -> None:
    with DashScopeServer(ANSWER, write_size=write_size) as server, client(server, model) as c:
        whole = c.chat("hi", enable_thinking=True)
        stream = c.stream("hi", enable_thinking=True)
        chunks = list(stream)
    check(whole)
    assert comparable(stream.response()) == comparable(whole)
    assert whole.model == chunks[0].model == model  # as asked: the answer names none
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["tool_calls"]
    assert [bool(chunk.usage) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    deltas = [delta for chunk in chunks for delta in chunk.tool_calls]
    assert [(delta.index, delta.name) for delta in deltas if delta.id] == [(0, "look"), (1, "look")]
    assert all(chunk.raw["request_id"] for chunk in chunks if chunk.content)


async def test_the_async_client_says_the_same() -> None:
    with DashScopeServer(ANSWER, write_size=3) as server:
        with client(server) as c:
            whole = c.chat("hi")
        async with async_client(server) as c:
            assert comparable(await c.chat("hi")) == comparable(whole)
            assert comparable(await c.stream("hi").response()) == comparable(whole)


def test_a_conversation_with_tools() -> None:
    replies = [Reply("", reasoning="Ask.", tool_calls=[Call("look"), Call("look")]), Reply("Rain.")]
    with DashScopeServer(replies) as server, client(server) as c:
        history = [Message.user("weather?")]
        first = c.chat(history, tools=[TOOL])
        history += [first.message, *(Message.tool("rain", call) for call in first.tool_calls)]
        assert c.stream(history, tools=[TOOL]).response().content == "Rain."
        sent = server.last.json["input"]["messages"]
    assert sent[1]["reasoning_content"] == "Ask."
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool"]


def test_several_answers_and_their_probabilities() -> None:
    with DashScopeServer(Reply("a b")) as server, client(server) as c:
        got = c.chat("hi", n=2, logprobs=True, top_logprobs=1)
    assert [choice.message.text for choice in got.choices] == ["a b", "a b (2)"]
    assert "".join(token["token"] for token in got.logprobs) == "a b"


@pytest.mark.parametrize("model", ["qwen3-32b", "qwen3-0.6b"])
@pytest.mark.parametrize("params", [{}, {"enable_thinking": True}, {"reasoning_effort": "high"}])
def test_models_that_think_only_in_streams_are_asked_for_one(model: str, params: dict) -> None:
    with DashScopeServer(ANSWER) as server, client(server, model) as c:
        check(c.chat("hi", **params))
        assert len(server.requests) == 1
        assert server.last.headers["x-dashscope-sse"] == "enable"


def test_and_are_not_when_they_shall_not_think() -> None:
    with DashScopeServer(ANSWER) as server, client(server, "qwen3-32b") as c:
        check(c.chat("hi", enable_thinking=False))
        assert "x-dashscope-sse" not in server.last.headers


def refuse_whole_answers(body: dict, recorded: Any) -> Any:
    if recorded.headers.get("x-dashscope-sse"):
        return ANSWER
    return Fault(400, "InvalidParameter", "parameter.enable_thinking must be set to false for non-streaming calls")


def test_a_model_nobody_knew_of_is_asked_again_for_a_stream() -> None:
    with DashScopeServer(refuse_whole_answers) as server, client(server, "qwen9-hybrid") as c:
        check(c.chat("hi"))
        assert len(server.requests) == 2


async def test_so_does_the_async_client() -> None:
    with DashScopeServer(refuse_whole_answers) as server:
        async with async_client(server, "qwen9-hybrid") as c:
            check(await c.chat("hi"))


def test_a_failure_in_the_stream_behind_a_whole_answer() -> None:
    fault = Fault(400, "DataInspectionFailed", "bad", midstream_after=2, reply=ANSWER)
    with DashScopeServer(fault) as server, client(server, "qwq-plus") as c, pytest.raises(ContentFilterError):
        c.chat("hi")
    with (
        DashScopeServer(Fault(cut_after=3, polite=True, reply=ANSWER)) as server,
        client(server, "qwq-plus") as c,
        pytest.raises(StreamInterruptedError) as caught,
    ):
        c.chat("hi")
    assert caught.value.partial.reasoning_content


def wrong_service(right: str) -> Any:
    def answer(body: dict, recorded: Any) -> Any:
        return ANSWER if right in recorded.path else Fault(400, "InvalidParameter", "url error, please check url!")

    return answer


@pytest.mark.parametrize(("model", "right"), [("qwen9-plus", "multimodal"), ("qwen3.5-plus", "text-generation")])
def test_the_other_service_is_tried_once_and_remembered(model: str, right: str) -> None:
    with DashScopeServer(wrong_service(right)) as server, client(server, model) as c:
        check(c.chat("hi"))
        assert len(server.requests) == 2
        check(c.stream("hi").response())
        assert len(server.requests) == 3


def test_the_other_service_for_a_stream() -> None:
    with DashScopeServer(wrong_service("multimodal")) as server, client(server, "qwen9-plus") as c:
        check(c.stream("hi").response())
        assert [request.path.rsplit("/", 2)[1] for request in server.requests] == [
            "text-generation",
            "multimodal-generation",
        ]


def test_a_service_that_was_chosen_is_not_changed() -> None:
    with DashScopeServer(wrong_service("multimodal")) as server, client(server, "qwen9-plus", endpoint="text") as c:
        with pytest.raises(InvalidRequestError, match="url error"):
            c.chat("hi")
        assert len(server.requests) == 1


def test_both_services_refusing_is_an_error() -> None:
    with DashScopeServer(wrong_service("nowhere")) as server, client(server, "qwen9-plus") as c:
        for expected in (2, 3):
            with pytest.raises(InvalidRequestError, match="url error"):
                c.chat("hi")
            assert len(server.requests) == expected


@pytest.mark.parametrize("write_size", [None, 1])
def test_a_stream_that_repeats_itself(write_size: int | None) -> None:
    with DashScopeServer(ANSWER, cumulative=True, write_size=write_size) as server, client(server) as c:
        stream = c.stream("hi", extra_body={"parameters": {"incremental_output": False}})
        chunks = list(stream)
        check(stream.response())
    assert "".join(chunk.content for chunk in chunks) == ANSWER.text


def test_a_delta_that_begins_like_the_text_before_it_is_kept() -> None:
    with DashScopeServer(Reply("哈哈哈哈哈哈", chunk_size=2)) as server, client(server) as c:
        assert c.stream("hi").response().content == "哈哈哈哈哈哈"


def test_a_whole_answer_where_a_stream_was_asked_for(replay: ReplayServer) -> None:
    body = {"output": {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}, "code": "", "usage": {}}
    url = replay.serve_bytes([json.dumps(body).encode()])
    with LLMClient("aliyun", "qwen-plus", api_key="k", base_url=url) as c:
        assert c.stream("hi").response().content == "hi"
        assert c.chat("hi").content == "hi"


def frames(*payloads: dict) -> bytes:
    return b"".join(
        f"id:{at}\nevent:result\n:HTTP_STATUS/200\ndata:{json.dumps(payload, ensure_ascii=False)}\n\n".encode()
        for at, payload in enumerate(payloads, 1)
    )


def read(*payloads: dict, **params: Any) -> Any:
    """What a stream of these events is read as."""
    protocol = load_protocol(Settings.resolve("aliyun", "qwen-plus", "k", "http://h", {}))
    reader = StreamReader(protocol, ChatRequest(messages="hi", model="qwen-plus", **params), [])
    chunks = [*reader.feed(frames(*payloads)), *reader.finish()]
    return reader.response(), chunks


def event(content: Any = "", finish: str | None = "null", **message: Any) -> dict:
    choice = {"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    return {"output": {"choices": [choice]}, "request_id": "r"}


def test_sources_of_a_search_come_once() -> None:
    source = {"index": 1, "title": "t", "url": "https://x"}
    first, last = event("a"), event("b", "stop")
    for payload in (first, last):
        payload["output"]["search_info"] = {"search_results": [source]}
        payload["usage"] = {}
    response, chunks = read(first, last)
    assert response.citations == [source]
    assert [chunk.citations for chunk in chunks if chunk.citations] == [[source]]


@pytest.mark.parametrize("open_reason", ["null", "", None])
def test_no_finish_reason_is_no_end(open_reason: str | None) -> None:
    with pytest.raises(StreamInterruptedError) as caught:
        read(event("half", open_reason))
    assert caught.value.partial.content == "half"
    assert caught.value.partial.finish_reason is None


def test_calls_without_an_index_are_a_snapshot() -> None:
    def calls(*arguments: str) -> list[dict]:
        return [
            {"id": f"c{at}", "type": "function", "function": {"name": "f", "arguments": text}}
            for at, text in enumerate(arguments)
        ]

    response, chunks = read(
        event(tool_calls=calls('{"a"')),
        event(tool_calls=calls('{"a": 1}', "{")),
        event(finish="tool_calls", tool_calls=calls('{"a": 1}', '{"b": 2}')),
    )
    assert [(call.id, call.arguments) for call in response.tool_calls] == [("c0", '{"a": 1}'), ("c1", '{"b": 2}')]
    pieces = [(delta.index, delta.arguments) for chunk in chunks for delta in chunk.tool_calls]
    assert pieces == [(0, '{"a"'), (0, ": 1}"), (1, "{"), (1, '"b": 2}')]


def test_the_older_text_form() -> None:
    old = [
        {"output": {"text": text, "finish_reason": end}, "request_id": "r"}
        for text, end in (("a", "null"), ("b", "stop"))
    ]
    assert read(*old)[0].content == "ab"
    asked = {"extra_body": {"parameters": {"incremental_output": False}}}
    grown = [{"output": {"text": text, "finish_reason": end}} for text, end in (("a", "null"), ("ab", "stop"))]
    assert read(*grown, **asked)[0].content == "ab"


def test_strange_events_are_survived() -> None:
    response, _ = read(
        {"request_id": "r"},
        {"output": None, "usage": None},
        {"output": {"choices": None}},
        {"output": {"choices": [{"message": None, "finish_reason": None}]}},
        event(None, tool_calls=None, reasoning_content=None),
        event([{"text": "a"}, {"image": "https://x"}, "b"]),
        event("c", "stop", unknown={"x": 1}),
    )
    assert response.content == "abc"


def test_models_of_all_pages() -> None:
    names = [f"m{at}" for at in range(23)]
    with DashScopeServer(models=names, page_size=10) as server, client(server, workspace="ws") as c:
        assert [model.id for model in c.models()] == names
        assert [request.query["page_no"] for request in server.requests] == ["1", "2", "3"]
        assert server.last.headers["x-dashscope-workspace"] == "ws"


def test_a_server_that_repeats_its_page_ends_the_list() -> None:
    body = {"output": {"models": [{"model": "a", "model_info": {"context_window": 5}}], "total": 9}}
    exchange = load_protocol(Settings.resolve("aliyun", None, "k", "http://h", {})).models()
    assert next(exchange).query["page_no"] == "1"
    assert exchange.send(Answer(200, {}, json.dumps(body).encode())).query["page_no"] == "2"
    with pytest.raises(StopIteration) as stop:
        exchange.send(Answer(200, {}, json.dumps(body).encode()))
    assert [(model.id, model.context_window) for model in stop.value.value] == [("a", 5)]


def test_embeddings_in_batches() -> None:
    texts = [f"text {at}" for at in range(23)]
    with DashScopeServer() as server, client(server, "text-embedding-v4") as c:
        got = c.embed(texts, dimensions=4)
        one = c.embed("text 22", dimensions=4)
        sizes = [len(request.json["input"]["texts"]) for request in server.requests]
        assert server.requests[0].json["parameters"] == {"dimension": 4}
    assert sizes == [10, 10, 3, 1]
    assert len(got.embeddings) == 23
    assert got.embeddings[22] == one.embeddings[0]
    assert got.usage.input_tokens == got.usage.total_tokens > 0


async def test_models_and_embeddings_without_blocking() -> None:
    with DashScopeServer() as server:
        async with async_client(server, "text-embedding-v4") as c:
            assert [model.id for model in await c.models()] == ["qwen-plus", "qwen-vl-plus", "qwen3-max"]
            assert len((await c.embed(["a", "b"])).embeddings) == 2
            assert server.last.json["parameters"] == {}


def test_a_rate_limit_is_tried_again() -> None:
    faults = [Fault(429, "Throttling.RateQuota", headers={"retry-after": "0"}), ANSWER]
    for ask in ("chat", "stream"):
        with DashScopeServer(faults) as server, client(server, max_retries=1) as c:
            check(c.chat("hi") if ask == "chat" else c.stream("hi").response())
            assert len(server.requests) == 2
