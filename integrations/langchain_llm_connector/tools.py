"""What LangChain calls a tool, a tool choice and a schema, to the forms that ``llm_connector`` takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_function, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

if TYPE_CHECKING:
    from collections.abc import Callable

# A dict with one of these is a function or schema in one of the forms that langchain-core reads.
_A_FUNCTION = ("function", "parameters", "input_schema", "inputSchema", "toolSpec", "properties")


def connector_tool(
    tool: dict[str, Any] | type | Callable[..., Any] | BaseTool, *, strict: bool | None
) -> dict[str, Any]:
    """The tool in Chat Completions' form; a tool that the vendor runs itself passes as it is."""
    if isinstance(tool, dict) and not any(name in tool for name in _A_FUNCTION) and "type" in tool:
        return tool
    made = convert_to_openai_tool(tool, strict=strict)
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


def schema_format(schema: Any, *, strict: bool | None) -> dict[str, Any]:
    """A class, ``TypedDict`` or JSON schema as a ``response_format``; a ``response_format`` already is left alone."""
    if isinstance(schema, dict) and schema.get("type") in {"json_schema", "json_object", "text"}:
        return schema
    named: dict[str, Any] = {"name": "response", "schema": schema}
    if not isinstance(schema, dict) or "title" in schema or "parameters" in schema:
        function = convert_to_openai_function(schema, strict=strict)
        named = {"name": function["name"], "schema": function["parameters"]}
        if function.get("description"):
            named["description"] = function["description"]
    if strict is not None:
        named["strict"] = strict
    named["name"] = re.sub(r"[^a-zA-Z0-9_-]", "_", named["name"])
    return {"type": "json_schema", "json_schema": named}


def is_class(schema: Any) -> bool:
    """Whether parsing gives instances of the schema and not dicts."""
    return isinstance(schema, type) and is_basemodel_subclass(schema)
