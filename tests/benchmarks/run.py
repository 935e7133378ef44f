"""The client's own cost, side by side with others', as ratios of CPU time: ``python tests/benchmarks/run.py [--json]``.

Clients take turns, each in a process of its own, against a server in another; each figure is the median over rounds.
Peers (openai, litellm, langchain-openai, llama-index-llms-openai-like) are measured when they are installed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clients import CLIENTS, installed

if TYPE_CHECKING:
    from collections.abc import Iterator

Figures = dict[str, float]
HERE = Path(__file__).parent
STANDALONE = ("ours", "reading bytes (httpx)", "openai", "litellm")
IN_LANGCHAIN = ("ours in LangChain", "langchain-openai")
IN_LLAMAINDEX = ("ours in LlamaIndex", "openai-like")
CASES: dict[str, tuple[str, ...]] = {
    "chunks 10000": STANDALONE + IN_LANGCHAIN + IN_LLAMAINDEX,
    "achunks 10000": ("ours", "reading bytes (httpx)", "openai"),
    "chunks 1000": ("ours",),
    "chunks 100000": ("ours",),
    "calls": STANDALONE + IN_LANGCHAIN + IN_LLAMAINDEX,
    "acalls": ("ours", "openai"),
    "tool 2000": STANDALONE + IN_LANGCHAIN,
    "tool 8000": ("ours",),
    "many": ("ours", "openai"),
}
TITLES = {
    "chunks": "stream of {} chunks",
    "achunks": "the same, async",
    "calls": "200 small calls",
    "acalls": "the same, async",
    "tool": "tool call in {} fragments",
    "many": "1,000 streams at once of 50 chunks each",
}
IMPORTS = {
    "ours": "from llm_connector import LLMClient",
    "httpx": "import httpx",
    "openai": "from openai import OpenAI",
}
# Case, client, other case, other client, factor, the bound that the ratio is held to.
RATIOS: tuple[tuple[str, str, str, str, float, float], ...] = (
    ("chunks 10000", "ours", "chunks 10000", "openai", 1, 1 / 8),
    ("chunks 10000", "ours", "chunks 10000", "reading bytes (httpx)", 1, 1.8),
    ("chunks 10000", "ours in LangChain", "chunks 10000", "langchain-openai", 1, 0.27),
    ("chunks 10000", "ours in LlamaIndex", "chunks 10000", "openai-like", 1, 0.22),
    ("achunks 10000", "ours", "chunks 10000", "ours", 1, 1.3),
    ("chunks 100000", "ours", "chunks 1000", "ours", 0.01, 1.1),
    ("calls", "ours", "calls", "openai", 1, 1 / 3),
    ("calls", "ours", "calls", "reading bytes (httpx)", 1, 1.15),
    ("calls", "ours in LangChain", "calls", "langchain-openai", 1, 0.37),
    ("acalls", "ours", "calls", "ours", 1, 1.3),
    ("tool 2000", "ours", "tool 2000", "openai", 1, 1 / 8),
    ("tool 8000", "ours", "tool 2000", "ours", 1, 5),
    ("tool 2000", "ours in LangChain", "tool 2000", "langchain-openai", 1, 0.2),
    ("many", "ours", "many", "openai", 1, 0.35),
    ("import", "ours", "import", "openai", 1, 1 / 3),
)


@contextmanager
def server() -> Iterator[str]:
    with process([str(HERE / "server.py")]) as running:
        yield f"http://127.0.0.1:{running.stdout.readline().strip()}"  # type: ignore[union-attr]


@contextmanager
def process(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE
    )
    try:
        yield running
    finally:
        running.stdin.close()  # type: ignore[union-attr]
        running.wait()


def ask(running: subprocess.Popen[str], case: str) -> Figures:
    assert running.stdin is not None
    assert running.stdout is not None
    print(case, file=running.stdin, flush=True)
    told: Figures = json.loads(running.stdout.readline())
    return told


def in_turns(running: dict[str, subprocess.Popen[str]], case: str, rounds: int) -> dict[str, Figures]:
    """Each client's medians over some rounds, after one that does not count."""
    names = [name for name in CASES[case] if name in running]
    told: dict[str, list[Figures]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        for name in names:
            figures = ask(running[name], case)
            if turn:
                told[name].append(figures)
    return {name: medians(figures) for name, figures in told.items()}


def medians(figures: list[Figures]) -> Figures:
    return {key: statistics.median(item[key] for item in figures) for key in figures[0]}


def imports(rounds: int) -> dict[str, Figures]:
    """CPU seconds of an interpreter that imports one package, less that of an empty one.

    Compiled files are kept for the time of the measurement: what was installed from a checkout may have none.
    """
    codes = {"empty": "pass"} | {name: code for name, code in IMPORTS.items() if name not in CLIENTS or installed(name)}
    told: dict[str, list[float]] = {name: [] for name in codes}
    with tempfile.TemporaryDirectory() as cache:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = cache
        for turn in range(rounds * 2 + 2):
            for name, code in codes.items():
                report = [sys.executable, "-c", f"{code}\nimport time; print(time.process_time())"]
                seconds = float(subprocess.check_output(report, env=environment))
                if turn:
                    told[name].append(seconds)
    floor = statistics.median(told.pop("empty"))
    return {name: {"cpu": statistics.median(values) - floor} for name, values in told.items()}


def measure(rounds: int, wanted: str) -> dict[str, dict[str, Figures]]:
    results = {}
    with ExitStack() as stack:
        url = stack.enter_context(server())
        running = {
            name: stack.enter_context(process([str(HERE / "clients.py"), name, url]))
            for name in CLIENTS
            if installed(name)
        }
        for case in CASES:
            if wanted in case:
                results[case] = in_turns(running, case, 1 if case == "many" else rounds)
    if wanted in "import":
        results["import"] = imports(rounds)
    return results


def ratios(results: dict[str, dict[str, Figures]]) -> list[dict[str, Any]]:
    found = []
    for case, client, other_case, other, factor, bound in RATIOS:
        one, two = results.get(case, {}).get(client), results.get(other_case, {}).get(other)
        if one and two:
            against = other if case == other_case else title(other_case)
            ratio = one["cpu"] / two["cpu"] * factor
            found.append({"what": f"{title(case)}: {client} / {against}", "ratio": ratio, "bound": bound})
    return found


def title(case: str) -> str:
    kind, _, size = case.partition(" ")
    return TITLES.get(kind, kind).format(f"{int(size):,}" if size else "")


def versions() -> dict[str, str]:
    names = ("httpx", "openai", "litellm", "langchain-core", "langchain-openai", "llama-index-core", "pydantic")
    found = {"python": sys.version.split()[0]}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def show(results: dict[str, dict[str, Figures]]) -> None:
    for case, measured in results.items():
        print(f"\n{title(case)}\n{'':28}{'CPU ms':>10}{'wall ms':>10}")
        for name, figures in measured.items():
            more = "".join(f"  {key} {value:.4g}" for key, value in figures.items() if key not in {"cpu", "wall"})
            print(f"  {name:26}{figures['cpu'] * 1000:10.1f}{figures.get('wall', 0) * 1000:10.1f}{more}")
    print(f"\n{'ratios of CPU medians':76}{'ratio':>8}{'bound':>8}")
    for row in ratios(results):
        print(
            f"  {row['what']:74}{row['ratio']:8.3f}{row['bound']:8.3f}{'' if row['ratio'] <= row['bound'] else '  !'}"
        )
    print("\n" + ", ".join(f"{name} {version}" for name, version in versions().items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how often each client runs each case")
    parser.add_argument("--case", default="", help="only cases whose names hold this text")
    parser.add_argument("--json", action="store_true", help="figures and ratios as JSON")
    arguments = parser.parse_args()
    measured = measure(arguments.rounds, arguments.case)
    if arguments.json:
        print(json.dumps({"versions": versions(), "results": measured, "ratios": ratios(measured)}, indent=2))
    else:
        show(measured)
