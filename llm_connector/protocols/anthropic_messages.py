"""Unified messages to Messages turns: roles merged, instructions apart, tool results first.

The other fields are in ``anthropic``; an assistant's turn with its thinking is put together in ``anthropic_replay``.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any

from llm_connector.errors import DecodeError, UnsupportedError
from llm_connector.protocols.anthropic_replay import assemble
from llm_connector.types import DocumentBlock, ImageBlock, TextBlock

if TYPE_CHECKING:
    from llm_connector.protocols.anthropic_dialect import AnthropicDialect
    from llm_connector.protocols.fields import RequestFields
    from llm_connector.settings import Settings
    from llm_connector.types import ContentBlock, MediaBlock, Message, ToolCall

Block = dict[str, Any]

FILES_BETA = "files-api-2025-04-14"
_IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")
_TEXT_TYPES = re.compile(r"text/|application/(json|xml|x-yaml|yaml|javascript)\b")


class MessageWriter:
    """Writes one request's conversation.

    Args:
        dialect: The provider's dialect.
        settings: The client's settings.
        fields: Takes the warnings.

    Attributes:
        betas: Beta names that what was written needs.
    """

    def __init__(self, dialect: AnthropicDialect, settings: Settings, fields: RequestFields) -> None:
        self._dialect = dialect
        self._settings = settings
        self._fields = fields
        self._system: list[Block] = []
        self._turns: list[tuple[str, list[Block]]] = []
        self.betas: list[str] = []

    def write(self, messages: list[Message]) -> tuple[str | list[Block] | None, list[Block]]:
        """The instructions, and the turns.

        Raises:
            UnsupportedError: The vendor cannot take a block.
        """
        if any(message.name is not None and message.role != "tool" for message in messages):
            self._fields.warn("name of a message has no equivalent and was not sent")
        for message in messages:
            if message.role in {"system", "developer"}:
                self._instruct(message)
            elif message.role == "assistant":
                self._add("assistant", self._assistant(message))
            elif message.role == "tool":
                self._add("user", [self._tool_result(message)])
            else:
                self._add("user", [self._block(block) for block in message.blocks if not _is_blank(block)])
        self._settle_ends()
        return self._instructions(), [_turn(role, content) for role, content in self._turns]

    def _instruct(self, message: Message) -> None:
        if self._turns:
            self._fields.warn(f"a {message.role} message inside the conversation was moved to its beginning")
        if any(not isinstance(block, TextBlock) for block in message.blocks):
            raise self._unsupported(f"media in a {message.role} message", "put it into a user message")
        self._system += [self._block(block) for block in message.blocks if not _is_blank(block)]

    def _instructions(self) -> str | list[Block] | None:
        if any("cache_control" in block for block in self._system):
            return self._system
        return "\n\n".join(block["text"] for block in self._system) or None

    def _add(self, role: str, content: list[Block]) -> None:
        if not content:
            self._fields.warn(f"an empty {role} message was not sent")
        elif self._turns and self._turns[-1][0] == role:
            self._turns[-1][1].extend(content)
        else:
            self._turns.append((role, content))

    def _settle_ends(self) -> None:
        """What the vendor wants of the first and the last turn."""
        if not self._turns and self._system:
            self._fields.warn("there are only instructions; they were sent as the user's message")
            self._turns, self._system = [("user", self._system)], []
        if self._turns and self._turns[0][0] == "assistant":
            self._fields.warn("the first message must be the user's; one was put before the assistant's")
            self._turns.insert(0, ("user", [{"type": "text", "text": "(The conversation begins.)"}]))
        if self._turns and self._turns[-1][0] == "assistant":
            last = self._turns[-1][1][-1]
            if last["type"] == "text":  # blanks after a prefilled answer are refused
                last["text"] = last["text"].rstrip()

    def _assistant(self, message: Message) -> list[Block]:
        for block in message.blocks:
            if not isinstance(block, TextBlock):
                raise self._unsupported(f"{block.type} in an assistant message", "put it into a user message")
        texts = [self._block(block) for block in message.blocks if not _is_blank(block)]
        calls = {call.id: self._tool_use(call) for call in message.tool_calls}
        content = assemble(self._kept(message), message.text, texts, calls)
        mark = message.blocks[-1].cache_control if message.blocks else None
        if mark is not None and content and content[-1]["type"] in {"text", "tool_use"}:
            content[-1] = {**content[-1], "cache_control": mark}
        return content

    def _kept(self, message: Message) -> list[Block]:
        """The opaque blocks that this provider may be given back."""
        rule, reasoning = self._settings.reasoning_replay, message.reasoning
        if reasoning is None or reasoning.family != self._settings.provider.family:
            return []
        if rule == "never" or (rule == "with_tool_calls" and not message.tool_calls):
            return []
        if not self._dialect.signed:
            return reasoning.blocks
        return [block for block in reasoning.blocks if block["type"] != "thinking" or block.get("signature")]

    def _tool_use(self, call: ToolCall) -> Block:
        try:
            arguments = call.parse_arguments()
        except DecodeError:
            self._fields.warn(
                f"the arguments of a call of {call.name!r} are not a JSON object and were sent inside one"
            )
            arguments = {"arguments": call.arguments}
        return {"type": "tool_use", "id": _call_id(call.id), "name": call.name, "input": arguments}

    def _tool_result(self, message: Message) -> Block:
        result: Block = {"type": "tool_result", "tool_use_id": _call_id(str(message.tool_call_id))}
        blocks = [block for block in message.blocks if not _is_blank(block)]
        if blocks:
            plain = isinstance(message.content, str)
            result["content"] = message.text if plain else [self._block(block) for block in blocks]
        if message.is_error:
            result["is_error"] = True
        return result

    def _block(self, block: ContentBlock) -> Block:
        if isinstance(block, TextBlock):
            wire: Block = {"type": "text", "text": block.text}
        elif isinstance(block, ImageBlock) and "image" in self._dialect.media:
            wire = {"type": "image", "source": self._source(block)}
            if block.detail is not None:
                self._fields.warn("detail of an image has no equivalent and was not sent")
        elif isinstance(block, DocumentBlock) and "document" in self._dialect.media:
            wire = self._document(block)
        else:
            takes = ", ".join(("text", *sorted(self._dialect.media)))
            raise self._unsupported(f"{block.type} in messages", f"it takes {takes}")
        if block.cache_control is not None:
            wire["cache_control"] = block.cache_control
        return wire

    def _document(self, block: DocumentBlock) -> Block:
        wire: Block = {"type": "document", "source": self._source(block)}
        title = block.title if block.title is not None else block.name
        if title is not None:
            wire["title"] = title
        if block.context is not None:
            wire["context"] = block.context
        if block.citations is not None:
            wire["citations"] = {"enabled": block.citations}
        return wire

    def _source(self, block: MediaBlock) -> Block:
        if block.url is not None:
            if not block.url.startswith(("http://", "https://")):
                raise self._unsupported(f"{block.type} by such an address", "it takes http(s) addresses and bytes")
            return {"type": "url", "url": block.url}
        if block.file_id is not None:
            if not self._dialect.files:
                raise self._unsupported(f"{block.type} by file id", "send its bytes")
            self.betas.append(FILES_BETA)
            return {"type": "file", "file_id": block.file_id}
        return self._data_source(block)

    def _data_source(self, block: MediaBlock) -> Block:
        kind = block.mime_type or ""
        if kind in (_IMAGE_TYPES if block.type == "image" else {"application/pdf"}):
            return {"type": "base64", "media_type": kind, "data": block.data}
        if block.type == "document" and _TEXT_TYPES.match(kind):
            text = base64.b64decode(block.data or "").decode("utf-8", "replace")
            return {"type": "text", "media_type": "text/plain", "data": text}
        takes = ", ".join(sorted(_IMAGE_TYPES)) if block.type == "image" else "application/pdf and text"
        raise self._unsupported(f"{block.type} of type {kind or 'unknown'}", f"convert it: it takes {takes}")

    def _unsupported(self, what: str, instead: str) -> UnsupportedError:
        return UnsupportedError(f"the provider takes no {what}; {instead}", provider=self._settings.provider.name)


def _is_blank(block: ContentBlock) -> bool:
    return isinstance(block, TextBlock) and not block.text.strip()


def _turn(role: str, content: list[Block]) -> Block:
    """One turn; results of tools stand first in theirs, and plain text is sent plainly."""
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        return {"role": role, "content": content[0]["text"]}
    return {
        "role": role,
        "content": sorted(content, key=lambda block: role == "user" and block["type"] != "tool_result"),
    }


def _call_id(call_id: str) -> str:
    """The id as the vendor takes it; other vendors' ids may hold dots and colons."""
    if _CALL_ID.fullmatch(call_id):
        return call_id
    digest = hashlib.sha256(call_id.encode()).hexdigest()[:8]
    return f"{re.sub(r'[^a-zA-Z0-9_-]', '_', call_id)}_{digest}"
