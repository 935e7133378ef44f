"""Reads the captures of what the vendors' own SDKs send, where they are beside the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1].parent / "shared" / "oracle"


def capture(name: str) -> dict[str, Any]:
    """One capture; skips the test when there is none."""
    path = ROOT / f"{name}.json"
    if not path.is_file():
        pytest.skip("the captures of vendors' SDKs are not beside the repository")
    return json.loads(path.read_text())


def sent(name: str, position: int = 0) -> dict[str, Any]:
    """A request that the SDK sent."""
    return capture(name)["requests"][position]
