"""HTTP/1.1 in bytes: the head of a request, and what the bytes of an answer say (RFC 9112). No I/O, no addresses.

The HTTP library's own reader (h11 0.16) makes objects and walks a state machine for each piece: 6 µs for each of the
thousands of chunks of a stream, and a third of a small call (CPython 3.11, 2026-11). It is the judge of this one in the
tests. As there, what could hide a second answer inside of one is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpcore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_HEAD_BYTES = 100 * 1024  # as httpcore 1.0 has it; for the trailer too
MAX_EXTENSION_BYTES = 1000  # behind the size of a chunk

_FIRST_ANSWER = 200  # lower statuses announce one
_SWITCHED = 101
_NO_CONTENT = 204
_WITHOUT_BODY = frozenset({_NO_CONTENT, 304})

_BLANK_LINE = re.compile(rb"\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_HEAD = re.compile(
    rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([^\0\r\n\v\f]*))?\r?\n"
    rb"((?:[-!#$%&'*+.^_`|~0-9A-Za-z]+:[^\0\r\n\v\f]*\r?\n)*)"
)
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
# The head of a chunk, with the line break that closes the chunk before it.
# Each part is bounded, so that a place in a body is always a number that Python can count memory with.
_SIZE_AND_EXTENSION = rb"([0-9A-Fa-f]{1,15})[ \t]{0,64}(?:;[^\r\n]{0,%d})?" % MAX_EXTENSION_BYTES
_CHUNK_HEAD = re.compile(rb"\r\n%b\r\n" % _SIZE_AND_EXTENSION)
_CHUNK_HEAD_BEGUN = re.compile(rb"\r?|\r\n(?:%b\r?)?" % _SIZE_AND_EXTENSION)


def request_head(method: str, target: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """The bytes before a request's body. That they can be sent was checked before."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("ascii")


class AnswerReader:
    """Reads one answer, wherever the network cut it.

    Args:
        method: The request's: a tunnel's has no body.

    Attributes:
        status: The answer's status; 0 until its head is there.
        reason: The words behind it.
        headers: By lower-case name; several of one name are joined by commas.
    """

    __slots__ = ("_body", "_head", "_keeps", "_passed", "_tunnel", "headers", "reason", "status")

    def __init__(self, method: str = "POST") -> None:
        self.status = 0
        self.reason = ""
        self.headers: Mapping[str, str] = {}
        self._tunnel = method == "CONNECT"
        self._head = b""
        self._passed = 0  # bytes of heads that announced an answer
        self._keeps = False
        self._body: _Chunks | _Length | _Rest | None = None

    @property
    def ended(self) -> bool:
        """Whether the answer is complete."""
        return self._body is not None and self._body.ended

    @property
    def surplus(self) -> bool:
        """Whether anything came behind the answer's end."""
        return self._body is not None and self._body.surplus

    @property
    def reusable(self) -> bool:
        """Whether its connection can carry another one: it ended, is to stay open, and nothing came behind the end."""
        return self._keeps and self._body is not None and self._body.ended and not self._body.surplus

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, none at the connection's end; give those of the body.

        Raises:
            RemoteProtocolError: It is no answer, or not a whole one. What came before the fault is given first.
        """
        if self._body is None:
            data = self._take_heads(data)
            if not data:
                return b""
        return b"" if self._body is None else self._body.feed(data)

    def _take_heads(self, data: bytes) -> bytes:
        """Read up to the answer's head; give what is behind it."""
        if not data:
            where = "in its answer's head" if self._head or self._passed else "without sending a response"
            raise httpcore.RemoteProtocolError(f"Server disconnected {where}.")
        known = len(self._head)
        data, self._head = self._head + data, b""
        while self._body is None:
            blank = _BLANK_LINE.search(data, max(0, known - 2))
            size = len(data) if blank is None else blank.end()
            if self._passed + size > MAX_HEAD_BYTES:
                raise httpcore.RemoteProtocolError("the answer's head is too large")
            if blank is None:
                if not data.startswith(b"HTTP/1."[: len(data)]):
                    raise httpcore.RemoteProtocolError(f"not an answer of HTTP/1.1: {data[:40]!r}")
                self._head = data
                return b""
            self._understand(data[: blank.start() + 1])
            self._passed += size
            data, known = data[size:], 0
        return data

    def _understand(self, head: bytes) -> None:
        if b"\n " in head or b"\n\t" in head:
            first, line_feed, rest = head.partition(b"\n")
            head = first + line_feed + _FOLD.sub(b" ", rest)
        match = _HEAD.fullmatch(head)
        if match is None:
            raise httpcore.RemoteProtocolError(f"not the head of an answer of HTTP/1.1: {head[:40]!r}")
        minor, status, reason, lines = match.groups()
        if int(status) < _FIRST_ANSWER:
            if int(status) == _SWITCHED:
                raise httpcore.RemoteProtocolError("the server changes to a protocol that nobody asked for")
            return
        self.status = int(status)
        self.reason = (reason or b"").decode("latin-1")
        self.headers = _headers(lines)
        self._body = self._framed()
        wishes = self.headers.get("connection", "").lower().split(",")
        asks_to_close = "close" in [wish.strip() for wish in wishes]
        self._keeps = minor == b"1" and not asks_to_close and not self._is_doubtful()

    def _is_doubtful(self) -> bool:
        """Whether another reader might find another end, so that what follows may be no answer (RFC 9112, 6.3)."""
        if self.status in _WITHOUT_BODY:
            told = self.status == _NO_CONTENT and self.headers.get("content-length", "0") != "0"
            return told or "transfer-encoding" in self.headers
        return isinstance(self._body, _Rest) or (isinstance(self._body, _Chunks) and "content-length" in self.headers)

    def _framed(self) -> _Chunks | _Length | _Rest:
        """How the body ends: RFC 9112, section 6.3."""
        coding, length = self.headers.get("transfer-encoding"), self.headers.get("content-length")
        size = None if length is None else _number(length)
        if coding is not None and coding.lower() != "chunked":
            raise httpcore.RemoteProtocolError(f"a transfer coding that nobody asked for: {coding[:40]!r}")
        if self.status in _WITHOUT_BODY or self._tunnel:
            return _Length(0)
        if coding is not None:
            return _Chunks()
        return _Rest() if size is None else _Length(size)


