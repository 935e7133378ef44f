"""When to try again, and after how long. Pure: waiting is the client's."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connector.errors import LLMError

LONGEST_WAIT = 60.0  # a vendor that asks for more is not waited for: the caller is told instead
_FIRST_WAIT, _CAP = 0.5, 8.0


def delay(error: LLMError, attempt: int, max_retries: int) -> float | None:
    """Seconds to wait before the next attempt, or ``None`` to give up.

    Args:
        error: What went wrong.
        attempt: How many attempts have failed before this one.
        max_retries: How many may follow the first.
    """
    if not error.retryable or attempt >= max_retries:
        return None
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= LONGEST_WAIT else None
    wait: float = min(_FIRST_WAIT * 2**attempt, _CAP)
    return wait * (1 - 0.25 * random.random())  # noqa: S311 - jitter, so that clients do not come back together


def retry_after(headers: Mapping[str, str], body: Mapping[str, Any] | None = None) -> float | None:
    """Seconds that the vendor asks to wait, from any of the forms in use; ``None`` when it asks nothing.

    Args:
        headers: By lower-case name. ``retry-after-ms`` (OpenAI), ``retry-after`` in seconds or as a date.
        body: The error object; Google puts a ``RetryInfo`` into its details.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is None and value:
        seconds = _seconds_until(value)
    return _from_google(body or {}) if seconds is None else seconds


def _number(text: str | None) -> float | None:
    if text is None or not re.fullmatch(r"\s*\d{1,9}(\.\d+)?\s*", text):
        return None
    return float(text)


def _seconds_until(date: str) -> float | None:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - costs 8 ms to import, and dates are rare

    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _from_google(body: Mapping[str, Any]) -> float | None:
    details = body.get("details")
    for item in details if isinstance(details, list) else []:
        text = item.get("retryDelay") if isinstance(item, dict) else None
        if isinstance(text, str) and text.endswith("s"):
            return _number(text[:-1])
    return None
