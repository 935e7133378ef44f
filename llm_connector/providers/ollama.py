"""The row of Ollama. Facts: Ollama's server and ollama-python 0.6.3, 2026-08."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from llm_connector.errors import ConfigError
from llm_connector.provider import A_DICT, Capabilities, Form, Option, Provider

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN_PORT = 11434
_PORTS = {"http": 80, "https": 443}
_ANY_INTERFACE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a server listens is no address to call


def parse_host(text: str) -> str:
    """The address that ``OLLAMA_HOST`` means: without a scheme the port is Ollama's, with one it is the scheme's.

    Raises:
        ConfigError: It is no address.
    """
    scheme, separator, rest = text.strip().strip("'\"").partition("://")
    if not separator:
        scheme, rest = "http", scheme
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        port = parts.port or (_PORTS.get(scheme, _OWN_PORT) if separator else _OWN_PORT)
    except ValueError as error:
        raise ConfigError(f"OLLAMA_HOST is no address: {error}", provider="ollama") from None
    host = parts.hostname or "127.0.0.1"
    host = _ANY_INTERFACE.get(host, host)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{parts.path.rstrip('/')}"


def _address(options: Mapping[str, Any], model: str | None) -> str:
    del options, model
    return parse_host(os.environ.get("OLLAMA_HOST", ""))


def _context_window(options: Mapping[str, Any], model: str) -> int | None:
    """What the user asks for; else the server decides when it loads the model, whatever window the model has."""
    del model
    own = options.get("options")
    window = own.get("num_ctx") if isinstance(own, dict) else None
    return window if isinstance(window, int) else None


ROWS = (
    Provider(
        name="ollama",
        title="Ollama",
        protocol="ollama",
        docs="https://ollama.com/library",
        base_url=_address,
        key_env=("OLLAMA_API_KEY",),
        key_required=False,
        options=(
            Option(
                name="keep_alive",
                form=Form("seconds, or a text such as 5m", types=(str, int, float)),
                help='how long a model stays loaded: seconds, or "5m"; -1 for ever, 0 not at all',
            ),
            Option(
                name="options",
                form=A_DICT,
                help="the model's own options, such as {'num_ctx': 8192}; a request's come first",
            ),
        ),
        reasoning_replay="with_tool_calls",
        context_window=_context_window,
        capabilities=Capabilities(embeddings=True),
    ),
)
