"""The sync files of the transport are the async ones without ``async`` and ``await``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import llm_connector

FOLDER = Path(llm_connector.__file__).parent / "transport"
ALIKE = (
    ("async_connections", "connections", "class AsyncConnection:", "class Connection:", ""),
    ("async_network", "network", "async def start_tls", "def start_tls", "def close("),
)
SUBSTITUTIONS = (
    ("__aiter__", "__iter__"),
    ("__anext__", "__next__"),
    ("StopAsyncIteration", "StopIteration"),
    ("aclose", "close"),
    ("AsyncI", "I"),
    ("Async", ""),
)


def code(name: str, beginning: str, end: str) -> str:
    text = (FOLDER / f"{name}.py").read_text()
    start = text.index(beginning)
    part = text[start : text.index(end, start) if end else None]
    return re.sub(r"\"\"\"[^\"]*?\"\"\"|^ *#.*$", "", part, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("asynchronous", "synchronous", "begins", "begins_too", "ends"), ALIKE)
def test_the_one_is_the_other(asynchronous: str, synchronous: str, begins: str, begins_too: str, ends: str) -> None:
    made, written = code(asynchronous, begins, ends), code(synchronous, begins_too, ends)
    made = made.replace("async ", "").replace("await ", "")
    for there, here in SUBSTITUTIONS:
        made = made.replace(there, here)
    assert words(made) == words(written)


def words(source: str) -> list[str]:
    """The code, whatever its line breaks."""
    return re.sub(r",(?=[)\]])", "", re.sub(r"\s+", "", source)).split("def")
