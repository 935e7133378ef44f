"""Tools and tool calls between LlamaIndex's forms and the unified ones. Choosing what a vendor takes is not here.

A call is in two places of a message, as LlamaIndex's own code looks in both: in a ``ToolCallBlock`` and, in OpenAI's
form, in ``additional_kwargs["tool_calls"]``. That list is there only when there are calls, and is never ``None``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from pydantic_core import from_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llama_index.core.tools.types import BaseTool

TOOL_CALLS = "tool_calls"

ToldCall = tuple[str | None, str, str]  # id, name, arguments as JSON text


def conversation(history: Sequence[ChatMessage] | None, user_message: str | ChatMessage | None) -> list[ChatMessage]:
    """A list of its own of the history and the user's message."""
    messages = list(history or ())
    if isinstance(user_message, str):
        user_message = ChatMessage(role=MessageRole.USER, content=user_message)
    return messages if user_message is None else [*messages, user_message]


def tool_params(tools: Sequence[BaseTool], *, required: bool, parallel: bool, given: dict[str, Any]) -> dict[str, Any]:
    """The request's fields about tools: none at all without tools.

    Args:
        tools: What may be called.
        required: That a tool must be called, unless ``given`` has a ``tool_choice``. LlamaIndex hands over ``None``
            there to say that it has no opinion.
        parallel: Whether several calls are allowed.
        given: The caller's own keyword arguments; they win. ``strict`` holds the model to the tools' schemas.
    """
    rest = dict(given)
    strict, choice = rest.pop("strict", None), rest.pop("tool_choice", None)
    if not tools:
        rest.pop("parallel_tool_calls", None)
        return rest
    params: dict[str, Any] = {"tools": [_tool(tool, strict=strict) for tool in tools]}
    if choice is None and required:
        choice = "required"
    if choice is not None:
        params["tool_choice"] = _sanitised(choice) if isinstance(choice, str) else choice
    if not parallel:
        params["parallel_tool_calls"] = False
    return params | rest


def _tool(tool: BaseTool, *, strict: bool | None) -> dict[str, Any]:
    wire = tool.metadata.to_openai_tool(skip_length_check=True)
    if strict is not None:
        wire["function"]["strict"] = strict
        if strict:
            wire["function"]["parameters"] = _closed(wire["function"]["parameters"])
    return wire


def _closed(schema: Any) -> Any:
    """A copy without room for other properties, as OpenAI's strict mode wants it (its docs, 2026-10)."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {name: _closed(item) for name, item in schema.items()}
    return copy | {"additionalProperties": False} if copy.get("type") == "object" else copy


def _sanitised(name: str) -> str:
    """As LlamaIndex writes tools' names."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)


def call_block(call: ToldCall) -> ToolCallBlock:
    """A call as a block; the arguments stay text, which may still be growing."""
    return ToolCallBlock(tool_call_id=call[0], tool_name=call[1], tool_kwargs=call[2])


def call_in_kwargs(call: ToldCall) -> dict[str, Any]:
    """A call in OpenAI's form."""
    return {"id": call[0], "type": "function", "function": {"name": call[1], "arguments": call[2]}}


def calls_in_kwargs(value: Any) -> list[ToldCall]:
    """The calls of another integration's ``additional_kwargs``: dicts or objects, flat or with ``function``."""
    return [call for item in value or () if (call := _told(_as_dict(item))) is not None]


def _as_dict(item: Any) -> dict[str, Any]:
    if isinstance(item, dict):
        return item
    dump = getattr(item, "model_dump", None)
    return dump() if dump is not None else dict(getattr(item, "__dict__", {}))


def _told(item: dict[str, Any]) -> ToldCall | None:
    function = item.get("function")
    inner = item if function is None else _as_dict(function)
    arguments = inner.get("arguments", inner.get("input"))  # Anthropic's form says input
    return (item.get("id"), inner["name"], arguments_text(arguments)) if inner.get("name") else None


def arguments_text(arguments: Any) -> str:
    """Arguments as JSON text; a text is taken as it stands."""
    if isinstance(arguments, str):
        return arguments or "{}"
    return json.dumps(arguments if arguments is not None else {}, ensure_ascii=False)


def selections(message: ChatMessage) -> list[ToolSelection]:
    """The calls of a message as LlamaIndex wants them; arguments that are not whole yet as far as they go."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    calls: Iterable[tuple[str | None, str, Any]] = [
        (block.tool_call_id, block.tool_name, block.tool_kwargs) for block in blocks
    ] or calls_in_kwargs(message.additional_kwargs.get(TOOL_CALLS))
    return [
        ToolSelection(tool_id=call_id or f"call_{at}", tool_name=name, tool_kwargs=_arguments(arguments))
        for at, (call_id, name, arguments) in enumerate(calls)
    ]


def _arguments(arguments: Any) -> dict[str, Any]:
    if isinstance(arguments, str):
        try:
            arguments = from_json(arguments, allow_partial="trailing-strings")
        except ValueError:
            return {}
    return arguments if isinstance(arguments, dict) else {}


def only_first_call(response: ChatResponse) -> ChatResponse:
    """The response with its first call alone, in both places."""
    message = response.message
    calls = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if len(calls) <= 1:
        return response
    blocks = [block for block in message.blocks if not isinstance(block, ToolCallBlock) or block is calls[0]]
    kwargs = {**message.additional_kwargs, TOOL_CALLS: message.additional_kwargs[TOOL_CALLS][:1]}
    single = message.model_copy(update={"blocks": blocks, "additional_kwargs": kwargs})
    return response.model_copy(update={"message": single})