def _headers(lines: bytes) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for line in lines.decode("latin-1").split("\n")[:-1]:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip(" \t\r")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _number(length: str) -> int:
    """A length that may be told several times, but not differently."""
    told = {number.strip(" \t") for number in length.split(",")}
    number = told.pop()
    if told or not _LENGTH.fullmatch(number):
        raise httpcore.RemoteProtocolError(f"no length of a body: {length[:40]!r}")
    return int(number)


class _Length:
    """A body of a told length."""

    __slots__ = ("_left", "ended", "surplus")

    def __init__(self, size: int) -> None:
        self._left = size
        self.ended = size == 0
        self.surplus = False

    def feed(self, data: bytes) -> bytes:
        if not data and self._left:
            raise httpcore.RemoteProtocolError(f"Server disconnected {self._left} bytes before the body's end.")
        body, self._left = data[: self._left], max(0, self._left - len(data))
        self.ended = not self._left
        self.surplus = self.surplus or len(body) < len(data)
        return body


class _Rest:
    """A body that ends with its connection."""

    __slots__ = ("ended", "surplus")

    def __init__(self) -> None:
        self.ended = self.surplus = False

    def feed(self, data: bytes) -> bytes:
        self.ended = not data
        return data


class _Chunks:
    """A body in chunks. What ends one of them and begins the next is held until all of it is there."""

    __slots__ = ("_fault", "_held", "_left", "_trailer", "_trailer_size", "ended", "surplus")

    def __init__(self) -> None:
        self._held = b"\r\n"  # as if a chunk before the first had ended
        self._left = 0  # bytes of the chunk that are to come
        self._trailer = False
        self._trailer_size = 0
        self._fault: httpcore.RemoteProtocolError | None = None
        self.ended = self.surplus = False

    def feed(self, data: bytes) -> bytes:
        if self._fault is not None:
            raise self._fault
        if self.ended:
            self.surplus = self.surplus or data != b""
            return b""
        if not data:
            raise httpcore.RemoteProtocolError("Server disconnected before the body's last chunk.")
        pieces: list[bytes] = []
        try:
            self._take(data, pieces)
        except httpcore.RemoteProtocolError as error:
            if not pieces:
                raise
            self._fault = error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _take(self, data: bytes, pieces: list[bytes]) -> None:
        at, self._left = self._left, 0
        if at:
            pieces.append(data[:at])
        elif self._held:
            data, self._held = self._held + data, b""
        if self._trailer:
            self._take_trailer(data)
            return
        while match := _CHUNK_HEAD.match(data, at):
            start = match.end()
            at = start + int(match[1], 16)
            if at == start:
                self._trailer = True
                self._take_trailer(data[start - 2 :])  # with a line break, so that no field looks like the others
                return
            pieces.append(data[start:at])
        self._left = max(0, at - len(data))
        self._hold(data[at:])

    def _hold(self, begun: bytes) -> None:
        if not _CHUNK_HEAD_BEGUN.fullmatch(begun):
            raise httpcore.RemoteProtocolError(f"no beginning of a chunk: {begun[:40]!r}")
        self._held = begun

    def _take_trailer(self, data: bytes) -> None:
        """Nobody reads it, so that only what could be the beginning of its end is held."""
        trailer, end, behind = data.partition(b"\r\n\r\n")
        self._trailer_size += len(trailer)
        if self._trailer_size > MAX_HEAD_BYTES:
            raise httpcore.RemoteProtocolError("the answer's trailer is too large")
        self.ended, self.surplus = end != b"", behind != b""
        self._held = b"" if end else data[-3:]
        self._trailer_size -= len(self._held)
