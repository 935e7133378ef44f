"""Faults of the network and their outcomes: the table that ``test_transport_faults`` proves and the README shows."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from servers.faults import CLOSE, RESET, Plan, chunk, closed_port, head, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TEXT = "The sky scatters blue light."
CHAT = json.dumps(
    {"id": "c1", "model": "m", "choices": [{"index": 0, "message": {"content": TEXT}, "finish_reason": "stop"}]}
).encode()
DELTAS = [{"content": word} for word in ("The ", "sky ", "scatters ", "blue ", "light.")]
EVENTS = [
    *(f"data: {json.dumps({'id': 'c1', 'choices': [{'index': 0, 'delta': delta}]})}\n\n".encode() for delta in DELTAS),
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
    b"data: [DONE]\n\n",
]
STREAM = b"".join(EVENTS)
PAGE = b"<!DOCTYPE html><html><head><title>Bad gateway</title></head><body>nginx</body></html>"
SSE = {"content_type": "text/event-stream"}
SILENCE = 0.4  # seconds, longer than the client's timeout
TIMEOUT = 0.2


def body_of(streaming: bool) -> bytes:
    """A right answer."""
    return STREAM if streaming else CHAT


def answer_of(streaming: bool) -> bytes:
    """The same with its head."""
    if not streaming:
        return whole(CHAT)
    return head(transfer_encoding="chunked", **SSE) + b"".join(map(chunk, EVENTS)) + chunk(b"")


def begun(streaming: bool) -> bytes:
    """An answer broken off in its middle."""
    return answer_of(streaming)[: (-150 if streaming else -60)]


def paused(streaming: bool, pause: float) -> Plan:
    """An answer with a pause between any two pieces."""
    if not streaming:
        size = len(CHAT) // 4 + 1
        pieces = [CHAT[start : start + size] for start in range(0, len(CHAT), size)]
        first = head(content_length=len(CHAT))
    else:
        pieces = [*map(chunk, EVENTS), chunk(b"")]
        first = head(transfer_encoding="chunked", **SSE)
    return [first, *(step for piece in pieces for step in (pause, piece))]


def zipped(streaming: bool, change: Callable[[bytes], bytes]) -> bytes:
    """An answer in gzip, spoilt by ``change``."""
    kind = SSE if streaming else {}
    return whole(change(gzip.compress(body_of(streaming), 0)), content_encoding="gzip", **kind)


@dataclass(frozen=True)
class Outcome:
    """What the caller gets.

    Attributes:
        error: The name of the class; empty for the full answer.
        retried: Whether the client tries again before it tells.
        partial: Whether the error holds what had arrived.
        caused: Whether the HTTP library's error is chained as the cause; ``None``: it depends on the moment.
    """

    error: str = ""
    retried: bool = False
    partial: bool = False
    caused: bool | None = False

    def __str__(self) -> str:
        if not self.error:
            return "the full answer"
        return f"`{self.error}`" + (" with `.partial`" if self.partial else "") + (", retried" if self.retried else "")


@dataclass(frozen=True)
class FaultRow:
    """One fault: what a server does, and the outcomes.

    Attributes:
        fault: As the README says it.
        plans: Gives what the server does, for a stream or not.
        chat: The outcome of ``chat``.
        stream: The outcome of ``stream``.
        warm: Whether a call that succeeds goes first, so that the connection is reused.
        options: More arguments for the client.
    """

    fault: str
    plans: Callable[[bool], Sequence[Plan]]
    chat: Outcome
    stream: Outcome
    warm: bool = False
    options: Callable[[], dict[str, Any]] = field(default=dict)


FULL = Outcome()
UNREACHED = Outcome("ConnectError", retried=True, caused=True)
INTERRUPTED = Outcome("StreamInterruptedError", partial=True, caused=True)
SILENT = Outcome("RequestTimeoutError", retried=True, caused=True)
UNREADABLE = Outcome("DecodeError")
REFUSED = Outcome("InvalidRequestError")
LATE = Outcome("RequestTimeoutError", caused=None)

ROWS = (
    FaultRow(
        "nobody listens at the address",
        lambda streaming: [],
        UNREACHED,
        UNREACHED,
        options=lambda: {"base_url": f"http://127.0.0.1:{closed_port()}"},
    ),
    FaultRow(
        "nobody listens at the proxy's address",
        lambda streaming: [],
        UNREACHED,
        UNREACHED,
        options=lambda: {"proxy": f"http://127.0.0.1:{closed_port()}"},
    ),
    FaultRow("the connection is reset before a byte", lambda streaming: [[RESET]], UNREACHED, UNREACHED),
    FaultRow("… closed before a byte", lambda streaming: [[CLOSE]], UNREACHED, UNREACHED),
    FaultRow(
        "… reset inside the answer's head",
        lambda streaming: [[answer_of(streaming)[:20], 0.05, RESET]],
        UNREACHED,
        UNREACHED,
    ),
    FaultRow(
        "… reset inside the body", lambda streaming: [[begun(streaming), 0.05, RESET]], UNREACHED, INTERRUPTED
    ),
    FaultRow(
        "… closed inside the body (chunks without their end, or fewer bytes than told)",
        lambda streaming: [[begun(streaming), CLOSE]],
        UNREACHED,
        INTERRUPTED,
    ),
    FaultRow(
        "a kept connection that the server has meanwhile dropped",
        lambda streaming: [[answer_of(streaming)], [CLOSE], [answer_of(streaming)]],
        FULL,
        FULL,
        warm=True,
    ),
    FaultRow(
        "… torn",
        lambda streaming: [[answer_of(streaming)], [RESET], [answer_of(streaming)]],
        FULL,
        FULL,
        warm=True,
    ),
    FaultRow(
        "the body is longer than its told length",
        lambda streaming: [[whole(body_of(streaming), content_length=100, **(SSE if streaming else {})), CLOSE]],
        UNREADABLE,
        Outcome("StreamInterruptedError", partial=True),
    ),
    FaultRow(
        "the stream ends properly, but without the vendor's mark of its end",
        lambda streaming: [[whole(b"".join(EVENTS[:3]), **SSE) if streaming else answer_of(streaming)]],
        FULL,
        Outcome("StreamInterruptedError", partial=True),
    ),
    FaultRow(
        "no first byte within `timeout`",
        lambda streaming: [[SILENCE, answer_of(streaming)]],
        SILENT,
        SILENT,
    ),
    FaultRow(
        "silence in the middle, longer than `timeout`",
        lambda streaming: [[begun(streaming), SILENCE, CLOSE]],
        SILENT,
        Outcome("RequestTimeoutError", partial=True, caused=True),
    ),
    FaultRow(
        "a slow answer that is never silent for `timeout`", lambda streaming: [paused(streaming, 0.06)], FULL, FULL
    ),
    FaultRow(
        "an answer that takes longer than `total_timeout`",
        lambda streaming: [paused(streaming, 0.15)],
        LATE,
        Outcome("RequestTimeoutError", partial=True, caused=None),
        options=lambda: {"total_timeout": 0.35},
    ),
    FaultRow(
        "a vendor that asks to wait longer than `total_timeout`",
        lambda streaming: [[whole(b"{}", 429, retry_after="9")]],
        Outcome("RateLimitError"),
        Outcome("RateLimitError"),
        options=lambda: {"total_timeout": 5},
    ),
    FaultRow(
        "a redirect (never followed, so no key leaves)",
        lambda streaming: [[whole(b"", 307, location="http://127.0.0.1:9/v1")]],
        REFUSED,
        REFUSED,
    ),
    FaultRow(
        "an HTML page with HTTP 502",
        lambda streaming: [[whole(PAGE, 502, content_type="text/html")]],
        Outcome("ServerError", retried=True),
        Outcome("ServerError", retried=True),
    ),
    FaultRow(
        "an HTML page with HTTP 200",
        lambda streaming: [[whole(PAGE, content_type="text/html")]],
        UNREADABLE,
        UNREADABLE,
    ),
    FaultRow(
        "HTTP 401 whose body breaks off",
        lambda streaming: [[head(401, content_length=5000) + b'{"error":', CLOSE]],
        Outcome("AuthenticationError"),
        Outcome("AuthenticationError"),
    ),
    FaultRow(
        "an error body of many megabytes (1 MB is read)",
        lambda streaming: [[head(400, transfer_encoding="chunked"), *[chunk(b"x" * 65536)] * 100]],
        REFUSED,
        REFUSED,
    ),
    FaultRow("bytes that are not HTTP", lambda streaming: [[b"\x16\x03 what?\r\n\r\n", CLOSE]], UNREACHED, UNREACHED),
    FaultRow("a gzip body", lambda streaming: [[zipped(streaming, bytes)]], FULL, FULL),
    FaultRow(
        "a broken gzip body",
        lambda streaming: [[zipped(streaming, lambda data: data[:4] + b"\xff" * 40 + data[44:])]],
        Outcome("DecodeError", caused=True),
        Outcome("DecodeError", caused=True),
    ),
    FaultRow(
        "a gzip body cut short",
        lambda streaming: [[zipped(streaming, lambda data: data[:-80])]],
        UNREADABLE,
        Outcome("StreamInterruptedError", partial=True),
    ),
)  # fmt: skip


def table() -> str:
    """The README's table."""
    lines = ["| fault | `chat()` | `stream()` |", "|---|---|---|"]
    lines += [f"| {row.fault} | {row.chat} | {row.stream} |" for row in ROWS]
    return "\n".join(lines)
