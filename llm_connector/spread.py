"""Spreads requests over several small pools of connections. Sending them is in ``transport`` and ``async_transport``.

httpcore 1.0 looks at every connection of a pool when a request begins or ends, so a thousand streams in one pool cost a
thousand times a thousand looks. In pools of a few connections the cost of a stream does not depend on the others.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from llm_connector.proxies import SystemProxies

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

T = TypeVar("T")

REQUESTS_A_POOL = 8
IDLE_SECONDS = 30.0


class Slot(Generic[T]):
    """One small pool, and how many requests it carries now."""

    __slots__ = ("busy", "left", "pool")

    def __init__(self, pool: T) -> None:
        self.pool = pool
        self.busy = 0
        self.left = 0.0


class Spread(Generic[T]):
    """Small pools, as many as are needed; the first are filled first, so that few requests share few connections.

    Args:
        make: Makes a pool behind a proxy, or behind none.
        proxy: The address of the proxy for all; the system's when ``None``.
    """

    def __init__(self, make: Callable[[str | None], T], proxy: str | None) -> None:
        self._make = make
        self._proxy = proxy
        self._system = SystemProxies() if proxy is None else None
        self._slots: dict[str | None, list[Slot[T]]] = {}
        self._lock = threading.RLock()  # the garbage collector may end another request inside of it

    def take(self, url: httpx.URL) -> Slot[T]:
        """Room for one more request; give it back with ``leave``."""
        proxy = self._proxy if self._system is None else self._system.before(url)
        with self._lock:
            slots = self._slots.setdefault(proxy, [])
            for slot in slots:
                if slot.busy < REQUESTS_A_POOL:
                    break
            else:
                slot = Slot(self._make(proxy))
                slots.append(slot)
            slot.busy += 1
            return slot

    def leave(self, slot: Slot[T]) -> None:
        """A request is over."""
        with self._lock:
            slot.busy -= 1
            slot.left = time.monotonic()

    def stale(self) -> list[T]:
        """Pools to close: the last of each row, when it was idle for so long that its servers will have hung up."""
        if all(len(slots) == 1 for slots in self._slots.values()):
            return []
        with self._lock:
            long_ago = time.monotonic() - IDLE_SECONDS
            rows = [slots for slots in self._slots.values() if len(slots) > 1]
            return [slots.pop().pool for slots in rows if slots[-1].busy == 0 and slots[-1].left < long_ago]

    def empty(self) -> list[T]:
        """All pools, to close them."""
        with self._lock:
            pools = [slot.pool for slots in self._slots.values() for slot in slots]
            self._slots = {}
            return pools
