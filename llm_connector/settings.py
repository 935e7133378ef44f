"""What a client was told, joined with the environment and the provider's row. Read once, at construction."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr

from llm_connector.errors import ConfigError
from llm_connector.hidden import opened, sealed
from llm_connector.provider import Option, Provider, ReasoningReplay
from llm_connector.providers import find_provider

if TYPE_CHECKING:
    from llm_connector.types import ChatRequest

Key = SecretStr | Callable[[], Any] | None

# Options that every provider takes, besides those of its row.
COMMON_OPTIONS = ("reasoning_replay", "think_tags")
# A client's other arguments, of which one may have been meant.
_ARGUMENTS = ("api_key", "base_url", "timeout", "total_timeout", "max_retries", "proxy", "headers", "http_client")


@dataclass(frozen=True, slots=True)
class Settings:
    """How to reach one provider.

    Attributes:
        provider: The provider's row.
        model: The model for calls that name none.
        key: The key, or a function that gives a fresh one.
        base_url: Where to send requests, without a trailing slash; a function when only the first call tells it.
        options: The values of the row's own options.
        reasoning_replay: Whether reasoning is sent back with the history.
        think_tags: Whether ``<think>`` at an answer's start is taken out as reasoning; ``None`` for the row's habit.
    """

    provider: Provider
    model: str | None = None
    key: Key = field(default=None, repr=False)
    base_url: str | Callable[[], str] = field(default="", repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    reasoning_replay: ReasoningReplay = "never"
    think_tags: bool | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickle whose text shows no key."""
        return _unpickled, (sealed({item.name: getattr(self, item.name) for item in fields(self)}),)

    @classmethod
    def resolve(
        cls,
        provider: str | Provider,
        model: str | None,
        api_key: str | SecretStr | Callable[[], Any] | None,
        base_url: str | None,
        options: Mapping[str, Any],
    ) -> Settings:
        """Join arguments, environment and row.

        Raises:
            ConfigError: The provider or an option is unknown, or a key or address is missing.
        """
        row = provider if isinstance(provider, Provider) else find_provider(provider)
        if model is not None and not isinstance(model, str):
            raise ConfigError(f"model must be a model's name, not {type(model).__name__}", provider=row.name)
        aliased = {} if isinstance(provider, Provider) else row_defaults_of_alias(provider)
        own = _read_options(row, {**aliased, **options}, own_key=api_key is not None and bool(row.key_env))
        replay = options.get("reasoning_replay", row.reasoning_replay)
        if replay not in get_args(ReasoningReplay):
            raise ConfigError(f"reasoning_replay is one of {', '.join(get_args(ReasoningReplay))}, not {replay!r}")
        tags = options.get("think_tags")
        if tags is not None and not isinstance(tags, bool):
            raise ConfigError(f"think_tags must be True or False, not {type(tags).__name__}", provider=row.name)
        return cls(
            provider=row,
            model=model or row.default_model,
            key=_read_key(row, api_key, own, () if _gives_secret(row, options) else row.key_env),
            base_url=_read_base_url(row, base_url, own, model or row.default_model),
            options=own,
            reasoning_replay=replay,
            think_tags=tags,
        )

    def for_request(self, request: ChatRequest) -> Settings:
        """The settings with a request's own key and address."""
        if request.api_key is None and request.base_url is None:
            return self.for_model(request.model)
        key = check_key(request.api_key) if request.api_key is not None else self.key
        own = request.base_url
        address = check_address(own, self.provider.name) if own is not None else self.for_model(request.model).base_url
        return replace(self, key=key, base_url=address)

    def for_model(self, model: str | None) -> Settings:
        """The settings for a call's model: an address that is found at the first call is that of one model."""
        find = self.provider.base_url
        if model is None or model == self.model or isinstance(self.base_url, str) or not callable(find):
            return self
        return replace(self, model=model, base_url=find(self.options, model))

    def secret(self, name: str) -> str | None:
        """The value of an option that may be secret."""
        value = self.options.get(name)
        return value.get_secret_value() if isinstance(value, SecretStr) else value


def _unpickled(state: dict[str, bytes]) -> Settings:
    return Settings(**opened(state))


def row_defaults_of_alias(name: str) -> dict[str, Any]:
    """Options that an old name stands for."""
    return {"region": "intl"} if name == "aliyun_international" else {}


def _read_options(row: Provider, given: Mapping[str, Any], *, own_key: bool) -> dict[str, Any]:
    names = [option.name for option in row.options]
    unknown = [name for name in given if name not in names and name not in COMMON_OPTIONS]
    if unknown:
        raise ConfigError(_unknown_option(unknown[0], (*names, *COMMON_OPTIONS)), provider=row.name)
    values: dict[str, Any] = {}
    told = own_key or _gives_secret(row, given)
    for option in row.options:
        value = given.get(option.name)
        if value is None:
            variables = () if option.secret and told else option.env
            value = next((os.environ[name] for name in variables if os.environ.get(name)), option.default)
        if option.choices and value is not None and value not in option.choices:
            raise ConfigError(f"{option.name} is one of {', '.join(option.choices)}, not {value!r}", provider=row.name)
        if option.form is not None and value is not None and not option.form.fits(value):
            shown = repr(value[:40]) if isinstance(value, str) else type(value).__name__
            raise ConfigError(f"{option.name} must be {option.form.told}, not {shown}", provider=row.name)
        values[option.name] = _as_secret(option, value) if option.secret else value
    return values


