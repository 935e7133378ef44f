"""``client.ollama``: an Ollama server's models, listed, loaded and deleted. What is sent is in ``ollama_management``.

The sync classes are the async ones without ``async`` and ``await``; a test compares them line for line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar, cast

from llm_connector.errors import ConfigError
from llm_connector.protocols import ollama_management as management
from llm_connector.protocols.ollama_management import ModelCard, OllamaModel, PullProgress, PullReader, RunningModel
from llm_connector.protocols.wire import Conversation
from llm_connector.transport.compression import areadable, readable
from llm_connector.transport.errors import TransportErrors

if TYPE_CHECKING:
    import builtins
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
    from types import TracebackType

    from llm_connector.async_client import AsyncLLMClient
    from llm_connector.call import Call
    from llm_connector.client import LLMClient
    from llm_connector.protocols.ollama import Ollama
    from llm_connector.protocols.wire import Exchange
    from llm_connector.transport.http_message import AsyncHttpAnswer, HttpAnswer

__all__ = [
    "AsyncOllamaModels",
    "AsyncPull",
    "ModelCard",
    "NotOllamaError",
    "OllamaModel",
    "OllamaModels",
    "Pull",
    "PullProgress",
    "RunningModel",
]

T = TypeVar("T")


class NotOllamaError(ConfigError, AttributeError):
    """The client's provider is not ``ollama``. An ``AttributeError`` too, so that ``hasattr`` works."""


def check_provider(client: AsyncLLMClient | LLMClient) -> None:
    """Refuse a client of another provider.

    Raises:
        NotOllamaError: It is one.
    """
    name = client.settings.provider.name
    if client.settings.provider.protocol != "ollama":
        raise NotOllamaError(
            f"only a client of the provider 'ollama' has .ollama; this one's is {name!r}", provider=name
        )


def protocol_of(call: Call) -> Ollama:
    """The call's protocol, which ``check_provider`` has made sure of."""
    return cast("Ollama", call.protocol)


class AsyncPull:
    """A download as it goes on: iterate over its steps. Leaving the loop early stops it; pulling again goes on."""

    def __init__(self, client: AsyncLLMClient, call: Call, name: str, *, insecure: bool) -> None:
        self._client = client
        self._call = call
        protocol = protocol_of(call)
        exchange = protocol.reaching(management.pull(protocol, name, insecure=insecure))
        self._conversation: Conversation[PullReader] = Conversation(exchange)
        self._answer: AsyncHttpAnswer | None = None
        self._steps = self._read()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[PullProgress]:
        return self._steps

    async def __anext__(self) -> PullProgress:
        return await anext(self._steps)

    async def aclose(self) -> None:
        """Close the connection; the server keeps what has come."""
        await self._steps.aclose()
        if self._answer is not None:
            await self._answer.aclose()

    async def _read(self) -> AsyncGenerator[PullProgress, None]:
        reader, answer = await self._client.open_stream(self._call, self._conversation)
        self._answer = answer
        try:
            with TransportErrors(self._client.provider_name, answer.url):
                async for data in areadable(answer):
                    for step in reader.feed(data):
                        yield step
                for step in reader.finish():
                    yield step
        finally:
            await answer.aclose()


