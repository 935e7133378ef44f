"""The two forms of a Gemini stream: server-sent events, and one JSON array of which each element is an event.

The array comes from gateways that do not pass ``alt=sse`` on. What the events mean is in ``gemini_stream``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llm_connector.errors import DecodeError
from llm_connector.framing import MAX_EVENT_BYTES, Event, SSEDecoder

if TYPE_CHECKING:
    from llm_connector.framing import Framing

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OUTSIDE_TEXT = re.compile(rb'["{}]')
_INSIDE_TEXT = re.compile(rb'["\\]')


class JSONArrayDecoder:
    """The objects of a JSON array, each as soon as its last brace has come; an object on its own is one event.

    Each byte is looked at once, however the network cut them.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._held: list[bytes] = []
        self._size = 0
        self._depth = 0
        self._in_text = False
        self._escaped = False  # the last byte was a backslash inside a text

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; give the objects they complete.

        Raises:
            DecodeError: One object is larger than the limit.
        """
        events: list[Event] = []
        start = at = 0
        if self._escaped and data:
            self._escaped, at = False, 1
        while match := (_INSIDE_TEXT if self._in_text else _OUTSIDE_TEXT).search(data, at):
            at = match.end()
            mark = match[0]
            if mark == b"\\":
                self._escaped = at == len(data)
                at += 1
            elif mark == b'"':
                self._in_text = not self._in_text
            elif mark == b"{":
                if self._depth == 0:
                    start = match.start()
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if self._depth == 0:
                    events.append(Event(b"".join((*self._held, data[start:at]))))
                    self._held, self._size, start = [], 0, at
        if self._depth:
            self._hold(data[start:])
        return events

    def finish(self) -> list[Event]:
        """Give the object that was cut through, if one was: it does not decode, so the stream counts as cut."""
        rest, self._held = b"".join(self._held), []
        return [Event(rest)] if rest else []

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._size += len(data)
        if self._size > self._max_event_bytes:
            raise DecodeError(f"one event of the stream is larger than {self._max_event_bytes} bytes")


class GeminiFraming:
    """Chooses by the first byte: a bracket or a brace begins JSON, anything else server-sent events."""

    def __init__(self) -> None:
        self._chosen: Framing | None = None
        self._start = b""

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; give the events they complete."""
        if self._chosen is not None:
            return self._chosen.feed(data)
        self._start += data
        text = self._start.removeprefix(_BYTE_ORDER_MARK).lstrip()
        if not text or _BYTE_ORDER_MARK.startswith(self._start):
            return []
        self._chosen = JSONArrayDecoder() if text[:1] in {b"[", b"{"} else SSEDecoder()
        return self._chosen.feed(text)

    def finish(self) -> list[Event]:
        """Give what the end of the body completes."""
        return [] if self._chosen is None else self._chosen.finish()
