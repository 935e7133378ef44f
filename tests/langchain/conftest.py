"""What LangChain's tests share: the files that its standard suites download come from here and not from the web."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from langchain_kits import KITS, Kit
from servers.assets import AssetServer

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings are errors here too, but for langchain-core's word that its own v3 events and ``loads`` are in beta."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning"))


@pytest.fixture(scope="session")
def _assets() -> Iterator[AssetServer]:
    with AssetServer() as server:
        yield server


@pytest.fixture(autouse=True)
def _download_here(_assets: AssetServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suites call ``httpx.get`` with addresses on the web."""
    get = httpx.get

    def get_here(url: str, **options: Any) -> httpx.Response:
        ending = url.rpartition(".")[2]
        return get(f"{_assets.origin}/file.{ending}", trust_env=False, timeout=options.get("timeout"))

    monkeypatch.setattr(httpx, "get", get_here)
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "llm-connector-py tests")
    monkeypatch.setenv("LANGSMITH_TRACING", "false")


@pytest.fixture(params=sorted(KITS))
def kit(request: pytest.FixtureRequest) -> Kit:
    """Each provider that reasons, in turn."""
    return KITS[request.param]


@pytest.fixture
def compatible() -> Kit:
    """The plain provider, for what does not depend on it."""
    return KITS["openai_compatible"]
