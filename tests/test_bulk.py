"""Bulk work against a real server: order, bounds, errors, pace, journals, and a process killed in the middle."""

from __future__ import annotations

import asyncio
import itertools
import json
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from llm_connector import (
    BillingError,
    ChatRequest,
    ConfigError,
    ContentFilterError,
    DecodeError,
    InvalidRequestError,
    LLMError,
    Message,
    ServerError,
)
from llm_connector.bulk import BulkCaller, abulk, abulk_iter, bulk, bulk_iter
from servers.openai_chat import OpenAIChatServer
from servers.script import Fault, Reply

if TYPE_CHECKING:
    from pathlib import Path


def echo(body: dict, recorded: object) -> Reply:
    return Reply("echo " + body["messages"][-1]["content"])


def at(server: OpenAIChatServer, **options) -> dict:
    return {"model": "m", "base_url": server.url, "api_key": "k", "max_retries": 0, **options}


def asked(server: OpenAIChatServer) -> list[str]:
    return [request.json["messages"][-1]["content"] for request in server.requests]


def test_results_are_in_the_order_of_the_items() -> None:
    def late_first(body: dict, recorded: object) -> Reply:
        return Reply(
            "echo " + body["messages"][-1]["content"], delay=0.2 if body["messages"][-1]["content"] == "0" else 0
        )

    with OpenAIChatServer(late_first) as server:
        results = bulk(map(str, range(20)), "openai_compatible", **at(server))
        first_done = next(bulk_iter(map(str, range(20)), "openai_compatible", **at(server)))
    assert [result.index for result in results] == list(range(20))
    assert [result.content for result in results] == [f"echo {index}" for index in range(20)]
    assert all(result.ok and result.error is None for result in results)
    assert first_done.index != 0


def test_prompts_are_functions_templates_or_the_items_themselves() -> None:
    with OpenAIChatServer(echo) as server:
        options = at(server)
        provider = "openai_compatible"
        filled = bulk([{"text": "sea", "n": 2}], provider, prompt="{text}, {n} times", **options)
        single = bulk(["sea"], provider, prompt="the {item}", **options)
        made = bulk([3], provider, prompt=lambda item: [Message.system("s"), Message.user(str(item))], **options)
        whole = bulk([ChatRequest(messages="hi", temperature=0.5)], provider, seed=7, **options)
        last = server.requests[-1].json
    contents = [results[0].content for results in (filled, single, made, whole)]
    assert contents == ["echo sea, 2 times", "echo the sea", "echo 3", "echo hi"]
    assert (last["temperature"], last["seed"]) == (0.5, 7)


def test_each_item_has_its_own_typed_error() -> None:
    faults = {
        "broke": Fault(402),
        "filtered": Fault(400, "content_filter"),
        "down": Fault(500),
        "html": Fault(200, body="<p>"),
    }
    items = ["fine", "broke", {"no": "text"}, "filtered", "down", "html"]

    def by_content(body: dict, recorded: object) -> Reply | Fault:
        return faults.get(body["messages"][-1]["content"], Reply("ok"))

    def prompt(item: str | dict) -> str:
        return item if isinstance(item, str) else item["text"]

    with OpenAIChatServer(by_content) as server:
        results = bulk(items, "openai_compatible", prompt=prompt, **at(server))
    kinds = [type(result.error) for result in results]
    assert kinds == [type(None), BillingError, InvalidRequestError, ContentFilterError, ServerError, DecodeError]
    assert [result.ok for result in results] == [True] + [False] * 5
    assert "KeyError" in str(results[2].error)


def test_what_is_wrong_for_all_items_is_raised() -> None:
    for wrong in (
        {"max_concurrency": 0},
        {"requests_per_minute": 0},
        {"messages": "x"},
        {"prompt": 3},
        {"regoin": "cn"},
    ):
        with pytest.raises(ConfigError):
            bulk(["x"], "openai_compatible", **{"base_url": "http://127.0.0.1:9", "api_key": "k", **wrong})


async def test_never_more_at_once_than_allowed_and_endless_items_are_read_as_needed() -> None:
    lock, now, most, taken = threading.Lock(), 0, 0, 0

    def count(body: dict, recorded: object) -> Reply:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        return Reply("x")

    def endless():
        nonlocal taken
        for index in itertools.count():
            taken += 1
            yield str(index)

    with OpenAIChatServer(count) as server:
        results = abulk_iter(endless(), "openai_compatible", max_concurrency=3, **at(server))
        seen = [await anext(results) for _ in range(12)]
        await results.aclose()
    assert len({result.index for result in seen}) == 12
    assert most == 3
    assert taken <= 12 + 3


