"""A vendor's answer to an error class, whatever form it comes in: HTTP status, body inside HTTP 200, event of a stream.

The vendors' own tables are beside their protocols; whether to try again is in ``retry``.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llm_connector import errors
from llm_connector.jsontext import decode
from llm_connector.retry import retry_after

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

KEPT_BODY = 4096
_KEPT_JSON = 16 * KEPT_BODY  # a vendor's own JSON stays whole: programs read fields of it

# The texts and codes in which vendors say that a prompt does not fit; checked against each vendor's own, 2026-11.
# Compiled at the first error, not at import.
_OVERFLOW = (
    r"context_length_exceeded|context_window_exceeded|model_context_window|exceed_context_size"
    r"|maximum context length|longer than the context length|exceeds the context length"
    r"|prompt is too long|input length and `max_tokens` exceed|input token count.{0,40}exceeds"
    r"|input is too long for requested model|range of input length should be"
    r"|exceeded model token limit|input token length too long"
    r"|exceeds? the (model'?s )?(max(imum)? )?(available )?context|prompt 超长"
)
_OVERFLOW_STATUSES = frozenset({None, 200, 400, 413, 422, 500})

# Advice that overrides the status (openai-python 3.54, anthropic-python 2.12), but not for want of money or room.
_ADVICE = {"true": True, "false": False}
_HOPELESS = (errors.BillingError, errors.ContentFilterError, errors.ContextLengthError)

_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-amzn-requestid", "x-tc-requestid", "x-dashscope-request-id")


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of a vendor's error table; the first that fits decides.

    Attributes:
        error: The class.
        status: The HTTP status, or ``None`` for any.
        code: A pattern that one of the vendor's codes or types must match as a whole; empty for any.
        message: A pattern to find in the message; empty for any.
        retryable: Overrides the class's own habit.
    """

    error: type[errors.LLMError]
    status: int | None = None
    code: str = ""
    message: str = ""
    retryable: bool | None = None

    def fits(self, fault: Fault) -> bool:
        """Whether the fault is this row's."""
        if self.status is not None and self.status != fault.status:
            return False
        if self.code and not any(re.fullmatch(self.code, code, re.IGNORECASE) for code in fault.codes):
            return False
        return not self.message or re.search(self.message, fault.message, re.IGNORECASE) is not None


@dataclass(slots=True)
class Fault:
    """What a vendor said went wrong, in whatever shape it said it."""

    status: int | None
    message: str
    codes: list[str] = field(default_factory=list)
    request_id: str | None = None
    retry_after: float | None = None
    should_retry: bool | None = None
    raw: Any = None


# Names of types and codes that several vendors share, for faults without an HTTP status.
_NAMED: tuple[Rule, ...] = (
    Rule(errors.BillingError, code=r"insufficient_quota|billing_error|billing_not_active|payment_required"),
    Rule(errors.AuthenticationError, code=r"invalid_api_key|authentication_error|unauthenticated|unauthorized"),
    Rule(errors.PermissionDeniedError, code=r"permission_(denied_)?error|permission_denied|forbidden|access_denied"),
    Rule(errors.ModelNotFoundError, code=r"model_not_found|model_not_exist"),
    Rule(errors.ContentFilterError, code=r"content_filter(ed)?|content_policy_violation|data_inspection_failed"),
    Rule(errors.RateLimitError, code=r"rate_limit(_exceeded|_error|_reached_error)?|too_many_requests|throttling"),
    Rule(errors.OverloadedError, code=r"overloaded(_error)?|engine_overloaded(_error)?|service_unavailable"),
    Rule(errors.RequestTimeoutError, code=r"timeout(_error)?|request_timeout|gateway_timeout"),
)
_NAMED_LAST: tuple[Rule, ...] = (
    Rule(errors.InvalidRequestError, code=r"invalid_request(_error)?|invalid_parameter|bad_request|invalid_prompt"),
    Rule(errors.ServerError, code=r"server_error|api_error|internal(_server)?_error"),
)
_BY_STATUS: dict[int, type[errors.LLMError]] = {
    400: errors.InvalidRequestError,
    401: errors.AuthenticationError,
    402: errors.BillingError,
    403: errors.PermissionDeniedError,
    408: errors.RequestTimeoutError,
    409: errors.ServerError,
    413: errors.InvalidRequestError,
    422: errors.InvalidRequestError,
    429: errors.RateLimitError,
    503: errors.OverloadedError,
    504: errors.RequestTimeoutError,
    529: errors.OverloadedError,
}


def read_fault(status: int | None, headers: Mapping[str, str], payload: Any) -> Fault:
    """Find the message and codes in an error body of any vendor's shape.

    Args:
        status: The HTTP status; ``None`` in mid-stream.
        headers: The answer's headers, by lower-case name.
        payload: The decoded JSON, or the body as text.
    """
    body = payload[0] if isinstance(payload, list) and payload else payload
    inner = _innermost(body)
    message = (
        ""
        if _redirects(status)
        else _first_text(inner, "message", "Message", "msg", "Msg", "detail", "error", "error_description")
    )
    fault = Fault(status, message[:KEPT_BODY] or _describe(status, headers, body), raw=_cut(payload))
    fault.codes = [str(inner[name]) for name in ("code", "Code", "type", "status") if inner.get(name) is not None]
    amazon = headers.get("x-amzn-errortype")
    if amazon:
        fault.codes.insert(0, amazon.partition(":")[0])
    fault.request_id = next((headers[name] for name in _REQUEST_ID_HEADERS if name in headers), None)
    if fault.request_id is None and isinstance(body, dict):
        wrapped = body["Response"] if isinstance(body.get("Response"), dict) else {}  # Tencent
        fault.request_id = _first_text(body | wrapped | inner, "request_id", "requestId", "RequestId") or None
    fault.retry_after = retry_after(headers, inner)
    fault.should_retry = _ADVICE.get(headers.get("x-should-retry", "").strip().lower())
    return fault


