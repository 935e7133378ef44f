"""The Chinese vendors' error tables: one failure, one class, as a status, inside HTTP 200 and in mid-stream."""

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
from oracle import capture
from servers.openai_chat import OpenAIChatServer
from servers.script import Fault

if TYPE_CHECKING:
    from servers.replay import ReplayServer

E = {
    "auth": AuthenticationError,
    "permission": PermissionDeniedError,
    "billing": BillingError,
    "rate": RateLimitError,
    "invalid": InvalidRequestError,
    "context": ContextLengthError,
    "model": ModelNotFoundError,
    "filter": ContentFilterError,
    "overloaded": OverloadedError,
    "server": ServerError,
    "timeout": RequestTimeoutError,
}
ZHIPU = {
    (401, "auth"): "1000 1001 1002 1003 1004 1005",
    (429, "auth"): "1110 1111 1112 1120 1121",
    (429, "billing"): "1113 1309",
    (403, "permission"): "1220 1311",
    (400, "invalid"): "1210 1212 1213 1214 1215",
    (400, "model"): "1211 1221 1222",
    (400, "context"): "1261",
    (400, "filter"): "1300 1301",
    (429, "rate"): "1302 1303 1313 1304 1308 1310",
    (429, "overloaded"): "1305 1312",
    (500, "server"): "1200 1230 1231 1234",
}
ALIYUN = {
    (401, "auth"): "InvalidApiKey invalid_api_key",
    (403, "permission"): "AccessDenied AccessDenied.Unpurchased Model.AccessDenied",
    (400, "billing"): "Arrearage",
    (400, "invalid"): "InvalidParameter InvalidParameter.DataCheck BadRequest.TooLarge",
    (404, "model"): "Model.NotExist ModelNotFound model_not_found",
    (400, "filter"): "DataInspectionFailed data_inspection_failed",
    (429, "rate"): "Throttling Throttling.RateQuota limit_requests Throttling.AllocationQuota insufficient_quota",
    (500, "server"): "InternalError InternalError.Algo",
    (503, "overloaded"): "ServiceUnavailable ModelServingError",
    (504, "timeout"): "GatewayTimeout RequestTimeOut",
}
VOLCENGINE = {
    (400, "invalid"): "MissingParameter InvalidParameter InvalidParameter.UnknownRole InvalidEndpoint.ClosedEndpoint",
    (
        400,
        "filter",
    ): "InputTextRiskDetection InputImageRiskDetection OutputTextRiskDetection SensitiveContentDetected.X",
    (401, "auth"): "AuthenticationError",
    (403, "billing"): "AccountOverdueError",
    (403, "permission"): "AccessDenied",
    (404, "model"): "InvalidEndpointOrModel.NotFound ModelNotOpen",
    (429, "rate"): "RateLimitExceeded.EndpointRPMExceeded ModelAccountRpmRateLimitExceeded "
    "ModelAccountTpmRateLimitExceeded QuotaExceeded",
    (429, "overloaded"): "ServerOverloaded",
    (500, "server"): "InternalServiceError",
}
MOONSHOT = {
    (400, "filter"): "content_filter",
    (400, "invalid"): "invalid_request_error",
    (401, "auth"): "invalid_authentication_error incorrect_api_key_error",
    (403, "permission"): "permission_denied_error",
    (404, "model"): "resource_not_found_error",
    (429, "overloaded"): "engine_overloaded_error",
    (429, "billing"): "exceeded_current_quota_error",
    (429, "rate"): "rate_limit_reached_error",
    (500, "server"): "server_error unexpected_output",
    (503, "overloaded"): "server_unavailable",
}
LONGCAT = {
    (400, "invalid"): "invalid_parameter invalid_json",
    (401, "auth"): "invalid_api_key",
    (429, "rate"): "rate_limit_exceeded",
    (403, "billing"): "insufficient_quota",
}
MINIMAX = {
    (200, "auth"): "1004 2049",
    (200, "billing"): "1008",
    (200, "rate"): "1002 1039 1041 2045 2056",
    (200, "filter"): "1026 1027",
    (200, "invalid"): "1042 2013",
    (200, "timeout"): "1001",
    (200, "server"): "1000 1024 1033",
}
SILICONFLOW = {
    (400, "model"): "20012",
    (400, "invalid"): "20015",
}
CODES = {
    "zhipu_openai": ZHIPU,
    "zhipu": ZHIPU,
    "aliyun_openai": ALIYUN,
    "volcengine": VOLCENGINE,
    "moonshot": MOONSHOT,
    "longcat": LONGCAT,
    "minimax": MINIMAX,
    "siliconflow": SILICONFLOW,
}
TABLE = [
    (row, status, code, E[kind])
    for row, codes in CODES.items()
    for (status, kind), names in codes.items()
    for code in names.split()
]


