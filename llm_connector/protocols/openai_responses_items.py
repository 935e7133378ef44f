"""Unified messages to the items of OpenAI's Responses API, and back in their order. Source: openai-python 3.54.

What an answer leaves in ``Message.reasoning``, so that it can be sent back as it came (a reasoning item must stand
before what it led to): reasoning and the vendor's own tool items whole; for messages and calls, whose text is in the
message itself, a mark of their place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connector.errors import UnsupportedError
from llm_connector.types import DocumentBlock, ImageBlock, TextBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_connector.protocols.fields import RequestFields
    from llm_connector.settings import Settings
    from llm_connector.types import ContentBlock, MediaBlock, Message, ToolCall

Item = dict[str, Any]

CALL_KINDS = {"function_call": "arguments", "custom_tool_call": "input"}


def replay_block(item: Item) -> Item:
    """What to keep of an answer's item; a message's or a call's text is not kept twice."""
    kind = item.get("type")
    if kind == "message":
        parts = [[part.get("type"), len(part_text(part))] for part in item.get("content") or ()]
        return _told(item, "type", "id", "phase") | {"parts": parts}
    if kind in CALL_KINDS:
        return _told(item, "type", "id", "call_id")
    return item


def part_text(part: Item) -> str:
    """The text of a message's part, be it an answer or a refusal."""
    text = part.get("refusal") if part.get("type") == "refusal" else part.get("text")
    return text if isinstance(text, str) else ""


def _told(item: Item, *names: str) -> Item:
    return {name: item[name] for name in names if item.get(name) is not None}


class ItemWriter:
    """Writes one request's items.

    Args:
        settings: The client's settings.
        fields: Takes the warnings.
    """

    def __init__(self, settings: Settings, fields: RequestFields) -> None:
        self._settings = settings
        self._fields = fields
        tools = fields.request.tools or ()
        self._custom_tools = {tool.name for tool in tools if (tool.vendor or {}).get("type") == "custom"}
        self._custom_calls: set[str] = set()

    def write(self, messages: Sequence[Message]) -> list[Item]:
        """All messages as items.

        Raises:
            UnsupportedError: There is media that the vendor cannot take.
        """
        return [item for message in messages for item in self._message(message)]

    def _message(self, message: Message) -> list[Item]:
        if message.role == "assistant":
            return self._answer(message)
        if message.role == "tool":
            kind = "custom_tool_call" if message.tool_call_id in self._custom_calls else "function_call"
            output = self._content(message)
            return [{"type": f"{kind}_output", "call_id": message.tool_call_id, "output": output}]
        return [{"role": message.role, "content": self._content(message)}]

    def _content(self, message: Message) -> Any:
        if isinstance(message.content, str):
            return message.content
        return [self._part(block) for block in message.blocks]

    def _part(self, block: ContentBlock) -> Item:
        if isinstance(block, TextBlock):
            return {"type": "input_text", "text": block.text}
        if isinstance(block, ImageBlock):
            source = {"file_id": block.file_id} if block.file_id is not None else {"image_url": _address(block)}
            return {"type": "input_image", **source, "detail": block.detail or "auto"}
        if isinstance(block, DocumentBlock):
            return {"type": "input_file", **_file(block)}
        raise UnsupportedError(
            f"the Responses API takes no {block.type} in messages (it takes text, image, document)",
            provider=self._settings.provider.name,
        )

    def _answer(self, message: Message) -> list[Item]:
        """An assistant's message as the items that it was, or in a plain order where it was edited or is foreign."""
        if any(not isinstance(block, TextBlock) for block in message.blocks):
            raise UnsupportedError("an assistant's message holds text alone", provider=self._settings.provider.name)
        blocks = self._blocks(message)
        calls = {call.id: call for call in message.tool_calls}
        marked = {block.get("call_id") for block in blocks if block.get("type") in CALL_KINDS}
        text = message.text
        unchanged = _text_length(blocks) == len(text) and marked == calls.keys()
        items: list[Item] = []
        for block in blocks:
            if block.get("type") == "message":
                taken = _text_length([block]) if unchanged else len(text)
                items += _said(text[:taken], block if unchanged else {})
                text = text[taken:]
            elif block.get("type") in CALL_KINDS:
                call = calls.pop(block.get("call_id", ""), None)
                items += [] if call is None else [self._call(call, block)]
            else:
                items.append({"summary": [], **block} if block.get("type") == "reasoning" else block)
        items += _said(text, {}) + [self._call(call, {}) for call in calls.values()]
        while _hangs(items, edited=not unchanged):
            items.pop()
        return items

    def _blocks(self, message: Message) -> list[Item]:
        rule, reasoning = self._settings.reasoning_replay, message.reasoning
        if reasoning is None or reasoning.family != self._settings.provider.family or rule == "never":
            return []
        return reasoning.blocks if rule == "always" or message.tool_calls else []

    def _call(self, call: ToolCall, mark: Item) -> Item:
        kind = mark.get("type") or ("custom_tool_call" if call.name in self._custom_tools else "function_call")
        if kind == "custom_tool_call":
            self._custom_calls.add(call.id)
        item = {"type": kind, "call_id": call.id, "name": call.name, CALL_KINDS[kind]: call.arguments}
        own_id = str(mark.get("id", ""))
        return {**item, "id": own_id} if own_id.startswith(("fc", "ctc")) else item  # OpenAI refuses any other


def _hangs(items: list[Item], *, edited: bool) -> bool:
    """Whether the last item is a reasoning item whose sequel is missing, which the vendor refuses.

    Where an answer was neither edited nor cut short, such an item was meant: OpenRouter puts reasoning after the text.
    """
    if not items or items[-1].get("type") != "reasoning":
        return False
    alone = all(item.get("type") == "reasoning" for item in items)
    return edited or alone or items[-1].get("status") == "incomplete"


def _text_length(blocks: list[Item]) -> int:
    return sum(length for block in blocks for _, length in block.get("parts", ()))


def _said(text: str, mark: Item) -> list[Item]:
    """A message's item; with its id and parts where they are known, else in the short form."""
    if not text:
        return []
    if not str(mark.get("id", "")).startswith("msg"):  # OpenAI refuses any other
        return [{"role": "assistant", "content": text, **_told(mark, "phase")}]
    content: list[Item] = []
    for kind, length in mark["parts"]:
        said, text = text[:length], text[length:]
        refused = kind == "refusal"
        content.append({"type": kind, "refusal": said} if refused else {"type": kind, "text": said, "annotations": []})
    told = _told(mark, "id", "phase")
    return [{"type": "message", "role": "assistant", "status": "completed", "content": content, **told}]


def _address(block: MediaBlock) -> str | None:
    return block.data_url if block.data is not None else block.url


def _file(block: DocumentBlock) -> Item:
    if block.file_id is not None:
        return {"file_id": block.file_id}
    if block.url is not None:
        return {"file_url": block.url}
    return {"file_data": block.data_url, "filename": block.file_name}
