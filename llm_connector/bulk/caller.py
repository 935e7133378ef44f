"""The same work as a function of one batch, for the programs that spread batches over machines. Not those programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from llm_connector.bulk.plan import Plan, Prompt
from llm_connector.bulk.result import BulkResult, error_record
from llm_connector.bulk.sync import bulk
from llm_connector.hidden import HiddenHeaders, HiddenSecret
from llm_connector.providers import find_provider

if TYPE_CHECKING:
    from llm_connector.provider import Provider

Columns = Mapping[str, Any]


class BulkCaller:
    """Asks a model about each item of a batch; may be pickled, so it can be sent to other machines.

    Give it to ``Bag.map_partitions`` of Dask (a batch is an iterable of items, and so is what comes back), or to
    ``Dataset.map_batches`` of Ray Data (a batch is a mapping of columns; ``answer``, ``error_type`` and
    ``error_message`` are added to it). An API key is better left to each machine's environment than given here.

    Args:
        provider: A provider's name or row.
        model: The model.
        prompt: As for ``bulk``; a batch of columns gives it one mapping a row.
        max_concurrency: How many calls each batch may have under way.
        requests_per_minute: How many calls each batch may begin a minute.
        params: As for ``bulk``.
    """

    def __init__(
        self,
        provider: str | Provider,
        model: str | None = None,
        *,
        prompt: Prompt = None,
        max_concurrency: int = 8,
        requests_per_minute: float | None = None,
        **params: Any,
    ) -> None:
        params = _hidden(provider, params)
        self.plan = Plan(provider, model, prompt, params)
        self._options: dict[str, Any] = {
            "prompt": prompt,
            "max_concurrency": max_concurrency,
            "requests_per_minute": requests_per_minute,
            "progress": False,
            **params,
        }

    def results(self, items: Iterable[Any]) -> list[BulkResult]:
        """How each item ended, in the order of the items.

        Raises:
            ConfigError: The client's options are wrong.
        """
        return bulk(items, self.plan.provider, self.plan.model, **self._options)

    def __call__(self, batch: Iterable[Any] | Columns) -> Any:
        """Results of a batch of items; or a batch of columns with the answers' columns added."""
        if not isinstance(batch, Mapping):
            return self.results(batch)
        names = list(batch)
        rows = [dict(zip(names, values, strict=True)) for values in zip(*batch.values(), strict=True)]
        return dict(batch) | _columns(self.results(rows))


def _hidden(provider: str | Provider, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters, with keys that no pickle shows."""
    row = find_provider(provider) if isinstance(provider, str) else provider
    secrets = {"api_key"} | {option.name for option in row.options if option.secret}
    hidden: dict[str, Any] = {}
    for name, value in params.items():
        if name in secrets and isinstance(value, str | SecretStr):
            hidden[name] = HiddenSecret(value if isinstance(value, str) else value.get_secret_value())
        elif name in {"headers", "extra_headers"} and isinstance(value, Mapping):
            hidden[name] = HiddenHeaders(value)
        else:
            hidden[name] = value
    return hidden


def _columns(results: list[BulkResult]) -> dict[str, list[str | None]]:
    errors = [{} if result.ok else error_record(result.error) for result in results]
    return {
        "answer": [result.content for result in results],
        "error_type": [error.get("type") for error in errors],
        "error_message": [error.get("message") for error in errors],
    }
