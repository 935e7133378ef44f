"""``bulk`` over the workers of a Dask cluster (extra ``distributed``). One machine is enough for ``run``."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from distributed import as_completed

from llm_connector.bulk.journal import Journal
from llm_connector.bulk.progress import Progress
from llm_connector.bulk.result import BulkResult
from llm_connector.errors import ConfigError, ConnectError, LLMError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike

    from distributed import Client, Future

    from llm_connector.bulk.caller import BulkCaller

Row = tuple[int, str | None, Any]  # a key is made here only to look it up: the prompt may be work for the workers
_BATCHES_A_WORKER = 2  # one at work and one waiting, so that no worker waits for the next


class Batches:
    """The items that are not finished yet, in batches, and those that the journal knows.

    Args:
        items: All items.
        caller: What is asked about them.
        journal: Finished items.
        size: Items a batch.
    """

    def __init__(self, items: Iterable[Any], caller: BulkCaller, journal: Journal | None, size: int) -> None:
        self._rows = enumerate(items)
        self._caller = caller
        self._journal = journal
        self._size = size
        self.found: list[BulkResult] = []

    def next(self) -> list[Row]:
        """The next batch; empty at the end. Finished items met on the way are added to ``found``."""
        batch: list[Row] = []
        for index, item in self._rows:
            key = None if self._journal is None else self._key(index, item)
            known = None if key is None or self._journal is None else self._journal.find(index, key)
            if known is not None:
                self.found.append(known)
            else:
                batch.append((index, key, item))
            if len(batch) == self._size or len(self.found) >= self._size:
                break
        return batch

    def _key(self, index: int, item: Any) -> str:
        try:
            return self._caller.plan.key(index, self._caller.plan.request(item))
        except LLMError:  # the worker meets the same error, and tells it
            return f"{index}-invalid"


def bulk_iter(
    items: Iterable[Any],
    client: Client,
    caller: BulkCaller,
    *,
    batch_size: int = 64,
    journal: str | PathLike[str] | None = None,
    progress: bool = True,
) -> Iterator[BulkResult]:
    """Ask about each item on the workers, and give the results as they come: one an item, whatever becomes of a worker.

    A batch whose worker died is sent to another one (its calls are made again); after as many deaths as Dask's
    ``distributed.scheduler.allowed-failures`` allows, its items end in a ``ConnectError``. Leaving the loop early
    cancels what is under way.

    Args:
        items: Any iterable; only a few batches are held at once.
        client: The cluster's client.
        caller: What to ask of which model.
        batch_size: Items a task.
        journal: As for ``bulk``; kept on this machine.
        progress: As for ``bulk``.

    Raises:
        ConfigError: ``batch_size`` is less than 1.
        OSError: The journal cannot be opened.
    """
    if batch_size < 1:
        raise ConfigError("batch_size must be 1 or more")
    bar = Progress(items, shown=progress)
    with contextlib.nullcontext() if journal is None else Journal(journal) as finished:
        try:
            for result in _results(Batches(items, caller, finished, batch_size), client, caller, finished):
                bar.step(ok=result.ok)
                yield result
        finally:
            bar.close()


def _results(batches: Batches, client: Client, caller: BulkCaller, journal: Journal | None) -> Iterator[BulkResult]:
    queue = as_completed(loop=client.loop)
    waiting: dict[Future[Any], list[Row]] = {}
    more = True
    try:
        while more or waiting:
            while more and len(waiting) < _BATCHES_A_WORKER * max(1, len(client.nthreads())):
                batch = batches.next()
                more = bool(batch or batches.found)
                if batch:
                    future = client.submit(caller, [item for _, _, item in batch], pure=False)
                    waiting[future] = batch
                    queue.add(future)
                yield from batches.found
                batches.found.clear()
            if waiting:
                future = next(queue)
                for result in _of(future, waiting.pop(future)):
                    if journal is not None:
                        journal.write(result)
                    yield result
    finally:
        client.cancel(list(waiting))


def _of(future: Future[Any], batch: list[Row]) -> Iterator[BulkResult]:
    # A future's status is not asked: a result that is lost with its worker after the future was done is made again,
    # and waiting for it is all that tells that from a failure (distributed 2026.8).
    try:
        results = future.result()
    except Exception as reason:  # noqa: BLE001 - whatever was raised, these rows end in it
        error = _lost(reason)
        for index, key, _ in batch:
            yield BulkResult(index, key or f"{index}-lost", error=error)
    else:
        for (index, key, _), result in zip(batch, results, strict=True):
            yield replace(result, index=index, key=key or f"{index}-{result.key.partition('-')[2]}")


def _lost(reason: Exception) -> LLMError:
    if isinstance(reason, LLMError):
        return reason
    name = type(reason).__name__
    return ConnectError(f"the worker that asked was lost, or failed outside of the call ({name}: {reason})")


def bulk(items: Iterable[Any], client: Client, caller: BulkCaller, **options: Any) -> list[BulkResult]:
    """Ask about each item on the workers; the results are in the order of the items. Arguments as for ``bulk_iter``."""
    return sorted(bulk_iter(items, client, caller, **options), key=lambda result: result.index)
