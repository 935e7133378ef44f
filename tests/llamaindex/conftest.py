"""What LlamaIndex's tests share: each provider in turn."""

from __future__ import annotations

import pytest
from llamaindex.kit import IN_USE, WIRES, Wire


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
