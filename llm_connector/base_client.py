"""What the sync and the async client share: everything but waiting."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from llm_connector.call import Call, load_protocol
from llm_connector.deadline import Deadline, as_seconds
from llm_connector.errors import ConfigError, InvalidRequestError
from llm_connector.hidden import HiddenHeaders, header_of_the_body, opened, sealed
from llm_connector.observer import observer_of_chat, observer_of_embedding
from llm_connector.protocols.wire import checked_model
from llm_connector.provider import A_COUNT
from llm_connector.settings import Settings, check_host
from llm_connector.transport.options import READ_TIMEOUT, TransportOptions, checked_proxy
from llm_connector.types import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import SecretStr

    from llm_connector.protocols.base import Protocol
    from llm_connector.provider import Capabilities, Provider

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
        if not isinstance(max_retries, int) or isinstance(max_retries, bool) or max_retries < 0:
            raise ConfigError("max_retries must be a whole number, 0 or more")
        self._settings = Settings.resolve(provider, model, api_key, base_url, provider_options)
        self._total_timeout = None if total_timeout is None else as_seconds("total_timeout", total_timeout)
        timeout = as_seconds("timeout", timeout)
        if (proxy := checked_proxy(proxy)) is not None:
            check_host("proxy", proxy)
        self._transport = TransportOptions(timeout, proxy)
        self._max_retries = max_retries
        self._headers = as_headers(headers or {})
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
        """Everything but the sockets, in a form whose text shows no key."""
        if self._http_client is not None:
            raise ConfigError("a client with an http_client of your own cannot be pickled; make one where it is used")
        state = {name: value for name, value in self.__dict__.items() if name not in _UNPICKLED}
        try:
            return sealed(state)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            told = "the client cannot be pickled: as api_key= give a text or a function of a module, and no lambda"
            raise ConfigError(told, provider=self.provider_name) from error

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(opened(state))
        self._protocol = None
        self._pool = self._make_pool()

    def _chat_call(self, messages: Any, params: Mapping[str, Any], *, stream: bool = False) -> tuple[Call, ChatRequest]:
        request = ChatRequest.from_any(messages, params, model=self._settings.model)
        call = self._call(request)
        call.observer = observer_of_chat(call.settings, request, stream=stream)
        return call, request

    def _call(self, request: ChatRequest | None = None, model: str | None = None) -> Call:
        if self._closed:
            raise ConfigError("the client is closed; make a new one", provider=self.provider_name)
        settings, protocol = self._settings, self._protocol
        if protocol is None:
            protocol = self._protocol = load_protocol(settings)
        own = settings.for_model(model) if request is None else settings.for_request(request)
        if own is not settings:
            settings, protocol = own, load_protocol(own)
        deadline = Deadline(self._total_timeout)
        return Call(settings, protocol, self._transport, self._headers, self._max_retries, deadline, request)

    def _embedding_call(self, model: str | None, dimensions: int | None) -> tuple[Call, str]:
        name = model or self._settings.model
        call = self._call(model=name)
        if name is None:
            raise ConfigError("no model given: pass model=", provider=self.provider_name)
        checked_model(name, self.provider_name)
        if dimensions is not None and not A_COUNT.fits(dimensions):
            raise InvalidRequestError(f"dimensions must be {A_COUNT.told}", provider=self.provider_name)
        call.observer = observer_of_embedding(call.settings, name, dimensions)
        return call, name


def as_headers(given: Mapping[str, str]) -> HiddenHeaders:
    """Headers by lower-case name.

    Raises:
        ConfigError: They are no mapping of texts. No value is shown.
    """
    if not isinstance(given, Mapping):
        raise ConfigError(f"headers is a dict of names and values, not {type(given).__name__}")
    if bad := [name for name, value in given.items() if not isinstance(name, str) or not isinstance(value, str)]:
        raise ConfigError(f"headers are texts; that of {bad[0]!r} is none")
    if name := header_of_the_body(given):
        raise ConfigError(f"headers has {name!r}, which follows from the body and is not yours to set; leave it out")
    return HiddenHeaders({name.lower(): value for name, value in given.items()})


def as_inputs(inputs: str | Sequence[str]) -> list[str]:
    """One text or several, as a list.

    Raises:
        InvalidRequestError: There is no text, or something else.
    """
    if isinstance(inputs, bytes | Mapping) or not isinstance(inputs, Iterable):
        raise InvalidRequestError(f"embed() takes a text or a list of texts, not {type(inputs).__name__}")
    texts = [inputs] if isinstance(inputs, str) else list(inputs)
    if bad := [position for position, item in enumerate(texts) if not isinstance(item, str)]:
        raise InvalidRequestError(f"embed() takes texts; inputs[{bad[0]}] is {type(texts[bad[0]]).__name__}")
    if not texts:
        raise InvalidRequestError("embed() needs at least one text")
    return texts
