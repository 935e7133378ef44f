"""Bulk work on a local cluster of several worker processes, one of which is killed: every row ends, once."""

from __future__ import annotations

import collections
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from llm_connector import BillingError, ConfigError, ConnectError
from llm_connector.bulk import BulkCaller
from servers.openai_chat import OpenAIChatServer
from servers.script import Fault, Reply

distributed = pytest.importorskip("distributed", reason="extra 'distributed' is not installed")
from llm_connector.bulk import dask as bulk_dask  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore")  # a cluster that loses workers warns of what it loses


@pytest.fixture(scope="module")
def whole_cluster() -> Iterator[distributed.Client]:
    with (
        distributed.LocalCluster(
            n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


@pytest.fixture
def cluster(whole_cluster: distributed.Client) -> distributed.Client:
    """With all its workers, also after a test that killed some."""
    whole_cluster.wait_for_workers(3, timeout=30)
    return whole_cluster


def caller(server: OpenAIChatServer, **options) -> BulkCaller:
    fixed = {"base_url": server.url, "api_key": "k", "max_retries": 0, "max_concurrency": 4}
    return BulkCaller("openai_compatible", "m", **{**fixed, **options})


def echo(body: dict, recorded: object) -> Reply:
    return Reply("echo " + body["messages"][-1]["content"], delay=0.01)


def worker_processes(cluster: distributed.Client) -> list[int]:
    return list(cluster.run(os.getpid).values())


def wait_until(reached: Callable[[], bool], timeout: float = 20) -> None:
    end = time.monotonic() + timeout
    while not reached():
        assert time.monotonic() < end, "the cluster never got there"
        time.sleep(0.005)


def test_a_worker_is_killed_and_every_row_ends_once(cluster: distributed.Client, tmp_path: Path) -> None:
    victim = worker_processes(cluster)[0]

    def sometimes(body: dict, recorded: object) -> Reply | Fault:
        if len(server.requests) == 150:
            os.kill(victim, signal.SIGKILL)
        return Fault(402) if int(body["messages"][-1]["content"]) % 50 == 7 else echo(body, recorded)

    journal = tmp_path / "done.jsonl"
    count = 600
    with OpenAIChatServer(sometimes) as server:
        options = {"batch_size": 25, "journal": journal}
        results = list(bulk_dask.bulk_iter(map(str, range(count)), cluster, caller(server), **options))
        assert victim not in worker_processes(cluster)
        repeated = len(server.requests) - count
        again = bulk_dask.bulk(map(str, range(count)), cluster, caller(server), **options)
        asked_again = len(server.requests) - count - repeated
    ends = collections.Counter(result.index for result in results)
    assert ends == collections.Counter(range(count))
    for result in results:
        if result.index % 50 == 7:
            assert isinstance(result.error, BillingError)
        else:
            assert result.content == f"echo {result.index}"
    assert 0 <= repeated <= 2 * 3 * 25  # what was under way, and nothing that had been handed out
    assert asked_again == sum(index % 50 == 7 for index in range(count))
    assert [result.index for result in again] == list(range(count))


def test_results_lost_with_their_workers_are_made_again(cluster: distributed.Client) -> None:
    items = [str(index) for index in range(6)]  # two a worker: all are sent at once
    with OpenAIChatServer(echo) as server:
        results = bulk_dask.bulk_iter(items, cluster, caller(server), batch_size=1)
        first = next(results)
        wait_until(lambda: sum(map(len, cluster.has_what().values())) == len(items))
        victims = worker_processes(cluster)
        workers = set(cluster.nthreads())
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        wait_until(lambda: not workers & set(cluster.nthreads()))
        rest = list(results)
    assert sorted(result.content or str(result.error) for result in [first, *rest]) == [
        f"echo {item}" for item in items
    ]


def test_rows_that_kill_every_worker_end_in_an_error(cluster: distributed.Client) -> None:
    def kill_myself(item: str) -> str:
        if item == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    items = ["a", "b", "poison", "c", "d", "e"]
    with OpenAIChatServer(echo) as server:
        began = time.monotonic()
        results = bulk_dask.bulk(items, cluster, caller(server, prompt=kill_myself), batch_size=2)
        assert time.monotonic() - began < 40
    assert [result.index for result in results] == list(range(6))
    assert [type(result.error) for result in results[2:4]] == [ConnectError, ConnectError]
    assert "KilledWorker" in str(results[2].error)
    others = [result for result in results if result.index not in {2, 3}]  # Dask blames whoever shared the worker too
    assert all(result.ok or isinstance(result.error, ConnectError) for result in others)


def test_what_is_wrong_for_a_whole_batch_is_told_of_each_row(cluster: distributed.Client) -> None:
    wrong = BulkCaller("openai_compatible", "m", base_url="http://127.0.0.1:9", api_key="k", regoin="cn")
    results = bulk_dask.bulk(["a", "b"], cluster, wrong)
    assert [type(result.error) for result in results] == [ConfigError, ConfigError]


def test_the_caller_maps_the_partitions_of_a_bag(cluster: distributed.Client) -> None:
    bag = pytest.importorskip("dask.bag")
    with OpenAIChatServer(echo) as server:
        rows = bag.from_sequence(["a", "b", "c"], npartitions=2).map_partitions(caller(server)).compute()
    assert sorted(row.content for row in rows) == ["echo a", "echo b", "echo c"]
