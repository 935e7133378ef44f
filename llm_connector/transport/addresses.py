"""Addresses as connections need them. What stands before one is in ``proxies``, how to get to one in ``route``."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import httpx

from llm_connector.errors import ConfigError

_PORTS = {"http": 80, "https": 443}
_LONGEST_NAME = 253  # bytes, RFC 1035


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


def has_host(url: httpx.URL) -> bool:
    """Whether somebody could be there: what stands for a host is a number, or a name that DNS and TLS can take."""
    try:
        name = url.raw_host.decode("ascii")
        name.encode("idna")  # each part has 1 to 63 letters
        _ = url.host  # and stands for a text
    except UnicodeError:
        return False
    return 0 < len(name) <= _LONGEST_NAME


@functools.lru_cache(maxsize=256)
def address(url: str) -> Address:
    """The parts of an address. Parsing costs a tenth of a small call, and a client asks the same few all the time.

    Raises:
        ConfigError: Nothing can be sent there.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"base_url makes no address: {error}") from None
    if parsed.scheme not in _PORTS:
        raise ConfigError("base_url must begin with http:// or https://")
    if not has_host(parsed):
        raise ConfigError("base_url has no host that can be looked up")
    return Address(
        url=parsed,
        scheme=parsed.scheme,
        host=parsed.raw_host.decode("ascii"),
        port=parsed.port or _PORTS[parsed.scheme],
        authority=parsed.netloc.decode("ascii"),
        target=parsed.raw_path.decode("ascii"),
    )
