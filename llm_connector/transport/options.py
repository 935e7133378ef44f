"""How to connect: times, the proxy, TLS. Who connects is in ``connections``."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llm_connector.errors import ConfigError

if TYPE_CHECKING:
    import ssl

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 600.0
PATIENCE = 1.0  # seconds for the rest of an answer whose end has come
_PROXIES = ("http://", "https://", "socks5://", "socks5h://")


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


def checked_proxy(proxy: str | None) -> str | None:
    """The proxy's address as it is.

    Raises:
        ConfigError: It cannot be one. It is not shown: it may hold a password.
    """
    if proxy is not None and not (isinstance(proxy, str) and proxy.startswith(_PROXIES)):
        raise ConfigError("proxy is an address that begins with http://, https://, socks5:// or socks5h://")
    return proxy
