"""What keeps secrets out of sight: headers that show only their names, addresses without logins, sealed pickles.

It is a curtain, not a safe: whoever may run code beside it can open both.
"""

from __future__ import annotations

import base64
import functools
import pickle
import zlib
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import PlainSerializer, SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "**********"

# They tell where the body ends; with another end the answer to the next request would be read as part of this one.
_OF_THE_BODY = frozenset({"content-length", "transfer-encoding"})


class HiddenHeaders(dict[str, str]):
    """Headers; their values, which may be keys, are in no ``repr``."""

    def __repr__(self) -> str:
        return f"<headers: {', '.join(self)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (HiddenHeaders, sealed(dict(self)))


class HiddenSecret(SecretStr):
    """A secret that no pickle shows as text."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (HiddenSecret, sealed(self.get_secret_value()))


@functools.lru_cache(maxsize=64)
def without_login(address: str) -> str:
    """The address without ``user:password@``."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


# For the fields of models; a login in it is in no dump.
Address = Annotated[str, PlainSerializer(without_login)]


def without(value: Any, secret: str) -> Any:
    """A text, or texts in lists and dicts, without a secret: some vendors repeat the key that they refuse."""
    if isinstance(value, str):
        return value.replace(secret, MASK)
    if isinstance(value, list):
        return [without(item, secret) for item in value]
    if isinstance(value, dict):
        return {without(key, secret): without(item, secret) for key, item in value.items()}
    return value


def header_of_the_body(names: Iterable[str]) -> str | None:
    """A name of a header that is the HTTP library's alone to write, if there is one among them."""
    return next((name for name in names if name.lower() in _OF_THE_BODY), None)


def sealed(state: Any) -> dict[str, bytes]:
    """A state for pickling whose text shows nothing of it."""
    return {"sealed": base64.b85encode(zlib.compress(pickle.dumps(state)))}


def opened(state: dict[str, bytes]) -> Any:
    """What was sealed; from a pickle, so no less to be trusted than the pickle itself."""
    return pickle.loads(zlib.decompress(base64.b85decode(state["sealed"])))  # noqa: S301


def _reopened(kind: type[Any], state: dict[str, bytes]) -> Any:
    return kind(opened(state))
