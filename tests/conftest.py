"""What all tests share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from servers.replay import ReplayServer

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYS = ("_API_KEY", "_BASE_URL", "_SECRET_ID", "_SECRET_KEY", "_AUTH_TOKEN", "OLLAMA_HOST")
_CLOUDS = ("AWS_", "GOOGLE_", "ANTHROPIC_", "CLOUD_ML_")


@pytest.fixture(autouse=True)
def _no_keys_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no key, address or proxy of the machine that they run on."""
    for name in list(os.environ):
        if (
            name.endswith(_KEYS)
            or name.startswith(_CLOUDS)
            or name.upper() in {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"}
        ):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def replay() -> Iterator[ReplayServer]:
    """A server that gives recorded bodies back."""
    server = ReplayServer()
    yield server
    server.close()
