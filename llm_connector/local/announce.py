"""Telling the person at the keyboard what is being fetched, and how far it is. Nothing is decided or fetched here."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Announce = Callable[[str], None]

_MEGABYTE = 1_000_000
_BAR_WIDTH = 30
_QUARTER = 25


def to_stderr(message: str) -> None:
    """Write one line to standard error, if there is one."""
    if sys.stderr is not None:
        sys.stderr.write(f"llm-connector: {message}\n")
        sys.stderr.flush()


def megabytes(size: int) -> str:
    """A size in bytes, for people."""
    return f"{size / _MEGABYTE:.0f} MB"


class Progress:
    """How much of a download has come: a bar on a terminal, else a line at each quarter."""

    def __init__(self, announce: Announce | None, total: int) -> None:
        self._announce = announce or to_stderr
        self._total = total
        self._draws = announce is None and sys.stderr is not None and sys.stderr.isatty()
        self._shown = 0

    def show(self, done: int) -> None:
        """Tell that ``done`` bytes have come."""
        percent = min(100, done * 100 // self._total)
        if self._draws:
            filled = "#" * (percent * _BAR_WIDTH // 100)
            sys.stderr.write(f"\r  [{filled:<{_BAR_WIDTH}}] {percent:3d}% of {megabytes(self._total)}")
            sys.stderr.flush()
        elif percent // _QUARTER > self._shown // _QUARTER:
            self._announce(f"{percent}% of {megabytes(self._total)}")
        self._shown = max(self._shown, percent)

    def end(self) -> None:
        """Leave the line of the bar."""
        if self._draws and self._shown:
            sys.stderr.write("\n")
            sys.stderr.flush()
