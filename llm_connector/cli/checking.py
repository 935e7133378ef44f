"""Whether a provider can be used from here: its key, its endpoint, the time it takes. Drawing is in ``render``."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

from llm_connector.client import LLMClient
from llm_connector.errors import LLMError
from llm_connector.hidden import without_login
from llm_connector.provider import Provider
from llm_connector.providers import find_provider
from llm_connector.transport.pool import resolve

_TINY_ANSWER = 16  # tokens; fewer are refused by some vendors


def key_variables(row: Provider) -> list[str]:
    """The environment variables that a provider's key may be in."""
    return [*row.key_env, *(env for option in row.options if option.secret for env in option.env)]


def key_is_set(variables: Sequence[str]) -> bool:
    """Whether one of them is there."""
    return any(os.environ.get(variable) for variable in variables)


def check_provider(
    name: str, model: str | None, base_url: str | None, timeout: float
) -> tuple[dict[str, Any], LLMError | None]:
    """Try a provider: what was found, times in seconds, and the error if there was one. None is raised.

    Args:
        name: The provider.
        model: Asked for a few words when given, or when there is no list of models to ask for.
        base_url: Another address.
        timeout: Seconds to wait.
    """
    facts: dict[str, Any] = {"provider": name, "ok": False}
    try:
        row = find_provider(name)
        variables = key_variables(row)
        missing = "not set" if row.key_required else "none needed"
        facts["key"] = "set" if key_is_set(variables) else missing
        with LLMClient(name, model, base_url=base_url, timeout=timeout, max_retries=0) as client:
            address = client.settings.base_url
            facts["address"] = without_login(address) if isinstance(address, str) else "found at the first call"
            if row.capabilities.models:
                facts |= _listed(client)
            if model is not None or not row.capabilities.models:
                facts |= _asked(client)
            facts["address"] = without_login(resolve(address))
    except LLMError as error:
        return facts | {"error": f"{type(error).__name__}: {error}"}, error
    return facts | {"ok": True}, None


def _listed(client: LLMClient) -> dict[str, Any]:
    started = time.perf_counter()
    count = len(client.models())
    return {"models": count, "models_seconds": _since(started)}


def _asked(client: LLMClient) -> dict[str, Any]:
    started, first = time.perf_counter(), None
    with client.stream("Say hello.", max_tokens=_TINY_ANSWER) as stream:
        for _ in stream:
            first = _since(started) if first is None else first
    return {"first_chunk_seconds": first, "answer_seconds": _since(started)}


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 3)
