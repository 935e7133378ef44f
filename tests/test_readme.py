"""The README says what is true: its tables are the rows, its code runs, its commands exist.

Blocks that name a cloud provider run against a server on this machine, by the provider's own environment variables.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from readme_tables import README, filled
from servers.openai_chat import OpenAIChatServer
from servers.script import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = README.read_text()
BLOCKS = re.findall(r"(<!-- runs: cluster -->\n)?```python\n(.*?)```", TEXT, re.DOTALL)
SCHEDULER = "tcp://scheduler:8786"


def on(code: str, mark: str) -> str:
    """Where a block runs: on the local model, a cluster, or the server here."""
    return "cluster" if mark else "local" if '"local"' in code else "server"


LOCAL = [code for mark, code in BLOCKS if on(code, mark) == "local"]
ON_THE_SERVER = [code for mark, code in BLOCKS if on(code, mark) == "server"]
ON_A_CLUSTER = [code for mark, code in BLOCKS if on(code, mark) == "cluster"]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """A key and an address that lead to a server here."""
    with OpenAIChatServer(Reply("From the server."), dialect="zhipu") as server:
        yield {**os.environ, "ZAI_API_KEY": "k", "ZAI_BASE_URL": server.url}


def run(code: str, folder: Path, environment: dict[str, str]) -> str:
    """What the block prints."""
    (folder / "block.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "block.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_tables_are_the_rows() -> None:
    assert filled(TEXT) == TEXT, "run: python tests/readme_tables.py"


def test_every_block_is_run_by_a_test() -> None:
    assert len(BLOCKS) == TEXT.count("```python")
    assert LOCAL
    assert ON_THE_SERVER
    assert len(ON_A_CLUSTER) == 1


@pytest.mark.parametrize("code", ON_THE_SERVER)
def test_a_block_for_a_cloud_provider_runs(code: str, tmp_path: Path, environment: dict[str, str]) -> None:
    said = run(code, tmp_path, environment)
    assert said == ("From the server." if "print(" in code else "")


@pytest.mark.local_model
@pytest.mark.parametrize("code", LOCAL)
def test_a_block_for_the_local_model_runs(code: str, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="extra 'local' is not installed")
    assert run(code, tmp_path, dict(os.environ)).strip()


def test_the_block_for_a_cluster_runs(tmp_path: Path, environment: dict[str, str], monkeypatch) -> None:
    distributed = pytest.importorskip("distributed", reason="extra 'distributed' is not installed")
    for name in ("ZAI_API_KEY", "ZAI_BASE_URL"):
        monkeypatch.setenv(name, environment[name])
    with contextlib.closing(
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50)
    ) as cluster:
        said = run(ON_A_CLUSTER[0].replace(SCHEDULER, cluster.scheduler_address), tmp_path, environment)
    assert sorted(said.splitlines()) == ["0 From the server.", "1 From the server."]
    assert (tmp_path / "french.jsonl").read_text().count("\n") == 2


def test_each_command_is_marked_once() -> None:
    for name in ("demo", "tests"):
        assert TEXT.count(f"<!-- command: {name} -->\n```bash\n") == 1
