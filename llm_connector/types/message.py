"""One turn of a conversation, in the one form that every provider is given and gives back."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from llm_connector.jsontext import dumps_spaced
from llm_connector.types.content import ContentBlock, TextBlock
from llm_connector.types.given import Given
from llm_connector.types.tools import ToolCall

Role = Literal["system", "developer", "user", "assistant", "tool"]


class Reasoning(BaseModel):
    """What a vendor must be given back byte for byte to accept its earlier reasoning: signatures, encrypted items.

    Opaque: only the protocol that made it reads it, and only a provider of the same family is sent it.

    Attributes:
        family: The providers among which the payload is valid, named by one of them.
        blocks: The vendor's blocks, in their order.
    """

    model_config = ConfigDict(defer_build=True, frozen=True)

    family: str
    blocks: list[dict[str, Any]]


class Message(Given):
    """A message of any role.

    Attributes:
        role: ``system``, ``developer``, ``user``, ``assistant`` or ``tool``.
        content: Text, or a list of blocks.
        name: Who speaks, for the providers that take it; on a tool's message the tool's name.
        tool_calls: What the assistant asked for.
        tool_call_id: On a tool's message, the call that it answers.
        is_error: On a tool's message, that the tool failed.
        reasoning_content: The assistant's reasoning as text.
        reasoning: Its opaque, replayable form; see ``Reasoning``.
    """

    model_config = ConfigDict(defer_build=True, extra="forbid")

    role: Role
    content: str | list[ContentBlock] = ""
    name: str | None = None
    tool_calls: list[ToolCall] = Field(default_factory=list)
    tool_call_id: str | None = None
    is_error: bool = False
    reasoning_content: str | None = None
    reasoning: Reasoning | None = None

    @model_validator(mode="before")
    @classmethod
    def _drop_vendor_extras(cls, value: Any) -> Any:
        """Take a vendor's own assistant message dict, of which some keys are only ever ``null`` or decoration."""
        if not isinstance(value, dict) or _SPECIAL.isdisjoint(value):
            return value
        fields = {key: item for key, item in value.items() if key not in _DECORATION}
        for synonym in ("reasoning", "thinking"):
            if isinstance(text := fields.get(synonym), str):
                del fields[synonym]
                fields.setdefault("reasoning_content", text)
        if fields.get("tool_calls", ...) is None:
            del fields["tool_calls"]
        return fields

    @field_validator("content", mode="before")
    @classmethod
    def _no_content_is_empty(cls, value: Any) -> Any:
        if isinstance(value, (str, list)):
            return value
        if value is None:
            return ""
        if isinstance(value, tuple):
            return list(value)
        raise ValueError(f"must be a text or a list of blocks, not {type(value).__name__}")

    @classmethod
    def system(cls, content: str | list[Any], **fields: Any) -> Self:
        """Instructions."""
        return cls(role="system", content=content, **fields)

    @classmethod
    def user(cls, content: str | list[Any], **fields: Any) -> Self:
        """What the user says, with media blocks where wanted."""
        return cls(role="user", content=content, **fields)

    @classmethod
    def assistant(cls, content: str | list[Any] = "", **fields: Any) -> Self:
        """What the model said; usually ``response.message``."""
        return cls(role="assistant", content=content, **fields)

    @classmethod
    def tool(
        cls,
        content: str | list[Any] | dict[str, Any],
        tool_call_id: str | ToolCall,
        *,
        is_error: bool = False,
        **fields: Any,
    ) -> Self:
        """A tool's result; a dict is sent as JSON.

        Args:
            content: The result.
            tool_call_id: The call's id, or the call itself.
            is_error: That the tool failed.
            fields: Other fields.

        Raises:
            InvalidRequestError: The result has no JSON form, or a field is wrong.
        """
        if isinstance(tool_call_id, ToolCall):
            fields.setdefault("name", tool_call_id.name)
            tool_call_id = tool_call_id.id
        if isinstance(content, dict):
            content = dumps_spaced(content)
        return cls(role="tool", content=content, tool_call_id=tool_call_id, is_error=is_error, **fields)

    @property
    def text(self) -> str:
        """The visible text, blocks joined."""
        if isinstance(self.content, str):
            return self.content
        return "".join(block.text for block in self.content if isinstance(block, TextBlock))

    @property
    def blocks(self) -> list[ContentBlock]:
        """The content as blocks; empty text makes no block."""
        if isinstance(self.content, str):
            return [TextBlock(text=self.content)] if self.content else []
        return self.content

    def __repr_args__(self) -> Any:
        """Only what is set."""
        return [(name, value) for name, value in super().__repr_args__() if value not in (None, [], False)]


# Keys of the vendors' own assistant messages that carry nothing to send back.
_DECORATION = {"refusal", "annotations", "audio", "function_call"}
_SPECIAL = _DECORATION | {"reasoning", "thinking", "tool_calls"}
