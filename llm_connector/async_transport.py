"""What is async of the seam to the HTTP library; loaded by the async client alone: ``asyncio`` costs time to import.

Async connections belong to the event loop that made them, so an async pool keeps one HTTP client a loop and closes it
when the loop shuts its asynchronous generators down: a client outlives ``asyncio.run`` and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import weakref
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import httpx

from llm_connector.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from llm_connector.transport import TransportOptions

asleep = anyio.sleep


async def aresolve(value: Any) -> Any:
    """The same without blocking the event loop; an awaitable is awaited."""
    if not callable(value):
        return value
    result = value() if inspect.iscoroutinefunction(value) else await anyio.to_thread.run_sync(value)
    return await result if inspect.isawaitable(result) else result


class AsyncConnectionPool:
    """One HTTP client an event loop, each closed with its loop; never closes one that the user gave."""

    def __init__(self, options: TransportOptions, given: httpx.AsyncClient | None = None) -> None:
        if given is not None and not isinstance(given, httpx.AsyncClient):
            raise ConfigError(f"http_client must be an httpx.AsyncClient, not {type(given).__name__}")
        self._options = options
        self._given = given
        self._lifetimes: weakref.WeakKeyDictionary[Any, AsyncGenerator[httpx.AsyncClient, None]] = (
            weakref.WeakKeyDictionary()
        )
        self._made: weakref.WeakKeyDictionary[Any, httpx.AsyncClient] = weakref.WeakKeyDictionary()

    async def get(self) -> httpx.AsyncClient:
        """The HTTP client of the running loop."""
        if self._given is not None:
            return self._given
        loop = _running_loop()
        made = self._made.get(loop)
        if made is None or made.is_closed:
            lifetime = _lifetime(self._options)
            made = await anext(lifetime)
            self._made[loop], self._lifetimes[loop] = made, lifetime
        return made

    async def aclose(self) -> None:
        """Close what was made here for the running loop."""
        loop = _running_loop()
        self._made.pop(loop, None)
        lifetime = self._lifetimes.pop(loop, None)
        if lifetime is not None:
            await lifetime.aclose()


def _running_loop() -> Any:
    """What identifies the event loop that runs now: asyncio's loop, or trio's token."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return sys.modules["trio"].lowlevel.current_trio_token()


async def _lifetime(options: TransportOptions) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Holds a client open until the loop closes its asynchronous generators, which ``asyncio.run`` does at its end."""
    async with httpx.AsyncClient(**options.client_arguments()) as client:
        yield client
