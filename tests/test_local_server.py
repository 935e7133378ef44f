"""The shared server with the real small model: sharing, threads, forks, deaths, endings."""

from __future__ import annotations

import os
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from llm_connector.local import ensure_server, shutdown_all
from llm_connector.local.server import _registry
from local_kit import alive, eventually, run_script

pytestmark = pytest.mark.local_model
posix = pytest.mark.skipif(sys.platform == "win32", reason="forks and POSIX signals")

# Says where its server is, then does what the test gives it.
START = """
import os, sys, threading, time
from llm_connector.local import ensure_server
from llm_connector.local.server import _registry
endpoint = ensure_server()
[place] = _registry.places.values()
print(endpoint.base_url, place.process._process.pid, flush=True)
"""
GENERATE = """
import httpx
body = {"messages": [{"role": "user", "content": "Tell me a story."}], "max_tokens": 1000, "ignore_eos": True}
def generate():
    with httpx.stream("POST", endpoint.base_url + "/chat/completions", json=body | {"stream": True}, timeout=60) as r:
        for _ in r.iter_bytes(): generating.set()
generating = threading.Event()
threading.Thread(target=generate, daemon=True).start()
generating.wait(60)
"""


def server_pids() -> list[int]:
    processes = [place.process for place in _registry.places.values()]
    return [process._process.pid for process in processes if process is not None]


def listens(base_url: str) -> bool:
    address = urlsplit(base_url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname, address.port)) == 0


@pytest.fixture(autouse=True)
def _fresh():
    shutdown_all()
    yield
    shutdown_all()


def test_threads_share_one_server_on_a_loopback_port() -> None:
    with ThreadPoolExecutor(8) as pool:
        endpoints = list(pool.map(lambda _: ensure_server(), range(8)))
    assert len(set(endpoints)) == 1
    assert len(server_pids()) == 1
    assert endpoints[0].model == "smollm2"
    assert endpoints[0].base_url.startswith("http://127.0.0.1:")
    assert httpx.get(endpoints[0].base_url + "/models").json()["data"][0]["id"] == "smollm2"


def test_other_options_have_another_server() -> None:
    first, second = ensure_server(), ensure_server("smollm2", context_size=1024)
    assert first != second
    assert ensure_server("smollm2") == first
    model = httpx.get(second.base_url + "/models").json()["data"][0]
    assert model["meta"]["n_ctx"] == 1024


def test_shutdown_ends_the_process_and_the_next_use_starts_anew() -> None:
    first = ensure_server()
    [pid] = server_pids()
    shutdown_all()
    assert not alive(pid)
    assert eventually(lambda: not listens(first.base_url))
    assert listens(ensure_server().base_url)


@posix
def test_a_server_that_died_is_started_anew() -> None:
    ensure_server()
    [place] = _registry.places.values()
    first = place.process
    assert first is not None
    os.kill(first._process.pid, signal.SIGKILL)
    assert eventually(lambda: not first.alive)
    endpoint = ensure_server()
    assert httpx.get(endpoint.base_url + "/models").status_code == 200
    assert place.process is not first


@posix
def test_ctrl_c_for_the_parent_does_not_end_the_server() -> None:
    endpoint = ensure_server()
    [pid] = server_pids()
    os.kill(pid, signal.SIGINT)
    assert httpx.get(endpoint.base_url + "/models").status_code == 200
    assert ensure_server() == endpoint


@posix
@pytest.mark.parametrize("work", ["", GENERATE], ids=["idle", "generating"])
def test_a_killed_parent_takes_the_server_along(work: str) -> None:
    with run_script(START + work + "print('ready', flush=True); time.sleep(60)") as parent:
        assert parent.stdout is not None
        base_url, pid = parent.stdout.readline().split()
        assert parent.stdout.readline() == "ready\n"
        assert alive(int(pid))
        parent.kill()
        assert eventually(lambda: not alive(int(pid)))
    assert eventually(lambda: not listens(base_url))


@pytest.mark.parametrize("work", ["", GENERATE], ids=["idle", "generating"])
@pytest.mark.parametrize(("end", "status"), [("", 0), ("raise SystemExit(3)", 3)])
def test_the_server_ends_with_the_interpreter(work: str, end: str, status: int) -> None:
    parent = run_script(START + work + end)
    output, problems = parent.communicate(timeout=120)
    assert parent.returncode == status, problems
    base_url, pid = output.split()
    assert not alive(int(pid))
    assert eventually(lambda: not listens(base_url))


@posix
def test_a_forked_child_neither_uses_nor_ends_its_parents_server() -> None:
    script = """
child = os.fork()
if child == 0:
    assert not _registry.places
    mine = ensure_server()
    assert mine != endpoint
    print(mine.base_url, flush=True)
    sys.exit(0)  # runs the exit handlers
assert os.waitpid(child, 0)[1] == 0
assert ensure_server() == endpoint and place.process.alive
import httpx; print(httpx.get(endpoint.base_url + "/models").status_code, flush=True)
"""
    parent = run_script("import warnings; warnings.simplefilter('error')" + START + script)
    output, problems = parent.communicate(timeout=120)
    assert (parent.returncode, problems) == (0, "")
    parents, pid, childs, status = output.split()
    assert parents != childs
    assert status == "200"
    assert not alive(int(pid))


@posix
def test_a_surviving_forked_child_does_not_keep_the_server_of_a_killed_parent() -> None:
    script = """
if os.fork() == 0:
    time.sleep(20)
    os._exit(0)
print('ready', flush=True)
time.sleep(60)
"""
    with run_script(START + script) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline().split()[1])
        assert parent.stdout.readline() == "ready\n"
        parent.kill()
        assert eventually(lambda: not alive(pid))
