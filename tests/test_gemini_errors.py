"""Google's errors: the same class as an HTTP status, in a list, and in the middle of a stream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llm_connector import (
    AsyncLLMClient,
    AuthenticationError,
    BillingError,
    ConfigError,
    ContextLengthError,
    DecodeError,
    InvalidRequestError,
    LLMClient,
    LLMError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    StreamInterruptedError,
)
from oracle import capture
from servers.gemini import GeminiServer, GoogleVertexServer
from servers.script import Fault, Reply

if TYPE_CHECKING:
    from servers.replay import ReplayServer

SSE = {"content-type": "text/event-stream"}
KIND = "type.googleapis.com/google.rpc."


def body(status: int, name: str, message: str = "boom", *details: dict[str, Any]) -> dict[str, Any]:
    error: dict[str, Any] = {"code": status, "message": message, "status": name}
    return {"error": error | ({"details": list(details)} if details else {})}


def reason(name: str) -> dict[str, Any]:
    return {"@type": f"{KIND}ErrorInfo", "reason": name, "domain": "googleapis.com"}


def quota(name: str) -> dict[str, Any]:
    return {"@type": f"{KIND}QuotaFailure", "violations": [{"quotaId": name, "quotaValue": "20"}]}


TOO_LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
QUOTA = "You exceeded your current quota, please check your plan and billing details."
TABLE: list[tuple[int, dict[str, Any], type[LLMError], bool]] = [
    (400, body(400, "INVALID_ARGUMENT"), InvalidRequestError, False),
    (400, body(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), AuthenticationError, False),
    (400, body(400, "INVALID_ARGUMENT", "x", reason("API_KEY_INVALID")), AuthenticationError, False),
    (400, body(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."), AuthenticationError, False),
    (400, body(400, "INVALID_ARGUMENT", TOO_LONG), ContextLengthError, False),
    (400, body(400, "INVALID_ARGUMENT", "The maximum context of a poem"), InvalidRequestError, False),
    (
        400,
        body(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
        PermissionDeniedError,
        False,
    ),
    (400, body(400, "OUT_OF_RANGE"), InvalidRequestError, False),
    (401, body(401, "UNAUTHENTICATED"), AuthenticationError, False),
    (
        403,
        body(
            403,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity).",
        ),
        AuthenticationError,
        False,
    ),
    (403, body(403, "PERMISSION_DENIED", "Your API key was reported as leaked."), AuthenticationError, False),
    (403, body(403, "PERMISSION_DENIED", "x", reason("SERVICE_DISABLED")), PermissionDeniedError, False),
    (403, body(403, "PERMISSION_DENIED", "x", reason("BILLING_DISABLED")), BillingError, False),
    (404, body(404, "NOT_FOUND", "models/x is not found for API version v1beta"), ModelNotFoundError, False),
    (404, body(404, "NOT_FOUND", "Requested entity was not found."), ModelNotFoundError, False),
    (429, body(429, "RESOURCE_EXHAUSTED", QUOTA), RateLimitError, True),
    (429, body(429, "RESOURCE_EXHAUSTED", QUOTA, quota("RequestsPerMinutePerProject-FreeTier")), RateLimitError, True),
    (429, body(429, "RESOURCE_EXHAUSTED", QUOTA, quota("RequestsPerDayPerProject-FreeTier")), RateLimitError, False),
    (429, body(429, "RESOURCE_EXHAUSTED", f"{QUOTA}\n* Quota exceeded, limit: 0"), BillingError, False),
    (429, body(429, "RESOURCE_EXHAUSTED", f"{QUOTA}\n* Quota exceeded, limit: 10"), RateLimitError, True),
    (499, body(499, "CANCELLED"), ServerError, True),
    (500, body(500, "INTERNAL"), ServerError, True),
    (501, body(501, "UNIMPLEMENTED"), InvalidRequestError, False),
    (503, body(503, "UNAVAILABLE"), OverloadedError, True),
    (504, body(504, "DEADLINE_EXCEEDED"), RequestTimeoutError, True),
]


def ask(replay: ReplayServer, data: bytes, status: int, headers: dict[str, str] | None = None, *, stream: bool) -> Any:
    url = replay.serve_bytes([data], status, headers)
    with LLMClient("google", "m", api_key="k-secret", base_url=url, max_retries=0) as client:
        return client.stream("hi").response() if stream else client.chat("hi")


@pytest.mark.parametrize(("status", "payload", "kind", "retryable"), TABLE)
def test_the_same_class_in_every_form(
    status: int, payload: dict[str, Any], kind: type[LLMError], retryable: bool, replay: ReplayServer
) -> None:
    plain, listed = json.dumps(payload).encode(), json.dumps([payload], indent=2).encode()
    event = b"data: " + plain + b"\r\n\r\n"
    begun = b'data: {"candidates": [{"content": {"parts": [{"text": "a"}]}}]}\r\n\r\n'
    forms = [
        (plain, status, None, False),
        (listed, status, None, False),
        (plain, status, None, True),
        (event, status, SSE, True),  # an error's body may be labelled as events and be framed so
        (plain, status, SSE, True),  # or be plain JSON all the same
        (plain, 200, None, False),
        (listed, 200, None, True),
        (event, 200, SSE, True),
        (begun + listed, 200, SSE, True),
        (begun + event, 200, SSE, True),
    ]
    for data, sent_status, headers, stream in forms:
        with pytest.raises(LLMError) as caught:
            ask(replay, data, sent_status, headers, stream=stream)
        error = caught.value
        assert type(error) is kind, (data, error)
        assert error.retryable is retryable
        assert error.code == payload["error"]["status"]
        assert error.message == payload["error"]["message"]
        assert error.provider == "google"
        assert "k-secret" not in repr(error)
        assert (error.partial is not None) is (stream and sent_status == 200)


@pytest.mark.parametrize("vendor", ["google", "google_v1"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (403, PermissionDeniedError),
        (404, ModelNotFoundError),
        (429, RateLimitError),
        (500, ServerError),
        (503, OverloadedError),
    ],
)
def test_the_bodies_that_googles_sdk_was_given(
    vendor: str, status: int, kind: type[LLMError], replay: ReplayServer
) -> None:
    reply = capture(f"{vendor}-error-{status}")["replies"][0]
    with pytest.raises(kind) as caught:
        ask(replay, json.dumps(reply["body"]).encode(), status, stream=False)
    assert type(caught.value) is kind
    assert caught.value.status_code == status
    assert caught.value.retry_after == (3.0 if status == 429 else None)


def test_google_tells_in_the_body_how_long_to_wait() -> None:
    script = [Fault(429, headers={"retry-after": "0.05"}), Reply("Now.")]
    with GeminiServer(script) as server, LLMClient("google", "gemini-x", api_key="k", base_url=server.origin) as client:
        assert client.chat("hi").content == "Now."
        first, second = server.requests
    assert 0.04 <= second.at - first.at < 2


async def test_retries_stop_where_they_are_told_to() -> None:
    with GeminiServer(Fault(429, headers={"retry-after": "0.01"})) as server:
        options = {"api_key": "k", "base_url": server.origin, "max_retries": 2}
        async with AsyncLLMClient("google", "gemini-x", **options) as client:
            with pytest.raises(RateLimitError) as caught:
                await client.stream("hi").response()
        assert len(server.requests) == 3
    assert caught.value.retry_after == 0.01


def test_a_wrong_key_and_no_key() -> None:
    with GeminiServer(require_key="right") as server:
        for key in ("wrong", "right"):
            with LLMClient("google", "gemini-x", api_key=key, base_url=server.origin) as client:
                if key == "right":
                    assert client.chat("hi").finish_reason == "stop"
                    continue
                with pytest.raises(AuthenticationError):
                    client.chat("hi")
    with pytest.raises(ConfigError, match=r"GOOGLE_API_KEY.*GEMINI_API_KEY"):
        LLMClient("google", "m")


def test_a_model_that_is_not_there() -> None:
    with GeminiServer() as server, LLMClient("google", "no-such-model", api_key="k", base_url=server.origin) as client:
        with pytest.raises(ModelNotFoundError, match="not found"):
            client.chat("hi")
        with pytest.raises(ModelNotFoundError, match="not found"):
            client.stream("hi")


def test_a_token_that_ran_out_is_asked_for_anew() -> None:
    tokens = iter(["old", "new"])
    with GoogleVertexServer(Reply("Hi."), require_key="new") as server:
        options = {"api_key": lambda: next(tokens), "base_url": server.origin, "project": "p"}
        with LLMClient("google_vertex", "gemini-x", **options) as client:
            assert client.chat("hi").content == "Hi."
        assert [request.headers["authorization"] for request in server.requests] == ["Bearer old", "Bearer new"]


def test_an_address_that_is_not_googles(replay: ReplayServer) -> None:
    page = b"<!DOCTYPE html><html><title>Error 404 (Not Found)!!1</title></html>"
    with pytest.raises(InvalidRequestError, match="check base_url"):
        ask(replay, page, 404, {"content-type": "text/html"}, stream=False)


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"candidates": []}', '"text"', "[1]", '{"candidates": [{"content": 5}]}']
)
def test_bodies_without_sense_do_no_harm(text: str, replay: ReplayServer) -> None:
    with pytest.raises((StreamInterruptedError, DecodeError)):
        ask(replay, text.encode(), 200, stream=True)
    try:
        content = ask(replay, text.encode(), 200, stream=False).content
    except DecodeError:
        content = ""
    assert content == ""