async def test_async_items_and_the_sync_face_inside_a_running_loop() -> None:
    async def items():
        for text in "abc":
            await asyncio.sleep(0)
            yield text

    with OpenAIChatServer(echo) as server:
        assert [result.content for result in await abulk(items(), "openai_compatible", **at(server))] == [
            "echo a", "echo b", "echo c",
        ]  # fmt: skip
        inside = bulk(["a"], "openai_compatible", **at(server))  # as a cell of a notebook does
    assert inside[0].content == "echo a"


def test_leaving_early_ends_calls_and_threads() -> None:
    with OpenAIChatServer([Reply("x"), Reply("y", delay=30)]) as server:
        began = time.monotonic()
        for _ in bulk_iter(map(str, range(9)), "openai_compatible", max_concurrency=4, **at(server)):
            break
        assert time.monotonic() - began < 5
    assert not [thread for thread in threading.enumerate() if thread.name == "llm_connector.bulk"]


def test_an_error_of_the_items_themselves_is_raised_and_what_was_done_is_kept(tmp_path: Path) -> None:
    def broken():
        yield "a"
        raise OSError("the file ended")

    with OpenAIChatServer(echo) as server:
        options = at(server, journal=tmp_path / "j", max_concurrency=1)
        with pytest.raises(OSError, match="the file ended"):
            bulk(broken(), "openai_compatible", **options)
        assert bulk(["a", "b"], "openai_compatible", **options)[0].ok
        assert asked(server) == ["a", "b"]


def test_calls_begin_evenly() -> None:
    with OpenAIChatServer(echo) as server:
        bulk(map(str, range(6)), "openai_compatible", requests_per_minute=1200, **at(server))
        times = [request.at for request in server.requests]
    assert 0.2 < times[-1] - times[0] < 1.5  # 6 calls, 50 ms apart


class City(BaseModel):
    name: str


def test_a_journal_gives_answers_back_whole_and_errors_are_asked_again(tmp_path: Path) -> None:
    journal = tmp_path / "done.jsonl"
    answer = Reply('{"name": "Παρίσι"}', reasoning="Hm.")
    with OpenAIChatServer([answer, Fault(500), answer]) as server:
        options = at(server, journal=journal, max_concurrency=1, response_format=City)
        first = bulk("ab", "openai_compatible", **options)
        assert [result.ok for result in first] == [True, False], first
        records = [json.loads(line) for line in journal.read_text().splitlines()]
        assert [record["key"] for record in records] == [result.key for result in first]
        assert records[1]["error"]["type"] == "ServerError"
        second = bulk("ab", "openai_compatible", **options)
        assert asked(server) == ["a", "b", "b"]
        assert second[0].response == first[0].response
        assert second[0].response.parsed == City(name="Παρίσι")
        assert second[1].ok
        bulk("ab", "openai_compatible", **{**options, "model": "other"})
        bulk("xb", "openai_compatible", **options)
        assert asked(server)[3:] == ["a", "b", "x"]