def error_body(row: str, code: str, message: str = "told") -> dict[str, Any]:
    """The vendor's error body: Moonshot tells a type, MiniMax and SiliconFlow have a form of their own."""
    if row == "minimax":
        return {"choices": None, "base_resp": {"status_code": int(code), "status_msg": message}}
    if row == "siliconflow":
        return {"code": int(code), "message": message, "data": None}
    return {"error": {"message": message, "type" if row == "moonshot" else "code": code}}


def _forms(row: str) -> list[str]:
    """Where the vendor tells errors: SiliconFlow has a status for them, MiniMax none."""
    return {"siliconflow": ["status"], "minimax": ["in 200", "mid-stream"]}.get(row, ["status", "in 200", "mid-stream"])


@pytest.mark.parametrize(
    ("form", "row", "status", "code", "error"), [(form, *of) for of in TABLE for form in _forms(of[0])]
)
def test_the_same_failure_has_the_same_class(
    form: str, row: str, status: int, code: str, error: type, replay: ReplayServer
) -> None:
    body = json.dumps(error_body(row, code)).encode()
    pieces = [body]
    if form == "mid-stream":
        first = json.dumps({"id": "i", "choices": [{"index": 0, "delta": {"content": "half"}}]}).encode()
        pieces = [b"data: " + first + b"\n\n", b"data: " + body + b"\n\ndata: [DONE]\n\n"]
    url = replay.serve_bytes(pieces, status if form == "status" else 200)
    with (
        LLMClient(row, "m", api_key="id.secret", base_url=url, max_retries=0) as client,
        pytest.raises(LLMError) as caught,
    ):
        client.stream("hi").response() if form == "mid-stream" else client.chat("hi")
    assert type(caught.value) is error
    assert (caught.value.code, caught.value.message) == (code, "told")
    if form == "mid-stream":
        assert caught.value.partial.content == "half"


@pytest.mark.parametrize("stream", [False, True])
def test_a_fine_answer_of_minimax_says_so(stream: bool, replay: ReplayServer) -> None:
    fine = {"status_code": 0, "status_msg": ""}
    part = {"content": "hello"}
    choice = {"index": 0, "finish_reason": "stop", "delta" if stream else "message": part}
    body = json.dumps({"id": "i", "choices": [choice], "base_resp": fine}).encode()
    url = replay.serve_bytes([b"data: " + body + b"\n\ndata: [DONE]\n\n" if stream else body], 200)
    with LLMClient("minimax", "m", api_key="k", base_url=url) as client:
        got = client.stream("hi").response() if stream else client.chat("hi")
    assert got.content == "hello"


def test_minimax_tells_an_overflow_as_a_wrong_parameter(replay: ReplayServer) -> None:
    body = error_body("minimax", "2013", "invalid params, context window exceeds limit")
    url = replay.serve_bytes([json.dumps(body).encode()], 200)
    with (
        LLMClient("minimax", "m", api_key="k", base_url=url) as client,
        pytest.raises(ContextLengthError, match="context window"),
    ):
        client.chat("hi")


@pytest.mark.parametrize(("row", "code"), [("minimax", "2056")])
def test_a_plan_that_is_used_up_is_not_asked_again(row: str, code: str, replay: ReplayServer) -> None:
    url = replay.serve_bytes([json.dumps(error_body(row, code)).encode()], 200)
    with LLMClient(row, "m", api_key="k", base_url=url) as client, pytest.raises(RateLimitError) as caught:
        client.chat("hi")
    assert caught.value.retryable is False


