"""How a row of ``misuse_table`` is written: what is done wrongly, and the words that a person needs to mend it."""

from __future__ import annotations

import inspect
import pickle
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from llm_connector import ConfigError, InvalidRequestError, LLMError, Message, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Misuse:
    """One row.

    Attributes:
        name: What is done wrongly.
        told: What the message must hold, parts between bars.
        error: Its class.
        provider: At which provider.
        options: The constructor's arguments, besides what the provider needs.
        acts: What is done with the client, each of which must fail; nothing when making it fails.
    """

    name: str
    told: str
    error: type[LLMError]
    provider: Any = "openai_compatible"
    options: dict[str, Any] = field(default_factory=dict)
    acts: tuple[Callable[[Any], Any], ...] = ()


def setup(name: str, told: str, provider: Any = "deepseek", **options: Any) -> Misuse:
    """A client that cannot be made."""
    return Misuse(name, told, ConfigError, provider, options)


def act(
    name: str,
    told: str,
    do: Callable[[Any], Any],
    error: type[LLMError] = ConfigError,
    provider: str = "deepseek",
    **options: Any,
) -> Misuse:
    """Something that cannot be done with a client."""
    return Misuse(name, told, error, provider, options, (do,))


def chat(
    name: str,
    told: str,
    messages: Any = "hi",
    provider: str = "openai_compatible",
    error: type[LLMError] = InvalidRequestError,
    **params: Any,
) -> Misuse:
    """A chat that cannot be had, whole or streamed; messages may be a function that makes them."""

    def made() -> Any:
        return messages() if inspect.isfunction(messages) else messages

    acts = (lambda c: c.chat(made(), **params), lambda c: c.stream(made(), **params))
    return Misuse(name, told, error, provider, {}, acts)


def lacks(name: str, told: str, content: Callable[[], Any], provider: str) -> Misuse:
    """Content that the provider cannot take."""
    return chat(name, told, lambda: [Message.user(["Look.", content()])], provider, UnsupportedError)


def embed(
    name: str,
    told: str,
    *arguments: Any,
    error: type[LLMError] = InvalidRequestError,
    provider: str = "openai_compatible",
    **named: Any,
) -> Misuse:
    """Texts that cannot be embedded."""
    return act(name, told, lambda c: c.embed(*arguments, **named), error, provider)


def closed(method: str, *given: Any) -> Callable[[Any], Any]:
    """A method of a client that was closed."""

    async def later(client: Any) -> Any:
        await client.aclose()
        return await getattr(client, method)(*given)

    def act(client: Any) -> Any:
        if hasattr(client, "aclose"):
            return later(client)
        client.close()
        return getattr(client, method)(*given)

    return act


def own_http(client: Any) -> None:
    """Pickle a client with an ``http_client`` of one's own."""
    kind = httpx.AsyncClient if hasattr(client, "aclose") else httpx.Client
    pickle.dumps(type(client)("deepseek", api_key="k", http_client=kind()))


def says(role: str = "user", **fields: Any) -> list[dict[str, Any]]:
    """A message in OpenAI's form, after a right one."""
    return [{"role": "system", "content": "x"}, {"role": role, "content": "x", **fields}]


def part(kind: str, **inside: Any) -> list[dict[str, Any]]:
    """The same with one part."""
    return says(content=[{"type": "text", "text": "x"}, {"type": kind, **inside}])


def called(arguments: Any) -> list[dict[str, Any]]:
    """A tool call with such arguments."""
    return says("assistant", tool_calls=[{"id": "c1", "name": "look", "arguments": arguments}])
