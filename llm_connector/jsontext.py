"""JSON to and from bytes, with our errors. What the JSON means is not known here."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from llm_connector.errors import DecodeError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

_DEEPEST = 200
# Made once: json.dumps makes one a call when it is told anything (CPython 3.14 too).
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_SPACED = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "), allow_nan=False)

CLEANING = "clean the text with text.encode('utf-8', 'replace').decode()"


def decode(data: bytes) -> Any:
    """Decode one JSON text.

    Raises:
        DecodeError: It is not JSON; ``raw`` holds its beginning.
    """
    try:
        return from_json(data, cache_strings="keys")  # texts hardly come twice
    except ValueError as error:
        return _decode_slowly(data, error)


def _decode_slowly(data: bytes, first_error: ValueError) -> Any:
    """Accept what pydantic_core refuses and vendors send: half a surrogate pair as an escape at the end of a delta."""
    try:
        return without_surrogates(json.loads(data))
    except (ValueError, RecursionError):
        text = data[:4096].decode("utf-8", "replace")
        raise DecodeError(f"the answer is not JSON: {first_error}", raw=text) from first_error


def without_surrogates(value: Any) -> Any:
    """The value with ``\ufffd`` for each half of a character that stands alone."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    return value


def is_json(data: bytes) -> bool:
    """Whether the bytes are one JSON text."""
    try:
        from_json(data)
    except ValueError:
        return False
    return True


def encode(value: Any) -> bytes:
    """Encode compactly, non-ASCII text as it is.

    Raises:
        InvalidRequestError: The value holds something that has no JSON form: NaN, an object, a lone surrogate.
    """
    return _encoded(value, _COMPACT)


def dumps(value: Any) -> str:
    """Encode as text; see ``encode``."""
    return encode(value).decode()


def dumps_spaced(value: Any) -> str:
    """Encode as text with spaces, as Python does and as models read it best; see ``encode``."""
    return _encoded(value, _SPACED).decode()


def _encoded(value: Any, encoder: json.JSONEncoder) -> bytes:
    try:
        return encoder.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:  # UnicodeEncodeError is a ValueError
        told = _culprit(value, "", 0) or str(error)
    raise InvalidRequestError(f"the request cannot be written as JSON: {told}")


def _culprit(value: Any, path: str, depth: int) -> str | None:
    """Where the first thing is that has no JSON form, and what to put there."""
    if depth > _DEEPEST:
        return f"'{_shown(path)[:80]}…' is nested too deep, or holds itself"
    if isinstance(value, dict):
        inside: Iterable[tuple[str, Any]] = ((f"{path}.{key}" if path else str(key), key) for key in value)
        found = (_wrong_key(at, key) or _culprit(value[key], at, depth + 1) for at, key in inside)
    elif isinstance(value, list | tuple):
        found = (_culprit(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value))
    else:
        return _wrong(value, path)
    return next((told for told in found if told is not None), None)


def _wrong(value: Any, path: str) -> str | None:
    if isinstance(value, str):
        return (
            None if _is_text(value) else f"{_shown(path)!r} holds a lone surrogate, which is no character; {CLEANING}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        return f"{_shown(path)!r} is {value}, which JSON does not have; give a finite number or None"
    if value is None or isinstance(value, bool | int | float):
        return None
    kind = type(value).__name__
    return f"{_shown(path)!r} is of type {kind}, which JSON does not have; give text, numbers, booleans, lists or dicts"


def _wrong_key(path: str, key: Any) -> str | None:
    if not isinstance(key, str):
        is_fine = key is None or (isinstance(key, int | float) and key == key)  # noqa: PLR0124 - NaN
        return None if is_fine else f"{_shown(path)!r}: a key is text, not {type(key).__name__}"
    return (
        None if _is_text(key) else f"{_shown(path)!r}: a key holds a lone surrogate, which is no character; {CLEANING}"
    )


def _shown(path: str) -> str:
    return path.encode("utf-8", "replace").decode()[:200] or "it"


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