def classify(fault: Fault, rules: Iterable[Rule], provider: str) -> errors.LLMError:
    """The typed error of a fault: the vendor's own table first, then what all vendors share, then the HTTP status."""
    rule = _choose(fault, rules)
    kind, retryable = (rule.error, rule.retryable) if rule is not None else (_by_status(fault), None)
    if fault.should_retry is not None:
        retryable = fault.should_retry and not issubclass(kind, _HOPELESS)
    return kind(
        fault.message,
        provider=provider,
        status_code=fault.status,
        code=fault.codes[0] if fault.codes else None,
        request_id=fault.request_id,
        retry_after=fault.retry_after,
        raw=fault.raw,
        retryable=retryable,
    )


def _choose(fault: Fault, rules: Iterable[Rule]) -> Rule | None:
    text = " ".join((*fault.codes, fault.message))
    if fault.status in _OVERFLOW_STATUSES and re.search(_OVERFLOW, text, re.IGNORECASE):
        return Rule(errors.ContextLengthError)
    last = _NAMED_LAST if fault.status in {None, 200} else ()
    return next((rule for rule in (*rules, *_NAMED, *last) if rule.fits(fault)), None)


def _by_status(fault: Fault) -> type[errors.LLMError]:
    status = fault.status
    if status is None or status < 300:  # noqa: PLR2004 - an error body inside a success
        status = next((int(code) for code in fault.codes if re.fullmatch(r"[45]\d\d", code)), 500)
    if status == 404:  # noqa: PLR2004
        named = re.search(r"model|deployment|engine", fault.message, re.IGNORECASE)
        return errors.ModelNotFoundError if named else errors.InvalidRequestError
    if status < 500:  # noqa: PLR2004
        return _BY_STATUS.get(status, errors.InvalidRequestError)
    return _BY_STATUS.get(status, errors.ServerError)


def _innermost(body: Any) -> dict[str, Any]:
    """The object that holds the message: under ``error``, ``Response.Error``, ``ErrorMsg``, or the body itself.

    MiniMax's ``base_resp`` is there also where all is well, with the code 0.
    """
    if not isinstance(body, dict):
        return {}
    for name in ("Response", "response"):
        if isinstance(body.get(name), dict) and _has_error(body[name]):
            body = body[name]
    for name in ("error", "Error", "ErrorMsg"):
        if isinstance(body.get(name), dict):
            return dict(body[name])
    if tells_base_resp(body):
        told = body["base_resp"]
        return {"code": told["status_code"], "message": told.get("status_msg")}
    return dict(body)


def tells_base_resp(body: Any) -> bool:
    """Whether MiniMax's ``base_resp`` tells a fault."""
    told = body.get("base_resp") if isinstance(body, dict) else None
    return isinstance(told, dict) and bool(told.get("status_code"))


def _has_error(body: dict[str, Any]) -> bool:
    return any(body.get(name) for name in ("error", "Error", "ErrorMsg"))


def _first_text(source: dict[str, Any], *names: str) -> str:
    for name in names:
        value = source.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list) and value and name == "detail":  # FastAPI's validation errors
            return "; ".join(str(item.get("msg", item) if isinstance(item, dict) else item) for item in value)
    return ""


def _redirects(status: int | None) -> bool:
    return status is not None and 300 <= status < 400  # noqa: PLR2004


def _describe(status: int | None, headers: Mapping[str, str], body: Any) -> str:
    if _redirects(status):
        return f"the address redirects to {headers.get('location', 'elsewhere')!r}; check base_url"
    text = body if isinstance(body, str) else ""
    if "<html" in text[:KEPT_BODY].lower():
        title = re.search(r"<title>(.*?)</title>", text[:KEPT_BODY], re.IGNORECASE | re.DOTALL)
        return f"an HTML page came instead of JSON ({title[1].strip() if title else 'untitled'}); check base_url"
    return text[:200].strip() or "the vendor gave no message"


def _cut(payload: Any) -> Any:
    """What is kept of a body: JSON as it is unless it is huge, text only its beginning."""
    text = payload if isinstance(payload, str) else repr(payload)
    return text[:KEPT_BODY] if isinstance(payload, str) or len(text) > _KEPT_JSON else payload


def decode_body(body: bytes, *, failed: bool = True) -> Any:
    """A body as JSON when it is JSON, else as text.

    DashScope frames errors as server-sent events, also inside HTTP 200. A failure is read from the last event, a
    success from a single one: several are a stream, whose last event is no whole answer.
    """
    try:
        return decode(body)
    except errors.DecodeError:
        events = [line[5:] for line in body.splitlines() if line.startswith(b"data:")]
    if events and (failed or len(events) == 1):
        with contextlib.suppress(errors.DecodeError):
            return decode(events[-1])
    return body.decode("utf-8", "replace")
