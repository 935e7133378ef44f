"""The HTTP library's errors as ours: the seam between what sends and who asked. Nothing is sent here."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from llm_connector.errors import ConfigError, ConnectError, DecodeError, LLMError, RequestTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    import httpx

    from llm_connector.call import Call
    from llm_connector.deadline import Deadline
    from llm_connector.protocols.base import StreamReader


class TransportErrors:
    """A context that raises the HTTP library's errors as ours, with the cause chained; ours get the provider's name.

    Args:
        provider: The provider's name.
        url: Where the request went.
        deadline: When the whole call must be over; told in place of what ended with it.
    """

    __slots__ = ("_deadline", "_provider", "_url")

    def __init__(self, provider: str, url: str, deadline: Deadline | None = None) -> None:
        self._provider = provider
        self._url = url
        self._deadline = deadline

    def __enter__(self) -> None:
        """Nothing is done before there is an error."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        if not isinstance(error, Exception):  # none, or one that only leaves early, as when a stream is dropped
            return
        cause: BaseException | None = error.__cause__
        ours = error if isinstance(error, LLMError) else None
        if ours is None:
            ours, cause = _told(error, self._url)
            if ours is None:
                return
        ours = self._late(ours) or ours
        ours.provider = ours.provider or self._provider
        if ours is not error:
            raise ours from cause

    def _late(self, error: LLMError) -> RequestTimeoutError | None:
        if self._deadline is None or not isinstance(error, ConnectError | RequestTimeoutError):
            return None
        return self._deadline.error()


def _told(error: BaseException, url: str) -> tuple[LLMError | None, BaseException | None]:
    """An error of the HTTP library as ours, and its cause; nothing for others."""
    import httpx  # noqa: PLC0415 - who has an error of it has loaded it

    if isinstance(error, httpx.LocalProtocolError):  # its text shows a header's value
        return ConfigError("the request cannot be written as HTTP; check headers="), None
    if not isinstance(error, httpx.RequestError):
        return None, None
    host = urlsplit(url).netloc.rpartition("@")[2]
    error.request = httpx.Request("POST", f"http://{host}")  # without headers: reporters of errors walk causes
    return _ours(error, host), error


def _ours(error: httpx.RequestError, host: str) -> LLMError:
    import httpx  # noqa: PLC0415 - as above

    if isinstance(error, httpx.TimeoutException):
        what = "connection" if isinstance(error, (httpx.ConnectTimeout, httpx.PoolTimeout)) else "answer"
        return RequestTimeoutError(f"no {what} from {host} in time; raise timeout=")
    if isinstance(error, httpx.DecodingError):
        return DecodeError(f"the answer of {host} is compressed wrongly")
    if isinstance(error, httpx.UnsupportedProtocol):
        return ConfigError("base_url must begin with http:// or https://")
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        hint = "; set SSL_CERT_FILE to the file of your own authority's certificates" if "issuer" in str(error) else ""
        return ConnectError(f"cannot trust {host}: {error}{hint}", retryable=False)
    return ConnectError(f"cannot reach {host}: {str(error) or type(error).__name__}")


@contextlib.contextmanager
def stream_errors(reader: StreamReader, call: Call, url: str) -> Iterator[None]:
    """The same while a stream is read: a broken connection leaves a partial response, or nothing after the end."""
    try:
        with TransportErrors(call.settings.provider.name, url, call.deadline):
            yield
    except LLMError as error:
        if reader.ended:
            return
        if isinstance(error, ConnectError):
            raise reader.interrupted() from error.__cause__
        if error.partial is None:
            error.partial = reader.response()
        call.without_key(error)
        raise
