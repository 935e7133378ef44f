"""Addresses as connections need them. What stands before one is in ``proxies``, how to get to one in ``route``."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import httpx

from llm_connector.errors import ConfigError

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request goes.

    Attributes:
        url: The address as the HTTP library reads it.
        scheme: ``http`` or ``https``.
        host: The host's name or number, in ASCII.
        port: The port.
        authority: Host and port as the ``host`` header tells them.
        target: Path and query, percent-encoded.
    """

    url: httpx.URL
    scheme: str
    host: str
    port: int
    authority: str
    target: str

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken there."""
        return self.scheme == "https"

    @property
    def whole(self) -> str:
        """The address as a proxy is asked for it."""
        return f"{self.scheme}://{self.authority}{self.target}"


@functools.lru_cache(maxsize=256)
def address(url: str) -> Address:
    """The parts of an address. Parsing costs a tenth of a small call, and a client asks the same few all the time.

    Raises:
        ConfigError: Nothing can be sent there.
    """
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii")
    except httpx.InvalidURL as error:
        raise ConfigError(f"base_url makes no address: {error}") from None
    if parsed.scheme not in _PORTS:
        raise ConfigError("base_url must begin with http:// or https://")
    return Address(
        url=parsed,
        scheme=parsed.scheme,
        host=host,
        port=parsed.port or _PORTS[parsed.scheme],
        authority=parsed.netloc.decode("ascii"),
        target=parsed.raw_path.decode("ascii"),
    )
