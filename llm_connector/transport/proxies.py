"""Which proxy stands before an address, as the environment or the system says. No proxy is spoken to here."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

if TYPE_CHECKING:
    import httpx

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class SystemProxies:
    """The proxies of ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, or of the system's settings.

    Read once, since asking costs as much as a tenth of a small call.
    """

    def __init__(self) -> None:
        self._found = getproxies()
        self._known: dict[tuple[str, str, int | None], str | None] = {}

    def before(self, url: httpx.URL) -> str | None:
        """The proxy's address, or ``None``. No proxy stands before this machine itself."""
        if not self._found:
            return None
        origin = (url.scheme, url.host, url.port)
        if origin not in self._known:
            self._known[origin] = self._look_up(*origin)
        return self._known[origin]

    def _look_up(self, scheme: str, host: str, port: int | None) -> str | None:
        named = self._found.get(scheme) or self._found.get("all")
        if not named or host in _LOOPBACK or proxy_bypass(host if port is None else f"{host}:{port}"):
            return None
        return named if "://" in named else f"http://{named}"
