"""Managing an Ollama server's models: exchanges, and what they return. Sending is in ``llm_connector.ollama``.

Source: Ollama's server, ``api/types.go`` and ``docs/api.md``, 2026-08.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from llm_connector.errors import DecodeError, ModelNotFoundError, StreamInterruptedError
from llm_connector.jsontext import encode
from llm_connector.protocols.ollama import JSON_HEADERS
from llm_connector.protocols.wire import MISSHAPEN, WireRequest, misshapen_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from llm_connector.framing import Event
    from llm_connector.protocols.ollama import Ollama
    from llm_connector.protocols.wire import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class OllamaModel:
    """A model on the server's disk.

    Attributes:
        name: With its tag, such as ``qwen3:latest``.
        size: Bytes on disk.
        digest: The hash of its manifest.
        modified_at: When it was last changed, in ISO 8601.
        details: Format, family, parameter size, quantization.
        raw: The server's entry.
    """

    name: str
    size: int | None
    digest: str | None
    modified_at: str | None
    details: dict[str, Any]
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def read(cls, entry: dict[str, Any]) -> Self:
        """Read the server's entry."""
        return cls(**_common(entry))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningModel(OllamaModel):
    """A model in memory.

    Attributes:
        expires_at: When it will be unloaded, in ISO 8601.
        size_vram: Bytes in the graphics card's memory.
        context_length: The context window that it was loaded with, in tokens.
    """

    expires_at: str | None
    size_vram: int | None
    context_length: int | None

    @classmethod
    def read(cls, entry: dict[str, Any]) -> Self:
        """Read the server's entry."""
        own: dict[str, Any] = {name: entry.get(name) for name in ("expires_at", "size_vram", "context_length")}
        return cls(**_common(entry), **own)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What the server knows about a model.

    Attributes:
        name: As asked for.
        capabilities: Of ``completion``, ``tools``, ``vision``, ``thinking``, ``embedding``, ``insert``, …
        context_length: The longest context that the model was made for, in tokens.
        details: Format, family, parameter size, quantization.
        model_info: The weights' own metadata.
        parameters: Default options, as text.
        template: The prompt's template.
        system: The default system message.
        license: The licence's text.
        modelfile: What the model was made of.
        raw: The server's answer.
    """

    name: str
    capabilities: list[str]
    context_length: int | None
    details: dict[str, Any]
    model_info: dict[str, Any] = field(repr=False)
    parameters: str | None
    template: str | None = field(repr=False)
    system: str | None
    license: str | None = field(repr=False)
    modelfile: str | None = field(repr=False)
    raw: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullProgress:
    """A step of a download.

    Attributes:
        status: What the server is doing; the last one is ``success``.
        digest: The file that is being loaded.
        total: Its size in bytes.
        completed: How many of them have come.
        raw: The server's line.
    """

    status: str
    digest: str | None
    total: int | None
    completed: int | None
    raw: dict[str, Any] = field(repr=False)

    @property
    def fraction(self) -> float | None:
        """How much of the file has come, from 0 to 1; ``None`` where it makes no sense."""
        if not self.total:
            return None
        return (self.completed or 0) / self.total


class PullReader:
    """Reads a download's lines: bytes in, steps out.

    Attributes:
        ended: That the server said ``success``.
    """

    def __init__(self, protocol: Ollama) -> None:
        self._protocol = protocol
        self._framing = protocol.framing()
        self.ended = False

    def feed(self, data: bytes) -> Iterator[PullProgress]:
        """The steps that these bytes complete.

        Raises:
            LLMError: The server failed; it says so inside HTTP 200.
        """
        return self._steps(self._framing.feed(data))

    def finish(self) -> Iterator[PullProgress]:
        """The last step, when the body has ended.

        Raises:
            StreamInterruptedError: It ended before the model was there.
        """
        try:
            yield from self._steps(self._framing.finish())
        except DecodeError as error:  # the last line was cut through
            raise self.interrupted() from error
        if not self.ended:
            raise self.interrupted()

    def interrupted(self) -> StreamInterruptedError:
        """The error of a download that stopped too early."""
        return StreamInterruptedError(
            "the download stopped before its end; pull again to go on from there",
            provider=self._protocol.settings.provider.name,
        )

    def _steps(self, events: list[Event]) -> Iterator[PullProgress]:
        for event in events:
            line = self._protocol.decode(event)
            try:
                step = PullProgress(
                    raw=line, **{name: line.get(name) for name in ("digest", "total", "completed", "status")}
                )
            except MISSHAPEN as error:
                raise misshapen_error(error) from error
            self.ended = self.ended or step.status == "success"
            yield step


def list_models() -> Exchange[list[OllamaModel]]:
    """The models on disk."""
    answer = yield _get("/api/tags")
    return [OllamaModel.read(entry) for entry in answer.payload.get("models") or ()]


def running_models() -> Exchange[list[RunningModel]]:
    """The models in memory."""
    answer = yield _get("/api/ps")
    return [RunningModel.read(entry) for entry in answer.payload.get("models") or ()]


def server_version() -> Exchange[str]:
    """The server's version."""
    answer = yield _get("/api/version")
    return str(answer.payload["version"])


def show(name: str) -> Exchange[ModelCard]:
    """What the server knows about a model."""
    answer = yield _post("/api/show", model=name)
    card: dict[str, Any] = answer.payload
    texts = {key: card.get(key) for key in ("parameters", "template", "system", "license", "modelfile")}
    info = card.get("model_info") or {}
    window = info.get(f"{info.get('general.architecture')}.context_length")
    return ModelCard(
        name=name,
        capabilities=card.get("capabilities") or [],
        context_length=window,
        details=card.get("details") or {},
        model_info=info,
        raw=card,
        **texts,
    )


def exists(name: str) -> Exchange[bool]:
    """Whether the server has a model."""
    try:
        yield _post("/api/show", model=name)
    except ModelNotFoundError:
        return False
    return True


def delete(name: str) -> Exchange[None]:
    """Delete a model."""
    yield _post("/api/delete", method="DELETE", model=name)


def copy(source: str, destination: str) -> Exchange[None]:
    """Give a model a second name."""
    yield _post("/api/copy", source=source, destination=destination)


def pull(protocol: Ollama, name: str, *, insecure: bool) -> Exchange[PullReader]:
    """Download a model; the reader takes the bytes of the answer."""
    wire = _post("/api/pull", model=name, stream=True, insecure=insecure)
    wire.stream = True
    yield wire
    return PullReader(protocol)


def _get(path: str) -> WireRequest:
    return WireRequest(path, method="GET")


def _post(path: str, method: str = "POST", **body: Any) -> WireRequest:
    return WireRequest(path, encode(body), headers=JSON_HEADERS, method=method)


def _common(entry: dict[str, Any]) -> dict[str, Any]:
    facts = {name: entry.get(name) for name in ("size", "digest", "modified_at")}
    name = str(entry.get("name") or entry.get("model"))
    return {"name": name, **facts, "details": entry.get("details") or {}, "raw": entry}
