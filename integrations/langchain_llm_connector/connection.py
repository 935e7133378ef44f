"""The constructor fields that reach a provider, and the clients made from them when first needed.

Shared by the chat model and the embeddings. What the provider's rows and options mean is ``llm_connector``'s.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from langchain_llm_connector.errors import model_errors
from llm_connector import AsyncLLMClient, LLMClient
from llm_connector.errors import ConfigError
from llm_connector.hidden import Address, opened, sealed, without_login
from llm_connector.known_models import KnownModels
from llm_connector.providers import find_provider, supported_providers
from llm_connector.settings import COMMON_OPTIONS, Settings
from llm_connector.types import ModelInfo

if TYPE_CHECKING:
    from llm_connector.provider import Provider

# Names that LangChain's own packages use for the same thing.
_SYNONYMS = {
    "model_name": "model",
    "request_timeout": "timeout",
    "headers": "default_headers",
    "openai_api_key": "api_key",
    "openai_api_base": "base_url",
}
_OF_A_CLIENT = ("provider", "model", "api_key", "base_url", "max_retries", "proxy")
T = TypeVar("T")
# What was made, after the state that it was made of.
Made: TypeAlias = tuple[tuple[Any, ...], T]
_made_of = operator.itemgetter(*_OF_A_CLIENT, "timeout")


class EnvironmentKey(SecretStr):
    """A key that was read from the environment: a copy of the model for another provider reads its own."""


class Connection(BaseModel):
    """How to reach a provider.

    Attributes:
        provider: A name from ``llm_connector.supported_providers()``; ``"zhipu:glm-4.6"`` names the model as well.
        model: The model's name; also ``model_name``.
        api_key: The key, or a function that gives a fresh one; else the environment's.
        base_url: The address; else the environment's, else the vendor's.
        timeout: Seconds without a byte before a call is given up; also ``request_timeout``.
        max_retries: How many attempts may follow the first, before the first byte of an answer.
        proxy: A proxy's address; else the environment's.
        default_headers: Headers for every request; also ``headers``.
        http_client: An ``httpx.Client`` of your own for sync calls; never closed here.
        http_async_client: An ``httpx.AsyncClient`` of your own for async calls; never closed here.
        provider_options: The options of the provider's row, such as ``region``. Give them as plain arguments.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, populate_by_name=True, protected_namespaces=())

    provider: str
    model: str | None = None
    api_key: SecretStr | Callable[[], Any] | None = Field(default=None, repr=False)
    base_url: Address | None = Field(default=None, repr=False)
    timeout: float | None = None
    max_retries: int = 2
    proxy: str | None = Field(default=None, exclude=True, repr=False)
    default_headers: dict[str, str] | None = Field(default=None, exclude=True, repr=False)
    http_client: Any = Field(default=None, exclude=True, repr=False)
    http_async_client: Any = Field(default=None, exclude=True, repr=False)
    provider_options: dict[str, Any] = Field(default_factory=dict, repr=False)

    _settings: Made[Settings] | None = PrivateAttr(default=None)
    _client: Made[LLMClient] | None = PrivateAttr(default=None)
    _async_client: Made[AsyncLLMClient] | None = PrivateAttr(default=None)
    _known: KnownModels = PrivateAttr(default_factory=KnownModels)

    def models(self) -> list[ModelInfo]:
        """List the provider's models; a chat model's ``profile`` has the windows told here from then on.

        Raises:
            LLMError: The vendor has no such call, refused, or could not be reached; also LangChain's ``ModelError``.
        """
        with model_errors():
            return self._learn(self._sync().models())

    async def amodels(self) -> list[ModelInfo]:
        """The same for ``async`` code."""
        with model_errors():
            return self._learn(await self._async().models())

    def _learn(self, models: list[ModelInfo]) -> list[ModelInfo]:
        self._known = self._known.learning(self._row, models)
        return models

    @model_validator(mode="before")
    @classmethod
    def _sort_arguments(cls, values: Any) -> Any:
        """Take synonyms and ``provider:model`` apart; what is no field is an option of the provider."""
        if not isinstance(values, dict):
            return values
        given = {name: value for name, value in values.items() if not isinstance(value, EnvironmentKey)}
        for synonym, name in cls._synonyms().items():
            if synonym in given:
                value = given.pop(synonym)
                given.setdefault(name, value)
        _split_shorthand(given)
        fields = {name: value for name, value in given.items() if cls._is_field(name)}
        rest = {name: value for name, value in given.items() if name not in fields}
        if rest:
            fields["provider_options"] = {**(fields.get("provider_options") or {}), **rest}
        if fields.get("provider") is None:
            raise ConfigError(f"give provider=, one of {', '.join(supported_providers())}")
        find_provider(fields["provider"])
        return fields

    @classmethod
    def _synonyms(cls) -> dict[str, str]:
        return _SYNONYMS

    @classmethod
    def _is_field(cls, name: str) -> bool:
        return name in cls.model_fields or name in {field.alias for field in cls.model_fields.values()}

    @model_validator(mode="after")
    def _check_connection(self) -> Self:
        """Resolve now what needs no network, so that a mistake is told where it was made."""
        self._guess_misspelling()
        settings = self._resolved()
        for option in settings.provider.options:
            value = self.provider_options.get(option.name)
            if option.secret and isinstance(value, str):
                self.provider_options[option.name] = SecretStr(value)
        if self.api_key is None and isinstance(settings.key, SecretStr):
            self.api_key = EnvironmentKey(settings.key.get_secret_value())
        return self

    def _guess_misspelling(self) -> None:
        """Tell a misspelt field from an unknown option; options proper are checked by the row."""
        row = find_provider(self.provider)
        own = {option.name for option in row.options} | set(COMMON_OPTIONS)
        for name in self.provider_options:
            close = difflib.get_close_matches(name, type(self).model_fields, n=1, cutoff=0.8)
            if name not in own and close:
                raise ConfigError(f"unknown argument {name!r} (did you mean {close[0]!r}?)", provider=row.name)

    def _arguments(self) -> dict[str, Any]:
        """The arguments of a client, but for its HTTP client."""
        arguments: dict[str, Any] = {name: getattr(self, name) for name in _OF_A_CLIENT}
        if self.timeout is not None:
            arguments["timeout"] = self.timeout
        if self.default_headers:
            arguments["headers"] = self.default_headers
        return arguments | self.provider_options

    def _state(self, client: Any = None) -> tuple[Any, ...]:
        """What settings and clients are made of, to see whether a field was changed since."""
        fields = self.__dict__
        return (*_made_of(fields), dict(fields["provider_options"]), dict(fields["default_headers"] or ()), client)

    def _kept(self, name: str) -> Any:
        """A private attribute. pydantic's own way to one takes 1.4 µs, and a call needs several (2.14, 2026-11)."""
        return (self.__pydantic_private__ or {}).get(name)

    def _resolved(self) -> Settings:
        """Provider's row and options; made again when a field was changed."""
        made: Made[Settings] | None = self._kept("_settings")
        state = self._state()
        if made is None or made[0] != state:
            settings = Settings.resolve(self.provider, self.model, self.api_key, self.base_url, self.provider_options)
            made = self._settings = (state, settings)
        return made[1]

    @property
    def _row(self) -> Provider:
        return find_provider(self.provider)

    def _sync(self) -> LLMClient:
        """The client for sync calls."""
        made: Made[LLMClient] | None = self._kept("_client")
        state = self._state(self.http_client)
        if made is None or made[0] != state:
            made = self._client = (state, LLMClient(**self._arguments(), http_client=self.http_client))
        return made[1]

    def _async(self) -> AsyncLLMClient:
        """The client for async calls; it keeps the connections of each event loop apart."""
        made: Made[AsyncLLMClient] | None = self._kept("_async_client")
        state = self._state(self.http_async_client)
        if made is None or made[0] != state:
            made = self._async_client = (state, AsyncLLMClient(**self._arguments(), http_client=self.http_async_client))
        return made[1]

    def _open_facts(self) -> dict[str, Any]:
        """What tells the model and where it is, without secrets: for traces and LangChain's cache."""
        settings, address = self._resolved(), None
        if isinstance(settings.base_url, str):
            address = without_login(settings.base_url)
        row, options = settings.provider, self.provider_options
        facts = {"provider": row.name, "model": self.model or row.default_model, "base_url": address}
        return facts | {name: value for name, value in options.items() if not isinstance(value, SecretStr)}

    def __getstate__(self) -> dict[Any, Any]:
        """Everything but the clients, which are made again when needed; the text of a pickle shows no key."""
        if self.http_client is not None or self.http_async_client is not None:
            raise TypeError("a model with an http_client of your own cannot be pickled")
        state = super().__getstate__()
        return sealed({**state, "__pydantic_private__": _without_clients(state["__pydantic_private__"])})

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(opened(state))

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy with clients of its own; an HTTP client of the user's is shared."""
        memo = {} if memo is None else memo
        for shared in (self.http_client, self.http_async_client, self._settings, self._client, self._async_client):
            memo[id(shared)] = shared
        made = super().__deepcopy__(memo)
        made._settings = made._client = made._async_client = None  # noqa: SLF001 - the same class
        return made


def _without_clients(private: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if private is None:
        return None
    return {**private, "_settings": None, "_client": None, "_async_client": None}


def _split_shorthand(given: dict[str, Any]) -> None:
    """``provider="zhipu:glm-4.6"``, or the same as ``model`` when no provider is given."""
    source = "provider" if given.get("provider") is not None else "model"
    provider, colon, model = str(given.get(source) or "").partition(":")
    if colon and provider in supported_providers() and (source == "model" or given.get("model") is None):
        given["provider"], given["model"] = provider, model
