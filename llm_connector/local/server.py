"""The servers that this process runs: one a model and set of options, shared by all threads, ended with the process."""

from __future__ import annotations

import atexit
import importlib.util
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llm_connector.errors import ConfigError
from llm_connector.local.models import Weights, find_model
from llm_connector.local.process import INSTALL_HINT, ServerProcess
from llm_connector.local.weights import fetch

if TYPE_CHECKING:
    from pathlib import Path

    from llm_connector.local.announce import Announce
    from llm_connector.local.models import LocalModel

_SLOTS = 2
_START_TIMEOUT = 300.0


@dataclass(frozen=True, slots=True)
class LocalEndpoint:
    """A running local server.

    Attributes:
        base_url: The base of its OpenAI API, such as ``http://127.0.0.1:40123/v1``.
        model: The name of its model.
    """

    base_url: str
    model: str


@dataclass(frozen=True, slots=True)
class _Key:
    path: str
    name: str
    context_size: int
    threads: int
    embeddings: bool


@dataclass(slots=True)
class _Place:
    """Where one server is or will be; its lock makes the second who asks wait for the first, and no one else."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    process: ServerProcess | None = None


class _Registry:
    """The servers of one process. A forked child starts with none, because its parent's are not its own."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.places: dict[_Key, _Place] = {}
        atexit.register(self.stop_all)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget_all)

    def place(self, key: _Key) -> _Place:
        with self.lock:
            return self.places.setdefault(key, _Place())

    def stop_all(self) -> None:
        with self.lock:
            places, self.places = self.places, {}
        # A start under way is not waited for: at exit that could take minutes, and its child ends with the pipe.
        for place in places.values():
            if place.process is not None:
                place.process.stop()

    def forget_all(self) -> None:
        places, self.places = self.places, {}
        self.lock = threading.Lock()  # another thread of the parent may have held it
        for place in places.values():
            if place.process is not None:
                place.process.abandon()


_registry = _Registry()


def ensure_server(
    model: str | None = None,
    *,
    context_size: int | None = None,
    threads: int | None = None,
    embeddings: bool = True,
    announce: Announce | None = None,
    start_timeout: float = _START_TIMEOUT,
) -> LocalEndpoint:
    """The server of a model: started on first use, then shared by the whole process until it ends.

    Blocks while weights are downloaded and the server starts; call it in a thread from async code. A server that
    has died is started anew.

    Args:
        model: A known name (``smollm2``, the default) or the path of a GGUF file.
        context_size: Tokens of context; by default 8192.
        threads: Processor threads; by default half the cores, because llama.cpp's threads spin while they wait and
            more of them than free cores slow it down many times.
        embeddings: Whether ``/v1/embeddings`` works.
        announce: Takes lines about a download; by default they go to standard error.
        start_timeout: Seconds to wait until the server listens.

    Raises:
        ConfigError: The model is unknown, is no model, or the extra ``local`` is not installed.
        ConnectError: The weights could not be downloaded.
        DecodeError: The downloaded weights are not the pinned ones.
        RequestTimeoutError: The server did not start in time.
        ServerError: The server died while starting.
    """
    found = find_model(model)
    if importlib.util.find_spec("xllamacpp") is None:
        raise ConfigError(f"the local model needs llama.cpp; {INSTALL_HINT}", provider="local")
    key = _Key(
        path=found.weights.filename if isinstance(found.weights, Weights) else str(found.weights),
        name=found.name,
        context_size=found.context_size if context_size is None else context_size,
        threads=max(1, (os.cpu_count() or 1) // 2) if threads is None else threads,
        embeddings=embeddings,
    )
    place = _registry.place(key)
    with place.lock:
        if place.process is not None and not place.process.alive:
            place.process.stop()
            place.process = None
        if place.process is None:
            path = fetch(found.weights, announce) if isinstance(found.weights, Weights) else found.weights
            place.process = ServerProcess(_order(found, key, path), start_timeout)
        return LocalEndpoint(base_url=f"{place.process.url}/v1", model=found.name)


def shutdown_all() -> None:
    """End every server of this process. The next use starts anew."""
    _registry.stop_all()


def _order(model: LocalModel, key: _Key, path: Path) -> dict[str, object]:
    return {
        "path": str(path),
        "name": key.name,
        "context_size": key.context_size,
        "threads": key.threads,
        "embeddings": key.embeddings,
        "slots": _SLOTS,
        "max_tokens": model.max_tokens,
        "sampling": dict(model.sampling),
        "chat_template": model.chat_template(),
        "template_options": dict(model.template_options),
    }
