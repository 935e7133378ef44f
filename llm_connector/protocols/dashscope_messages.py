"""Unified messages to DashScope's: text as a string, or all as lists of parts. Parameters are in ``dashscope``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connector.protocols.openai_messages import MessageWriter
from llm_connector.types import AudioBlock, ImageBlock, TextBlock, VideoBlock

if TYPE_CHECKING:
    from llm_connector.types import ContentBlock, Message

_KINDS: dict[type, str] = {ImageBlock: "image", AudioBlock: "audio", VideoBlock: "video"}


def has_media(messages: list[Message]) -> bool:
    """Whether any message holds more than text."""
    return any(not isinstance(block, TextBlock) for message in messages for block in message.blocks)


class DashScopeWriter(MessageWriter):
    """Writes the messages of one request. Content without media is a string until ``as_parts``."""

    def _content(self, message: Message) -> Any:
        blocks = message.blocks
        if all(isinstance(block, TextBlock) and block.cache_control is None for block in blocks):
            return "\n".join(block.text for block in blocks if isinstance(block, TextBlock))
        return [self._part(block) for block in blocks]

    def _part(self, block: ContentBlock) -> dict[str, Any]:
        if isinstance(block, TextBlock):
            part: dict[str, Any] = {"text": block.text}
        else:
            self._require(block.type)
            part = {_KINDS[type(block)]: self._address(block)}
        if isinstance(block, VideoBlock) and block.fps is not None:
            part["fps"] = block.fps
        if isinstance(block, ImageBlock) and block.detail is not None:
            self._fields.warn("an image's detail has no equivalent and was not sent")
        if block.cache_control is not None:
            part["cache_control"] = block.cache_control
        return part

    def _tool_result(self, message: Message) -> dict[str, Any]:
        return self._named(super()._tool_result(message), message)

    def _shown_by_tools(self, blocks: list[ContentBlock]) -> dict[str, Any]:
        return {"role": "user", "content": [{"text": "What the tool returned:"}, *map(self._part, blocks)]}


def as_parts(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages with every content a list, as multimodal generation wants it."""
    return [
        message if isinstance(message["content"], list) else message | {"content": [{"text": message["content"]}]}
        for message in messages
    ]


def as_text(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages for text generation: a list is left only where it bears a cache mark, and then names its types."""
    return [
        message | {"content": [{"type": "text", **part} for part in message["content"]]}
        if isinstance(message["content"], list)
        else message
        for message in messages
    ]