def _as_secret(option: Option, value: Any) -> Any:
    if value is None or value == "" or (option.is_key and callable(value)):
        return value or None
    return check_key(value, option.name)


def _unknown_option(name: str, accepted: tuple[str, ...]) -> str:
    from llm_connector.types import ChatRequest  # noqa: PLC0415 - only on the way to an error
    from llm_connector.types.explain import did_you_mean  # noqa: PLC0415

    told = f"unknown option {name!r}"
    if name in ChatRequest.model_fields:
        return f"{told}: it belongs to a call, such as chat(..., {name}=...)"
    taken = f"this provider takes: {', '.join(accepted)}; a vendor's own request fields go into extra_body="
    return f"{told}{did_you_mean(name, (*accepted, *_ARGUMENTS))}; {taken}"


def _gives_secret(row: Provider, given: Mapping[str, Any]) -> bool:
    """Whether credentials are among the arguments: the environment's, which may be another account's, then stay out."""
    return any(given.get(option.name) is not None for option in row.options if option.secret)


def _read_key(
    row: Provider,
    given: str | SecretStr | Callable[[], Any] | None,
    own: Mapping[str, Any],
    variables: tuple[str, ...],
) -> Key:
    given = next((own[option.name] for option in row.options if option.is_key and own[option.name]), given)
    if callable(given):
        return given
    key = given or next((os.environ[name] for name in variables if os.environ.get(name)), None)
    if key is not None:
        return check_key(key)
    secrets = [option for option in row.options if option.secret and option.part != "addition"]
    if row.key_required and not any(own[option.name] for option in secrets):
        raise ConfigError(_missing_key(row), provider=row.name)
    for option in secrets:
        if option.part == "pair" and not own[option.name] and any(own[each.name] for each in secrets):
            told = f"no {option.name}, which goes with the key pair's other half"
            raise ConfigError(f"{told}: set {option.env[0]} or pass {option.name}=", provider=row.name)
    return row.default_key


def _missing_key(row: Provider) -> str:
    alone = [option for option in row.options if option.secret and not option.part]
    pair = [option for option in row.options if option.part == "pair"]
    variables = [*row.key_env, *(name for option in alone for name in option.env)]
    arguments = [*(["api_key="] if row.key_env else []), *(f"{option.name}=" for option in alone)]
    if pair:
        variables.append(" and ".join(option.env[0] for option in pair))
        arguments.append(" and ".join(f"{option.name}=" for option in pair))
    return f"no key: set {' or '.join(variables)}, or pass {' or '.join(arguments)}"


def check_key(key: str | SecretStr, name: str = "the key") -> SecretStr:
    """A key fit for a header; the white space that copying leaves around it is dropped.

    Raises:
        ConfigError: It is empty or holds characters that cannot be in a header. The key is not shown.
    """
    text = key.get_secret_value() if isinstance(key, SecretStr) else key
    if not isinstance(text, str):
        raise ConfigError(f"{name} must be a text, not {type(text).__name__}")
    text = text.strip()
    if not text or not text.isascii() or not text.isprintable():
        raise ConfigError(f"{name} is empty or holds characters that a key cannot have; copy it again")
    return SecretStr(text)


def _read_base_url(
    row: Provider, given: str | None, own: Mapping[str, Any], model: str | None
) -> str | Callable[[], str]:
    url = given or next((os.environ[name] for name in row.base_url_env if os.environ.get(name)), None)
    if url is None and row.regions and own.get("region"):
        url = row.regions[own["region"]]
    if url is None:
        made = row.base_url(own, model) if callable(row.base_url) else row.base_url
        if made is None:
            raise ConfigError("no address: pass base_url=", provider=row.name)
        return made.rstrip("/") if isinstance(made, str) else made
    return check_address(url, row.name)


def check_address(url: str, provider: str) -> str:
    """An address without its last slash.

    Raises:
        ConfigError: It is none. It is not shown: it may be a key in the wrong place, or hold a password.
    """
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise ConfigError("base_url must begin with http:// or https://", provider=provider)
    if "?" in url or "#" in url:
        raise ConfigError(
            "base_url must end before its '?' or '#': the path of each call is appended to it", provider=provider
        )
    return check_host("base_url", url, provider).rstrip("/")


def check_host(name: str, url: str, provider: str | None = None) -> str:
    """An address as it is.

    Raises:
        ConfigError: Nobody can be reached at it. It is not shown, as above.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        host = None
    if not host or not url.isprintable() or " " in url:
        raise ConfigError(
            f"{name} is no address: it has no host, a port that none has, or a character that none has",
            provider=provider,
        )
    return url
