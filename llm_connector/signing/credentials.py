"""The key pair that AWS and Tencent sign with, and what may stand in a header. Where keys come from is not here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from llm_connector.errors import ConfigError

_HEADER_TEXT = re.compile(r"[\t\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key pair, with the token that temporary credentials carry. Its ``repr`` shows nothing of it.

    Attributes:
        key_id: AWS access key id or Tencent ``SecretId``.
        secret: AWS secret access key or Tencent ``SecretKey``; it never leaves the process.
        session_token: Token of temporary credentials; ``None`` or empty for permanent ones.

    Raises:
        ConfigError: The id or the secret is empty, or one of the three holds anything but printable ASCII.
    """

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        require_header_text("access key id", self.key_id)
        require_header_text("secret access key", self.secret)
        if self.session_token:
            require_header_text("session token", self.session_token)


def require_header_text(what: str, text: str) -> None:
    """Refuse what would split a header or fail while it is written; keys are often pasted with a line break.

    Args:
        what: The name of the value for the message; the value itself is never shown.
        text: The value.

    Raises:
        ConfigError: The value is empty or holds anything but printable ASCII.
    """
    if not text:
        raise ConfigError(f"The {what} is empty.")
    if not _HEADER_TEXT.fullmatch(text):
        raise ConfigError(f"The {what} holds a line break or another character outside printable ASCII.")
