"""What a sync client sends with: connections of its own, or an HTTP client of the user's. Async: ``async_pool``."""

from __future__ import annotations

import os
import time
import weakref
from typing import TYPE_CHECKING, Any

from llm_connector.errors import ConfigError

if TYPE_CHECKING:
    import httpx

    from llm_connector.deadline import Deadline
    from llm_connector.transport.connections import Connections
    from llm_connector.transport.http_message import HttpAnswer, HttpRequest
    from llm_connector.transport.options import TransportOptions


sleep = time.sleep


def resolve(value: Any) -> Any:
    """The value, or what the function gives that stands for it."""
    return value() if callable(value) else value


class ConnectionPool:
    """Makes its connections at the first request; never closes a client that the user gave."""

    def __init__(self, options: TransportOptions, given: httpx.Client | None = None) -> None:
        check_given(given, "Client")
        self._options = options
        self._given = given
        self._made: dict[int, Connections] = {}  # by process: a fork leaves those alone that its parent goes on using
        self._closed = False

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpAnswer:
        """Send, up to the answer's head. Redirects are never followed: they would carry the key to another host."""
        if self._given is not None:
            from llm_connector.transport.own_client import send  # noqa: PLC0415 - few give one

            return send(self._given, request, deadline)
        made = self._made.get(os.getpid())
        return (self._make() if made is None else made).send(request, deadline)

    def _make(self) -> Connections:
        from llm_connector.transport.connections import Connections  # noqa: PLC0415 - with the HTTP library: half of all time

        made = Connections(self._options.proxy)
        kept = self._made.setdefault(os.getpid(), made)  # of threads that come at once, all use the first one's
        if kept is made:
            weakref.finalize(self, made.abandon)  # in a reference cycle __del__ may come after the sockets' own
        if self._closed:
            kept.close()
        return kept

    def close(self) -> None:
        """Close what was made here."""
        self._closed = True
        for made in list(self._made.values()):
            made.close()


def check_given(given: Any, kind: str) -> None:
    """Nothing, if it is a client of the HTTP library of this kind, or none was given.

    Raises:
        ConfigError: It is something else.
    """
    if given is None:
        return
    import httpx  # noqa: PLC0415 - who gives one has loaded it

    if not isinstance(given, getattr(httpx, kind)):
        raise ConfigError(f"http_client must be an httpx.{kind}, not {type(given).__name__}")
