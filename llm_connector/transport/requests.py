"""A request as it can be sent: its address and its headers. What is asked is not known here."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode, urlsplit

from llm_connector.errors import ConfigError
from llm_connector.hidden import without_login
from llm_connector.transport.http_message import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connector.protocols.wire import WireRequest

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")


def http_request(wire: WireRequest, url: str, headers: Mapping[str, str], timeout: float) -> HttpRequest:
    """A request that can be sent.

    Raises:
        ConfigError: A header cannot be sent. No header's value is shown.
    """
    headers = {name: value.strip(" \t") for name, value in headers.items()} | login_header(url)
    _check_headers(headers)
    return HttpRequest(wire.method, without_login(url), headers, wire.body, timeout)


def _check_headers(headers: dict[str, str]) -> None:
    if _VALUE.fullmatch("".join(headers.values())) and _NAME.fullmatch("".join(headers)) and "" not in headers:
        return
    bad = next(name for name, value in headers.items() if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value))
    raise ConfigError(f"header {bad!r} holds a line break or another character that a header cannot have")


def login_header(url: str) -> dict[str, str]:
    """The header that says what ``user:password@`` in an address says, which the HTTP library would log."""
    given, sign, _ = urlsplit(url).netloc.rpartition("@")
    if not sign:
        return {}
    name, _, password = given.partition(":")
    named = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
    return {"authorization": f"Basic {named}"}


def full_url(base_url: str, wire: WireRequest) -> str:
    """The address as sent, so that a signature covers it."""
    query = f"?{urlencode(wire.query)}" if wire.query else ""
    return f"{base_url.removesuffix(wire.above)}{wire.path}{query}"