def test_a_torn_line_costs_one_item(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = tmp_path / "done.jsonl"
    with OpenAIChatServer(echo) as server:
        options = at(server, journal=journal, max_concurrency=1)
        bulk("abc", "openai_compatible", **options)
        journal.write_bytes(journal.read_bytes()[:-30])
        again = bulk("abc", "openai_compatible", **options)
        assert asked(server) == ["a", "b", "c", "c"]
        bulk("abc", "openai_compatible", **options)
        assert len(server.requests) == 4
    assert [result.content for result in again] == ["echo a", "echo b", "echo c"]
    assert "not written to its end" in caplog.text


def test_keys_are_in_no_journal_and_no_repr(tmp_path: Path) -> None:
    caller = BulkCaller("openai_compatible", "m", api_key="canary-123", base_url="http://127.0.0.1:9")
    assert "canary" not in f"{caller!r} {caller.plan!r} {caller.results(['x'])!r}"
    with OpenAIChatServer([Fault(401), Reply("x")]) as server:
        bulk("ab", "openai_compatible", **at(server, api_key="canary-123", journal=tmp_path / "j", max_concurrency=1))
    assert "canary-123" not in (tmp_path / "j").read_text()


CHILD = """
import sys
from llm_connector.bulk import bulk
bulk(map(str, range(int(sys.argv[3]))), "openai_compatible", "m", base_url=sys.argv[1], api_key="k",
     journal=sys.argv[2], max_retries=0, max_concurrency=8)
"""


def test_a_killed_run_goes_on_and_loses_nothing(tmp_path: Path) -> None:
    count, journal = 1500, tmp_path / "done.jsonl"
    chance = random.Random(5)

    def sometimes(body: dict, recorded: object) -> Reply | Fault:
        roll = chance.random()
        if roll < 0.02:
            return Fault(drop=True)
        if roll < 0.06:
            return Fault(chance.choice([429, 500, 503]))
        return echo(body, recorded)

    with OpenAIChatServer(sometimes) as server:
        child = subprocess.Popen([sys.executable, "-c", CHILD, server.url, str(journal), str(count)])
        while not journal.exists() or journal.read_bytes().count(b"\n") < count // 3:
            assert child.poll() is None
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        child.wait()
        done = sum("response" in json.loads(line) for line in journal.read_text().splitlines() if line.endswith("}"))
        assert 0 < done < count
        before = len(server.requests)
        runs = 0
        results = []
        while runs < 10 and not (results and all(result.ok for result in results)):
            results = bulk(map(str, range(count)), "openai_compatible", **at(server, journal=journal))
            runs += 1
            assert all(isinstance(result.error, LLMError) for result in results if not result.ok)
        after = len(server.requests) - before
    assert [result.content for result in results] == [f"echo {index}" for index in range(count)]
    assert after <= (count - done) * 1.5  # what was finished was not asked again


def test_a_caller_is_pickled_and_takes_items_or_columns() -> None:
    with OpenAIChatServer(
        lambda body, _: Fault(402) if "2" in body["messages"][-1]["content"] else echo(body, _)
    ) as server:
        caller = pickle.loads(pickle.dumps(BulkCaller("openai_compatible", prompt="n {n}", **at(server))))
        results = caller([{"n": 1}, {"n": 2}])
        columns = caller({"n": [1, 2], "other": ["a", "b"]})
    assert [result.content for result in results] == ["echo n 1", None]
    assert columns["answer"] == ["echo n 1", None]
    assert columns["error_type"] == [None, "BillingError"]
    assert columns["other"] == ["a", "b"]
    assert "402" not in str(columns["error_message"][0])
    assert pickle.loads(pickle.dumps(results))[1].error.status_code == 402


BAR = """
import sys
sys.modules[sys.argv[1]] = None
from llm_connector.bulk import bulk
bulk(["a", "b", "c"], "openai_compatible", "m", base_url=sys.argv[2], api_key="k", max_retries=0)
"""


@pytest.mark.parametrize(("hidden", "drawn"), [("rich", r"3/3.*failed=1"), ("tqdm", r"items, 1 failed.*100%")])
def test_a_bar_is_drawn_in_a_terminal(hidden: str, drawn: str) -> None:
    pexpect = pytest.importorskip("pexpect")
    pytest.importorskip("tqdm")
    pytest.importorskip("rich")
    with OpenAIChatServer([Reply("x"), Fault(402), Reply("x")]) as server:
        child = pexpect.spawn(sys.executable, ["-c", BAR, hidden, server.url], encoding="utf-8", timeout=30)
        child.expect(drawn)
        child.expect(pexpect.EOF)
        child.close()
    assert child.exitstatus == 0


def test_no_bar_is_drawn_into_a_file() -> None:
    with OpenAIChatServer(echo) as server:
        command = [sys.executable, "-c", BAR, "none", server.url]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_an_interrupt_ends_the_run_and_keeps_what_was_done(tmp_path: Path) -> None:
    journal = tmp_path / "done.jsonl"

    def slow(body: dict, recorded: object) -> Reply:
        return Reply("x", delay=0 if body["messages"][-1]["content"] < "3" else 60)

    with OpenAIChatServer(slow) as server:
        child = subprocess.Popen([sys.executable, "-c", CHILD, server.url, str(journal), "9"], stderr=subprocess.PIPE)
        while not journal.exists() or journal.read_bytes().count(b"\n") < 3:
            time.sleep(0.02)
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=20)
        assert time.monotonic() - began < 10
    assert b"KeyboardInterrupt" in said
    assert b"already running" not in said
    assert b"never retrieved" not in said
    assert journal.read_bytes().count(b"\n") == 3


def test_a_caller_takes_its_key_along_but_shows_it_in_no_pickle() -> None:
    key = "canary-of-a-key"
    with OpenAIChatServer(Reply("yes"), require_key=key) as server:
        options = {"base_url": server.url, "headers": {"x-own": key}}
        caller = BulkCaller("openai_compatible", "m", api_key=key, **options)
        pickled = pickle.dumps(caller)
        assert key.encode() not in pickled
        assert [result.content for result in pickle.loads(pickled).results(["a", "b"])] == ["yes", "yes"]
        assert server.last.headers["x-own"] == key
    secrets = {"secret_id": key, "secret_key": key}
    assert key.encode() not in pickle.dumps(BulkCaller("tencent", "m", **secrets))
