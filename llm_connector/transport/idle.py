"""Which connections wait to be used again. Connections are made and closed by ``connections`` and its async twin."""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from llm_connector.transport.proxies import SystemProxies

if TYPE_CHECKING:
    from llm_connector.transport.addresses import Address

IDLE_SECONDS = 30.0
MAX_IDLE = 100  # of each address


class Key(NamedTuple):
    """What a connection leads to: requests to the same can share it."""

    proxy: str | None
    scheme: str
    host: str
    port: int

    def __repr__(self) -> str:  # reporters of errors show locals, and the proxy's address may hold a password
        return f"Key({self.scheme}://{self.host}:{self.port})"


class Ending(Protocol):
    """What can end by itself: a connection that its server closed, or that was idle for too long."""

    def has_expired(self) -> bool:
        """Whether it has."""
        ...


T = TypeVar("T", bound=Ending)


class Idle(Generic[T]):
    """The idle connections to each address, behind each proxy. The last used is used next, so that the others age.

    There is no lock: each step is one that threads, and finalisers inside of it, may do at any time. Pools that look at
    all their connections under a lock (httpcore 1.0) cost a thousand streams at once a thousand times a thousand looks,
    and hang for ever when the garbage collector closes a stream inside of it.
    """

    def __init__(self, proxy: str | None) -> None:
        self._proxy = proxy
        self._system = SystemProxies() if proxy is None else None
        self._waiting: dict[Key, deque[T]] = {}

    def key(self, goal: Address) -> Key:
        """What leads to an address, by the proxy that stands before it."""
        proxy = self._proxy if self._system is None else self._system.before(goal.url)
        return Key(proxy, goal.scheme, goal.host, goal.port)

    def take(self, key: Key) -> tuple[T | None, list[T]]:
        """A connection that is good still, if there is one, and those to close that have ended."""
        waiting = self._waiting.get(key)
        ended: list[T] = []
        while waiting:
            with contextlib.suppress(IndexError):  # another thread was first
                connection = waiting.pop()
                if not connection.has_expired():
                    return connection, ended
                ended.append(connection)
        return None, ended

    def give(self, key: Key, connection: T) -> T | None:
        """A connection that can be used again; gives one to close, where the oldest has ended or there are too many."""
        waiting = self._waiting.setdefault(key, deque())
        waiting.append(connection)
        with contextlib.suppress(IndexError):
            if len(waiting) > 1 and (len(waiting) > MAX_IDLE or waiting[0].has_expired()):
                return waiting.popleft()
        return None

    def drained(self) -> list[T]:
        """All of them, which wait no longer."""
        drained: list[T] = []
        for waiting in list(self._waiting.values()):
            while waiting:
                with contextlib.suppress(IndexError):  # another thread was first
                    drained.append(waiting.pop())
        return drained
