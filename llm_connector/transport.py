"""The seam to the HTTP library, the only module that knows it. What to send and when is in ``client``.

Async connections belong to the event loop that made them, so an async pool keeps one HTTP client a loop and closes it
when the loop shuts its asynchronous generators down: a client outlives ``asyncio.run`` and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import sys
import time
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import anyio
import anyio.to_thread
import httpx

from llm_connector.errors import ConfigError, ConnectError, DecodeError, LLMError, RequestTimeoutError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Iterator

    from llm_connector.protocols.base import StreamReader
    from llm_connector.protocols.wire import WireRequest

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 600.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")

sleep = time.sleep
asleep = anyio.sleep


def resolve(value: Any) -> Any:
    """The value, or what the function gives that stands for it."""
    return value() if callable(value) else value


async def aresolve(value: Any) -> Any:
    """The same without blocking the event loop; an awaitable is awaited."""
    if not callable(value):
        return value
    result = value() if inspect.iscoroutinefunction(value) else await anyio.to_thread.run_sync(value)
    return await result if inspect.isawaitable(result) else result


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """How to connect.

    Attributes:
        timeout: Seconds without a byte before a call is given up.
        proxy: The proxy's address; ``None`` for the environment's.
        base_url: The address mostly used: no system proxy stands before a loopback address.
    """

    timeout: float = READ_TIMEOUT
    proxy: str | None = None
    base_url: str = ""

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


class AsyncConnectionPool:
    """One HTTP client an event loop, each closed with its loop; never closes one that the user gave."""

    def __init__(self, options: TransportOptions, given: httpx.AsyncClient | None = None) -> None:
        if given is not None and not isinstance(given, httpx.AsyncClient):
            raise ConfigError(f"http_client must be an httpx.AsyncClient, not {type(given).__name__}")
        self._options = options
        self._given = given
        self._lifetimes: weakref.WeakKeyDictionary[Any, AsyncGenerator[httpx.AsyncClient, None]] = (
            weakref.WeakKeyDictionary()
        )
        self._made: weakref.WeakKeyDictionary[Any, httpx.AsyncClient] = weakref.WeakKeyDictionary()

    async def get(self) -> httpx.AsyncClient:
        """The HTTP client of the running loop."""
        if self._given is not None:
            return self._given
        loop = _running_loop()
        made = self._made.get(loop)
        if made is None or made.is_closed:
            lifetime = _lifetime(self._options)
            made = await anext(lifetime)
            self._made[loop], self._lifetimes[loop] = made, lifetime
        return made

    async def aclose(self) -> None:
        """Close what was made here for the running loop."""
        loop = _running_loop()
        self._made.pop(loop, None)
        lifetime = self._lifetimes.pop(loop, None)
        if lifetime is not None:
            await lifetime.aclose()


def _running_loop() -> Any:
    """What identifies the event loop that runs now: asyncio's loop, or trio's token."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return sys.modules["trio"].lowlevel.current_trio_token()


async def _lifetime(options: TransportOptions) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Holds a client open until the loop closes its asynchronous generators, which ``asyncio.run`` does at its end."""
    async with httpx.AsyncClient(**options.client_arguments()) as client:
        yield client


def http_request(
    wire: WireRequest, url: str, headers: dict[str, str], timeout: float | None, options: TransportOptions
) -> httpx.Request:
    """The HTTP library's request.

    Raises:
        ConfigError: The address or a header cannot be sent. No header's value is shown.
    """
    if bad := [name for name, value in headers.items() if any(mark in value for mark in "\r\n\0")]:
        raise ConfigError(f"header {', '.join(bad)} holds a line break")
    read = options.timeout if timeout is None else timeout
    limits = httpx.Timeout(read, connect=min(read, CONNECT_TIMEOUT))
    try:
        return httpx.Request(
            wire.method, url, headers=headers, content=wire.body, extensions={"timeout": limits.as_dict()}
        )
    except httpx.InvalidURL as error:
        raise ConfigError(f"base_url makes no address: {error}") from None
    except (UnicodeEncodeError, ValueError, TypeError):
        names = [name for name, value in headers.items() if not value.isascii() or not value.isprintable()]
        raise ConfigError(f"header {', '.join(names) or '?'} holds characters that a header cannot have") from None


def full_url(base_url: str, wire: WireRequest) -> str:
    """The address as sent, so that a signature covers it."""
    query = f"?{urlencode(wire.query)}" if wire.query else ""
    return f"{base_url.removesuffix(wire.above)}{wire.path}{query}"


@contextlib.contextmanager
def transport_errors(provider: str, url: str) -> Iterator[None]:
    """The HTTP library's errors as ours, with the cause chained; ours get the provider's name."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    try:
        yield
    except LLMError as error:
        error.provider = error.provider or provider
        raise
    except httpx.TimeoutException as error:
        what = "connection" if isinstance(error, (httpx.ConnectTimeout, httpx.PoolTimeout)) else "answer"
        raise RequestTimeoutError(f"no {what} from {host} in time; raise timeout=", provider=provider) from error
    except httpx.DecodingError as error:
        raise DecodeError(f"the answer of {host} is compressed wrongly", provider=provider) from error
    except httpx.UnsupportedProtocol as error:
        raise ConfigError("base_url must begin with http:// or https://", provider=provider) from error
    except httpx.TransportError as error:
        reason = str(error) or type(error).__name__
        raise ConnectError(f"cannot reach {host}: {reason}", provider=provider) from error


@contextlib.contextmanager
def stream_errors(reader: StreamReader, provider: str, url: str) -> Iterator[None]:
    """The same while a stream is read: a broken connection leaves a partial response, or nothing after the end."""
    try:
        with transport_errors(provider, url):
            yield
    except ConnectError as error:
        if not reader.ended:
            raise reader.interrupted() from error.__cause__
    except RequestTimeoutError as error:
        if not reader.ended:
            error.partial = reader.response()
            raise
