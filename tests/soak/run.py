"""Thousands of mixed calls against servers that break at random: ``python tests/soak/run.py MINUTES [seed]``.

Every call must end in the full answer or in an ``LLMError``; afterwards no socket, task or thread may be left and memory
must be flat. Prints the figures; the exit code is 1 when anything is wrong.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fault_table import TEXT, answer_of, begun, paused, zipped
from llm_connector import AsyncLLMClient, LLMClient, LLMError, retry
from servers.faults import CLOSE, RESET, FaultServer, Plan, whole

WORKERS = 4
OPTIONS: dict[str, Any] = {"provider": "openai_compatible", "model": "m", "api_key": "k", "timeout": 0.15}


class RandomPlans:
    """What a fault server does next, by the kind of request: mostly right answers, else any fault."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, index: int) -> Plan:
        streaming = self._dice.random() < 0.5  # also the wrong form for what was asked, which some gateways send
        answer = answer_of(streaming)
        if self._dice.random() < 0.5:
            return [answer]
        size = self._dice.randrange(len(answer))
        faults: list[Plan] = [
            [RESET], [CLOSE], [answer[:size], RESET], [answer[:size], CLOSE], [begun(streaming), 0.2, CLOSE],
            paused(streaming, 0.01), [whole(b"{}", 500)], [whole(b'{"error":{"message":"slow"}}', 429, retry_after="0")],
            [whole(b"{}", 401)], [whole(b"<html>", 502)], [whole(b"not json")], [zipped(streaming, bytes)],
            [zipped(streaming, lambda data: data[:-30])], [0.3, answer], [whole(b"", 302, location="/x")],
        ]  # fmt: skip
        return self._dice.choice(faults)


def outcome_of(response: Any) -> str:
    return "full answer" if response.content == TEXT and response.finish_reason == "stop" else f"WRONG {response!r}"


def sync_calls(url: str, end: float, seed: int, outcomes: Counter[str]) -> None:
    dice = random.Random(seed)
    with LLMClient(base_url=url, max_retries=1, **OPTIONS) as client:
        while time.monotonic() < end:
            try:
                way = dice.randrange(3)
                if way == 0:
                    outcomes[outcome_of(client.chat("hi"))] += 1
                elif way == 1:
                    outcomes[outcome_of(client.stream("hi").response())] += 1
                else:
                    for _ in client.stream("hi"):
                        break
                    outcomes["left early"] += 1
            except LLMError as error:
                outcomes[type(error).__name__] += 1
            except Exception as error:
                outcomes[f"WRONG {error!r}"] += 1


async def async_calls(url: str, end: float, seed: int, outcomes: Counter[str]) -> None:
    dice = random.Random(seed)
    async with AsyncLLMClient(base_url=url, max_retries=1, total_timeout=2, **OPTIONS) as client:
        while time.monotonic() < end:
            try:
                way = dice.randrange(4)
                if way == 0:
                    outcomes[outcome_of(await client.chat("hi"))] += 1
                elif way == 1:
                    outcomes[outcome_of(await client.stream("hi").response())] += 1
                elif way == 2:
                    async with client.stream("hi") as stream:
                        await anext(stream, None)
                    outcomes["left early"] += 1
                else:
                    await asyncio.wait_for(client.chat("hi"), dice.random() / 20)
                    outcomes["full answer"] += 1
            except LLMError as error:
                outcomes[type(error).__name__] += 1
            except TimeoutError:
                outcomes["cancelled"] += 1
            except Exception as error:
                outcomes[f"WRONG {error!r}"] += 1


async def all_async(url: str, end: float, seed: int, outcomes: Counter[str]) -> list[str]:
    """The tasks that are left afterwards."""
    await asyncio.gather(*(async_calls(url, end, seed + at, outcomes) for at in range(WORKERS)))
    await asyncio.sleep(0.1)
    return [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]


def memory() -> float:
    """Resident megabytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def round_of_calls(seconds: float, seed: int) -> tuple[Counter[str], list[str]]:
    """Calls of all kinds for some seconds: their outcomes, and what is wrong."""
    outcomes: Counter[str] = Counter()
    with FaultServer() as server:
        server.plans = RandomPlans(seed)  # type: ignore[assignment]
        end = time.monotonic() + seconds
        threads = [
            threading.Thread(target=sync_calls, args=(server.url, end, seed + at, outcomes)) for at in range(WORKERS)
        ]
        for thread in threads:
            thread.start()
        left = asyncio.run(all_async(server.url, end, seed, outcomes))
        for thread in threads:
            thread.join()
    return outcomes, left


def left_open() -> list[str]:
    """Sockets and threads of this process, but for the main thread."""
    gc.collect()
    sockets = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if _is_open(name)]
    threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    return [name for name in sockets if name.startswith("socket")] + threads


def _is_open(name: str) -> bool:
    return Path(f"/proc/self/fd/{name}").is_symlink()


def main(minutes: float, seed: int) -> int:
    retry._FIRST_WAIT = 0.005
    outcomes, wrong = round_of_calls(3, seed)  # all is loaded and warm afterwards
    rounds = max(1, round(minutes * 4))
    sizes = [memory()]
    for at in range(rounds):
        told, left = round_of_calls(minutes * 60 / rounds, seed + at * 100)
        outcomes += told
        wrong += left
        wrong += left_open()
        sizes.append(memory())
    for name, count in outcomes.most_common():
        print(f"{count:8} {name}")
    wrong += [name for name in outcomes if name.startswith("WRONG")]
    print(f"{outcomes.total():8} calls in {minutes:g} minutes; left open: {wrong or 'nothing'}")
    print("megabytes after each round:", " ".join(f"{size:.1f}" for size in sizes))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))
