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
# What people call a provider by: its models, its cloud, its company.
_BRANDS = {
    "alibaba": "aliyun",
    "ark": "volcengine",
    "azure": "azure_openai",
    "bedrock": "anthropic_bedrock",
    "bigmodel": "zhipu",
    "chatgpt": "openai",
    "claude": "anthropic",
    "dashscope": "aliyun",
    "doubao": "volcengine",
    "glm": "zhipu",
    "gpt": "openai",
    "hunyuan": "tencent_tokenhub",
    "kimi": "moonshot",
    "llama.cpp": "local",
    "qwen": "aliyun",
    "vertex": "google_vertex",
    "z.ai": "zhipu",
    "zai": "zhipu",
}


@functools.cache
def _rows() -> tuple[Provider, ...]:
    modules = [importlib.import_module(f"{__name__}.{family}") for family in _FAMILIES]
    return tuple(row for module in modules for row in module.ROWS)


@functools.cache
def _by_name() -> Mapping[str, Provider]:
    from llm_connector.providers import aliyun  # noqa: PLC0415 - see above

    return {name: row for row in _rows() for name in (row.name, *row.aliases)} | aliyun.VARIANTS


_registered: dict[str, Provider] = {}


def register_provider(row: Provider) -> None:
    """Make a row of one's own known by its name and aliases, in this process: in both frameworks and in ``bulk`` too.

    Raises:
        ConfigError: A name is one of the package's own.
    """
    names = (row.name, *row.aliases)
    if taken := [name for name in names if name in _by_name()]:
        raise ConfigError(f"the name {taken[0]!r} belongs to a provider of this package; give yours another")
    _registered.update(dict.fromkeys(names, row))


def __getattr__(name: str) -> Any:
    if name == "ROWS":
        return _rows()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def supported_providers() -> list[str]:
    """The names that ``LLMClient`` takes, without the aliases."""
    return [row.name for row in _rows()] + [name for name, row in _registered.items() if name == row.name]


def find_provider(name: str) -> Provider:
    """The row of a name or alias.

    Raises:
        ConfigError: There is no such provider.
    """
    if not isinstance(name, str):
        raise ConfigError(f"provider must be a name such as 'openai', not {type(name).__name__}{_how_to_name(name)}")
    row = _registered.get(name) or _by_name().get(name)
    if row is None:
        raise ConfigError(f"unknown provider {name[:40]!r}; {_hint(name.lower())}")
    return row


def _how_to_name(value: Any) -> str:
    """What to do with a row where a name is wanted."""
    name = getattr(value, "name", None)
    return f"; call llm_connector.register_provider(row) once, then give provider={name!r}" if name else ""


def _hint(name: str) -> str:
    import difflib  # noqa: PLC0415 - only on the way to an error

    close = [_BRANDS[name]] if name in _BRANDS else difflib.get_close_matches(name, _by_name(), n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(supported_providers())}"
