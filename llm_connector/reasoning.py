"""Reasoning text where vendors put it: under several names, or between ``<think>`` tags inside the answer.

Signatures and other payloads that must be sent back are not here: each protocol knows its own.
"""

from __future__ import annotations

from typing import Any

# DeepSeek, Moonshot, Zhipu, Aliyun, Volcengine say reasoning_content; vLLM and OpenRouter reasoning; Ollama thinking.
SYNONYMS = ("reasoning_content", "reasoning", "thinking", "thought")

_OPEN, _CLOSE = "<think>", "</think>"


def reasoning_text(delta: dict[str, Any], own: str = "") -> str:
    """The reasoning in a message or delta, whatever its name; empty when there is none.

    Args:
        delta: The message or delta.
        own: The vendor's own name for it, where it is another than those of ``SYNONYMS``.
    """
    for name in (own, *SYNONYMS) if own else SYNONYMS:
        value = delta.get(name)
        if value and isinstance(value, str):  # an object under "reasoning" is metadata
            return value
    details = delta.get("reasoning_details")  # OpenRouter, also next to "reasoning" with the same text
    if isinstance(details, list):
        return "".join(_detail_text(item) for item in details)
    return ""


def _detail_text(item: Any) -> str:
    if not isinstance(item, dict):
        return ""
    text = item.get("text") or item.get("summary")
    return text if isinstance(text, str) else ""


class ThinkTagReader:
    """Takes ``<think>…</think>`` out of the beginning of an answer, however the stream was cut.

    Only a tag at the very start counts; later ones are the model talking about tags. Text is held back only while it
    may still turn out to be a tag, and given out at the end.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def feed(self, text: str) -> tuple[str, str]:
        """Take the next text of the answer; give its reasoning and its visible part."""
        if self._state == "text":
            return "", text
        self._held += text
        if self._state == "start" and not self._leave_start():
            return "", ""
        if self._state == "thinking":
            return self._think()
        return "", self._release_visible()

    def finish(self) -> tuple[str, str]:
        """Give what was held back."""
        held, self._held = self._held, ""
        return (held, "") if self._state == "thinking" else ("", held)

    def _leave_start(self) -> bool:
        stripped = self._held.lstrip()
        if stripped.startswith(_OPEN):
            self._state, self._held = "thinking", stripped[len(_OPEN) :]
        elif not _OPEN.startswith(stripped):
            self._state = "text"
        return self._state != "start"

    def _think(self) -> tuple[str, str]:
        thought, closed, rest = self._held.partition(_CLOSE)
        if closed:
            self._state, self._held = "gap", rest
            return thought, self._release_visible()
        keep = _overlap(thought, _CLOSE)
        self._held = thought[len(thought) - keep :]
        return thought[: len(thought) - keep], ""

    def _release_visible(self) -> str:
        """Drop the blank lines that models write between the tag and the answer."""
        text, self._held = self._held, ""
        if self._state == "gap":
            text = text.lstrip()
        if text:
            self._state = "text"
        return text


def _overlap(text: str, tag: str) -> int:
    """How many characters at the end of the text are the beginning of the tag."""
    for size in range(min(len(text), len(tag) - 1), 0, -1):
        if tag.startswith(text[-size:]):
            return size
    return 0
