"""A progress bar when a library for one is there and somebody looks. Counting for programs is not here."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Sized
from typing import Any


class Progress:
    """Counts finished items, on a bar of ``tqdm`` or ``rich``, or on none.

    Args:
        items: What is gone through; its length is the bar's, if it has one.
        shown: ``False`` for no bar. ``True`` shows one in terminals and notebooks, not in log files.
    """

    def __init__(self, items: Any, *, shown: bool) -> None:
        self._failed = 0
        self._bar: Any = None
        self._rich: Any = None
        total = len(items) if isinstance(items, Sized) else None
        if shown and _watched():
            self._open(total)

    def _open(self, total: int | None) -> None:
        with contextlib.suppress(ImportError):
            self._bar = importlib.import_module("tqdm").tqdm(total=total, unit="item")
            return
        with contextlib.suppress(ImportError):
            self._rich = importlib.import_module("rich.progress").Progress()
            self._rich.start()
            self._bar = self._rich.add_task("items", total=total)

    def step(self, *, ok: bool) -> None:
        """One more item is finished."""
        self._failed += not ok
        if self._bar is None:
            return
        if self._rich is not None:
            self._rich.update(self._bar, advance=1, description=f"items, {self._failed} failed")
            return
        if not ok:
            self._bar.set_postfix(failed=self._failed, refresh=False)
        self._bar.update(1)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._rich is not None:
            self._rich.stop()
        elif self._bar is not None:
            self._bar.close()


def _watched() -> bool:
    return "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())
