"""Where downloaded weights are kept on this machine. Fetching them is not here: see ``weights``."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_dir() -> Path:
    """The folder for weights: ``LLM_CONNECTOR_CACHE`` when set, else the user's cache folder of the system.

    The folder may not exist yet.
    """
    chosen = os.environ.get("LLM_CONNECTOR_CACHE")
    return Path(chosen).expanduser() if chosen else _user_cache() / "llm-connector"


def _user_cache() -> Path:
    # A relative XDG_CACHE_HOME is invalid and to be ignored (XDG Base Directory Specification 0.8).
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if shared.is_absolute():
        return shared
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path.home() / ".cache"