class AsyncOllamaModels:
    """The models of an Ollama server.

    Args:
        client: A client of the provider ``ollama``.

    Raises:
        NotOllamaError: The client's provider is another.
    """

    def __init__(self, client: AsyncLLMClient) -> None:
        check_provider(client)
        self._client = client
        self._call, self._ask = client._call, client._run  # noqa: SLF001 - a part of the client in its own file

    async def list(self) -> builtins.list[OllamaModel]:
        """The models on disk."""
        return await self._run(management.list_models())

    async def ps(self) -> builtins.list[RunningModel]:
        """The models in memory."""
        return await self._run(management.running_models())

    async def version(self) -> str:
        """The server's version."""
        return await self._run(management.server_version())

    async def show(self, name: str) -> ModelCard:
        """What the server knows about a model.

        Raises:
            ModelNotFoundError: It is not on disk.
        """
        return await self._run(management.show(name))

    async def exists(self, name: str) -> bool:
        """Whether a model is on disk."""
        return await self._run(management.exists(name))

    async def delete(self, name: str) -> None:
        """Delete a model from disk.

        Raises:
            ModelNotFoundError: It is not there.
        """
        return await self._run(management.delete(name))

    async def copy(self, source: str, destination: str) -> None:
        """Give a model a second name.

        Raises:
            ModelNotFoundError: The source is not on disk.
        """
        return await self._run(management.copy(source, destination))

    def pull(self, name: str, *, insecure: bool = False) -> AsyncPull:
        """Download a model, or bring it up to date: iterate over the steps until it is done.

        Args:
            name: Such as ``qwen3`` or ``qwen3:0.6b``.
            insecure: Whether the library may be one without TLS.

        Raises:
            ModelNotFoundError: The library has no such model.
        """
        return AsyncPull(self._client, self._call(), name, insecure=insecure)

    async def _run(self, exchange: Exchange[T]) -> T:
        call = self._call()
        return await self._ask(call, protocol_of(call).reaching(exchange))


class Pull:
    """A download as it goes on: iterate over its steps. Leaving the loop early stops it; pulling again goes on."""

    def __init__(self, client: LLMClient, call: Call, name: str, *, insecure: bool) -> None:
        self._client = client
        self._call = call
        protocol = protocol_of(call)
        exchange = protocol.reaching(management.pull(protocol, name, insecure=insecure))
        self._conversation: Conversation[PullReader] = Conversation(exchange)
        self._answer: HttpAnswer | None = None
        self._steps = self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def __iter__(self) -> Iterator[PullProgress]:
        return self._steps

    def __next__(self) -> PullProgress:
        return next(self._steps)

    def close(self) -> None:
        """Close the connection; the server keeps what has come."""
        self._steps.close()
        if self._answer is not None:
            self._answer.close()

    def _read(self) -> Generator[PullProgress, None, None]:
        reader, answer = self._client.open_stream(self._call, self._conversation)
        self._answer = answer
        try:
            with TransportErrors(self._client.provider_name, answer.url):
                for data in readable(answer):
                    for step in reader.feed(data):
                        yield step
                for step in reader.finish():
                    yield step
        finally:
            answer.close()


class OllamaModels:
    """The models of an Ollama server.

    Args:
        client: A client of the provider ``ollama``.

    Raises:
        NotOllamaError: The client's provider is another.
    """

    def __init__(self, client: LLMClient) -> None:
        check_provider(client)
        self._client = client
        self._call, self._ask = client._call, client._run  # noqa: SLF001 - a part of the client in its own file

    def list(self) -> builtins.list[OllamaModel]:
        """The models on disk."""
        return self._run(management.list_models())

    def ps(self) -> builtins.list[RunningModel]:
        """The models in memory."""
        return self._run(management.running_models())

    def version(self) -> str:
        """The server's version."""
        return self._run(management.server_version())

    def show(self, name: str) -> ModelCard:
        """What the server knows about a model.

        Raises:
            ModelNotFoundError: It is not on disk.
        """
        return self._run(management.show(name))

    def exists(self, name: str) -> bool:
        """Whether a model is on disk."""
        return self._run(management.exists(name))

    def delete(self, name: str) -> None:
        """Delete a model from disk.

        Raises:
            ModelNotFoundError: It is not there.
        """
        return self._run(management.delete(name))

    def copy(self, source: str, destination: str) -> None:
        """Give a model a second name.

        Raises:
            ModelNotFoundError: The source is not on disk.
        """
        return self._run(management.copy(source, destination))

    def pull(self, name: str, *, insecure: bool = False) -> Pull:
        """Download a model, or bring it up to date: iterate over the steps until it is done.

        Args:
            name: Such as ``qwen3`` or ``qwen3:0.6b``.
            insecure: Whether the library may be one without TLS.

        Raises:
            ModelNotFoundError: The library has no such model.
        """
        return Pull(self._client, self._call(), name, insecure=insecure)

    def _run(self, exchange: Exchange[T]) -> T:
        call = self._call()
        return self._ask(call, protocol_of(call).reaching(exchange))
