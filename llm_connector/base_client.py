"""What the sync and the async client share: everything but waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connector.call import Call, load_protocol
from llm_connector.deadline import Deadline
from llm_connector.errors import ConfigError
from llm_connector.settings import Settings
from llm_connector.transport import READ_TIMEOUT, TransportOptions
from llm_connector.types import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic import SecretStr

    from llm_connector.protocols.base import Protocol
    from llm_connector.provider import Capabilities, Provider

LONGEST_TIMEOUT = 4e6  # seconds, some 46 days: what every system's sockets and timers can count

_UNPICKLED = ("_pool", "_protocol")


class BaseClient:
    """Settings and call preparation.

    Args:
        provider: A name from ``supported_providers()``, or a row of one's own.
        model: The model for calls that name none.
        api_key: The key; else the environment's. A function is called for each request, for tokens that run out.
        base_url: The address; else the environment's, else the vendor's.
        timeout: Seconds without a byte before a call is given up; the length of a stream does not count.
        total_timeout: Seconds for a whole call with its retries, waits and the reading of its stream; no end when not
            given.
        max_retries: How many attempts may follow the first.
        proxy: A proxy's address; else the environment's.
        headers: Headers for every request.
        http_client: An ``httpx`` client of the user's own, which is never closed here.
        provider_options: The options of the provider's row.

    Raises:
        ConfigError: Something is unknown or missing; the message says what to do.
    """

    def __init__(
        self,
        provider: str | Provider,
        model: str | None = None,
        *,
        api_key: str | SecretStr | Callable[[], Any] | None = None,
        base_url: str | None = None,
        timeout: float = READ_TIMEOUT,
        total_timeout: float | None = None,
        max_retries: int = 2,
        proxy: str | None = None,
        headers: Mapping[str, str] | None = None,
        http_client: Any = None,
        **provider_options: Any,
    ) -> None:
        if max_retries < 0:
            raise ConfigError("max_retries must be 0 or more")
        self._settings = Settings.resolve(provider, model, api_key, base_url, provider_options)
        address = self._settings.base_url
        self._total_timeout = None if total_timeout is None else as_seconds("total_timeout", total_timeout)
        timeout = as_seconds("timeout", timeout)
        self._transport = TransportOptions(timeout, proxy, address if isinstance(address, str) else "http://localhost")
        self._max_retries = max_retries
        self._headers = {name.lower(): value for name, value in (headers or {}).items()}
        self._http_client = http_client
        self._closed = False
        self._protocol: Protocol | None = None
        self._pool: Any = self._make_pool()

    def _make_pool(self) -> Any:
        raise NotImplementedError

    @property
    def provider_name(self) -> str:
        """The provider's name."""
        return self._settings.provider.name

    @property
    def capabilities(self) -> Capabilities:
        """What the provider's API can do."""
        return self._settings.provider.capabilities

    @property
    def settings(self) -> Settings:
        """What the client was told, joined with the environment and the provider's row."""
        return self._settings

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.provider_name!r}, model={self._settings.model!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the sockets."""
        if self._http_client is not None:
            raise TypeError("a client with an http_client of your own cannot be pickled")
        return {name: value for name, value in self.__dict__.items() if name not in _UNPICKLED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._protocol = None
        self._pool = self._make_pool()

    def _chat_call(self, messages: Any, params: Mapping[str, Any]) -> tuple[Call, ChatRequest]:
        request = ChatRequest.from_any(messages, params)
        if request.model is None and self._settings.model is not None:
            request = request.model_copy(update={"model": self._settings.model})
        return self._call(request), request

    def _call(self, request: ChatRequest | None = None) -> Call:
        if self._closed:
            raise ConfigError("the client is closed; make a new one", provider=self.provider_name)
        settings, protocol = self._settings, self._protocol
        if protocol is None:
            protocol = self._protocol = load_protocol(settings)
        if request is not None and (own := settings.for_request(request)) is not settings:
            settings, protocol = own, load_protocol(own)
        deadline = Deadline(self._total_timeout)
        return Call(settings, protocol, self._transport, self._headers, self._max_retries, deadline, request)

    def _embedding_model(self, model: str | None) -> str:
        name = model or self._settings.model
        if name is None:
            raise ConfigError("no model given: pass model=", provider=self.provider_name)
        return name


def as_seconds(name: str, value: float) -> float:
    """A time that sockets can wait.

    Raises:
        ConfigError: It is no number above 0.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
        raise ConfigError(f"{name} is a number of seconds above 0, not {value!r}")
    return min(float(value), LONGEST_TIMEOUT)


def as_inputs(inputs: str | Sequence[str]) -> list[str]:
    """One text or several, as a list."""
    return [inputs] if isinstance(inputs, str) else list(inputs)
