"""What LlamaIndex's tests share: each provider in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from llama_index.core.memory import Memory

from llamaindex.kit import IN_USE, WIRES, Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(params=list(WIRES))
def wire(request: pytest.FixtureRequest) -> Wire:
    """Every provider."""
    return WIRES[request.param]


@pytest.fixture
def compatible() -> Wire:
    """The provider of what does not depend on the vendor."""
    return WIRES["openai_compatible"]


@pytest.fixture(autouse=True)
def _forget_models_of_earlier_tests() -> None:
    IN_USE.clear()


@pytest.fixture
async def memory() -> AsyncIterator[Memory]:
    """A memory whose database is closed, which LlamaIndex leaves to the garbage collector (0.14.25)."""
    made = Memory.from_defaults(session_id="test", token_limit=20_000)
    yield made
    engine = made.sql_store._async_engine
    if engine is not None:
        await engine.dispose()
