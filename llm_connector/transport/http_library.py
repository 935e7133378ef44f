"""The errors of the HTTP library, as its users know them.

``httpcore`` is what ``httpx`` itself is made of. Its errors are told as those of ``httpx``, which people know and which
a client of the user's own raises too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpcore
import httpx

from llm_connector.errors import ConfigError

if TYPE_CHECKING:
    from types import TracebackType

# Errors of a connection that ended, which say nothing about the request.
HUNG_UP = (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)


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
    if isinstance(error, UnicodeError):
        raise ConfigError("base_url, or the proxy, has no host that can be looked up") from error


def _text(error: BaseException) -> str:
    """What the first of an error and its causes says: trio's own say nothing."""
    cause: BaseException | None = error
    while cause is not None and not str(cause):
        cause = cause.__cause__
    return "" if cause is None else str(cause)
