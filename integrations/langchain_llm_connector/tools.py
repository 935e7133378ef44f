"""What LangChain calls a tool, a tool choice and a schema, to the forms that ``llm_connector`` takes."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_function, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from llm_connector.references import is_recursive, rooted
from llm_connector.types.tools import schema_of

if TYPE_CHECKING:
    from collections.abc import Callable

# A dict with one of these is a function, whose arguments are a schema, in one of the forms that langchain-core reads.
_AROUND_A_SCHEMA = ("function", "parameters", "input_schema", "inputSchema", "toolSpec")
_A_FUNCTION = (*_AROUND_A_SCHEMA, "properties")


def connector_tool(
    tool: dict[str, Any] | type | Callable[..., Any] | BaseTool, *, strict: bool | None
) -> dict[str, Any]:
    """The tool in Chat Completions' form; a tool that the vendor runs itself passes as it is."""
    if isinstance(tool, dict) and not any(name in tool for name in _A_FUNCTION):
        if "type" in tool:
            return tool
        if len(tool) == 1 and isinstance(inner := next(iter(tool.values())), dict):  # Gemini's: {"google_search": {}}
            return {**inner, "type": next(iter(tool))}
    recursive = _recursive_schema(tool) is not None
    made = _tool_of(tool, strict=strict) if recursive else convert_to_openai_tool(tool, strict=strict)
    cache_control = _cache_control(tool)
    return made if cache_control is None else {**made, "cache_control": cache_control}


def _cache_control(tool: Any) -> Any:
    if isinstance(tool, dict):
        return tool.get("cache_control")
    return (getattr(tool, "extras", None) or {}).get("cache_control") if isinstance(tool, BaseTool) else None


def connector_tool_choice(choice: dict[str, Any] | str | bool | None) -> dict[str, Any] | str | None:  # noqa: FBT001
    """``any`` and ``True`` force some tool, a name that tool; ``None`` and ``False`` say nothing."""
    if choice is None or choice is False:
        return None
    return "required" if choice is True or choice == "any" else choice


def schema_tool(schema: Any, *, strict: bool | None) -> dict[str, Any]:
    """A schema as a tool whose arguments are the answer; a class goes the way of all tools."""
    if isinstance(schema, dict):
        return _tool_of(schema, strict=strict)
    made = connector_tool(schema, strict=strict)
    made["function"]["name"] = _as_name(made["function"]["name"])
    return made


def _tool_of(schema: Any, *, strict: bool | None) -> dict[str, Any]:
    function = _named_schema(schema, strict=strict)
    function["parameters"] = function.pop("schema")
    return {"type": "function", "function": function}


def schema_format(schema: Any, *, strict: bool | None) -> dict[str, Any]:
    """A schema as a ``response_format``; JSON mode stays what it is."""
    if isinstance(schema, dict) and schema.get("type") in {"json_object", "text"}:
        return schema
    return {"type": "json_schema", "json_schema": _named_schema(schema, strict=strict)}


def _named_schema(schema: Any, *, strict: bool | None) -> dict[str, Any]:
    """The schema with its name, as in OpenAI's ``response_format``; closed where it is to be strict."""
    named = _read_schema(schema)
    if strict is not None:
        named["strict"] = strict
    if named.get("strict") and isinstance(named.get("schema"), dict):
        function = {"name": "", "parameters": copy.deepcopy(named["schema"])}
        named["schema"] = convert_to_openai_function(function, strict=True)["parameters"]
    return {**named, "name": _as_name(named.get("name") or "response")}


def _as_name(text: str) -> str:
    """The text as vendors take names."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", text)


def _recursive_schema(schema: Any) -> dict[str, Any] | None:
    """The JSON schema of a class that holds instances of itself, which langchain-core would leave out."""
    if not (isinstance(schema, type) and issubclass(schema, BaseModel)):
        return None
    written = schema_of(schema)
    return rooted(written) if is_recursive(written) else None


def _read_schema(schema: Any) -> dict[str, Any]:
    """Name, schema and what else is told, of a class, a ``TypedDict``, a JSON schema or a dict around one."""
    schema = _recursive_schema(schema) or schema
    if isinstance(schema, dict):
        if schema.get("type") == "json_schema":
            return dict(schema["json_schema"]) if isinstance(schema.get("json_schema"), dict) else {}
        if "name" in schema and "schema" in schema:
            return dict(schema)
        if not any(name in schema for name in _AROUND_A_SCHEMA):
            told = {"title", "description"} if "title" in schema else frozenset[str]()
            inner = {name: value for name, value in schema.items() if name not in told}
            named = {"name": schema.get("title"), "description": schema.get("description") if told else None}
            return {**{name: value for name, value in named.items() if value}, "schema": inner}
        schema = schema.get("function", schema)
    function = convert_to_openai_function(schema)
    inner = function.pop("parameters", {"type": "object", "properties": {}})
    return {**{name: value for name, value in function.items() if value not in {None, ""}}, "schema": inner}


def is_class(schema: Any) -> bool:
    """Whether parsing gives instances of the schema and not dicts."""
    return isinstance(schema, type) and is_basemodel_subclass(schema)
