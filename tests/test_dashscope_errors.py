"""DashScope's error table, in all the forms in which its errors come."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from llm_connector import (
    AuthenticationError,
    BillingError,
    ContentFilterError,
    ContextLengthError,
    InvalidRequestError,
    LLMClient,
    LLMError,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
)
from servers.dashscope import DashScopeServer
from servers.script import Fault

if TYPE_CHECKING:
    from servers.replay import ReplayServer


def client(server: DashScopeServer, **options: Any) -> LLMClient:
    return LLMClient("aliyun", "qwen-plus", base_url=server.url, api_key="k", max_retries=0, **options)


TABLE = [
    (401, "InvalidApiKey", "", AuthenticationError),
    (401, "invalid_api_key", "", AuthenticationError),
    (403, "AccessDenied", "", PermissionDeniedError),
    (403, "AccessDenied.Unpurchased", "", PermissionDeniedError),
    (403, "Model.AccessDenied", "", PermissionDeniedError),
    (400, "Arrearage", "", BillingError),
    (403, "Arrearage", "", BillingError),
    (400, "InvalidParameter", "Range of input length should be [1, 129024]", ContextLengthError),
    (400, "InvalidParameter", "", InvalidRequestError),
    (400, "InvalidParameter.DataCheck", "", InvalidRequestError),
    (400, "BadRequest.TooLarge", "", InvalidRequestError),
    (400, "Model.NotExist", "", ModelNotFoundError),
    (404, "ModelNotFound", "", ModelNotFoundError),
    (404, "model_not_found", "", ModelNotFoundError),
    (400, "DataInspectionFailed", "", ContentFilterError),
    (400, "data_inspection_failed", "", ContentFilterError),
    (429, "Throttling", "", RateLimitError),
    (429, "Throttling.RateQuota", "", RateLimitError),
    (429, "limit_requests", "", RateLimitError),
    (429, "Throttling.AllocationQuota", "", RateLimitError),
    (429, "insufficient_quota", "You exceeded your current requests list", RateLimitError),
    (429, "Throttling.AllocationQuota", "Free allocated quota is used up", BillingError),
    (500, "InternalError", "", ServerError),
    (500, "InternalError.Algo", "", ServerError),
    (503, "ServiceUnavailable", "", OverloadedError),
    (503, "ModelServingError", "", OverloadedError),
    (504, "GatewayTimeout", "", RequestTimeoutError),
    (408, "RequestTimeOut", "", RequestTimeoutError),
]


@pytest.mark.parametrize("form", ["status", "framed status", "in 200", "framed in 200", "mid-stream"])
@pytest.mark.parametrize(("status", "code", "message", "error"), TABLE)
def test_the_same_failure_has_the_same_class(form: str, status: int, code: str, message: str, error: type) -> None:
    fault = Fault(status, code, message, in_200="200" in form, midstream_after=2 if form == "mid-stream" else None)
    with DashScopeServer(fault) as server, client(server) as c, pytest.raises(LLMError) as caught:
        c.chat("hi") if form in {"status", "in 200"} else c.stream("hi").response()
    assert type(caught.value) is error
    assert caught.value.code == code
    assert caught.value.request_id
    assert caught.value.provider == "aliyun"
    if form in {"status", "framed status", "framed in 200", "mid-stream"}:
        assert caught.value.status_code == status
    if form == "mid-stream":
        assert caught.value.partial.reasoning_content


def test_a_gateways_error_in_openais_form(replay: ReplayServer) -> None:
    body = json.dumps({"error": {"message": "no such path", "code": "model_not_found", "type": "x"}}).encode()
    for status in (404, 200):
        url = replay.serve_bytes([body], status)
        with LLMClient("aliyun", "qwen-plus", api_key="k", base_url=url, max_retries=0) as c:
            with pytest.raises(ModelNotFoundError):
                c.chat("hi")
            with pytest.raises(ModelNotFoundError):
                c.stream("hi").response()


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [("result", 500, ServerError), ("error", 200, ServerError), ("result", 429, RateLimitError)],
)
def test_a_failure_told_only_by_the_events_name_or_status(
    name: str, status: int, error: type, replay: ReplayServer
) -> None:
    body = f'event:{name}\n:HTTP_STATUS/{status}\ndata:{{"message":"told"}}\n\n'.encode()
    url = replay.serve_bytes([body], 200, {"content-type": "text/event-stream"})
    with (
        LLMClient("aliyun", "qwen-plus", api_key="k", base_url=url, max_retries=0) as c,
        pytest.raises(error) as caught,
    ):
        c.stream("hi").response()
    assert type(caught.value) is error
    assert caught.value.message == "told"
