"""What a row of the provider table can say. The rows themselves are in ``providers``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llm_connector.faults import Rule


ReasoningReplay = Literal["never", "with_tool_calls", "always"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A constructor option of one provider.

    Attributes:
        name: As given to the client.
        env: Environment variables to read it from, in this order.
        default: What it is otherwise; ``None`` for nothing.
        secret: Whether it must never be shown.
        is_key: Whether it stands in for ``api_key`` and wins over it; it may be a function then.
        choices: What it may be; empty for anything.
        help: What it is for.
    """

    name: str
    env: tuple[str, ...] = ()
    default: Any = None
    secret: bool = False
    is_key: bool = False
    choices: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider's API can do at all; a single model may do less.

    Attributes:
        tools: Function calling.
        images: Pictures in the prompt.
        documents: PDF or text files in the prompt.
        audio: Sound in the prompt.
        video: Films in the prompt.
        reasoning: Reasoning text in the answer.
        json_schema: Answers held to a schema by the vendor.
        embeddings: ``embed()``.
        models: ``models()``.
    """

    tools: bool = True
    images: bool = True
    documents: bool = False
    audio: bool = False
    video: bool = False
    reasoning: bool = True
    json_schema: bool = True
    embeddings: bool = False
    models: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Provider:
    """One row: everything that tells one provider from another.

    Attributes:
        name: As given to the client.
        title: For people.
        protocol: The module of ``llm_connector.protocols`` that it speaks.
        docs: The vendor's page about models or the API.
        base_url: The default address; ``None`` when the user must give one. A function makes it of the row's options
            and the model, or gives a function that finds it at the first call.
        regions: Addresses by region, for providers with the option ``region``.
        key_env: Environment variables of the key, in this order.
        base_url_env: Environment variables of the address, in this order.
        key_required: Whether a call without a key cannot work.
        default_key: A function that finds a key when none is given, such as that of a cloud login.
        auth: A scheme of ``llm_connector.auth``.
        options: The provider's own constructor options.
        dialect: What the protocol must know of this provider; its type is the protocol's.
        rules: The vendor's own error table; it comes before the protocol's.
        reasoning_replay: Whether reasoning is sent back with the history.
        family: The providers that accept each other's opaque reasoning, named by one of them.
        default_model: The model when none is given.
        capabilities: What the API can do.
        aliases: Other accepted names.
    """

    name: str
    title: str
    protocol: str
    docs: str
    base_url: str | Callable[[Mapping[str, Any], str | None], str | Callable[[], str]] | None = None
    regions: Mapping[str, str] = field(default_factory=dict)
    key_env: tuple[str, ...] = ()
    base_url_env: tuple[str, ...] = ()
    key_required: bool = True
    default_key: Callable[[], str] | None = None
    auth: str = "bearer"
    options: tuple[Option, ...] = ()
    dialect: Any = None
    rules: tuple[Rule, ...] = ()
    reasoning_replay: ReasoningReplay = "never"
    family: str = ""
    default_model: str | None = None
    capabilities: Capabilities = Capabilities()
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """A provider is its own family unless the row says otherwise."""
        if not self.family:
            object.__setattr__(self, "family", self.name)

    def option(self, name: str) -> Option | None:
        """The declared option of that name."""
        return next((option for option in self.options if option.name == name), None)

    def __reduce__(self) -> tuple[Any, ...]:
        """A row of the table is pickled by its name: rows hold functions."""
        from llm_connector.providers import ROWS, find_provider  # noqa: PLC0415 - the table is made of this class

        if any(row is self for row in ROWS):
            return find_provider, (self.name,)
        return _from_fields, ({name: getattr(self, name) for name in self.__slots__},)


def _from_fields(fields: dict[str, Any]) -> Provider:
    return Provider(**fields)
