"""The sync files of the transport are the async ones without ``async`` and ``await``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import llm_connector

FOLDER = Path(llm_connector.__file__).parent
ALIKE = (
    ("async_connections", "connections", "class AsyncConnection:", "class Connection:"),
    ("async_network", "network", "class AsyncWire", "class Wire"),
)
SUBSTITUTIONS = (
    ("handle_async_request", "handle_request"),
    ("AsyncByteStream", "SyncByteStream"),
    ("__aiter__", "__iter__"),
    ("__anext__", "__next__"),
    ("aiter(", "iter("),
    ("anext(", "next("),
    ("aclose", "close"),
    ("AsyncI", "I"),
    ("Async", ""),
)


def code(name: str, beginning: str) -> str:
    text = (FOLDER / f"{name}.py").read_text()
    return re.sub(r'"""[^"]*?"""', "", text[text.index(beginning) :], flags=re.DOTALL)


@pytest.mark.parametrize(("asynchronous", "synchronous", "begins", "begins_too"), ALIKE)
def test_the_one_is_the_other(asynchronous: str, synchronous: str, begins: str, begins_too: str) -> None:
    made, written = code(asynchronous, begins), code(synchronous, begins_too)
    made = made.replace("async ", "").replace("await drained(self._pieces)", "").replace("await ", "")
    for there, here in SUBSTITUTIONS:
        made = made.replace(there, here)
    assert words(made) == words(written)


def words(source: str) -> list[str]:
    """The code, whatever its line breaks."""
    return re.sub(r",(?=[)\]])", "", re.sub(r"\s+", "", source)).split("def")
