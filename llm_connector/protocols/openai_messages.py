"""Unified messages to Chat Completions messages, in a provider's dialect. The other fields are in ``openai_chat``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llm_connector.errors import UnsupportedError
from llm_connector.types import AudioBlock, DocumentBlock, ImageBlock, TextBlock, VideoBlock

if TYPE_CHECKING:
    from llm_connector.protocols.chat_dialect import ChatDialect
    from llm_connector.protocols.fields import RequestFields
    from llm_connector.settings import Settings
    from llm_connector.types import ContentBlock, MediaBlock, Message, ToolCall

_AUDIO_FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/x-wav": "wav", "audio/wave": "wav"}


class MessageWriter:
    """Writes one request's messages.

    Args:
        dialect: The provider's dialect.
        settings: The client's settings.
        fields: Takes the warnings.
        system_role: The role under which instructions go.
    """

    def __init__(self, dialect: ChatDialect, settings: Settings, fields: RequestFields, system_role: str) -> None:
        self._dialect = dialect
        self._settings = settings
        self._fields = fields
        self._system_role = system_role
        self._model = fields.request.model or ""
        self._custom_tools = {
            tool.name for tool in fields.request.tools or () if (tool.vendor or {}).get("type") == "custom"
        }

    def write(self, messages: list[Message]) -> list[dict[str, Any]]:
        """All messages in the vendor's form.

        Raises:
            UnsupportedError: The vendor cannot take a block.
        """
        if not self._dialect.cache_marks:
            messages = [self._unmarked(message) for message in messages]
        written: list[dict[str, Any]] = []
        from_tools: list[ContentBlock] = []
        for message in messages:
            if from_tools and message.role != "tool":
                written.append(self._shown_by_tools(from_tools))
                from_tools = []
            written.append(self._message(message))
            if message.role == "tool":
                from_tools += [block for block in message.blocks if not isinstance(block, TextBlock)]
        if from_tools:
            written.append(self._shown_by_tools(from_tools))
        return written

    def _unmarked(self, message: Message) -> Message:
        if isinstance(message.content, str) or all(block.cache_control is None for block in message.content):
            return message
        self._fields.warn_once("cache_control has no equivalent and was not sent")
        blocks = [block.model_copy(update={"cache_control": None}) for block in message.content]
        return message.model_copy(update={"content": blocks})

    def _message(self, message: Message) -> dict[str, Any]:
        if message.role == "assistant":
            return self._assistant(message)
        if message.role == "tool":
            return self._tool_result(message)
        role: str = message.role
        if role == "system" or (role == "developer" and not self._dialect.developer_role):
            role = self._system_role
        wire: dict[str, Any] = {"role": role, "content": self._content(message)}
        return self._named(wire, message)

    def _named(self, wire: dict[str, Any], message: Message) -> dict[str, Any]:
        if message.name is not None and "name" not in self._dialect.unsupported:
            wire["name"] = message.name
        return wire

    def _assistant(self, message: Message) -> dict[str, Any]:
        text = self._content(message)
        if not text and message.tool_calls:
            text = self._dialect.empty_tool_content
        wire: dict[str, Any] = {"role": "assistant", "content": text}
        if self._replays(message):
            self._add_reasoning(wire, message)
        if message.tool_calls:
            wire["tool_calls"] = [self._tool_call(call) for call in message.tool_calls]
        return self._named(wire, message)

    def _add_reasoning(self, wire: dict[str, Any], message: Message) -> None:
        """Where the vendor gives reasoning between tags it wants it back there; details hold the text as well."""
        thought = message.reasoning_content or ""
        if details := self._details(message):
            wire["reasoning_details"] = details
        elif not self._dialect.think_tags:
            wire[self._dialect.reasoning_field] = thought
        elif thought:
            wire["content"] = f"<think>{thought}</think>{wire['content'] or ''}"

    def _tool_call(self, call: ToolCall) -> dict[str, Any]:
        if call.name in self._custom_tools:
            return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
        return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}

    def _replays(self, message: Message) -> bool:
        """Whether to send reasoning; DeepSeek demands the field with tool calls even when empty (its docs, 2026-10)."""
        rule = self._settings.reasoning_replay
        told = message.reasoning_content is not None or bool(self._details(message))
        if rule == "always":
            return told
        refused = self._dialect.no_replay_models
        if rule == "never" or not message.tool_calls or (refused and re.search(refused, self._model)):
            return False
        return told or self._dialect.empty_reasoning

    def _details(self, message: Message) -> list[dict[str, Any]]:
        """The opaque blocks, if they are this provider's own."""
        own, reasoning = self._dialect.reasoning_details, message.reasoning
        if not own or reasoning is None or reasoning.family != self._settings.provider.family:
            return []
        return reasoning.blocks

    def _tool_result(self, message: Message) -> dict[str, Any]:
        text = message.text
        if not text and any(not isinstance(block, TextBlock) for block in message.blocks):
            text = "The result is in the next message."
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": text}

    def _shown_by_tools(self, blocks: list[ContentBlock]) -> dict[str, Any]:
        """A tool's message holds text alone, so what else a tool returned is shown by a user's message after it."""
        parts = [{"type": "text", "text": "What the tool returned:"}, *map(self._part, blocks)]
        return {"role": "user", "content": parts}

    def _content(self, message: Message) -> Any:
        if isinstance(message.content, str):
            return message.content
        if all(isinstance(block, TextBlock) and block.cache_control is None for block in message.content):
            texts = [block.text for block in message.content if isinstance(block, TextBlock)]
            if len(texts) <= 1 or not self._dialect.media or message.role == "assistant":
                return "\n".join(texts)
        return [self._part(block) for block in message.content]

    def _part(self, block: ContentBlock) -> dict[str, Any]:
        if isinstance(block, TextBlock):
            part: dict[str, Any] = {"type": "text", "text": block.text}
        else:
            self._require(block.type)
            part = self._media(block)
        if block.cache_control is not None:
            part["cache_control"] = block.cache_control
        return part

    def _media(self, block: MediaBlock) -> dict[str, Any]:
        if isinstance(block, AudioBlock):
            return self._audio(block)
        if isinstance(block, VideoBlock):
            video = {"url": self._address(block)} | ({"fps": block.fps} if block.fps is not None else {})
            return {"type": "video_url", "video_url": video}
        if isinstance(block, DocumentBlock):
            return self._document(block)
        assert isinstance(block, ImageBlock)
        image: dict[str, Any] = {"url": self._address(block)}
        if block.detail is not None:
            image["detail"] = block.detail
        return {"type": "image_url", "image_url": image}

    def _require(self, kind: str) -> None:
        if kind not in self._dialect.media:
            takes = ", ".join(("text", *sorted(self._dialect.media)))
            raise UnsupportedError(
                f"the provider takes no {kind} in messages (it takes {takes}); leave it out or change the provider",
                provider=self._settings.provider.name,
            )

    def _address(self, block: MediaBlock) -> str:
        if block.data is not None:
            return block.data if self._dialect.bare_base64 else str(block.data_url)
        if block.file_id is not None:
            if not self._dialect.file_scheme:
                raise self._unsupported(f"{block.type} by file id", "send its bytes or its address")
            return f"{self._dialect.file_scheme}{block.file_id}"
        assert block.url is not None
        if not self._dialect.fetches_urls and block.url.startswith(("http://", "https://")):
            raise self._unsupported(f"{block.type} by address", "download it and use from_bytes or from_file")
        return block.url

    def _audio(self, block: AudioBlock) -> dict[str, Any]:
        kind = block.mime_type or "audio/wav"
        form = _AUDIO_FORMATS.get(kind, kind.partition("/")[2])
        if block.data is not None:
            return {"type": "input_audio", "input_audio": {"data": block.data, "format": form}}
        if block.url is not None and self._dialect.audio_urls:
            return {"type": "input_audio", "input_audio": {"url": block.url, "format": form}}
        raise self._unsupported("audio by address or file id", "download it and use from_bytes or from_file")

    def _document(self, block: DocumentBlock) -> dict[str, Any]:
        if self._dialect.documents == "file_url":
            return {"type": "file_url", "file_url": {"url": self._address(block)}}
        if block.url is not None:
            raise self._unsupported("document by address", "download it and use from_bytes or from_file")
        if block.file_id is not None:
            return {"type": "file", "file": {"file_id": block.file_id}}
        return {"type": "file", "file": {"file_data": block.data_url, "filename": block.file_name}}

    def _unsupported(self, what: str, instead: str) -> UnsupportedError:
        return UnsupportedError(f"the provider takes no {what}; {instead}", provider=self._settings.provider.name)
