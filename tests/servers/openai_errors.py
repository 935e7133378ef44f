"""The error bodies of the Chat Completions family, by vendor. When an error is sent is not decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from servers.script import Fault

_KINDS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    402: ("insufficient_balance", "insufficient_balance"),
    403: ("permission_error", "permission_denied"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    503: ("server_error", "overloaded"),
}
_ZHIPU = {400: "1210", 401: "1000", 403: "1220", 404: "1211", 429: "1302", 500: "1234", 503: "1305"}
_MOONSHOT = {
    401: "invalid_authentication_error",
    403: "permission_denied_error",
    404: "resource_not_found_error",
    429: "rate_limit_reached_error",
    503: "server_unavailable",
}
_AZURE = {400: "BadRequest", 401: "Unauthorized", 404: "DeploymentNotFound", 429: "RateLimitReached"}
_ARK = {
    400: "InvalidParameter",
    401: "AuthenticationError",
    403: "AccessDenied",
    404: "InvalidEndpointOrModel.NotFound",
    429: "RateLimitExceeded.EndpointRPMExceeded",
}


def error_body(fault: Fault, shape: str) -> dict[str, Any]:
    """A fault in one of the shapes that ``Dialect.errors`` names."""
    kind, code = _KINDS.get(fault.status, ("invalid_request_error" if fault.status < 500 else "server_error", None))
    if shape == "detail":
        return {"detail": fault.text}
    if shape == "string":
        return {"error": fault.text}
    if shape == "zhipu":
        return {"error": {"code": fault.code or _ZHIPU.get(fault.status, "500"), "message": fault.text}}
    if shape == "bare":
        return {"error": {"message": fault.text, "type": fault.code or _MOONSHOT.get(fault.status, kind)}}
    if shape == "azure":
        return {"error": _azure(fault)}
    if shape == "ark":
        code = fault.code or _ARK.get(fault.status, "InternalServiceError")
        return {"error": {"code": code, "message": fault.text, "param": "", "type": "BadRequest"}}
    return _openai(fault, kind, code) | ({"request_id": "req-1"} if shape == "request_id" else {})


def _azure(fault: Fault) -> dict[str, Any]:
    error: dict[str, Any] = {"code": fault.code or _AZURE.get(fault.status, str(fault.status)), "message": fault.text}
    if error["code"] == "content_filter":
        filtered = {"hate": {"filtered": True, "severity": "high"}}
        error["innererror"] = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": filtered}
    return error


def _openai(fault: Fault, kind: str, code: str | None) -> dict[str, Any]:
    code = fault.code or code
    kind = "insufficient_quota" if code == "insufficient_quota" else kind
    return {"error": {"message": fault.text, "type": kind, "param": None, "code": code}}
