"""What a sync client holds open: connections of its own, or an HTTP client of the user's. Async: ``async_pool``."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any

import httpx

from llm_connector.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_connector.connections import Connections
    from llm_connector.deadline import Deadline
    from llm_connector.transport import TransportOptions


class ConnectionPool:
    """Makes its connections at the first request; never closes a client that the user gave."""

    def __init__(self, options: TransportOptions, given: httpx.Client | None = None) -> None:
        if given is not None and not isinstance(given, httpx.Client):
            raise ConfigError(f"http_client must be an httpx.Client, not {type(given).__name__}")
        self._options = options
        self._given = given
        self._made: Connections | None = None
        self._process = os.getpid()
        self._inherited: list[Any] = []

    @property
    def given(self) -> httpx.Client | None:
        """The client that the user gave."""
        return self._given

    def send(self, request: httpx.Request, deadline: Deadline) -> httpx.Response:
        """Send, up to the answer's head. Redirects are never followed: they would carry the key to another host."""
        if self._process != os.getpid():  # forked: the parent goes on using its connections, so they are left alone
            self._inherited.append(self._made)
            self._process, self._made = os.getpid(), None
        if self._made is None:
            from llm_connector.connections import Connections  # noqa: PLC0415 - a sixth of all time to import

            self._made = Connections(self._options.proxy)
            weakref.finalize(self, self._made.abandon)  # in a reference cycle __del__ may come after the sockets' own
        return self._made.send(request, deadline)

    def close(self) -> None:
        """Close what was made here."""
        if self._made is not None:
            self._made.close()


def pieces(response: httpx.Response) -> Iterator[bytes]:
    """The body as it comes, decompressed.

    What is not compressed is taken from where the library takes it: its way to there costs a fifth of a chunk.
    """
    if "content-encoding" in response.headers:
        return response.iter_bytes()
    assert isinstance(response.stream, httpx.SyncByteStream)
    return iter(response.stream)