@pytest.mark.parametrize("code", ["1304", "1308", "1310"])
def test_limits_of_a_day_or_a_plan_are_not_tried_again(code: str) -> None:
    with OpenAIChatServer(Fault(429, code), dialect="zhipu") as server:
        with (
            LLMClient("zhipu_openai", "glm-5", api_key="a.b", base_url=server.url) as client,
            pytest.raises(RateLimitError) as caught,
        ):
            client.chat("hi")
        assert caught.value.retryable is False
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("row", "status", "message", "error"),
    [
        ("aliyun_openai", 400, "Range of input length should be [1, 129024]", ContextLengthError),
        ("aliyun_openai", 429, "Free allocated quota is used up", RateLimitError),
        ("volcengine", 400, "Input length 130000 exceeds the maximum length 98304", ContextLengthError),
        ("volcengine", 400, "Total tokens of image and text exceed max message tokens", ContextLengthError),
        ("moonshot", 400, "Input token length too long", ContextLengthError),
        ("moonshot", 400, "Your request exceeded model token limit : 262144", ContextLengthError),
        ("deepseek", 400, "This model's maximum context length is 65536 tokens. However,", ContextLengthError),
        ("deepseek", 400, "Thinking mode does not support this tool_choice", InvalidRequestError),
        ("deepseek", 401, "Authentication Fails", AuthenticationError),
        ("deepseek", 402, "Insufficient Balance", BillingError),
        ("siliconflow", 403, "Sorry, your account balance is insufficient", BillingError),
        ("siliconflow", 403, "Model requires real-name authentication", PermissionDeniedError),
        ("deepseek", 422, "bad", InvalidRequestError),
        ("deepseek", 429, "slow", RateLimitError),
        ("deepseek", 500, "boom", ServerError),
        ("deepseek", 503, "busy", OverloadedError),
        ("longcat", 402, "quota", BillingError),
        ("longcat", 403, "no", PermissionDeniedError),
        ("longcat", 500, "boom", ServerError),
        ("longcat", 502, "boom", ServerError),
        ("longcat", 503, "busy", OverloadedError),
        ("tencent_tokenhub", 402, "the model is not activated", BillingError),
        ("tencent_tokenhub", 401, "no", AuthenticationError),
        ("zhipu_openai", 434, "no", PermissionDeniedError),
        ("zhipu_openai", 435, "no", InvalidRequestError),
    ],
)
def test_failures_told_by_status_or_text(
    row: str, status: int, message: str, error: type, replay: ReplayServer
) -> None:
    code = {"volcengine": "InvalidParameter", "siliconflow": "30001"}.get(row, "x")
    url = replay.serve_bytes([json.dumps(error_body(row, code, message)).encode()], status)
    with (
        LLMClient(row, "m", api_key="id.secret", base_url=url, max_retries=0) as client,
        pytest.raises(LLMError) as caught,
    ):
        client.chat("hi")
    assert type(caught.value) is error


def test_the_sdks_recorded_errors(replay: ReplayServer) -> None:
    recorded = {
        "zai-error-400-1211": ("zhipu", ModelNotFoundError),
        "zai-error-400-1261": ("zhipu", ContextLengthError),
        "zai-error-400-1301": ("zhipu", ContentFilterError),
        "zai-error-401-1000": ("zhipu", AuthenticationError),
        "zai-error-401-1002": ("zhipu", AuthenticationError),
        "zai-error-429-1113": ("zhipu", BillingError),
        "zai-error-429-1302": ("zhipu", RateLimitError),
        "zai-error-500-1234": ("zhipu", ServerError),
        "volcengine-error-400-InvalidParameter": ("volcengine", InvalidRequestError),
        "volcengine-error-401-AuthenticationError": ("volcengine", AuthenticationError),
        "volcengine-error-403-AccountOverdueError": ("volcengine", BillingError),
        "volcengine-error-404-InvalidEndpointOrModel.NotFound": ("volcengine", ModelNotFoundError),
        "volcengine-error-429-QuotaExceeded": ("volcengine", RateLimitError),
        "volcengine-error-429-RateLimitExceeded.EndpointRPMExceeded": ("volcengine", RateLimitError),
        "volcengine-error-500-InternalServiceError": ("volcengine", ServerError),
    }
    for name, (row, error) in recorded.items():
        reply = capture(name)["replies"][0]
        url = replay.serve_bytes([json.dumps(reply["body"]).encode()], reply["status"])
        with (
            LLMClient(row, "m", api_key="id.secret", base_url=url, max_retries=0) as client,
            pytest.raises(error) as caught,
        ):
            client.chat("hi")
        assert type(caught.value) is error, name
