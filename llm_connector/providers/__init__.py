"""The table of providers: one row each. Adding an OpenAI-compatible provider is adding a row here, and nothing else."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from llm_connector.errors import ConfigError
from llm_connector.providers import (
    aliyun,
    anthropic,
    chat_completions,
    chinese_chat_completions,
    google,
    ollama,
    openai_responses,
    tencent,
    zhipu,
)

if TYPE_CHECKING:
    from llm_connector.provider import Provider

ROWS: tuple[Provider, ...] = (
    *chat_completions.ROWS,
    *chinese_chat_completions.ROWS,
    *openai_responses.ROWS,
    *ollama.ROWS,
    *google.ROWS,
    *aliyun.ROWS,
    *anthropic.ROWS,
    *tencent.ROWS,
    *zhipu.ROWS,
)

_BY_NAME: dict[str, Provider] = {name: row for row in ROWS for name in (row.name, *row.aliases)} | aliyun.VARIANTS


def supported_providers() -> list[str]:
    """The names that ``LLMClient`` takes, without the aliases."""
    return [row.name for row in ROWS]


def find_provider(name: str) -> Provider:
    """The row of a name or alias.

    Raises:
        ConfigError: There is no such provider.
    """
    row = _BY_NAME.get(name)
    if row is None:
        close = difflib.get_close_matches(str(name), _BY_NAME, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; choose from {', '.join(supported_providers())}"
        raise ConfigError(f"unknown provider {name!r}{hint}")
    return row
