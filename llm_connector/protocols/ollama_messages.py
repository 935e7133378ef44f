"""Unified messages and tools to Ollama's. The other fields of a request are in ``ollama``.

Source: Ollama's server, ``api/types.go`` and ``docs/api.md``, 2026-08.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connector.errors import DecodeError, UnsupportedError
from llm_connector.types import ImageBlock, TextBlock

if TYPE_CHECKING:
    from llm_connector.protocols.fields import RequestFields
    from llm_connector.settings import Settings
    from llm_connector.types import ContentBlock, Message, Tool, ToolCall


class MessageWriter:
    """Writes one request's messages.

    Args:
        settings: The client's settings.
        fields: Takes the warnings.
    """

    def __init__(self, settings: Settings, fields: RequestFields) -> None:
        self._settings = settings
        self._fields = fields
        self._called: dict[str, str] = {}  # names by call id: older servers match a result to its call by name

    def write(self, messages: list[Message]) -> list[dict[str, Any]]:
        """All messages in Ollama's form.

        Raises:
            UnsupportedError: There is media that Ollama cannot take.
        """
        self._warn_of_losses(messages)
        written: list[dict[str, Any]] = []
        images: list[str] = []
        for message in messages:
            if images and message.role != "tool":
                written.append(_shown_by_tools(images))
                images = []
            wire = self._message(message)
            if message.role == "tool":
                images += wire.pop("images", [])
            written.append(wire)
        return [*written, _shown_by_tools(images)] if images else written

    def _warn_of_losses(self, messages: list[Message]) -> None:
        if any(message.name is not None and message.role != "tool" for message in messages):
            self._fields.warn("name of messages has no equivalent and was not sent")
        if any(block.cache_control is not None for message in messages for block in message.blocks):
            self._fields.warn("cache_control has no equivalent and was not sent")

    def _message(self, message: Message) -> dict[str, Any]:
        role = "system" if message.role == "developer" else message.role
        text = "\n".join(block.text for block in message.blocks if isinstance(block, TextBlock))
        wire: dict[str, Any] = {"role": role, "content": text}
        images = [self._image(block) for block in message.blocks if not isinstance(block, TextBlock)]
        if images:
            wire["images"] = images
        if message.role == "assistant":
            wire |= self._answered(message)
        if message.role == "tool":
            wire |= self._result(message)
        return wire

    def _answered(self, message: Message) -> dict[str, Any]:
        rule = self._settings.reasoning_replay
        wire: dict[str, Any] = {}
        if message.reasoning_content and (rule == "always" or (rule == "with_tool_calls" and message.tool_calls)):
            wire["thinking"] = message.reasoning_content
        if message.tool_calls:
            self._called |= {call.id: call.name for call in message.tool_calls}
            wire["tool_calls"] = [self._call(index, call) for index, call in enumerate(message.tool_calls)]
        return wire

    def _call(self, index: int, call: ToolCall) -> dict[str, Any]:
        try:
            arguments = call.parse_arguments()
        except DecodeError:  # cut short by the token limit, and the server takes an object alone
            self._fields.warn(f"the arguments of {call.name!r} in the history are no JSON object and were left out")
            arguments = {}
        return {"id": call.id, "function": {"index": index, "name": call.name, "arguments": arguments}}

    def _result(self, message: Message) -> dict[str, Any]:
        wire = {"tool_call_id": message.tool_call_id}
        name = message.name or self._called.get(message.tool_call_id or "")
        return wire if name is None else {**wire, "tool_name": name}

    def _image(self, block: ContentBlock) -> str:
        if not isinstance(block, ImageBlock):
            raise self._unsupported(f"{block.type} in messages; it takes text and images")
        if block.data is None:
            raise self._unsupported("images by address or file id; use ImageBlock.from_bytes or from_file")
        return block.data

    def _unsupported(self, what: str) -> UnsupportedError:
        return UnsupportedError(f"Ollama takes no {what}", provider=self._settings.provider.name)


def _shown_by_tools(images: list[str]) -> dict[str, Any]:
    """Models look at the images of users alone, so those that a tool returned are shown by a user's message."""
    return {"role": "user", "content": "What the tool returned:", "images": images}


def write_tool(tool: Tool, fields: RequestFields) -> dict[str, Any]:
    """A tool in Ollama's form."""
    for name in ("strict", "cache_control"):
        if getattr(tool, name):
            fields.warn(f"{name} of the tool {tool.name!r} has no equivalent and was not sent")
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}
