"""References within a JSON schema: the outermost resolved, and whether they go in circles. Not what vendors take."""

from __future__ import annotations

from typing import Any


def rooted(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its outermost reference resolved: pydantic's recursive classes begin with one.

    Vendors want to read ``"type": "object"`` there.
    """
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    named = (schema.get("$defs") or {}).get(name)
    if not isinstance(named, dict):
        return schema
    return {**named, **{key: value for key, value in schema.items() if key != "$ref"}}


def is_recursive(schema: dict[str, Any]) -> bool:
    """Whether a reference leads back to itself, or nowhere."""
    named = {**schema.get("definitions", {}), **schema.get("$defs", {})}
    uses = {name: {ref.rsplit("/", 1)[-1] for ref in _references(inner)} for name, inner in named.items()}
    finished: set[str] = set()

    def goes_round(name: str, above: frozenset[str]) -> bool:
        if name in above or name not in uses:
            return True
        if name not in finished:
            if any(goes_round(used, above | {name}) for used in uses[name]):
                return True
            finished.add(name)
        return False

    return any(goes_round(ref.rsplit("/", 1)[-1], frozenset()) for ref in _references(schema))


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [ref for item in value for ref in _references(item)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return own + [ref for item in value.values() for ref in _references(item)]
