"""Ollama's models in memory: list, show, pull, delete, copy, running, version, embed. Chats are in ``ollama.py``."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, ClassVar

from servers.base import Answer, Fault, Recorded, Routes, Server, dumped
from servers.script import Refused, Source, refuse
from servers.vectors import embedded
from servers.view import tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_INPUT = 8192
_TIMES = {"total_duration": 3_000_000, "load_duration": 1_000_000}


class OllamaStore(Server):
    """The model store. ``models`` are the models at hand; a model whose name has ``missing`` cannot be pulled.

    Args:
        script: With the other arguments of ``Server``.
    """

    known_models: ClassVar = ("qwen3:latest", "llama3.2:1b", "nomic-embed-text:latest", "test-model:latest")
    routes: ClassVar[Routes] = (
        ("GET", r"/", "root"),
        ("HEAD", r"/", "root"),
        ("GET", r"/api/version", "version"),
        ("HEAD", r"/api/version", "version"),
        ("GET", r"/api/tags", "tags"),
        ("GET", r"/api/ps", "running"),
        ("POST", r"/api/show", "show"),
        ("DELETE", r"/api/delete", "delete"),
        ("POST", r"/api/copy", "copy"),
        ("POST", r"/api/pull", "pull"),
        ("POST", r"/api/embed", "embed"),
    )

    def __init__(self, script: Source = None, **options: Any) -> None:
        super().__init__(script, **options)
        self.loaded: set[str] = set()

    def authorise(self, recorded: Recorded) -> None:
        if self.require_key is not None:
            super().authorise(recorded)

    def error(self, fault: Fault) -> Any:
        return {"error": fault.message or {401: "unauthorized"}.get(fault.status, fault.text)}

    def json_body(self, recorded: Recorded) -> dict[str, Any]:
        if not recorded.body:
            raise refuse("missing request body")
        return super().json_body(recorded)

    def existing(self, name: Any) -> str:
        """The full name of a model at hand; refuses an unknown one. A name without a tag means ``latest``."""
        if not isinstance(name, str) or not name:
            raise refuse("model is required")
        full = name if ":" in name else f"{name}:latest"
        if full not in self.models:
            raise Refused(Fault(404, message=f"model '{name}' not found"))
        return full

    def _named(self, recorded: Recorded) -> tuple[str, dict[str, Any]]:
        body = self.json_body(recorded)
        return self.existing(body.get("model", body.get("name"))), body

    def root(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``GET /``."""
        return Answer(body=b"Ollama is running", content_type="text/plain; charset=utf-8")

    def version(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``GET /api/version``."""
        return self.whole({"version": "0.13.5"})

    def tags(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``GET /api/tags``."""
        return self.whole({"models": [_tag(name) for name in self.models]})

    def running(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``GET /api/ps``."""
        facts = {"expires_at": "2026-11-22T12:05:00Z", "size_vram": 0, "context_length": 4096}
        return self.whole({"models": [{**_tag(name), **facts} for name in self.models if name in self.loaded]})

    def show(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST /api/show``."""
        name, _ = self._named(recorded)
        abilities = ["embedding"] if "embed" in name else ["completion", "tools", "thinking", "vision"]
        return self.whole(
            {
                "license": "Test licence",
                "modelfile": f"FROM {name}",
                "parameters": 'stop "<|im_end|>"',
                "template": "{{ .Prompt }}",
                "details": _details(),
                "model_info": {"general.architecture": "llama", "llama.context_length": 8192},
                "capabilities": abilities,
                "modified_at": "2026-11-01T00:00:00Z",
            }
        )

    def delete(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``DELETE /api/delete``; the answer is empty."""
        name, _ = self._named(recorded)
        self.models.remove(name)
        self.loaded.discard(name)
        return Answer(content_type="text/plain")

    def copy(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST /api/copy``; the answer is empty."""
        body = self.json_body(recorded)
        self.existing(body.get("source"))
        self._add(body.get("destination") or "")
        return Answer(content_type="text/plain")

    def _add(self, name: str) -> None:
        if not re.fullmatch(r"[\w./:-]+", name):
            raise refuse(f"invalid model name {name!r}")
        full = name if ":" in name else f"{name}:latest"
        if full not in self.models:
            self.models.append(full)

    def pull(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST /api/pull``; a failure comes as a line after HTTP 200, or with a status when it is no stream."""
        body = self.json_body(recorded)
        name = body.get("model", body.get("name")) or ""
        if "missing" in name and body.get("stream") is False:
            raise Refused(Fault(500, message="pull model manifest: file does not exist"))
        if body.get("stream") is False:
            self._add(name)
            return self.whole({"status": "success"})
        return Answer(events=self._pulled(name), content_type="application/x-ndjson")

    def _pulled(self, name: str) -> Iterator[bytes]:
        yield _line({"status": "pulling manifest"})
        if "missing" in name:
            yield _line({"error": "pull model manifest: file does not exist"})
            return
        digest = "sha256:" + hashlib.sha256(name.encode()).hexdigest()
        layer = {"status": f"pulling {digest[7:19]}", "digest": digest, "total": 1000}
        yield _line(layer)  # the first progress line has no "completed"
        for completed in (250, 500, 1000):
            yield _line({**layer, "completed": completed})
        yield _line({"status": "verifying sha256 digest"})
        yield _line({"status": "writing manifest"})
        self._add(name)
        yield _line({"status": "success"})

    def embed(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST /api/embed``."""
        name, body = self._named(recorded)
        if unknown := body.keys() - {"model", "input", "truncate", "dimensions", "options", "keep_alive"}:
            raise refuse(f"unknown field {min(unknown)!r}")
        inputs = [body["input"]] if isinstance(body.get("input"), str) else body.get("input")
        if not isinstance(inputs, list) or not all(isinstance(text, str) for text in inputs):
            raise refuse("invalid input type")
        if body.get("truncate") is False and any(tokens(text) > _MAX_INPUT for text in inputs):
            raise refuse("the input length exceeds the context length")
        self.loaded.add(name)
        vectors = [embedded(text, body.get("dimensions") or 8) for text in inputs]
        count = sum(map(tokens, inputs))
        return self.whole({"model": body["model"], "embeddings": vectors, **_TIMES, "prompt_eval_count": count})


def _line(value: Any) -> bytes:
    return (dumped(value) + "\n").encode()


def _tag(name: str) -> dict[str, Any]:
    digest = hashlib.sha256(name.encode()).hexdigest()
    facts = {"modified_at": "2026-11-01T00:00:00Z", "size": 1_000_000, "digest": digest}
    return {"name": name, "model": name, **facts, "details": _details()}


def _details() -> dict[str, Any]:
    kinds = {"parent_model": "", "format": "gguf", "family": "llama", "families": ["llama"]}
    return {**kinds, "parameter_size": "1B", "quantization_level": "Q4_0"}
