"""What sync and async connections share of the HTTP library: how it is set up, asked, and how its errors are read.

``httpcore`` is what ``httpx`` itself is made of. Its errors are told as those of ``httpx``, which people know and which
a client of the user's own raises too.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpcore
import httpx

from llm_connector.errors import ConfigError
from llm_connector.idle import IDLE_SECONDS
from llm_connector.settings import check_host
from llm_connector.transport import tls_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

T = TypeVar("T")

# Errors of a connection that ended, which say nothing about the request.
HUNG_UP = (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)


def connection_pool(kind: Callable[..., T], proxy: str | None, network: Any) -> T:
    """A pool of the library, which knows how to make one connection.

    Raises:
        ConfigError: The proxy's address is none. It is not shown: it may hold a password.
    """
    return kind(
        ssl_context=tls_context(),
        proxy=None if proxy is None else _proxy(proxy),
        keepalive_expiry=IDLE_SECONDS,
        network_backend=network,
    )


@functools.lru_cache(maxsize=32)
def _proxy(address: str) -> httpcore.Proxy:
    named = "the proxy, maybe HTTPS_PROXY, HTTP_PROXY or ALL_PROXY,"
    check_host(named, address)
    try:
        parsed = httpx.Proxy(address)
    except (ValueError, httpx.InvalidURL):
        raise ConfigError(f"{named} is no address of one") from None
    if parsed.url.scheme.startswith("socks") and not _speaks_socks():
        raise ConfigError("a SOCKS proxy needs the package socksio: pip install 'httpx[socks]'")
    context = tls_context() if parsed.url.scheme == "https" else None  # else the library reads certificates each time
    return httpcore.Proxy(_core_url(parsed.url), auth=parsed.raw_auth, ssl_context=context)


def _speaks_socks() -> bool:
    from importlib.util import find_spec  # noqa: PLC0415 - few have such a proxy

    return find_spec("socksio") is not None


@functools.lru_cache(maxsize=256)
def _core_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def core_request(request: httpx.Request) -> httpcore.Request:
    """The request as the library's connections take it.

    Raises:
        UnsupportedProtocol: The address is not one of the web.
    """
    if request.url.scheme not in {"http", "https"}:
        raise httpcore.UnsupportedProtocol(f"not http:// or https:// but {request.url.scheme}://")
    assert isinstance(request.stream, httpx.SyncByteStream)
    return httpcore.Request(
        method=request.method,
        url=_core_url(request.url),
        headers=request.headers.raw,
        content=_Content(b"".join(request.stream)),
        extensions=request.extensions,
    )


class _Content:
    """A body in one piece. The library's is an async generator, and trio warns of one that a server did not take."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = [data]

    def __iter__(self) -> Iterator[bytes]:
        return iter((self._data,))

    def __aiter__(self) -> Self:
        self._left = [self._data]
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()


class LibraryErrors:
    """A context that raises the errors of ``httpcore`` as those of ``httpx``, which have the same names."""

    __slots__ = ()

    def __enter__(self) -> None:
        """Nothing is done before there is an error."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        if error is not None:
            raise_as_httpx(error)


def raise_as_httpx(error: BaseException) -> None:
    """Raise an error of ``httpcore`` as that of ``httpx``; do nothing about others."""
    library = type(error).__module__.partition(".")[0]
    if library.startswith("httpcore"):
        names = [kind.__name__ for kind in type(error).__mro__]
        told: type[httpx.TransportError] = next(getattr(httpx, name) for name in names if hasattr(httpx, name))
        raise told(_text(error)) from error
    if library == "socksio":  # httpcore 1.0 lets them pass
        raise httpx.ProxyError(f"the SOCKS proxy broke off or speaks something else: {error}") from error
    if isinstance(error, UnicodeError):
        raise ConfigError("base_url, or the proxy, has no host that can be looked up") from error


def _text(error: BaseException) -> str:
    """What the first of an error and its causes says: trio's own say nothing."""
    cause: BaseException | None = error
    while cause is not None and not str(cause):
        cause = cause.__cause__
    return "" if cause is None else str(cause)
