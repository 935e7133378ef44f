"""AWS event stream: bytes to framed messages, incrementally. What a message means (events, exceptions) is not here."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from llm_connector.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable

HeaderValue = bool | int | bytes | str | UUID

# The limits of the format (botocore 1.44, 2026-11).
MAX_HEADERS_SIZE = 128 * 1024
MAX_PAYLOAD_SIZE = 24 * 1024 * 1024

_PRELUDE = struct.Struct(">III")  # length of the frame, length of its headers, checksum of these eight bytes
_CHECKSUM_SIZE = 4
_FRAME_OVERHEAD = _PRELUDE.size + _CHECKSUM_SIZE
MAX_MESSAGE_SIZE = MAX_HEADERS_SIZE + MAX_PAYLOAD_SIZE + _FRAME_OVERHEAD


@dataclass(slots=True)
class EventStreamMessage:
    """One message of the stream.

    Attributes:
        headers: Names, with their colon (``:message-type``), and values. A timestamp is an ``int``: milliseconds
            since 1970.
        payload: The body, mostly JSON.
    """

    headers: dict[str, HeaderValue]
    payload: bytes


class EventStreamDecoder:
    """Turns bytes, cut anywhere, into messages; the cost is linear in the bytes however they are cut.

    Args:
        max_message_size: The longest frame that is accepted, in bytes, its checksums included.
    """

    def __init__(self, max_message_size: int = MAX_MESSAGE_SIZE) -> None:
        self._max_message_size = max_message_size
        self._buffer = bytearray()
        self._awaited = _PRELUDE.size  # bytes to wait for: first the prelude, then the frame that it announces
        self._failure: str | None = None

    def __repr__(self) -> str:
        return f"EventStreamDecoder(buffered={len(self._buffer)}, awaited={self._awaited}, failed={self.failed})"

    @property
    def failed(self) -> bool:
        """Whether the stream turned out to be broken; nothing more can be read from it."""
        return self._failure is not None

    def feed(self, data: bytes) -> list[EventStreamMessage]:
        """Take the next bytes and return the messages that they complete.

        The messages in front of a broken frame are returned first and the error is raised by the next call, so that
        the reading does not depend on where the bytes were cut.

        Raises:
            DecodeError: A checksum, a length or a header is wrong, or a frame is over the size limit.
        """
        self._raise_failure()
        self._buffer += data
        messages: list[EventStreamMessage] = []
        try:
            self._drain(messages)
        except DecodeError as error:
            self._failure = error.message
            self._buffer.clear()
            if not messages:
                raise
        return messages

    def finish(self) -> None:
        """Say that no more bytes will come.

        Raises:
            DecodeError: The stream stopped inside a frame, or was broken before.
        """
        self._raise_failure()
        if self._buffer:
            raise _broken(f"it ended inside a frame, after {len(self._buffer)} of at least {self._awaited} bytes")

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise DecodeError(self._failure)

    def _drain(self, messages: list[EventStreamMessage]) -> None:
        position = 0
        while len(self._buffer) - position >= self._awaited:
            block = bytes(self._buffer[position : position + self._awaited])
            if self._awaited == _PRELUDE.size:
                self._awaited = self._frame_size(block)
            else:
                messages.append(_decode_frame(block))
                position += self._awaited
                self._awaited = _PRELUDE.size
        del self._buffer[:position]

    def _frame_size(self, prelude: bytes) -> int:
        """Check the prelude as soon as it is there: a broken length must not make us wait for gigabytes."""
        frame_size, headers_size, checksum = _PRELUDE.unpack(prelude)
        _check(prelude[:-_CHECKSUM_SIZE], checksum, "prelude")
        payload_size = frame_size - headers_size - _FRAME_OVERHEAD
        if payload_size < 0:
            raise _broken("a frame is shorter than its own headers")
        if frame_size > self._max_message_size:
            raise _broken(f"a frame of {frame_size} bytes is over the limit of {self._max_message_size}")
        if headers_size > MAX_HEADERS_SIZE:
            raise _broken(f"headers of {headers_size} bytes are over the limit of {MAX_HEADERS_SIZE}")
        if payload_size > MAX_PAYLOAD_SIZE:
            raise _broken(f"a payload of {payload_size} bytes is over the limit of {MAX_PAYLOAD_SIZE}")
        return int(frame_size)


def _broken(reason: str) -> DecodeError:
    return DecodeError(f"Broken AWS event stream: {reason}.")


def _check(data: bytes | memoryview, checksum: int, what: str) -> None:
    if zlib.crc32(data) != checksum:
        raise _broken(f"the checksum of a {what} does not match")


def _decode_frame(frame: bytes) -> EventStreamMessage:
    _check(memoryview(frame)[:-_CHECKSUM_SIZE], int.from_bytes(frame[-_CHECKSUM_SIZE:], "big"), "frame")
    headers_end = _PRELUDE.size + _PRELUDE.unpack_from(frame)[1]
    headers = _decode_headers(frame[_PRELUDE.size : headers_end])
    return EventStreamMessage(headers, frame[headers_end:-_CHECKSUM_SIZE])


def _decode_headers(data: bytes) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    reader = _HeaderReader(data)
    while not reader.at_end:
        name = reader.text(length_size=1)
        kind = reader.take(1)[0]
        if name in headers:
            raise _broken(f"the header {name!r} comes twice")
        if kind not in _READ_VALUE:
            raise _broken(f"the header {name!r} has the unknown type {kind}")
        headers[name] = _READ_VALUE[kind](reader)
    return headers


class _HeaderReader:
    """A position in the bytes of a frame's headers."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def at_end(self) -> bool:
        return self._position == len(self._data)

    def take(self, size: int) -> bytes:
        end = self._position + size
        if end > len(self._data):
            raise _broken("a header runs over the end of its block")
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big", signed=True)

    def sized(self, length_size: int) -> bytes:
        return self.take(int.from_bytes(self.take(length_size), "big"))

    def text(self, length_size: int) -> str:
        try:
            return self.sized(length_size).decode()
        except UnicodeDecodeError as error:
            raise _broken("a header is not UTF-8") from error


# AWS event stream encoding: the type byte of a header's value (botocore 1.44, 2026-11).
_READ_VALUE: dict[int, Callable[[_HeaderReader], HeaderValue]] = {
    0: lambda _: True,
    1: lambda _: False,
    2: lambda reader: reader.integer(1),
    3: lambda reader: reader.integer(2),
    4: lambda reader: reader.integer(4),
    5: lambda reader: reader.integer(8),
    6: lambda reader: reader.sized(2),
    7: lambda reader: reader.text(2),
    8: lambda reader: reader.integer(8),
    9: lambda reader: UUID(bytes=reader.take(16)),
}
