"""What a row of the provider table can say. The rows themselves are in ``providers``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llm_connector.faults import Rule


ReasoningReplay = Literal["never", "with_tool_calls", "always"]


@dataclass(frozen=True, slots=True)
class Form:
    """What an option's value must be like, so that it stays in its place in an address, a header or a body.

    Attributes:
        told: For people, after "must be".
        pattern: What a text must match from its beginning to its end; empty for any.
        types: What it may be; a list is one of texts, and a truth value is no number.
        least: The smallest number.
    """

    told: str
    pattern: str = ""
    types: tuple[type, ...] = (str,)
    least: float | None = None

    def fits(self, value: Any) -> bool:
        """Whether a value is so."""
        if not isinstance(value, self.types) or isinstance(value, bool):
            return False
        if isinstance(value, str):
            return not self.pattern or re.fullmatch(self.pattern, value) is not None
        if isinstance(value, list | tuple | set | frozenset):
            return all(isinstance(item, str) for item in value)
        return self.least is None or (isinstance(value, int | float) and value >= self.least)


IN_HOST = Form("a text of letters, digits and hyphens", r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
IN_PATH = Form("a text of letters, digits and the characters . _ : -, not dots alone", r"(?!\.+$)[A-Za-z0-9_.:-]+")
IN_HEADER = Form("a text of printable ASCII characters", r"[\x21-\x7e]+")
SOME_TEXTS = Form("a text or a list of texts", r"[\x20-\x7e]*", types=(str, list, tuple, set, frozenset))
A_DICT = Form("a dict", types=(dict,))
A_COUNT = Form("a whole number, 1 or more", types=(int,), least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A constructor option of one provider.

    Attributes:
        name: As given to the client.
        env: Environment variables to read it from, in this order.
        default: What it is otherwise; ``None`` for nothing.
        secret: Whether it must never be shown.
        part: Of a secret that is none alone: ``pair`` for a half of a key pair, ``addition`` for what goes with others.
        is_key: Whether it stands in for ``api_key`` and wins over it; it may be a function then.
        choices: What it may be; empty for anything.
        form: What it must be like; ``None`` for anything.
        help: What it is for.
    """

    name: str
    env: tuple[str, ...] = ()
    default: Any = None
    secret: bool = False
    part: Literal["", "pair", "addition"] = ""
    is_key: bool = False
    choices: tuple[str, ...] = ()
    form: Form | None = None
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
        context_window: A model's window in tokens, for providers whose options set it: a function of the options and
            the model.
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
    context_window: Callable[[Mapping[str, Any], str], int | None] | None = None
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
