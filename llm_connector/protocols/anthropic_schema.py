"""Answers in a form: the vendor's own way where the schema fits it, else a forced tool, else the prompt.

Reading the answer back is in ``anthropic_stream`` and ``structured``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from llm_connector.jsontext import dumps
from llm_connector.protocols.anthropic_thinking import will_think
from llm_connector.references import is_recursive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connector.protocols.anthropic_dialect import AnthropicDialect
    from llm_connector.protocols.anthropic_models import ModelGates
    from llm_connector.types import ChatRequest, ResponseFormat

Way = Literal["native", "tool", "prompt"]

# What the vendor compiles into a grammar (Anthropic docs, "Structured outputs", 2026-10); the rest becomes description.
_KEPT = frozenset({"type", "title", "description", "required", "enum", "const", "$ref", "default"})
_OF_SCHEMAS = frozenset({"properties", "$defs", "definitions"})
_LISTS_OF_SCHEMAS = {"anyOf": "anyOf", "oneOf": "anyOf", "allOf": "allOf"}
_KEPT_VALUES: Mapping[str, tuple[Any, ...]] = {
    "format": ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"),
    "minItems": (0, 1),
}


class _InexpressibleError(Exception):
    """The schema allows what the vendor's grammar cannot: free keys."""


def way_of(request: ChatRequest, gates: ModelGates, dialect: AnthropicDialect) -> Way | None:
    """How the answer's form is asked for; ``None`` when no form was wanted.

    A forced tool is no way beside the caller's own tools, nor with thinking, which forbids forcing.
    """
    wanted = request.response_format
    if wanted is None or wanted.type == "text":
        return None
    schema = wanted.json_schema
    if schema is None:
        return "prompt"
    if gates.json_schema and dialect.json_schema and native_schema(schema) is not None:
        return "native"
    forcible = gates.forced_tools and not request.tools and not will_think(request, gates)
    return "tool" if forcible and schema.get("type") == "object" else "prompt"


def answer_tool(wanted: ResponseFormat) -> dict[str, Any]:
    """The tool whose arguments are the answer."""
    description = wanted.description or "Gives the answer to the user."
    return {"name": wanted.name[:64], "description": description, "input_schema": wanted.json_schema or {}}


def instruction(wanted: ResponseFormat) -> str:
    """The form, in words for the model."""
    if wanted.json_schema is None:
        return "Answer with one JSON object and nothing else."
    return f"Answer with JSON that fits this schema, and with nothing else: {dumps(wanted.json_schema)}"


def native_schema(schema: dict[str, Any]) -> dict[str, Any] | None:
    """The schema as the vendor compiles it: objects closed, other constraints in words; ``None`` if it cannot."""
    if is_recursive(schema):
        return None
    try:
        return _closed(schema)
    except _InexpressibleError:
        return None


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    closed: dict[str, Any] = {}
    spoken: list[str] = []
    for name, value in schema.items():
        if name in _OF_SCHEMAS:
            closed[name] = {key: _inner(item) for key, item in value.items()}
        elif name in _LISTS_OF_SCHEMAS:
            closed[_LISTS_OF_SCHEMAS[name]] = [_inner(item) for item in value]
        elif name == "items":
            closed[name] = _inner(value)
        elif name in _KEPT or value in _KEPT_VALUES.get(name, ()):
            closed[name] = value
        elif name != "additionalProperties":
            spoken.append(f"{name}: {value if isinstance(value, str) else dumps(value)}")
    if schema.get("type") == "object" or "properties" in schema:
        if schema.get("additionalProperties", "properties" not in schema) is not False:
            raise _InexpressibleError
        closed["additionalProperties"] = False
    if spoken:
        closed["description"] = " ".join(filter(None, (schema.get("description"), f"({'; '.join(spoken)})")))
    return closed


def _inner(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, dict) or not schema:  # true, or {}: anything goes
        raise _InexpressibleError
    return _closed(schema)
