"""The table of providers: one row each. Adding an OpenAI-compatible provider is adding a row here, and nothing else.

The rows are loaded when the first provider is looked up, not when this package is imported.
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

from llm_connector.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connector.provider import Provider

    ROWS: tuple[Provider, ...]

_FAMILIES = (
    "chat_completions",
    "chinese_chat_completions",
    "openai_responses",
    "ollama",
    "google",
    "aliyun",
    "anthropic",
    "tencent",
    "zhipu",
)


@functools.cache
def _rows() -> tuple[Provider, ...]:
    modules = [importlib.import_module(f"{__name__}.{family}") for family in _FAMILIES]
    return tuple(row for module in modules for row in module.ROWS)


@functools.cache
def _by_name() -> Mapping[str, Provider]:
    from llm_connector.providers import aliyun  # noqa: PLC0415 - see above

    return {name: row for row in _rows() for name in (row.name, *row.aliases)} | aliyun.VARIANTS


def __getattr__(name: str) -> Any:
    if name == "ROWS":
        return _rows()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def supported_providers() -> list[str]:
    """The names that ``LLMClient`` takes, without the aliases."""
    return [row.name for row in _rows()]


def find_provider(name: str) -> Provider:
    """The row of a name or alias.

    Raises:
        ConfigError: There is no such provider.
    """
    row = _by_name().get(name)
    if row is None:
        import difflib  # noqa: PLC0415 - only on the way to an error

        close = difflib.get_close_matches(str(name), _by_name(), n=1)
        hint = f"; did you mean {close[0]!r}?" if close else f"; choose from {', '.join(supported_providers())}"
        raise ConfigError(f"unknown provider {name!r}{hint}")
    return row
