"""Whether a history can be sent at all. What one vendor alone wants of it is in that vendor's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn

from llm_connector.errors import InvalidRequestError

if TYPE_CHECKING:
    from llm_connector.types import Message

ToolResults = Literal["next", "turn", "anywhere"]
"""Where the result of a tool call must be: right behind it, before the assistant's next turn, or nowhere at all."""


def check_conversation(messages: list[Message], provider: str, results: ToolResults = "next") -> None:
    """Refuse a history that the vendor would, before anything is sent.

    Args:
        messages: The conversation.
        provider: For the error.
        results: Where the vendor wants the results of tool calls.

    Raises:
        InvalidRequestError: It is empty, a tool's result is without its call, or a call without its result.
    """
    if not messages:
        raise InvalidRequestError("messages is empty: give at least one message", provider=provider)
    called: set[str] = set()
    waiting: dict[str, str] = {}  # names by the ids of calls that have no result yet; an id may come again later
    for position, message in enumerate(messages):
        if message.role == "tool":
            _take_result(message, position, called, waiting, provider)
            continue
        if waiting and (results == "next" or (results == "turn" and _is_next_turn(messages, position))):
            _refuse_unanswered(waiting, provider)
        if message.tool_calls:
            _take_calls(message, position, called, waiting, provider)
        elif message.tool_call_id is not None:
            told = f"has a tool_call_id, but the role {message.role!r}; a tool's result has the role 'tool'"
            _refuse(f"messages[{position}] {told}", provider)
    if waiting and results != "anywhere":
        _refuse_unanswered(waiting, provider)


def _is_next_turn(messages: list[Message], position: int) -> bool:
    return messages[position].role == "assistant" != messages[position - 1].role


def _take_calls(message: Message, position: int, called: set[str], waiting: dict[str, str], provider: str) -> None:
    if message.role != "assistant":
        _refuse(
            f"messages[{position}] has tool_calls, but the role {message.role!r}; only the assistant calls", provider
        )
    calls = {call.id: call.name for call in message.tool_calls}
    if len(calls) != len(message.tool_calls):
        _refuse(f"messages[{position}] has two tool calls with one id; give each call an id of its own", provider)
    called.update(calls)
    waiting.update(calls)


def _take_result(message: Message, position: int, called: set[str], waiting: dict[str, str], provider: str) -> None:
    call_id = message.tool_call_id
    if call_id is None:
        _refuse(
            f"messages[{position}] is a tool's result without tool_call_id; make it with Message.tool(result, call)",
            provider,
        )
    if call_id in waiting:
        del waiting[call_id]
    elif call_id in called:
        _refuse(f"messages[{position}] is a second result of tool call {call_id!r}; keep one of them", provider)
    else:
        _refuse(
            f"messages[{position}] is the result of tool call {call_id!r}, but no assistant message before it made "
            "that call; keep response.message in the history",
            provider,
        )


def _refuse_unanswered(waiting: dict[str, str], provider: str) -> NoReturn:
    call_id, name = next(iter(waiting.items()))
    _refuse(
        f"the tool call {call_id!r} of {name!r} has no result right behind it; add Message.tool(result, call) after "
        "the assistant's message, one for each call",
        provider,
    )


def _refuse(why: str, provider: str) -> NoReturn:
    raise InvalidRequestError(why, provider=provider)
