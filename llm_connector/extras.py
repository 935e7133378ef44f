"""How to install what is optional, worded in one place. That it is missing is found where it is needed."""

from __future__ import annotations


def install_hint(extra: str) -> str:
    """What to type for an extra of this package, which is on no package index but is installed from its checkout."""
    place = "in the checkout of llm-connector-py (or elsewhere, with its path for the dot)"
    return f'run pip install ".[{extra}]" {place}'
