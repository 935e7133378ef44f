"""Makes values that follow a JSON schema, taken from the words and numbers of a prompt. Knows nothing of chats."""

from __future__ import annotations

import re
from typing import Any

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")
_QUOTED = re.compile(r"(?<!\w)'([^']+)'(?!\w)|\"([^\"]+)\"|“([^”]+)”|「([^」]+)」|《([^》]+)》|`([^`]+)`")
_PLACED = re.compile(r"\b(?:in|for|of|at|to|from|about|named|called)\s+([A-Z][\w.'-]*(?:,?\s+[A-Z][\w.'-]*)*)")
_NAMED = re.compile(r"(?<!^)(?<![.!?]\s)\b([A-Z][\w'-]*(?:\s+[A-Z][\w'-]*)*)")
_CHINESE_PLACE = re.compile(r"([\u4e00-\u9fff]{2,4}?)(?:今天|明天|现在|的)?(?:的)?天气")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2})?)?")

_KNOWN = {
    "setup": "Why did the cat sit on the computer?",
    "punchline": "To keep an eye on the mouse!",
    "rating": "7",
    "summary": "A short summary.",
    "title": "A title",
}


class Material:
    """The quoted texts, names and numbers of a prompt, each handed out once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._dates = _DATE.findall(text)
        self._numbers = [float(number) for number in _NUMBER.findall(_DATE.sub(" ", text))]
        self._strings = _strings(text)

    def number(self) -> float | None:
        """The next number."""
        return self._numbers.pop(0) if self._numbers else None

    def string(self) -> str | None:
        """The next quoted text or name; the last one again when they are used up."""
        if len(self._strings) > 1:
            return self._strings.pop(0)
        return self._strings[0] if self._strings else None

    def strings(self) -> list[str]:
        """All quoted texts and names that are left."""
        return list(self._strings)

    def date(self) -> str | None:
        """The first date."""
        return self._dates[0] if self._dates else None

    def mentions(self, word: str) -> bool:
        """Whether the prompt has this word, whatever its case."""
        return bool(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", self.text, re.IGNORECASE))


def _strings(text: str) -> list[str]:
    quoted = [next(filter(None, match.groups())) for match in _QUOTED.finditer(text)]
    rest = _QUOTED.sub(" ", text)
    found = quoted + _PLACED.findall(rest) + _CHINESE_PLACE.findall(rest) + _NAMED.findall(rest)
    return list(dict.fromkeys(string.strip(" .,?!") for string in found))


def value(schema: dict[str, Any], material: Material, name: str = "", root: dict[str, Any] | None = None) -> Any:
    """A value that follows the schema.

    Args:
        schema: JSON schema; ``$ref`` into ``$defs`` and the usual combinators are followed.
        material: What the prompt offers.
        name: The property's name, which chooses among the known texts.
        root: The schema that ``$ref`` looks into; the schema itself when left out.
    """
    root = schema if root is None else root
    schema = _resolved(schema, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return next((item for item in schema["enum"] if material.mentions(str(item))), schema["enum"][0])
    return _typed(schema, material, name, root)


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    while True:
        if reference := schema.get("$ref"):
            target: Any = root
            for step in reference.removeprefix("#/").split("/"):
                target = target[step]
            schema = target
        elif options := schema.get("anyOf") or schema.get("oneOf"):
            schema = next((option for option in options if option.get("type") != "null"), options[0])
        elif schema.get("allOf"):
            schema = schema["allOf"][0]
        else:
            return schema


def _typed(schema: dict[str, Any], material: Material, name: str, root: dict[str, Any]) -> Any:
    kind = _kind(schema)
    if kind == "object":
        return _object(schema, material, root)
    if kind == "array":
        return _array(schema, material, name, root)
    if kind in {"integer", "number"}:
        return _number(schema, material, kind)
    if kind == "boolean":
        return not material.mentions("not")
    return None if kind == "null" else _string(schema, material, name)


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type") or ("object" if "properties" in schema else "string")
    kinds = [kind] if isinstance(kind, str) else kind
    return next((one.lower() for one in kinds if one != "null"), "null")  # Gemini writes OBJECT, STRING


def _object(schema: dict[str, Any], material: Material, root: dict[str, Any]) -> dict[str, Any]:
    required = schema.get("required", [])
    return {
        name: value(inner, material, name, root)
        for name, inner in schema.get("properties", {}).items()
        if name in required or material.mentions(name)
    }


def _array(schema: dict[str, Any], material: Material, name: str, root: dict[str, Any]) -> list[Any]:
    items = schema.get("items", {})
    least = max(1, schema.get("minItems", 1))
    if _kind(_resolved(items, root)) in {"integer", "number"}:
        least = max(least, len(material._numbers))
    elif _kind(_resolved(items, root)) == "string":
        least = max(least, min(len(material.strings()), schema.get("maxItems", 8)))
    return [value(items, material, name, root) for _ in range(least)]


def _number(schema: dict[str, Any], material: Material, kind: str) -> float:
    number = material.number()
    number = 1.0 if number is None else number
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    number = number if low is None else max(number, low)
    number = number if high is None else min(number, high)
    return int(number) if kind == "integer" or number == int(number) else number


def _string(schema: dict[str, Any], material: Material, name: str) -> str:
    if schema.get("format") in {"date", "date-time"}:
        return material.date() or ("2026-01-01" if schema["format"] == "date" else "2026-01-01T00:00:00Z")
    if name in _KNOWN:
        return _KNOWN[name]
    return material.string() or material.text.strip()[:60] or "example"
