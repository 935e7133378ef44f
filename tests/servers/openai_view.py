"""Reads an accepted Chat Completions request into the neutral view. Refusing a wrong one is in ``openai_checks.py``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from servers.script import Call
from servers.view import Result, ToolSpec, Turn, View, parsed_arguments

if TYPE_CHECKING:
    from servers.dialects import Dialect

_MEDIA = {
    "image_url": "image",
    "input_audio": "audio",
    "file": "document",
    "file_url": "document",
    "video_url": "video",
}


def thinks(body: dict[str, Any], dialect: Dialect, *, otherwise: bool | None = None) -> bool:
    """Whether the request asks for thinking; without a word about it, ``otherwise`` or the model's own habit."""
    thinking, effort, wanted = body.get("thinking"), body.get("reasoning_effort"), body.get("reasoning")
    if isinstance(thinking, dict):
        return bool(thinking.get("type") != "disabled")
    if effort is not None:
        return str(effort) != "none"
    if isinstance(wanted, dict):
        return wanted.get("enabled", True) is not False and wanted.get("effort") != "none"
    if body.get("enable_thinking") is not None:
        return bool(body["enable_thinking"])
    if otherwise is not None:
        return otherwise
    return bool(dialect.thinks_by_default and re.search(dialect.thinks_by_default, body["model"]))


def view_of(body: dict[str, Any], dialect: Dialect) -> View:
    """The neutral view of an accepted request."""
    wanted = body.get("response_format") or {}
    stops = body.get("stop") or []
    return View(
        model=body["model"],
        turns=turns_of(body["messages"]),
        tools=tools_of(body.get("tools")),
        choice=_choice_of(body.get("tool_choice", "auto")),
        parallel=body.get("parallel_tool_calls") is not False,
        schema=(wanted.get("json_schema") or {}).get("schema"),
        json=wanted.get("type") in {"json_object", "json_schema"},
        stop=[stops] if isinstance(stops, str) else stops,
        max_tokens=body.get("max_completion_tokens", body.get("max_tokens")),
        reasoning=thinks(body, dialect),
        stream=bool(body.get("stream")),
        count=body.get("n", 1),
    )


def turns_of(messages: list[dict[str, Any]]) -> list[Turn]:
    """The messages as turns; tool results know the name of their tool."""
    names: dict[str, str] = {}
    turns = []
    for message in messages:
        turn = Turn("system" if message["role"] == "developer" else message["role"])
        content = message.get("content") or ""
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        turn.text = "\n".join(part["text"] for part in parts if part["type"] == "text")
        turn.media.update(_MEDIA[part["type"]] for part in parts if part["type"] in _MEDIA)
        turn.reasoning = message.get("reasoning_content") or ""
        for call in message.get("tool_calls") or []:
            names[call["id"]] = call["function"]["name"]
            turn.calls.append(
                Call(call["function"]["name"], parsed_arguments(call["function"]["arguments"]), call["id"])
            )
        if turn.role == "tool":
            turn.results = [Result(message["tool_call_id"], names.get(message["tool_call_id"], ""), turn.text)]
            turn.text = ""
        turns.append(turn)
    return turns


def tools_of(tools: list[dict[str, Any]] | None) -> list[ToolSpec]:
    """Tools of the Chat Completions shape."""
    functions = [tool["function"] for tool in tools or [] if tool.get("type") == "function"]
    return [ToolSpec(one["name"], one.get("description") or "", one.get("parameters") or {}) for one in functions]


def _choice_of(choice: Any) -> str:
    if isinstance(choice, str):
        return choice
    if choice["type"] == "allowed_tools":
        return str(choice["allowed_tools"]["mode"])
    return str(choice["function"]["name"])
