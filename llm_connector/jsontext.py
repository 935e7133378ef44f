"""JSON to and from bytes, with our errors. What the JSON means is not known here."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json

from llm_connector.errors import DecodeError, InvalidRequestError


def decode(data: bytes) -> Any:
    """Decode one JSON text.

    Raises:
        DecodeError: It is not JSON; ``raw`` holds its beginning.
    """
    try:
        return from_json(data)
    except ValueError as error:
        return _decode_slowly(data, error)


def _decode_slowly(data: bytes, first_error: ValueError) -> Any:
    """Accept what pydantic_core refuses and vendors send: half a surrogate pair as an escape at the end of a delta."""
    try:
        return _without_surrogates(json.loads(data))
    except (ValueError, RecursionError):
        text = data[:4096].decode("utf-8", "replace")
        raise DecodeError(f"the answer is not JSON: {first_error}", raw=text) from first_error


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
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
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise InvalidRequestError(
            "the request holds a lone surrogate, which is not text; clean it with text.encode('utf-8', 'replace')"
        ) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequestError(f"the request cannot be written as JSON: {error}") from error


def dumps(value: Any) -> str:
    """Encode as text; see ``encode``."""
    return encode(value).decode()
