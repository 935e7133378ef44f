"""What to ask for each item, with what, and under which key. Nothing is sent from here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llm_connector.errors import ConfigError, InvalidRequestError
from llm_connector.types import ChatRequest

if TYPE_CHECKING:
    from llm_connector.provider import Provider

Prompt = Callable[[Any], Any] | str | None

_OF_THE_CLIENT = frozenset({"messages", "model", "api_key", "base_url", "timeout"})
_REQUEST_FIELDS = frozenset(ChatRequest.model_fields) - _OF_THE_CLIENT
_NOT_HASHED = {"api_key", "base_url", "timeout", "extra_headers"}  # who asks and where does not change what is asked


@dataclass(frozen=True)
class Plan:
    """What is asked of which model.

    Attributes:
        provider: A provider's name or row.
        model: The model.
        prompt: A function from an item to messages, a ``str.format`` template, or ``None``: the item is what is asked.
        params: Fields of ``ChatRequest``, and options of the client.
    """

    provider: str | Provider
    model: str | None = None
    prompt: Prompt = None
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)  # may hold a key

    def __post_init__(self) -> None:
        if not (self.prompt is None or isinstance(self.prompt, str) or callable(self.prompt)):
            raise ConfigError(f"prompt must be a function, a template or None, not {type(self.prompt).__name__}")
        if "messages" in self.params:
            raise ConfigError("bulk makes the messages of the items: use prompt=, not messages=")

    def client_arguments(self) -> dict[str, Any]:
        """The arguments for a client."""
        options = {name: value for name, value in self.params.items() if name not in _REQUEST_FIELDS}
        return {"provider": self.provider, "model": self.model, **options}

    def request(self, item: Any) -> ChatRequest:
        """What to ask for the item.

        Raises:
            InvalidRequestError: The item does not fit the prompt, or makes no valid request.
        """
        fields = {name: value for name, value in self.params.items() if name in _REQUEST_FIELDS}
        try:
            messages = self._messages(item)
        except Exception as error:  # one bad item must not end the others
            raise InvalidRequestError(f"the prompt failed on this item: {type(error).__name__}: {error}") from error
        return ChatRequest.from_any(messages, fields)

    def _messages(self, item: Any) -> Any:
        if isinstance(self.prompt, str):
            return self.prompt.format_map(item if isinstance(item, Mapping) else {"item": item})
        return item if self.prompt is None else self.prompt(item)

    def key(self, index: int, request: ChatRequest) -> str:
        """The item's place and a hash of what is asked: a changed prompt or model is another key."""
        asked = request.model_dump(exclude=_NOT_HASHED, exclude_none=True)
        name = self.provider if isinstance(self.provider, str) else self.provider.name
        asked["model"] = request.model or self.model
        text = json.dumps([name, asked], sort_keys=True, default=str)  # no call fails here on what has no JSON form
        return f"{index}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"
