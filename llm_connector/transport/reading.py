"""One whole body read, within its bounds. What it says is not known here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm_connector.errors import DecodeError
from llm_connector.transport.compression import areadable, readable

if TYPE_CHECKING:
    from types import TracebackType

    from llm_connector.transport.http_message import AsyncHttpAnswer, Head, HttpAnswer

MAX_ANSWER_BYTES = 256 * 1024 * 1024
MAX_ERROR_BYTES = 1024 * 1024

_FIRST_FAILURE = 300


class _Body:
    """A body in the making. Of an error's body the beginning is enough, and what came before it broke."""

    __slots__ = ("_failed", "_pieces", "_size")

    def __init__(self, head: Head) -> None:
        self._failed = head.status >= _FIRST_FAILURE
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> bool:
        """Take the next bytes; whether there is room for more."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size > MAX_ANSWER_BYTES and not self._failed:
            raise DecodeError(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
        return not self._failed or self._size < MAX_ERROR_BYTES

    def __enter__(self) -> None:
        """Begin to read it."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> bool:
        """A status that is an error says more than the connection that broke behind it."""
        if error is None or not self._failed:
            return False
        import httpx  # noqa: PLC0415 - the error is one of it, or it is loaded in vain this once

        return isinstance(error, httpx.TransportError | httpx.DecodingError)

    def whole(self) -> bytes:
        """What came."""
        return b"".join(self._pieces)


def read_body(answer: HttpAnswer) -> bytes:
    """Read a whole body and close the answer.

    Raises:
        DecodeError: It is larger than any answer.
    """
    body = _Body(answer)
    try:
        with body:
            for data in readable(answer):
                if not body.add(data):
                    break
    finally:
        answer.close()
    return body.whole()


async def aread_body(answer: AsyncHttpAnswer) -> bytes:
    """The same for async clients."""
    body = _Body(answer)
    try:
        with body:
            async for data in areadable(answer):
                if not body.add(data):
                    break
    finally:
        await answer.aclose()
    return body.whole()
