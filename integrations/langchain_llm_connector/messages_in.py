"""LangChain's messages to ``llm_connector``'s. What a provider is then sent of them is its protocol's business."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_llm_connector.blocks_in import SENT, block_of, kind_of, tool_results_in
from langchain_llm_connector.reasoning import reasoning_of, reasoning_text_of
from llm_connector.errors import InvalidRequestError
from llm_connector.types import Message, TextBlock, ToolCall
from llm_connector.types.unchecked import Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from llm_connector.types import ContentBlock, Role

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
}

_READ = SENT | {"non_standard"}
_THOUGHT = frozenset({"reasoning", "thinking"})
_TEXT = (str, type(None))
_of_text = Template(Message(role="user"))


def connector_messages(messages: Sequence[BaseMessage]) -> list[Message]:
    """The messages in the connector's types.

    Raises:
        InvalidRequestError: A message or block is of a kind that no model can be sent.
    """
    made: list[Message] = []
    for message in messages:
        made += _converted(message)
    return made


def _converted(message: BaseMessage) -> Iterable[Message]:
    if isinstance(message, AIMessage):
        return (_assistant(message),)
    if isinstance(message, ToolMessage):
        return (_tool_result(message),)
    if isinstance(message, HumanMessage):
        return _user(message)
    if isinstance(message, SystemMessage):
        developer = message.additional_kwargs.get("__openai_role__") == "developer"
        return (_plain("developer" if developer else "system", message),)
    if isinstance(message, ChatMessage) and message.role in _ROLES:
        return (_plain(_ROLES[message.role], message),)
    kind = f"role {message.role!r}" if isinstance(message, ChatMessage) else f"type {message.type!r}"
    raise InvalidRequestError(f"a message of {kind} cannot be sent; use system, human, ai or tool messages")


def _made(fields: dict[str, Any]) -> Message:
    """The message with these fields; validated only where a caller may have put something else than text into them.

    Validation is 2 of the 3 to 7 µs that a message of a history takes (pydantic 2.14, 2026-11). What is not asked after
    was made here.
    """
    named = type(fields["name"]) in _TEXT and type(fields.get("tool_call_id")) in _TEXT
    return _of_text.make(fields) if named and type(fields["content"]) is str else Message(**fields)


def _plain(role: Role, message: BaseMessage) -> Message:
    return _made({"role": role, "content": _content(message.content), "name": message.name})


def _user(message: HumanMessage) -> Iterable[Message]:
    """A user's message; tool results in its content, as Anthropic writes them, are messages of their own."""
    if not isinstance(message.content, list):
        return (_plain("user", message),)
    results, rest = tool_results_in(message.content)
    made = [
        Message.tool(
            _content(result.get("content") or ""), str(result.get("tool_use_id")), is_error=bool(result.get("is_error"))
        )
        for result in results
    ]
    if rest or not results:
        made.append(Message(role="user", content=_content(rest), name=message.name))
    return made


def _tool_result(message: ToolMessage) -> Message:
    return _made(
        {
            "role": "tool",
            "content": _returned(message.content),
            "tool_call_id": message.tool_call_id,
            "name": message.name,
            "is_error": message.status == "error",
        }
    )


def _returned(content: str | list[Any]) -> str | list[ContentBlock]:
    """What a tool returned; blocks of a kind that models are not sent are data, and go as their JSON."""
    if isinstance(content, str):
        return content
    return [
        TextBlock(text=json.dumps(block, ensure_ascii=False, default=str))
        if isinstance(block, dict) and kind_of(block) not in _READ
        else block_of(block)
        for block in content
    ]


def _content(content: str | list[Any]) -> str | list[ContentBlock]:
    if isinstance(content, str):
        return content
    return [block_of(block) for block in content]


def _assistant(message: AIMessage) -> Message:
    return _made(
        {
            "role": "assistant",
            "content": _said(message.content),
            "name": message.name,
            "tool_calls": [*_calls(message), *_invalid_calls(message)],
            "reasoning_content": reasoning_text_of(message),
            "reasoning": reasoning_of(message),
        }
    )


def _said(content: str | list[Any]) -> str | list[ContentBlock]:
    """What an assistant said; blocks only where there is more to them than text."""
    if isinstance(content, str):
        return content
    blocks = [block_of(block) for block in content if _is_said(block)]
    if all(isinstance(block, TextBlock) and block.cache_control is None for block in blocks):
        return "".join(block.text for block in blocks if isinstance(block, TextBlock))
    return blocks


def _is_said(block: Any) -> bool:
    """Whether it is more than what a vendor noted of its own: reasoning, calls, and tools that it ran itself.

    Calls are in ``tool_calls``, and reasoning has its own fields; the vendors' kinds are many and change.
    """
    if not isinstance(block, dict):
        return True
    kind = kind_of(block)
    return not kind or kind in SENT or (kind not in _THOUGHT and isinstance(block.get("text"), str))


def _calls(message: AIMessage) -> Iterable[ToolCall]:
    for position, call in enumerate(message.tool_calls):
        arguments = json.dumps(call["args"], ensure_ascii=False)
        yield ToolCall(id=call["id"] or f"call_{position}", name=call["name"], arguments=arguments)


def _invalid_calls(message: AIMessage) -> Iterable[ToolCall]:
    """Calls whose arguments are no JSON go back as the model wrote them."""
    for position, call in enumerate(message.invalid_tool_calls, len(message.tool_calls)):
        yield ToolCall(id=call["id"] or f"call_{position}", name=call["name"] or "", arguments=call["args"] or "")
