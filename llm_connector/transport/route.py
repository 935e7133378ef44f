"""How a connection is made, as steps: directly, through a proxy, in a tunnel, under TLS. Who takes the steps waits.

The steps are the same for sync and async connections, which only differ in how they wait.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Generator
from typing import TYPE_CHECKING, NamedTuple

import httpcore
import httpx

from llm_connector.errors import ConfigError
from llm_connector.settings import check_host
from llm_connector.transport.addresses import has_host
from llm_connector.transport.http1 import AnswerReader, request_head
from llm_connector.transport.options import tls_context

if TYPE_CHECKING:
    import ssl

    from llm_connector.transport.addresses import Address
    from llm_connector.transport.http_message import HttpRequest

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_LONGEST_REASON = 200  # characters that are told of why a proxy refuses


class Connect(NamedTuple):
    """Connect to a host."""

    host: str
    port: int


class StartTLS(NamedTuple):
    """Speak TLS from now on."""

    context: ssl.SSLContext
    host: str


class Say(NamedTuple):
    """Send bytes, if any, and take what comes next."""

    data: bytes


Step = Connect | StartTLS | Say
Steps = Generator[Step, bytes, None]


class Proxy(NamedTuple):
    """A proxy's address.

    Attributes:
        scheme: ``http``, ``https``, ``socks5`` or ``socks5h``.
        host: Its name or number, in ASCII.
        port: Its port.
        login: Name and password, where there are any.
    """

    scheme: str
    host: str
    port: int
    login: tuple[bytes, bytes] | None

    def __repr__(self) -> str:  # without the login, as reporters of errors show locals
        return f"Proxy({self.scheme}://{self.host}:{self.port})"

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What an HTTP proxy is told beside each request."""
        if self.login is None:
            return []
        return [("proxy-authorization", f"Basic {base64.b64encode(b':'.join(self.login)).decode()}")]

    @property
    def repeats(self) -> bool:
        """Whether it is one that takes requests and sends them on; others let bytes through."""
        return self.scheme in {"http", "https"}


@functools.lru_cache(maxsize=32)
def proxy(address: str) -> Proxy:
    """A proxy by its address.

    Raises:
        ConfigError: It is no address of a proxy. It is not shown: it may hold a password.
    """
    named = "the proxy, maybe HTTPS_PROXY, HTTP_PROXY or ALL_PROXY,"
    check_host(named, address)
    try:
        parsed = httpx.Proxy(address)
    except (ValueError, httpx.InvalidURL):
        raise ConfigError(f"{named} is no address of one") from None
    url = parsed.url
    if not has_host(url):
        raise ConfigError(f"{named} has no host that can be looked up")
    if url.scheme.startswith("socks") and not _speaks_socks():
        raise ConfigError("a SOCKS proxy needs the package socksio: pip install 'httpx[socks]'")
    return Proxy(url.scheme, url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme], parsed.raw_auth)


def _speaks_socks() -> bool:
    from importlib.util import find_spec  # noqa: PLC0415 - few have such a proxy

    return find_spec("socksio") is not None


def steps(goal: Address, through: Proxy | None) -> Steps:
    """The steps to an address.

    Raises:
        ProxyError: The proxy does not let through.
    """
    if goal.encrypted:
        tls_context()  # the first takes long, so it is not made while a server waits
    if through is None:
        yield Connect(goal.host, goal.port)
    else:
        yield Connect(through.host, through.port)
        if through.scheme == "https":
            yield StartTLS(tls_context(), through.host)
        if not through.repeats:
            from llm_connector.transport.socks import greeting  # noqa: PLC0415 - few have such a proxy

            yield from greeting(goal, through)
        elif goal.encrypted:
            yield from _tunnel(goal, through)
    if goal.encrypted:
        yield StartTLS(tls_context(), goal.host)


def _tunnel(goal: Address, through: Proxy) -> Steps:
    host = f"[{goal.host}]" if ":" in goal.host else goal.host
    target = f"{host}:{goal.port}"
    reader = AnswerReader("CONNECT")
    reader.feed((yield Say(request_head("CONNECT", target, [("host", target), ("accept", "*/*"), *through.headers]))))
    while not reader.ended:
        reader.feed((yield Say(b"")))
    if not 200 <= reader.status < 300:  # noqa: PLR2004
        reason = "".join(filter(str.isprintable, reader.reason[:_LONGEST_REASON]))
        raise httpcore.ProxyError(f"{reader.status} {reason}")
    if reader.surplus:
        raise httpcore.ProxyError("something was said before encryption began")


def request_bytes(request: HttpRequest, goal: Address, through: Proxy | None) -> bytes:
    """A request as it is sent on a connection that the steps have made."""
    headers = request.headers
    lines = [] if "host" in headers else [("host", goal.authority)]
    lines += headers.items()
    if request.body or request.method != "GET":
        lines.append(("content-length", str(len(request.body))))
    target = goal.target
    if through is not None and through.repeats and not goal.encrypted:
        target = goal.whole
        lines = [header for header in through.headers if header[0] not in headers] + lines
    return request_head(request.method, target, lines) + request.body
