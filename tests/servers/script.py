"""What a server is told to answer: replies and faults in no vendor's words. How they look on the wire is not here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Use:
    """Tokens counted as ``llm_connector`` counts: input with cached and cache-written, output with reasoning."""

    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. ``arguments`` as text is sent as it stands (broken JSON) where the vendor sends text."""

    name: str
    arguments: dict[str, Any] | str = field(default_factory=dict)
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the model.

    Attributes:
        text: The answer's text.
        reasoning: The text of the thinking before it.
        tool_calls: Calls, sent after the text.
        finish: ``stop``, ``length``, ``tool_calls`` or ``content_filter``, else sent raw (``"sensitive"``). ``None``:
            ``tool_calls`` when there are calls, else ``stop``.
        usage: ``None``: counted from the texts.
        signature: Signs the reasoning (Anthropic, Gemini, Responses). ``None``: the server makes one.
        redacted: Data of a redacted thinking block (Anthropic), sent before the reasoning.
        delay: Seconds before the first byte.
        pace: Seconds between two events of a stream.
        chunk_size: Characters of text, reasoning and arguments in one delta.
        interleave: Fragments of parallel calls alternate (Chat Completions); the thinking is spread, a part before each
            call (Anthropic).
        headers: More response headers.
        whole: A stream that was asked for is not given: the whole answer comes as JSON, as some gateways do.
        stopped_by: The stop text that ended it, for vendors which tell.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: Sequence[Call] = ()
    finish: str | None = None
    usage: Use | None = None
    signature: str | None = None
    redacted: str | None = None
    delay: float = 0.0
    pace: float = 0.0
    chunk_size: int = 6
    interleave: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    whole: bool = False
    stopped_by: str | None = None

    @property
    def counted(self) -> Use:
        """The usage, which a server has always filled in before it renders a reply."""
        assert self.usage is not None
        return self.usage


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure, in the vendor's error format.

    Attributes:
        status: The HTTP status.
        code: The vendor's error code or type. Empty: the usual one of that status.
        message: The vendor's text. Empty: one made from the status.
        headers: More response headers, such as ``{"retry-after": "1"}``.
        body: Sent instead of the vendor's error body: a JSON value, or text as it stands.
        midstream_after: A stream of ``reply`` begins, and after this many events the vendor's mid-stream error comes.
        cut_after: A stream of ``reply`` begins, and after this many events the connection is dropped. A request that
            is no stream gets half of its body.
        polite: With ``cut_after``: the HTTP body ends properly; only the vendor's terminal mark is missing.
        drop: The connection is closed before any byte of an answer.
        in_200: The error body comes with HTTP 200 (where the vendor does not always do so).
        delay: Seconds before the first byte.
        reply: What was being said when the stream broke.
    """

    status: int = 500
    code: str = ""
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    midstream_after: int | None = None
    cut_after: int | None = None
    polite: bool = False
    drop: bool = False
    in_200: bool = False
    delay: float = 0.0
    reply: Reply = field(default_factory=lambda: Reply("This answer will not be finished.", reasoning="It breaks off."))

    @property
    def breaks_a_stream(self) -> bool:
        """Whether an answer begins before the failure."""
        return self.midstream_after is not None or self.cut_after is not None

    @property
    def text(self) -> str:
        """The message, never empty."""
        return self.message or f"Scripted failure with status {self.status}."


class Refused(Exception):
    """The request breaks the vendor's rules: answer with this fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


def refuse(message: str, *, status: int = 400, code: str = "") -> Refused:
    """The refusal of a request that breaks a rule."""
    return Refused(Fault(status, code, message))


Planned = Reply | Fault
Answering = Callable[[Any, Any], "Planned | None"]
Source = Planned | Iterable[Planned] | Answering | None


class Script:
    """Hands out the planned answers in order; the last one repeats.

    A chat request takes the next item. Any other request (models, embeddings, …) takes the next item only when it is
    a ``Fault``. A callable gets ``(json, recorded)`` and may return ``None`` to leave the answer to the rule model.
    """

    def __init__(self, source: Source) -> None:
        self._answering = source if callable(source) else None
        self._items = _listed(source)
        self._used = 0
        self._lock = threading.Lock()

    def for_chat(self, body: Any, recorded: Any) -> Planned | None:
        """The answer planned for a chat request; ``None`` when the rule model shall answer."""
        if self._answering is not None:
            return self._answering(body, recorded)
        with self._lock:
            return self._take() if self._items else None

    def for_other(self) -> Fault | None:
        """The fault planned for a request that is not a chat."""
        with self._lock:
            return self._take() if self._items and isinstance(self._peek(), Fault) else None  # type: ignore[return-value]

    def _peek(self) -> Planned:
        return self._items[min(self._used, len(self._items) - 1)]

    def _take(self) -> Planned:
        item = self._peek()
        self._used += 1
        return item


def _listed(source: Source) -> list[Planned]:
    if source is None or callable(source):
        return []
    return [source] if isinstance(source, Reply | Fault) else list(source)


def pieces(text: str, size: int) -> list[str]:
    """The text cut every ``size`` characters; none for an empty text."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def with_ids(reply: Reply, make: Callable[[int, Call], str | None]) -> Reply:
    """The reply with an id for each call that has none."""
    calls = [
        call if call.id is not None else replace(call, id=make(at, call)) for at, call in enumerate(reply.tool_calls)
    ]
    return replace(reply, tool_calls=calls)
