"""The constructor fields that reach a provider, and the clients made from them when first needed.

Shared by the language model and the embeddings. What options and keys mean is ``llm_connector``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from llama_index.core.bridge.pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, WithJsonSchema

from llm_connector import AsyncLLMClient, LLMClient
from llm_connector.hidden import Address, opened, sealed
from llm_connector.known_models import KnownModels
from llm_connector.providers import find_provider
from llm_connector.settings import Settings
from llm_connector.transport.options import READ_TIMEOUT

if TYPE_CHECKING:
    from llm_connector.provider import Provider
    from llm_connector.types import ModelInfo

Key = Annotated[SecretStr | Callable[[], Any] | None, WithJsonSchema({"type": "string"})]

_OF_A_CLIENT = ("provider", "api_key", "base_url", "timeout", "max_retries", "proxy", "headers")


class Connection(BaseModel):
    """How to reach a provider. What may hold a secret is in no dump and no ``repr``.

    Attributes:
        provider: A name from ``llm_connector.supported_providers()``.
        api_key: The key, or a function that gives a fresh one; else the environment's.
        base_url: The address; else the environment's, else the vendor's.
        timeout: Seconds without a byte before a call is given up; the length of a stream does not count.
        max_retries: How many attempts may follow the first.
        proxy: A proxy's address; else the environment's.
        headers: Headers for every request.
        http_client: An ``httpx.Client`` of your own for sync calls; never closed here.
        async_http_client: An ``httpx.AsyncClient`` of your own for async calls; never closed here.
        provider_options: The options of the provider's row, such as ``region``. Give them as plain arguments.
        secret_options: Those of them that are secrets, such as ``secret_key``. Give them as plain arguments.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    provider: str
    api_key: Key = Field(default=None, exclude=True, repr=False)
    base_url: Address | None = Field(default=None, repr=False)
    timeout: float = READ_TIMEOUT
    max_retries: int = 2
    proxy: str | None = Field(default=None, exclude=True, repr=False)
    headers: dict[str, str] | None = Field(default=None, exclude=True, repr=False)
    http_client: Any = Field(default=None, exclude=True, repr=False)
    async_http_client: Any = Field(default=None, exclude=True, repr=False)
    provider_options: dict[str, Any] = Field(default_factory=dict)
    secret_options: dict[str, Any] = Field(default_factory=dict, exclude=True, repr=False)

    _sync_client: tuple[dict[str, Any], LLMClient] | None = PrivateAttr(default=None)
    _async_client: tuple[dict[str, Any], AsyncLLMClient] | None = PrivateAttr(default=None)
    _known: KnownModels = PrivateAttr(default_factory=KnownModels)

    def models(self) -> list[ModelInfo]:
        """List the provider's models; a language model's ``metadata`` has the windows told here from then on.

        Raises:
            LLMError: The vendor has no such call, refused, or could not be reached.
        """
        return self._learn(self._client().models())

    async def amodels(self) -> list[ModelInfo]:
        """The same for ``async`` code."""
        return self._learn(await self._aclient().models())

    def _learn(self, models: list[ModelInfo]) -> list[ModelInfo]:
        self._known = self._known.learning(self._row(), models)
        return models

    def __getstate__(self) -> dict[Any, Any]:
        """A pickle whose text shows no key."""
        return sealed(super().__getstate__())

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """LlamaIndex makes the object anew; what ``models()`` told is kept."""
        state = opened(state)
        super().__setstate__(state)
        self._known = state["__pydantic_private__"]["_known"]

    def _row(self) -> Provider:
        return find_provider(self.provider)

    def _check(self) -> None:
        """Resolve now what needs no network, so that a mistake is told where it was made.

        Raises:
            ConfigError: The provider or an option is unknown, or a key or address is missing.
        """
        options = {**self.provider_options, **self.secret_options}
        Settings.resolve(self.provider, self._model(), self.api_key, self.base_url, options)

    def _model(self) -> str | None:
        """The model for calls that name none; each class has a field of its own for it."""
        return None

    def _arguments(self) -> dict[str, Any]:
        fields = {name: getattr(self, name) for name in _OF_A_CLIENT}
        return {**fields, "model": self._model(), **self.provider_options, **self.secret_options}

    def _client(self) -> LLMClient:
        """The client for sync calls; a new one when a field was changed."""
        arguments = {**self._arguments(), "http_client": self.http_client}
        made = self._sync_client
        if made is None or made[0] != arguments:
            made = self._sync_client = (arguments, LLMClient(**arguments))
        return made[1]

    def _aclient(self) -> AsyncLLMClient:
        """The client for async calls; it keeps the connections of each event loop apart."""
        arguments = {**self._arguments(), "http_client": self.async_http_client}
        made = self._async_client
        if made is None or made[0] != arguments:
            made = self._async_client = (arguments, AsyncLLMClient(**arguments))
        return made[1]


def sort_options(provider: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of a provider's row: those that may be shown, and the secret ones."""
    row = find_provider(provider)
    secret_names = {option.name for option in row.options if option.secret}
    shown = {name: value for name, value in given.items() if name not in secret_names}
    secret = {name: _hidden(value) for name, value in given.items() if name in secret_names}
    return shown, secret


def _hidden(value: Any) -> Any:
    return SecretStr(value) if isinstance(value, str) else value
