"""The async run over the items: as many calls at once as allowed, none lost. Its sync face is in ``sync``."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

from llm_connector.async_client import AsyncLLMClient
from llm_connector.bulk.journal import Journal
from llm_connector.bulk.plan import Plan, Prompt
from llm_connector.bulk.progress import Progress
from llm_connector.bulk.result import BulkResult
from llm_connector.errors import ConfigError, LLMError
from llm_connector.structured import parse_structured

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from os import PathLike

    from llm_connector.provider import Provider
    from llm_connector.types import ChatRequest

Items = Iterable[Any] | AsyncIterable[Any]


class Pace:
    """Lets calls begin evenly, so many a minute.

    Args:
        requests_per_minute: The most calls a minute; ``None`` for no limit.
    """

    def __init__(self, requests_per_minute: float | None) -> None:
        if requests_per_minute is not None and not requests_per_minute > 0:
            raise ConfigError("requests_per_minute must be more than 0")
        self._gap = 0.0 if requests_per_minute is None else 60 / requests_per_minute
        self._next = 0.0

    async def wait(self) -> None:
        """Wait for one's turn."""
        if self._gap:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._gap
            await asyncio.sleep(turn - now)


class Run:
    """One pass over the items.

    Args:
        plan: What is asked.
        client: Who asks; closed by the caller.
        items: About what.
        max_concurrency: The most items held at once.
        pace: When calls may begin.
        journal: Where finished items are written and found.
    """

    def __init__(
        self,
        plan: Plan,
        client: AsyncLLMClient,
        items: Items,
        max_concurrency: int,
        pace: Pace,
        journal: Journal | None,
    ) -> None:
        self._plan = plan
        self._client = client
        self._source = aiter(items) if isinstance(items, AsyncIterable) else iter(items)
        self._max_concurrency = max_concurrency
        self._pace = pace
        self._journal = journal
        self._begun = 0
        self._more = True
        self._running: set[asyncio.Task[BulkResult]] = set()
        self._done: list[asyncio.Task[BulkResult]] = []

    async def next(self) -> BulkResult | None:
        """How the item ended that ended first; ``None`` when there is none left."""
        while True:
            while self._more and len(self._running) + len(self._done) < self._max_concurrency:
                await self._begin()
            if self._done:
                return self._done.pop().result()
            if not self._running:
                return None
            done, self._running = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            self._done.extend(done)

    async def _begin(self) -> None:
        try:
            item = await anext(self._source) if isinstance(self._source, AsyncIterator) else next(self._source)
        except (StopIteration, StopAsyncIteration):
            self._more = False
            return
        self._running.add(asyncio.create_task(self._one(self._begun, item)))
        self._begun += 1

    async def aclose(self) -> None:
        """End the calls that are under way."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _one(self, index: int, item: Any) -> BulkResult:
        key = f"{index}-invalid"
        try:
            request = self._plan.request(item)
            key = self._plan.key(index, request)
            if (found := self._found(index, key, request)) is not None:
                return found
            await self._pace.wait()
            result = BulkResult(index, key, await self._client.chat(request))
        except LLMError as error:
            result = BulkResult(index, key, error=error)
        if self._journal is not None:
            self._journal.write(result)
        return result

    def _found(self, index: int, key: str, request: ChatRequest) -> BulkResult | None:
        result = None if self._journal is None else self._journal.find(index, key)
        if result is not None and result.response is not None and result.response.parsed is not None:
            parse_structured(result.response, request)
        return result


async def abulk_iter(
    items: Items,
    provider: str | Provider,
    model: str | None = None,
    *,
    prompt: Prompt = None,
    max_concurrency: int = 8,
    requests_per_minute: float | None = None,
    journal: str | PathLike[str] | None = None,
    progress: bool = True,
    **params: Any,
) -> AsyncGenerator[BulkResult, None]:
    """Ask a model about each item and give the results as they come; leaving the loop early ends the calls.

    It needs an event loop of asyncio; ``bulk_iter`` brings its own.

    Args:
        items: Any iterable, also an endless or an async one. Not more than ``max_concurrency`` items are held at once.
        provider: A provider's name or row.
        model: The model.
        prompt: A function from an item to a text, messages or a ``ChatRequest``; or a template such as
            ``"Translate {text}"``, filled from an item that is a mapping, or with ``{item}`` from any other; or
            ``None`` when the items are texts, messages or requests already.
        max_concurrency: How many calls may be under way.
        requests_per_minute: How many calls may begin a minute, evenly spread; repeated attempts are not counted.
        journal: A JSON Lines file of finished items. A later run with the same file and items reads their answers from
            it, and asks only for what is missing or ended in an error.
        progress: Whether to draw a bar with ``tqdm`` or ``rich``, in a terminal or a notebook.
        params: Fields of ``ChatRequest`` for every item, and options of the client such as ``api_key``.

    Raises:
        ConfigError: The client's options are wrong. What goes wrong with one item is in its result instead.
        OSError: The journal cannot be opened.
    """
    if max_concurrency < 1:
        raise ConfigError("max_concurrency must be 1 or more")
    plan = Plan(provider, model, prompt, params)
    pace = Pace(requests_per_minute)
    with contextlib.nullcontext() if journal is None else Journal(journal) as finished:
        async with AsyncLLMClient(**plan.client_arguments()) as client:
            bar = Progress(items, shown=progress)
            run = Run(plan, client, items, max_concurrency, pace, finished)
            try:
                while (result := await run.next()) is not None:
                    bar.step(ok=result.ok)
                    yield result
            finally:
                await run.aclose()
                bar.close()


async def abulk(items: Items, provider: str | Provider, model: str | None = None, **options: Any) -> list[BulkResult]:
    """Ask a model about each item, in an event loop of asyncio; the results are in the order of the items.

    The arguments and errors are those of ``abulk_iter``.
    """
    results = [result async for result in abulk_iter(items, provider, model, **options)]
    return sorted(results, key=lambda result: result.index)
