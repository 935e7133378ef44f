"""Small wheels to download, scripts to run in processes of their own, and looking at processes."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from llm_connector.local.models import Weights, WheelPart

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT = bytes(range(256)) * 64


def weights_of(content: bytes = CONTENT, parts: tuple[WheelPart, ...] | None = None) -> Weights:
    return Weights(
        title="Tiny",
        filename="tiny.gguf",
        size=len(content),
        download_size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        parts=parts or (WheelPart("tiny-weights==1.0", "tiny_weights/tiny.gguf"),),
    )


def write_wheel(folder: Path, files: dict[str, bytes], name: str = "tiny_weights", version: str = "1.0") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in files.items())
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in files.items():
            archive.writestr(member, data)
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return path


def run_script(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a script that can import the tests' kits."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A child that is dead but not yet waited for still has a number.
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
