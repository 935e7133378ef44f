"""The sync face of ``run``: its event loop runs in a thread of its own, so it works in notebooks and in any thread."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

from llm_connector.bulk.run import abulk_iter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Iterator
    from types import TracebackType

    from llm_connector.bulk.result import BulkResult
    from llm_connector.bulk.run import Items
    from llm_connector.provider import Provider


T = TypeVar("T")


class BackgroundLoop:
    """An event loop in a thread, for the length of a ``with`` block."""

    def __init__(self) -> None:
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="llm_connector.bulk", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def _work(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._started.set()
        await self._stop.wait()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What the coroutine returns or raises."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


class Steps:
    """Results asked for one by one from another thread, which may stop waiting for one at any time (Ctrl-C)."""

    def __init__(self, results: AsyncGenerator[BulkResult, None]) -> None:
        self._results = results
        self._waiting: asyncio.Task[Any] | None = None

    async def next(self) -> BulkResult | None:
        """The next result; ``None`` at the end."""
        self._waiting = asyncio.current_task()
        return await anext(self._results, None)

    async def close(self) -> None:
        """End what is under way."""
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.wait([self._waiting])
        await self._results.aclose()


def bulk_iter(items: Items, provider: str | Provider, model: str | None = None, **options: Any) -> Iterator[BulkResult]:
    """Ask a model about each item and give the results as they come; leaving the loop early ends the calls.

    The arguments and errors are those of ``abulk_iter``.
    """
    with BackgroundLoop() as loop:
        steps = Steps(abulk_iter(items, provider, model, **options))
        try:
            while (result := loop.run(steps.next())) is not None:
                yield result
        finally:
            loop.run(steps.close())


def bulk(items: Items, provider: str | Provider, model: str | None = None, **options: Any) -> list[BulkResult]:
    """Ask a model about each item; the results are in the order of the items.

    The arguments and errors are those of ``abulk_iter``.
    """
    return sorted(bulk_iter(items, provider, model, **options), key=lambda result: result.index)
