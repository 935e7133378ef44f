"""A vendor's fault has one class, whatever form it comes in."""

from __future__ import annotations

import pickle

import pytest

from llm_connector import LLMClient, errors
from llm_connector.errors import (
    AuthenticationError,
    BillingError,
    ContentFilterError,
    ContextLengthError,
    InvalidRequestError,
    LLMError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    StreamInterruptedError,
)
from llm_connector.faults import classify, decode_body, read_fault
from requests_of import request_of
from servers.openai_chat import OpenAIChatServer
from servers.script import Fault

OPENAI = [
    (400, "context_length_exceeded", "This model's maximum context length is 8 tokens.", ContextLengthError),
    (400, "", "This model's maximum context length is 8 tokens.", ContextLengthError),
    (400, "content_policy_violation", "no", ContentFilterError),
    (400, "invalid_prompt", "no", InvalidRequestError),
    (400, "", "max_tokens is above the maximum of 4096", InvalidRequestError),
    (401, "invalid_api_key", "no", AuthenticationError),
    (403, "", "Country not supported", PermissionDeniedError),
    (404, "model_not_found", "no", ModelNotFoundError),
    (404, "", "The model `x` does not exist", ModelNotFoundError),
    (404, "not_found", "Invalid URL", InvalidRequestError),
    (408, "", "slow", RequestTimeoutError),
    (409, "", "conflict", ServerError),
    (413, "", "Request too large", InvalidRequestError),
    (422, "", "no", InvalidRequestError),
    (429, "insufficient_quota", "no", BillingError),
    (429, "rate_limit_exceeded", "no", RateLimitError),
    (500, "", "oops", ServerError),
    (502, "", "oops", ServerError),
    (503, "", "slow down", OverloadedError),
    (504, "", "late", RequestTimeoutError),
]


@pytest.mark.parametrize(("status", "code", "message", "kind"), OPENAI)
def test_openais_table(status: int, code: str, message: str, kind: type[LLMError]) -> None:
    with OpenAIChatServer(Fault(status, code, message)) as server:
        with LLMClient("openai", "m", api_key="k", base_url=server.url, max_retries=0) as client:
            with pytest.raises(LLMError) as caught:
                client.chat("hi")
            with pytest.raises(kind):
                client.stream("hi")
    error = caught.value
    assert type(error) is kind
    assert (error.status_code, error.provider) == (status, "openai")
    assert error.request_id
    assert message in str(error)
    if code:
        assert error.code == code


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, "rate_limit_exceeded", RateLimitError),
        (503, "overloaded_error", OverloadedError),
        (400, "context_length_exceeded", ContextLengthError),
        (429, "insufficient_quota", BillingError),
    ],
)
@pytest.mark.parametrize("form", ["in_200", "midstream"])
def test_the_same_class_without_a_status(status: int, code: str, kind: type[LLMError], form: str) -> None:
    fault = Fault(status, code, in_200=True) if form == "in_200" else Fault(status, code, midstream_after=1)
    with OpenAIChatServer(fault) as server:
        with (
            LLMClient("openai_compatible", "m", api_key="k", base_url=server.url, max_retries=0) as client,
            pytest.raises(LLMError) as caught,
        ):
            client.chat("hi") if form == "in_200" else list(client.stream("hi"))
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("payload", "message", "code"),
    [
        ({"error": {"message": "m", "code": "c"}}, "m", "c"),
        ({"error": "m"}, "m", None),
        ({"detail": "m"}, "m", None),
        ({"detail": [{"msg": "a"}, {"msg": "b"}]}, "a; b", None),
        ({"message": "m", "code": 7}, "m", "7"),
        ([{"error": {"message": "m", "status": "S"}}], "m", "S"),
        ({"Response": {"Error": {"Code": "C", "Message": "m"}, "RequestId": "r"}}, "m", "C"),
        ({"ErrorMsg": {"Msg": "m", "Code": 4000}}, "m", "4000"),
        ({"type": "error", "error": {"type": "t", "message": "m"}, "request_id": "r"}, "m", "t"),
        ("plain text", "plain text", None),
        (
            "<html><title>502 Bad\nGateway</title>",
            "an HTML page came instead of JSON (502 Bad\nGateway); check base_url",
            None,
        ),
        ("", "the vendor gave no message", None),
        (None, "the vendor gave no message", None),
    ],
)
def test_every_shape_of_an_error(payload, message: str, code: str | None) -> None:
    fault = read_fault(500, {}, payload)
    assert fault.message == message
    assert (fault.codes or [None])[0] == code


def test_ids_and_waits_are_kept() -> None:
    error = classify(read_fault(429, {"x-request-id": "r1", "retry-after": "7"}, {"message": "m"}), (), "p")
    assert (error.request_id, error.retry_after, error.retryable) == ("r1", 7.0, True)
    assert str(error) == "p: m (HTTP 429, request r1)"
    assert classify(read_fault(400, {}, {"message": "m", "request_id": "r2"}), (), "p").request_id == "r2"


def test_a_body_framed_as_events() -> None:
    assert decode_body(b'id:1\nevent:error\n:HTTP_STATUS/400\ndata:{"code":"c"}\n\n') == {"code": "c"}
    assert decode_body(b"\xff\xfe") == "\ufffd\ufffd"


def test_the_last_event_of_a_stream_is_no_whole_answer() -> None:
    stream = b'data: {"choices":[]}\n\ndata: {"choices":[]}\n\n'
    assert decode_body(stream, failed=False) == stream.decode()
    assert decode_body(b'event:error\ndata:{"code":"c"}\n\n', failed=False) == {"code": "c"}


def test_a_long_body_is_cut() -> None:
    assert len(read_fault(500, {}, "x" * 10_000).raw) == 4096


@pytest.mark.parametrize("name", [name for name in dir(errors) if name.endswith("Error")])
def test_errors_are_of_one_tree_and_no_frameworks_confusion(name: str) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, LLMError)
    assert not issubclass(kind, ValueError | TypeError)
    error = kind("m", provider="p", status_code=400, code="c", request_id="r", retry_after=1.0, raw={"a": 1})
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.__dict__) == (str(error), error.__dict__)
    assert repr(error) == f"{name}({str(error)!r})"


def test_an_interrupted_stream_holds_what_came() -> None:
    assert StreamInterruptedError("m").partial is None


def test_requests_carry_no_key_in_their_errors() -> None:
    with pytest.raises(LLMError) as caught:
        request_of("openai", options={"api_key": "sk-canary", "headers": {"x-bad": "a\nb"}})
    assert "sk-canary" not in repr(caught.value) + str(caught.value.__dict__)
    assert "x-bad" in str(caught.value)
