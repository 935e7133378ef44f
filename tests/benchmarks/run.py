"""The client's own cost, side by side with others', as ratios of CPU time: ``python tests/benchmarks/run.py [--json]``.

Clients take turns in one process against a server in another; each figure is the median over rounds. Peers (openai,
litellm, langchain-openai, llama-index-llms-openai-like) are measured when they are installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Measured = dict[str, dict[str, float]]
HERE = Path(__file__).parent
CHUNKS, FRAGMENTS, CALLS = 10_000, 2_000, 40


@contextmanager
def server() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "server.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.stdin.close()
        process.wait()


def installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


class Ours:
    def __init__(self, url: str) -> None:
        from llm_connector import LLMClient

        self.make = lambda path: LLMClient("openai_compatible", "m", api_key="k", base_url=url + path)

    def stream(self, path: str) -> Callable[[], None]:
        client = self.make(path)

        def run() -> None:
            for chunk in client.stream("hi"):
                chunk.content  # noqa: B018

        return run

    def call(self) -> Callable[[], None]:
        client = self.make("/small")
        return lambda: [client.chat("hi") for _ in range(CALLS)]


class ReadingBytes:
    def __init__(self, url: str) -> None:
        import httpx

        self.client, self.url = httpx.Client(), url

    def stream(self, path: str) -> Callable[[], None]:
        def run() -> None:
            with self.client.stream("POST", f"{self.url}{path}/chat/completions", json={}) as response:
                for _ in response.iter_bytes():
                    pass

        return run

    def call(self) -> Callable[[], None]:
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        return lambda: [self.client.post(f"{self.url}/small/chat/completions", json=body).json() for _ in range(CALLS)]


class OpenAI:
    def __init__(self, url: str) -> None:
        import openai

        self.make = lambda path: openai.OpenAI(api_key="k", base_url=url + path)

    def stream(self, path: str) -> Callable[[], None]:
        client = self.make(path)

        def run() -> None:
            for chunk in client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "hi"}], stream=True
            ):
                if chunk.choices:
                    chunk.choices[0].delta.content  # noqa: B018

        return run

    def call(self) -> Callable[[], None]:
        client = self.make("/small")
        messages = [{"role": "user", "content": "hi"}]
        return lambda: [client.chat.completions.create(model="m", messages=messages) for _ in range(CALLS)]


class LangChain:
    def __init__(self, make: Callable[[str], object]) -> None:
        self.make = make

    def stream(self, path: str) -> Callable[[], None]:
        model = self.make(path)

        def run() -> None:
            for chunk in model.stream("hi"):
                chunk.content  # noqa: B018

        return run

    def call(self) -> Callable[[], None]:
        model = self.make("/small")
        return lambda: [model.invoke("hi") for _ in range(CALLS)]


class LlamaIndex:
    def __init__(self, make: Callable[[str], object]) -> None:
        self.make = make

    def stream(self, path: str) -> Callable[[], None]:
        from llama_index.core.llms import ChatMessage

        model = self.make(path)

        def run() -> None:
            for chunk in model.stream_chat([ChatMessage(content="hi")]):
                chunk.delta  # noqa: B018

        return run

    def call(self) -> Callable[[], None]:
        from llama_index.core.llms import ChatMessage

        model = self.make("/small")
        return lambda: [model.chat([ChatMessage(content="hi")]) for _ in range(CALLS)]


def clients(url: str) -> dict[str, object]:
    found: dict[str, object] = {"ours": Ours(url), "reading bytes (httpx)": ReadingBytes(url)}
    if installed("openai"):
        found["openai"] = OpenAI(url)
    if installed("langchain_core"):
        from langchain_llm_connector import ChatConnector

        found["ours in LangChain"] = LangChain(
            lambda path: ChatConnector(provider="openai_compatible", model="m", api_key="k", base_url=url + path)
        )
    if installed("langchain_openai"):
        from langchain_openai import ChatOpenAI

        found["langchain-openai"] = LangChain(lambda path: ChatOpenAI(model="m", api_key="k", base_url=url + path))
    if installed("llama_index.core"):
        from llama_index.llms.llm_connector import ChatConnector as OurLlamaIndex

        found["ours in LlamaIndex"] = LlamaIndex(
            lambda path: OurLlamaIndex(provider="openai_compatible", model="m", api_key="k", base_url=url + path)
        )
    if installed("llama_index.core") and installed("llama_index.llms.openai_like"):
        from llama_index.llms.openai_like import OpenAILike

        found["openai-like"] = LlamaIndex(
            lambda path: OpenAILike(model="m", api_key="k", api_base=url + path, is_chat_model=True)
        )
    return found


def in_turns(runs: dict[str, Callable[[], None]], rounds: int) -> Measured:
    """CPU and wall seconds of each run: the median of some rounds, after one that does not count."""
    cpu: dict[str, list[float]] = {name: [] for name in runs}
    wall: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            started_cpu, started = time.process_time(), time.perf_counter()
            run()
            if turn:
                cpu[name].append(time.process_time() - started_cpu)
                wall[name].append(time.perf_counter() - started)
    return {name: {"cpu": statistics.median(cpu[name]), "wall": statistics.median(wall[name])} for name in runs}


def imports(rounds: int) -> Measured:
    """CPU seconds of an interpreter that imports one package, less that of an empty one."""
    codes = {"empty": "pass", "ours": "from llm_connector import LLMClient", "httpx": "import httpx"}
    if installed("openai"):
        codes["openai"] = "from openai import OpenAI"
    measured: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(rounds):
        for name, code in codes.items():
            report = f"{code}\nimport time; print(time.process_time())"
            measured[name].append(float(subprocess.check_output([sys.executable, "-c", report])))
    floor = statistics.median(measured.pop("empty"))
    return {name: {"cpu": statistics.median(values) - floor, "wall": 0.0} for name, values in measured.items()}


def measure(rounds: int) -> dict[str, Measured]:
    with server() as url:
        found = clients(url)
        results = {
            "stream of 10,000 chunks": in_turns(
                {name: client.stream(f"/chunks/{CHUNKS}") for name, client in found.items()}, rounds
            ),
            "small calls": in_turns({name: client.call() for name, client in found.items()}, rounds),
        }
        tools = {name: client for name, client in found.items() if "LlamaIndex" not in name and name != "openai-like"}
        results["tool call of 2,000 fragments"] = in_turns(
            {name: client.stream(f"/tool/{FRAGMENTS}") for name, client in tools.items()}, rounds
        )
        results["tool call of 8,000 fragments"] = in_turns({"ours": found["ours"].stream("/tool/8000")}, rounds)
    results["import"] = imports(rounds)
    return results


PAIRS = (
    ("stream of 10,000 chunks", "ours", "openai"),
    ("stream of 10,000 chunks", "ours", "reading bytes (httpx)"),
    ("stream of 10,000 chunks", "ours in LangChain", "langchain-openai"),
    ("stream of 10,000 chunks", "ours in LlamaIndex", "openai-like"),
    ("small calls", "ours", "openai"),
    ("small calls", "ours", "reading bytes (httpx)"),
    ("small calls", "ours in LangChain", "langchain-openai"),
    ("tool call of 2,000 fragments", "ours", "openai"),
    ("tool call of 2,000 fragments", "ours in LangChain", "langchain-openai"),
    ("import", "ours", "openai"),
)


def ratios(results: dict[str, Measured]) -> dict[str, float]:
    found = {}
    for case, one, other in PAIRS:
        if one in results[case] and other in results[case]:
            found[f"{case}: {one} / {other}"] = results[case][one]["cpu"] / results[case][other]["cpu"]
    return found


def show(results: dict[str, Measured]) -> None:
    for case, measured in results.items():
        print(f"\n{case}\n{'':28}{'CPU ms':>10}{'wall ms':>10}")
        for name, figures in measured.items():
            print(f"  {name:26}{figures['cpu'] * 1000:10.1f}{figures['wall'] * 1000:10.1f}")
    print("\nratios of CPU medians")
    for name, ratio in ratios(results).items():
        print(f"  {name:70}{ratio:8.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    measured = measure(arguments.rounds)
    if arguments.json:
        print(json.dumps({"results": measured, "ratios": ratios(measured)}, indent=2))
    else:
        show(measured)
