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
from llm_connector.spread import IDLE_SECONDS, REQUESTS_A_POOL

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


def pool_arguments(proxy: str | None) -> dict[str, Any]:
    """The arguments for a pool of connections of the library."""
    limits = httpx.Limits(
        max_connections=None, max_keepalive_connections=REQUESTS_A_POOL, keepalive_expiry=IDLE_SECONDS
    )
    return {"verify": tls_context(), "proxy": proxy, "limits": limits}


@contextlib.contextmanager
def proxy_errors() -> Iterator[None]:
    """What is wrong with a proxy's address, without the address: it may hold a password."""
    try:
        yield
    except ImportError:
        raise ConfigError("a SOCKS proxy needs the package socksio: pip install 'httpx[socks]'") from None
    except (ValueError, httpx.InvalidURL):
        raise ConfigError(
            "the environment's proxy (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) is no proxy's address"
        ) from None


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
