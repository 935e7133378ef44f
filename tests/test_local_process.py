"""The life of a server process: how it starts, fails to start, and ends. No test here needs the default weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llm_connector.errors import ConfigError, RequestTimeoutError, ServerError
from llm_connector.local import ensure_server
from llm_connector.local.process import ServerProcess
from llm_connector.local.server import _registry

CHILD = Path(sys.modules[ServerProcess.__module__].__file__ or "").with_name("child.py")
ORDER = {
    "path": "/nowhere.gguf",
    "name": "mine",
    "context_size": 512,
    "threads": 1,
    "embeddings": False,
    "slots": 1,
    "max_tokens": -1,
    "sampling": {},
    "chat_template": None,
    "template_options": {},
}

LATE_LOG = """
import sys, threading, time

def log():
    time.sleep(0.2)
    sys.stderr.write("0.00.000.001 E the file is broken\\n")
    sys.stderr.flush()

threading.Thread(target=log, daemon=True).start()
raise RuntimeError("failed, for the reason that is logged")
"""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"this is no model", "invalid magic"),
        (b"", "GGUF|magic|read"),
        (b"GGUF\x03\0\0\0" + b"\xff" * 64, "tensor|invalid|too large|failed"),
    ],
)
def test_a_file_that_is_no_model(content: bytes, reason: str, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    path = tmp_path / "mine.gguf"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=reason) as caught:
        ensure_server(str(path))
    assert str(path) in caught.value.message
    assert caught.value.provider == "local"


def test_it_can_be_asked_again_after_a_failure(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"still no model")
    for _ in range(2):
        with pytest.raises(ConfigError):
            ensure_server(str(path))
    assert all(place.process is None for key, place in _registry.places.items() if key.path == str(path))


def test_a_start_that_takes_too_long() -> None:
    with pytest.raises(RequestTimeoutError, match=r"did not start within 0\.01 s"):
        ServerProcess(ORDER, timeout=0.01)


def test_a_child_that_cannot_import_llama_cpp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('libgomp.so.1 is missing')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"libgomp\.so\.1 is missing.*pip install"):
        ServerProcess(ORDER, timeout=60)


def test_a_child_that_crashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "xllamacpp.py").write_text("import os; os._exit(7)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ServerError, match="exit status 7"):
        ServerProcess(ORDER, timeout=60)


def test_a_reason_that_is_logged_after_the_failure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "xllamacpp.py").write_text(LATE_LOG)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ConfigError, match="the file is broken"):
        ServerProcess(ORDER, timeout=60)


def test_a_child_without_an_order_ends() -> None:
    done = subprocess.run([sys.executable, "-P", str(CHILD)], input=b"", capture_output=True, timeout=60, check=False)
    assert done.returncode != 0
