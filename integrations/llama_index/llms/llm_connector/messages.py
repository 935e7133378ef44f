"""A LlamaIndex history as unified messages. The way back, from an answer, is in ``responses``.

The history may be another integration's: tool calls in blocks or in ``additional_kwargs``, without ids or with one id
twice, and thinking with a signature that is not ours. ``additional_kwargs`` that nobody knows stay here.
"""

from __future__ import annotations

from collections import deque
from itertools import zip_longest
from typing import TYPE_CHECKING

from llama_index.core.base.llms.types import MessageRole, ThinkingBlock, ToolCallBlock

from llama_index.llms.llm_connector.blocks import to_blocks
from llama_index.llms.llm_connector.reasoning import REASONING_CONTENT, reasoning_of
from llama_index.llms.llm_connector.tools import TOOL_CALLS, arguments_text, calls_in_kwargs
from llm_connector.errors import InvalidRequestError, LLMError
from llm_connector.types import Message, TextBlock, ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llama_index.core.base.llms.types import ChatMessage

    from llm_connector.types import ContentBlock, Role

_ROLES: dict[MessageRole, Role] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "developer",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}

_LOST_RESULT = "The result of this call was not kept."


def to_messages(history: Sequence[ChatMessage]) -> list[Message]:
    """The unified messages of a history, which is left as it is.

    Raises:
        InvalidRequestError: A block cannot be read. Never a ``ValueError``, which LlamaIndex's query engines swallow.
    """
    try:
        return list(_converted(history))
    except LLMError:
        raise
    except (ValueError, TypeError, OSError) as error:
        raise InvalidRequestError(f"the history holds what cannot be sent: {error}") from error


def _converted(history: Sequence[ChatMessage]) -> Iterator[Message]:
    ids = _CallIds()
    for message, following in zip_longest(history, history[1:]):
        if _repeats_a_result(message):
            for call in ids.take_waiting():
                yield Message.tool(_LOST_RESULT, call)
            if following is None or following.role is not MessageRole.USER:
                continue
        yield _message(message, ids)


class _CallIds:
    """Gives every call an id of its own, and every result the id of the call that it answers.

    Histories of other integrations may hold calls without an id, or one id for two calls (Ollama's is the tool's name).
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._waiting: dict[str, deque[ToolCall]] = {}

    def of_call(self, told: str | None, name: str, arguments: str) -> ToolCall:
        call_id = told or f"call_{len(self._taken)}"
        if call_id in self._taken:
            call_id = f"{call_id}_{len(self._taken)}"
        self._taken.add(call_id)
        call = ToolCall(id=call_id, name=name, arguments=arguments)
        self._waiting.setdefault(told or name, deque()).append(call)
        return call

    def of_result(self, told: str | None) -> ToolCall | None:
        """The call that a result answers; one without an id answers the oldest call that waits."""
        waiting = self._waiting.get(told) if told else next(filter(None, self._waiting.values()), None)
        return waiting.popleft() if waiting else None

    def take_waiting(self) -> list[ToolCall]:
        """The calls without a result, which from here on wait for none."""
        calls = [call for waiting in self._waiting.values() for call in waiting]
        self._waiting.clear()
        return calls


def _repeats_a_result(message: ChatMessage) -> bool:
    """Whether LlamaIndex's agent repeats here, as the assistant's words, what a ``return_direct`` tool returned.

    It leaves out the results of the calls behind that one, and repeats an error as well, though the model is asked
    again after it: many vendors refuse both (llama-index-core 0.14.25, agent/workflow/function_agent.py,
    ``handle_tool_call_results``). So it is an answer only where the user's next question is behind it.
    """
    return message.role is MessageRole.ASSISTANT and "tool_call_id" in message.additional_kwargs


def _message(message: ChatMessage, ids: _CallIds) -> Message:
    role = _ROLES[message.role]
    if role == "tool":
        return _result(message, ids)
    content = _content(message)
    if role == "assistant":
        return _assistant(message, content, ids)
    return Message(role=role, content=content)


def _content(message: ChatMessage) -> str | list[ContentBlock]:
    """The visible part: plain text where that is all there is."""
    blocks = to_blocks(block for block in message.blocks if not isinstance(block, (ThinkingBlock, ToolCallBlock)))
    if not blocks:
        return ""
    first = blocks[0]
    plain = len(blocks) == 1 and isinstance(first, TextBlock) and first.cache_control is None
    return first.text if plain and isinstance(first, TextBlock) else blocks


def _assistant(message: ChatMessage, content: str | list[ContentBlock], ids: _CallIds) -> Message:
    thinking = [block for block in message.blocks if isinstance(block, ThinkingBlock)]
    text = "".join(block.content or "" for block in thinking) or message.additional_kwargs.get(REASONING_CONTENT)
    return Message(
        role="assistant",
        content=content,
        tool_calls=_calls(message, ids),
        reasoning_content=text if isinstance(text, str) and text else None,
        reasoning=reasoning_of(message),
    )


def _calls(message: ChatMessage, ids: _CallIds) -> list[ToolCall]:
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if not blocks:
        told = calls_in_kwargs(message.additional_kwargs.get(TOOL_CALLS))
        return [ids.of_call(*call) for call in told]
    return [ids.of_call(block.tool_call_id, block.tool_name, arguments_text(block.tool_kwargs)) for block in blocks]


def _result(message: ChatMessage, ids: _CallIds) -> Message:
    told = message.additional_kwargs.get("tool_call_id")
    call = ids.of_result(told)
    name = message.additional_kwargs.get("name")
    return Message(
        role="tool",
        content=_content(message),
        tool_call_id=call.id if call is not None else told,
        name=call.name if call is not None else (name if isinstance(name, str) else None),
    )
