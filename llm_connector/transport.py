"""The seam to the HTTP library. What to send and when is in ``client``; its async half is in ``async_transport``."""

from __future__ import annotations

import base64
import contextlib
import functools
import re
import time
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urlsplit, urlunsplit

import httpx

from llm_connector.errors import ConfigError, ConnectError, DecodeError, LLMError, RequestTimeoutError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from llm_connector.deadline import Deadline
    from llm_connector.protocols.base import StreamReader
    from llm_connector.protocols.wire import WireRequest

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 600.0
_PROXIES = ("http://", "https://", "socks5://", "socks5h://")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")

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
        base_url: The address mostly used: no system proxy stands before a loopback address.
    """

    timeout: float = READ_TIMEOUT
    proxy: str | None = field(default=None, repr=False)
    base_url: str = field(default="", repr=False)

    def client_arguments(self) -> dict[str, Any]:
        """The arguments for an HTTP client of the library."""
        local = urlsplit(self.base_url).hostname in _LOOPBACK
        return {
            "verify": _tls_context(),
            "proxy": self.proxy,
            "trust_env": not local,
            "follow_redirects": False,  # a redirect would carry the key to another host
            "limits": httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=30),
        }


@functools.cache
def _tls_context() -> ssl.SSLContext:
    """One for all clients: reading the certificates costs more than everything else in making a client."""
    return httpx.create_ssl_context()


class ConnectionPool:
    """Makes the HTTP client at the first request; never closes one that the user gave."""

    def __init__(self, options: TransportOptions, given: httpx.Client | None = None) -> None:
        if given is not None and not isinstance(given, httpx.Client):
            raise ConfigError(f"http_client must be an httpx.Client, not {type(given).__name__}")
        self._options = options
        self._given = given
        self._made: httpx.Client | None = None

    def get(self) -> httpx.Client:
        """The HTTP client."""
        if self._given is not None:
            return self._given
        if self._made is None:
            self._made = httpx.Client(**self._options.client_arguments())
            weakref.finalize(self, self._made.close)  # in a reference cycle __del__ may come after the sockets' own
        return self._made

    def close(self) -> None:
        """Close what was made here."""
        if self._made is not None:
            self._made.close()
            self._made = None


def http_request(
    wire: WireRequest, url: str, headers: dict[str, str], timeout: float, deadline: Deadline
) -> httpx.Request:
    """The HTTP library's request.

    Raises:
        ConfigError: The address or a header cannot be sent. No header's value is shown.
    """
    url, basic = without_credentials(url)
    headers = {name: value.strip(" \t") for name, value in headers.items()} | basic
    if bad := [name for name, value in headers.items() if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value)]:
        raise ConfigError(f"header {bad[0]!r} holds a line break or another character that a header cannot have")
    read = deadline.cut(timeout)
    limits = httpx.Timeout(read, connect=min(read, CONNECT_TIMEOUT))
    try:
        return httpx.Request(
            wire.method, _parsed(url), headers=headers, content=wire.body, extensions={"timeout": limits.as_dict()}
        )
    except httpx.InvalidURL as error:
        raise ConfigError(f"base_url makes no address: {error}") from None


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


@contextlib.contextmanager
def transport_errors(provider: str, url: str, deadline: Deadline | None = None) -> Iterator[None]:
    """The HTTP library's errors as ours, with the cause chained; ours get the provider's name."""
    try:
        with _named_errors(provider, url):
            yield
    except (ConnectError, RequestTimeoutError) as error:
        if deadline is not None:
            with _named_errors(provider, url):
                _check(deadline, error)
        raise


def _check(deadline: Deadline, error: LLMError) -> None:
    """Tell the time that is up in place of what ended with it."""
    try:
        deadline.check()
    except RequestTimeoutError as late:
        raise late from error.__cause__


@contextlib.contextmanager
def _named_errors(provider: str, url: str) -> Iterator[None]:
    host = urlsplit(url).netloc.rpartition("@")[2]
    try:
        yield
    except LLMError as error:
        error.provider = error.provider or provider
        raise
    except httpx.LocalProtocolError:  # its text shows a header's value
        raise ConfigError("the request cannot be written as HTTP; check headers=", provider=provider) from None
    except httpx.RequestError as error:
        error.request = httpx.Request("POST", f"http://{host}")  # without the headers: reporters of errors walk causes
        raise _ours(error, provider, host) from error


def _ours(error: httpx.RequestError, provider: str, host: str) -> LLMError:
    if isinstance(error, httpx.TimeoutException):
        what = "connection" if isinstance(error, (httpx.ConnectTimeout, httpx.PoolTimeout)) else "answer"
        return RequestTimeoutError(f"no {what} from {host} in time; raise timeout=", provider=provider)
    if isinstance(error, httpx.DecodingError):
        return DecodeError(f"the answer of {host} is compressed wrongly", provider=provider)
    if isinstance(error, httpx.UnsupportedProtocol):
        return ConfigError("base_url must begin with http:// or https://", provider=provider)
    return ConnectError(f"cannot reach {host}: {str(error) or type(error).__name__}", provider=provider)


@contextlib.contextmanager
def stream_errors(reader: StreamReader, provider: str, url: str, deadline: Deadline) -> Iterator[None]:
    """The same while a stream is read: a broken connection leaves a partial response, or nothing after the end."""
    try:
        with transport_errors(provider, url, deadline):
            yield
    except LLMError as error:
        if reader.ended:
            return
        if isinstance(error, ConnectError):
            raise reader.interrupted() from error.__cause__
        if error.partial is None:
            error.partial = reader.response()
        raise
