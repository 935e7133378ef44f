"""A chat request in no vendor's words, as each server reads it from its own wire. What to answer is not here."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from servers.script import Call, refuse

MEDIA_MAGIC = {
    "image/png": b"\x89PNG",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
    "image/webp": b"RIFF",
    "application/pdf": b"%PDF",
    "audio/wav": b"RIFF",
}


@dataclass(slots=True)
class Result:
    """The result of a tool, sent back by the caller."""

    id: str
    name: str
    text: str


@dataclass(slots=True)
class Turn:
    """One message: role is system, user, assistant or tool. ``media`` counts image, audio, video, document."""

    role: str
    text: str = ""
    reasoning: str = ""
    calls: list[Call] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    media: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class ToolSpec:
    """A tool on offer."""

    name: str
    description: str = ""
    schema: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class View:
    """What a chat request asks for.

    Attributes:
        choice: ``auto``, ``none``, ``required``, or the name of the tool that must be called.
        schema: The JSON schema that the answer must follow.
        json: Whether the answer must be JSON at all.
        reasoning: Whether the model shall think aloud.
    """

    model: str = ""
    turns: list[Turn] = field(default_factory=list)
    tools: list[ToolSpec] = field(default_factory=list)
    choice: str = "auto"
    parallel: bool = True
    schema: dict[str, Any] | None = None
    json: bool = False
    stop: list[str] = field(default_factory=list)
    max_tokens: int | None = None
    reasoning: bool = False
    stream: bool = False
    count: int = 1

    @property
    def last_user(self) -> Turn:
        """The last message of the user, an empty one when there is none."""
        return next((turn for turn in reversed(self.turns) if turn.role == "user" and turn.text), Turn("user"))

    @property
    def input_tokens(self) -> int:
        """A count of the request's tokens, never zero."""
        texts = [turn.text for turn in self.turns] + [part.text for turn in self.turns for part in turn.results]
        media = sum(turn.media.total() for turn in self.turns)
        return 3 * len(self.turns) + sum(map(tokens, texts)) + 85 * media + 20 * len(self.tools)


_TOKEN = re.compile(r"[a-zA-Z0-9]{1,8}|[^\sa-zA-Z0-9]")


def tokens(text: str) -> int:
    """A plausible count of a text's tokens."""
    return len(_TOKEN.findall(text))


def head(text: str, limit: int) -> str:
    """The first ``limit`` tokens of a text."""
    ends = [match.end() for match in _TOKEN.finditer(text)]
    return text if len(ends) <= limit else text[: ends[limit - 1] if limit > 0 else 0]


def parsed_arguments(text: str) -> dict[str, Any]:
    """Arguments sent as JSON text; an empty object when the text is no JSON object."""
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def decoded(text: Any, mime: str, where: str) -> bytes:
    """The bytes of strict base64, which must begin as its media type says; refuses anything else."""
    if not isinstance(text, str) or not text:
        raise refuse(f"{where}: expected base64 data")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise refuse(f"{where}: the data is not valid base64") from None
    if not data.startswith(MEDIA_MAGIC.get(mime, b"")):
        raise refuse(f"{where}: the data is not {mime}")
    return data


_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,(.*)", re.DOTALL)


def checked_url(url: Any, where: str, *, schemes: tuple[str, ...] = ("http://", "https://")) -> str:
    """The media type of a data URL (its data is checked), ``""`` for an accepted URL; refuses anything else."""
    if not isinstance(url, str):
        raise refuse(f"{where}: expected a URL")
    if match := _DATA_URL.fullmatch(url):
        decoded(match[2], match[1], where)
        return match[1]
    if not url.startswith(schemes):
        raise refuse(f"{where}: {url[:40]!r} is not a URL that can be read")
    return ""
