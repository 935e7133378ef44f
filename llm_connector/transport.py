"""The seam to what sends: requests as it takes them, its errors as ours. Connections are in ``connections``."""

from __future__ import annotations

import base64
import contextlib
import functools
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

from llm_connector.errors import ConfigError, ConnectError, DecodeError, LLMError, RequestTimeoutError
from llm_connector.http_message import HttpRequest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    import httpx

    from llm_connector.call import Call
    from llm_connector.deadline import Deadline
    from llm_connector.protocols.base import StreamReader
    from llm_connector.protocols.wire import WireRequest

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 600.0
PATIENCE = 1.0  # seconds for the rest of an answer whose end has come
_PROXIES = ("http://", "https://", "socks5://", "socks5h://")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
sleep = time.sleep


def resolve(value: Any) -> Any:
    """The value, or what the function gives that stands for it."""
    return value() if callable(value) else value


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """How to connect.

    Attributes:
        timeout: Seconds without a byte before a call is given up.
        proxy: The proxy's address; ``None`` for the environment's.
    """

    timeout: float = READ_TIMEOUT
    proxy: str | None = field(default=None, repr=False)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """One for all clients: reading the certificates costs more than everything else in making a client."""
    import httpx  # noqa: PLC0415 - loaded with the first request

    context = httpx.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def http_request(wire: WireRequest, url: str, headers: Mapping[str, str], timeout: float) -> HttpRequest:
    """A request that can be sent.

    Raises:
        ConfigError: A header cannot be sent. No header's value is shown.
    """
    url, basic = without_credentials(url)
    headers = {name: value.strip(" \t") for name, value in headers.items()} | basic
    _check_headers(headers)
    return HttpRequest(wire.method, url, headers, wire.body, timeout)


def _check_headers(headers: dict[str, str]) -> None:
    if _VALUE.fullmatch("".join(headers.values())) and _NAME.fullmatch("".join(headers)) and "" not in headers:
        return
    bad = next(name for name, value in headers.items() if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value))
    raise ConfigError(f"header {bad!r} holds a line break or another character that a header cannot have")


def without_credentials(url: str) -> tuple[str, dict[str, str]]:
    """The address without ``user:password@``, which the HTTP library would log, and the header that says the same."""
    parts = urlsplit(url)
    given, sign, host = parts.netloc.rpartition("@")
    if not sign:
        return url, {}
    named = base64.b64encode(unquote(given).encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), {"authorization": f"Basic {named}"}


def checked_proxy(proxy: str | None) -> str | None:
    """The proxy's address as it is.

    Raises:
        ConfigError: It cannot be one. It is not shown: it may hold a password.
    """
    if proxy is not None and not (isinstance(proxy, str) and proxy.startswith(_PROXIES)):
        raise ConfigError("proxy is an address that begins with http://, https://, socks5:// or socks5h://")
    return proxy


def full_url(base_url: str, wire: WireRequest) -> str:
    """The address as sent, so that a signature covers it."""
    query = f"?{urlencode(wire.query)}" if wire.query else ""
    return f"{base_url.removesuffix(wire.above)}{wire.path}{query}"


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
        if error is None:
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
