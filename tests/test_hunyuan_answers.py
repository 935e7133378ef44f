"""Hunyuan answers through both clients and a real server that checks signatures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llm_connector import (
    AsyncLLMClient,
    AuthenticationError,
    BillingError,
    ChatRequest,
    ContentFilterError,
    InvalidRequestError,
    LLMClient,
    LLMError,
    Message,
    ModelNotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    StreamInterruptedError,
    UnsupportedError,
)
from llm_connector.call import load_protocol
from llm_connector.protocols.base import StreamReader
from llm_connector.settings import Settings
from servers.hunyuan import HunyuanServer
from servers.script import Call, Fault, Reply, Use

if TYPE_CHECKING:
    from servers.replay import ReplayServer

SECRETS = {"secret_id": "AKIDtest", "secret_key": "a-secret"}
ANSWER = Reply(
    "巴黎, 当然 🙂.",
    reasoning="The user asks for a capital.",
    tool_calls=[Call("look", {"city": "巴黎"}), Call("look", {"city": "Rome"})],
    usage=Use(20, 30, cached=5),
)
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def checking(script: Any, **options: Any) -> HunyuanServer:
    """A server that verifies each signature."""
    return HunyuanServer(script, **SECRETS, **options)


def client(server: HunyuanServer, model: str = "hunyuan-x", **options: Any) -> LLMClient:
    return LLMClient("tencent", model, **{"base_url": server.url, "max_retries": 0, **SECRETS, **options})


def async_client(server: HunyuanServer, model: str = "hunyuan-x", **options: Any) -> AsyncLLMClient:
    return AsyncLLMClient("tencent", model, **{"base_url": server.url, "max_retries": 0, **SECRETS, **options})


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
    assert response.usage.cached_tokens == 5
    assert response.usage.raw["PromptTokens"] == 20
    assert response.provider == "tencent"
    assert response.created == 1_795_000_000


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("write_size", [None, 1, 7])
def test_a_stream_folds_to_the_whole_answer(done: bool, write_size: int | None) -> None:
    with checking(ANSWER, write_size=write_size, done=done) as server, client(server) as c:
        whole = c.chat("你好")
        stream = c.stream("你好")
        chunks = list(stream)
    check(whole)
    assert comparable(stream.response()) == comparable(whole)
    assert whole.model == chunks[0].model == "hunyuan-x"  # as asked: the answer names none
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["tool_calls"]
    assert [bool(chunk.usage) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    deltas = [delta for chunk in chunks for delta in chunk.tool_calls]
    assert [(delta.index, delta.name) for delta in deltas if delta.id] == [(0, "look"), (1, "look")]
    assert all(chunk.raw["Choices"] for chunk in chunks if chunk.content)


async def test_the_async_client_says_the_same() -> None:
    with checking(ANSWER, write_size=3) as server:
        with client(server) as c:
            whole = c.chat("hi")
        async with async_client(server) as c:
            assert comparable(await c.chat("hi")) == comparable(whole)
            assert comparable(await c.stream("hi").response()) == comparable(whole)


def test_a_conversation_with_tools() -> None:
    replies = [Reply("", reasoning="Ask.", tool_calls=[Call("look"), Call("look")]), Reply("Rain.")]
    with checking(replies) as server, client(server) as c:
        history = [Message.system("s"), Message.user("weather?")]
        first = c.chat(history, tools=[TOOL])
        history += [first.message, *(Message.tool("rain", call) for call in first.tool_calls)]
        assert c.stream(history, tools=[TOOL]).response().content == "Rain."
        assert [message["Role"] for message in server.last.json["Messages"]] == [
            "system",
            "user",
            "assistant",
            "tool",
            "tool",
        ]


def test_a_forced_tool() -> None:
    with checking(None) as server, client(server) as c:
        assert [call.name for call in c.chat("hi", tools=[TOOL], tool_choice="look").tool_calls] == ["look"]


def test_a_wrong_secret() -> None:
    with checking(ANSWER) as server, client(server, secret_key="another") as c:
        for ask in (c.chat, lambda text: c.stream(text).response()):
            with pytest.raises(AuthenticationError) as caught:
                ask("hi")
            assert "another" not in str(caught.value)
            assert caught.value.code == "AuthFailure.SignatureFailure"


def test_each_try_is_signed() -> None:
    faults = [Fault(429, "RequestLimitExceeded", headers={"retry-after": "0"}), Reply("ok")]
    with checking(faults) as server, client(server, max_retries=1) as c:
        assert c.chat("hi").content == "ok"
        assert all(request.headers["authorization"] for request in server.requests)
        assert len(server.requests) == 2


TABLE = [
    ("AuthFailure.SecretIdNotFound", AuthenticationError),
    ("AuthFailure.SignatureExpire", AuthenticationError),
    ("AuthFailure", AuthenticationError),
    ("UnauthorizedOperation", PermissionDeniedError),
    ("UnauthorizedOperation.CamNoAuth", PermissionDeniedError),
    ("OperationDenied", PermissionDeniedError),
    ("OperationDenied.TextIllegalDetected", ContentFilterError),
    ("OperationDenied.ImageIllegalDetected", ContentFilterError),
    ("RequestLimitExceeded", RateLimitError),
    ("RequestLimitExceeded.UinLimitExceeded", RateLimitError),
    ("LimitExceeded", RateLimitError),
    ("InvalidParameterValue.Model", ModelNotFoundError),
    ("ResourceNotFound", ModelNotFoundError),
    ("InvalidParameter", InvalidRequestError),
    ("InvalidParameterValue", InvalidRequestError),
    ("MissingParameter", InvalidRequestError),
    ("UnsupportedOperation", InvalidRequestError),
    ("ResourceInsufficient.ChargeResourceExhaust", BillingError),
    ("ResourceInsufficient.ChargeResourceExhausted", BillingError),
    ("ResourceUnavailable.InArrears", BillingError),
    ("ResourceUnavailable.LowBalance", BillingError),
    ("ResourceUnavailable.StopUsing", BillingError),
    ("ResourceUnavailable.NotExist", BillingError),
    ("FailedOperation.EngineServerError", ServerError),
    ("FailedOperation.ServiceNotActivated", ServerError),
    ("FailedOperation.EngineRequestTimeout", RequestTimeoutError),
    ("InternalError", ServerError),
    ("InternalError.Unknown", ServerError),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("code", "error"), TABLE)
def test_errors_in_http_200(code: str, error: type, stream: bool) -> None:
    with checking(Fault(400, code, "told")) as server, client(server) as c, pytest.raises(LLMError) as caught:
        c.stream("hi").response() if stream else c.chat("hi")
    assert type(caught.value) is error
    assert (caught.value.code, caught.value.message) == (code, "told")
    assert caught.value.request_id
    assert caught.value.provider == "tencent"


@pytest.mark.parametrize(("code", "error"), TABLE)
def test_errors_with_an_http_status(code: str, error: type, replay: ReplayServer) -> None:
    body = json.dumps({"Response": {"Error": {"Code": code, "Message": "told"}, "RequestId": "r"}}).encode()
    with (
        LLMClient("tencent", "m", base_url=replay.serve_bytes([body], 400), max_retries=0, **SECRETS) as c,
        pytest.raises(LLMError) as caught,
    ):
        c.chat("hi")
    assert type(caught.value) is error
    assert (caught.value.status_code, caught.value.request_id) == (400, "r")


def test_a_service_that_is_not_activated_is_not_tried_again() -> None:
    with checking(Fault(400, "FailedOperation.ServiceNotActivated")) as server, client(server, max_retries=2) as c:
        with pytest.raises(ServerError):
            c.chat("hi")
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("code", "error"), [("4000", ServerError), ("4001", RequestTimeoutError), ("5000", ServerError)]
)
def test_an_error_in_the_middle_of_a_stream(code: str, error: type) -> None:
    fault = Fault(500, code, "service unavailable", midstream_after=2)
    with checking(fault) as server, client(server) as c, pytest.raises(LLMError) as caught:
        c.stream("hi").response()
    assert type(caught.value) is error
    assert caught.value.partial.reasoning_content
    assert caught.value.message == "service unavailable"


def test_an_error_in_a_whole_answer(replay: ReplayServer) -> None:
    body = {"Response": {"ErrorMsg": {"Msg": "late", "Code": 4001}, "Choices": [], "RequestId": "r"}}
    with (
        LLMClient(
            "tencent", "m", base_url=replay.serve_bytes([json.dumps(body).encode()]), max_retries=0, **SECRETS
        ) as c,
        pytest.raises(RequestTimeoutError, match="late"),
    ):
        c.chat("hi")


@pytest.mark.parametrize("polite", [True, False])
def test_a_stream_that_stops_too_early(polite: bool) -> None:
    fault = Fault(cut_after=6, polite=polite, reply=Reply("a long answer that breaks", chunk_size=3))
    with checking(fault) as server, client(server) as c, pytest.raises(StreamInterruptedError) as caught:
        c.stream("hi").response()
    assert caught.value.partial.content
    assert caught.value.partial.finish_reason is None


def read(*payloads: dict) -> Any:
    """What a stream of these events is read as."""
    settings = Settings.resolve("tencent", "m", None, "http://h", SECRETS)
    reader = StreamReader(load_protocol(settings), ChatRequest(messages="hi", model="m"), [])
    data = "".join(f"data: {json.dumps(payload)}\n\n" for payload in payloads).encode()
    chunks = [*reader.feed(data), *reader.finish()]
    return reader.response(), chunks


def event(finish: str | None = "", **delta: Any) -> dict:
    return {"Id": "i", "Choices": [{"Delta": {"Role": "assistant", **delta}, "FinishReason": finish}], "ErrorMsg": None}


def piece(call_id: str, name: str, arguments: str) -> dict:
    return {"ToolCalls": [{"Id": call_id, "Type": "function", "Function": {"Name": name, "Arguments": arguments}}]}


def test_pieces_of_calls_are_joined_by_their_id() -> None:
    response, chunks = read(
        event(**piece("a", "f", "")),
        event(**piece("b", "g", '{"x"')),
        event(**piece("a", "", '{"y": 2}')),
        event(**piece("b", "", ": 1}")),
        event(Content="after the calls"),
        event("tool_calls", Content=""),
    )
    assert [(call.id, call.name, call.arguments) for call in response.tool_calls] == [
        ("a", "f", '{"y": 2}'),
        ("b", "g", '{"x": 1}'),
    ]
    assert response.content == "after the calls"
    assert [delta.index for chunk in chunks for delta in chunk.tool_calls] == [0, 1, 0, 1]


def test_finish_reasons_and_strange_events() -> None:
    assert read(event("sensitive"))[0].finish_reason == "content_filter"
    assert (
        read(event(None, Content="a"), {"Note": "x"}, {"Choices": None}, event("stop", New={"A": 1}))[0].content == "a"
    )


def test_an_answer_without_the_wrapper(replay: ReplayServer) -> None:
    choice = {"Message": {"Role": "assistant", "Content": "hi"}, "FinishReason": "stop"}
    for body in ({"Choices": [choice], "Id": "i"}, {"Response": {"Choices": [choice], "Id": "i"}}):
        url = replay.serve_bytes([json.dumps(body).encode()])
        with LLMClient("tencent", "m", base_url=url, **SECRETS) as c:
            assert (c.chat("hi").content, c.chat("hi").id) == ("hi", "i")
            assert c.stream("hi").response().content == "hi"


def test_embeddings_in_batches() -> None:
    texts = [f"text {at}" for at in range(101)]
    with checking(None) as server, client(server, "hunyuan-embedding") as c:
        got = c.embed(texts, dimensions=8)
        one = c.embed("text 100")
        assert [len(request.json["InputList"]) for request in server.requests] == [50, 50, 1, 1]
        assert server.last.headers["x-tc-action"] == "GetEmbedding"
    assert len(got.embeddings) == 101
    assert got.embeddings[100] == one.embeddings[0]
    assert got.usage.input_tokens == got.usage.total_tokens > 0
    assert "dimensions" in got.warnings[0]
    assert one.warnings == []


def test_an_error_of_embeddings() -> None:
    with checking(Fault(429)) as server, client(server, "hunyuan-embedding") as c, pytest.raises(RateLimitError):
        c.embed("a")


def test_there_is_no_list_of_models() -> None:
    with checking(None) as server, client(server) as c:
        with pytest.raises(UnsupportedError, match="lists models"):
            c.models()
        assert server.requests == []


async def test_embeddings_without_blocking() -> None:
    with checking(None) as server:
        async with async_client(server, "hunyuan-embedding") as c:
            assert len((await c.embed(["a", "b"])).embeddings) == 2
            with pytest.raises(UnsupportedError):
                await c.models()
