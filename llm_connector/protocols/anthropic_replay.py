"""An assistant's turn to send back: the vendor's own blocks byte for byte, in their places among text and tool calls.

``Message.reasoning.blocks`` holds the opaque blocks (thinking, server tools, …) and, for the places of the rest, marks:
``{"type": "text", "length": 12}`` and ``{"type": "tool_use", "id": "…"}``. ``anthropic_stream`` makes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Block = dict[str, Any]

THINKING = frozenset({"thinking", "redacted_thinking"})
MARKS = frozenset({"text", "tool_use"})


def assemble(kept: list[Block], text: str, text_blocks: list[Block], calls: Mapping[str, Block]) -> list[Block]:
    """The turn's content.

    Args:
        kept: The opaque blocks and marks.
        text: The message's visible text.
        text_blocks: The same as the vendor's blocks, for when the marks do not fit it any more.
        calls: The message's tool calls as the vendor's blocks, by our id.
    """
    if not _fit(kept, text, calls):  # the message was edited: thinking first, as the vendor demands
        opaque = [block for block in kept if block["type"] not in MARKS]
        first = [block for block in opaque if block["type"] in THINKING]
        rest = [block for block in opaque if block["type"] not in THINKING]
        return [*first, *rest, *text_blocks, *calls.values()]
    content: list[Block] = []
    position = 0
    for block in kept:
        if block["type"] == "text":
            piece = text[position : position + block["length"]]
            position += block["length"]
            if piece.strip():  # the vendor refuses its own blank blocks
                content.append({"type": "text", "text": piece, **_without(block, "type", "length")})
        elif block["type"] == "tool_use":
            content.append({**calls[block["id"]], **_without(block, "type", "id")})
        else:
            content.append(block)
    return content


def _fit(kept: list[Block], text: str, calls: Mapping[str, Block]) -> bool:
    length = sum(block["length"] for block in kept if block["type"] == "text")
    ids = [block["id"] for block in kept if block["type"] == "tool_use"]
    return length == len(text) and ids == list(calls)


def _without(block: Block, *names: str) -> Block:
    return {name: value for name, value in block.items() if name not in names}


def lacks_thinking(messages: list[Block]) -> bool:
    """Whether a tool loop is under way whose assistant turns show no thinking.

    With ``thinking.type`` ``enabled`` the vendor refuses such a history; it comes from another provider, or from
    before thinking was switched on.
    """
    if not _answers_tools(messages[-1]):
        return False
    for message in reversed(messages):
        if message["role"] == "assistant":
            if isinstance(message["content"], list) and message["content"][0]["type"] in THINKING:
                return False
        elif not _answers_tools(message):
            return True
    return True


def _answers_tools(message: Block) -> bool:
    content = message["content"]
    return message["role"] == "user" and isinstance(content, list) and content[0]["type"] == "tool_result"
