"""Bodies that came compressed. The HTTP library decompresses them; it is loaded when one comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import httpx

    from llm_connector.transport.http_message import AsyncHttpAnswer, HttpAnswer


def readable(answer: HttpAnswer) -> Iterator[bytes]:
    """The body as it comes, decompressed."""
    return _response(answer).iter_bytes() if "content-encoding" in answer.headers else iter(answer)


def areadable(answer: AsyncHttpAnswer) -> AsyncIterator[bytes]:
    """The same for async clients."""
    return _response(answer).aiter_bytes() if "content-encoding" in answer.headers else aiter(answer)


def _response(answer: Any) -> httpx.Response:
    import httpx  # noqa: PLC0415 - a third of all time to import

    class Compressed(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return iter(answer)

        def __aiter__(self) -> AsyncIterator[bytes]:
            return aiter(answer)

    coding = {"content-encoding": answer.headers["content-encoding"]}
    return httpx.Response(answer.status, headers=coding, stream=Compressed())
