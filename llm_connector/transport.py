"""The seam to the HTTP library: requests in its form, its errors in ours. Connections are in ``connections``."""

from __future__ import annotations

import base64
import contextlib
import functools
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

import httpx

from llm_connector.errors import ConfigError, ConnectError, DecodeError, LLMError, RequestTimeoutError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from types import TracebackType

    from llm_connector.call import Call
    from llm_connector.deadline import Deadline
    from llm_connector.protocols.base import StreamReader
    from llm_connector.protocols.wire import WireRequest

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 600.0
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
    return httpx.create_ssl_context()


def http_request(
    wire: WireRequest, url: str, headers: dict[str, str], timeout: float, deadline: Deadline
) -> httpx.Request:
    """The HTTP library's request.

    Raises:
        ConfigError: The address or a header cannot be sent. No header's value is shown.
    """
    url, basic = without_credentials(url)
    headers = {name: value.strip(" \t") for name, value in headers.items()} | basic
    _check_headers(headers)
    read = deadline.cut(timeout)
    limits = {"connect": min(read, CONNECT_TIMEOUT), "read": read, "write": read, "pool": read}
    try:
        address = _parsed(url)
        return httpx.Request(
            wire.method,
            address,
            headers=_raw_headers(address, headers, len(wire.body), wire.method),
            stream=httpx.ByteStream(wire.body),
            extensions={"timeout": limits},
        )
    except httpx.InvalidURL as error:
        raise ConfigError(f"base_url makes no address: {error}") from None


def _check_headers(headers: dict[str, str]) -> None:
    if _VALUE.fullmatch("".join(headers.values())) and _NAME.fullmatch("".join(headers)) and "" not in headers:
        return
    bad = next(name for name, value in headers.items() if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value))
    raise ConfigError(f"header {bad!r} holds a line break or another character that a header cannot have")


def _raw_headers(url: httpx.URL, headers: dict[str, str], size: int, method: str) -> list[tuple[bytes, bytes]]:
    """The headers as they are sent; making them here costs the library a fifth less of a small call's time."""
    raw = [] if "host" in headers else [(b"host", url.netloc)]
    raw += [(name.encode(), value.encode()) for name, value in headers.items()]
    if size or method != "GET":
        raw.append((b"content-length", str(size).encode()))
    return raw


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


@functools.lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    """Parsing an address costs a tenth of a small call, and a client asks the same few all the time."""
    return httpx.URL(url)


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
        cause: BaseException | None
        if isinstance(error, LLMError):
            ours, cause = error, error.__cause__
        elif isinstance(error, httpx.LocalProtocolError):  # its text shows a header's value
            ours, cause = ConfigError("the request cannot be written as HTTP; check headers="), None
        elif isinstance(error, httpx.RequestError):
            host = urlsplit(self._url).netloc.rpartition("@")[2]
            error.request = httpx.Request("POST", f"http://{host}")  # without headers: reporters of errors walk causes
            ours, cause = _ours(error, host), error
        else:
            return
        ours = self._late(ours) or ours
        ours.provider = ours.provider or self._provider
        if ours is not error:
            raise ours from cause

    def _late(self, error: LLMError) -> RequestTimeoutError | None:
        if self._deadline is None or not isinstance(error, ConnectError | RequestTimeoutError):
            return None
        return self._deadline.error()


def _ours(error: httpx.RequestError, host: str) -> LLMError:
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
