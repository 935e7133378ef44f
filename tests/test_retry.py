"""When to try again, and after how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from llm_connector import errors
from llm_connector.retry import delay, retry_after


@pytest.mark.parametrize(
    ("kind", "retried"),
    [
        (errors.RateLimitError, True),
        (errors.OverloadedError, True),
        (errors.ServerError, True),
        (errors.RequestTimeoutError, True),
        (errors.ConnectError, True),
        (errors.BillingError, False),
        (errors.ContentFilterError, False),
        (errors.ContextLengthError, False),
        (errors.AuthenticationError, False),
        (errors.InvalidRequestError, False),
        (errors.DecodeError, False),
        (errors.StreamInterruptedError, False),
    ],
)
def test_what_is_tried_again(kind: type[errors.LLMError], retried: bool) -> None:
    assert (delay(kind("x"), 0, 2) is not None) == retried


def test_waits_grow_and_stop() -> None:
    error = errors.ServerError("x")
    for attempt, longest in enumerate((0.5, 1, 2, 4, 8, 8)):
        assert longest * 0.75 <= delay(error, attempt, 9) <= longest
    assert delay(error, 2, 2) is None


def test_what_the_vendor_asks_is_obeyed_within_reason() -> None:
    assert delay(errors.RateLimitError("x", retry_after=3), 0, 1) == 3
    assert delay(errors.RateLimitError("x", retry_after=0), 0, 1) == 0
    assert delay(errors.RateLimitError("x", retry_after=3600), 0, 1) is None


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after-ms": "250", "retry-after": "9"}, {}, 0.25),
        ({"retry-after": "1.5"}, {}, 1.5),
        ({"retry-after": "soon"}, {}, None),
        ({"retry-after": "-5"}, {}, None),
        ({"retry-after": "99999999999999999999"}, {}, None),
        ({}, {"details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}]}, 34.4),
        ({}, {"details": "text"}, None),
        ({}, {}, None),
    ],
)
def test_forms_of_retry_after(headers: dict, body: dict, seconds: float | None) -> None:
    assert retry_after(headers, body) == seconds


def test_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 27 < retry_after({"retry-after": date}) <= 30
