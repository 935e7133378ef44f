"""The fields that go into every request, joined with what one call gives. Their spelling is ``llm_connector``'s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from langchain_llm_connector.tools import schema_format
from llm_connector.effort import FIELDS as REASONING_FIELDS
from llm_connector.types import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

_CALL_SYNONYMS = {
    "model_name": "model",
    "stop_sequences": "stop",
    "request_timeout": "timeout",
    "max_completion_tokens": "max_tokens",
    "default_headers": "extra_headers",
}
# Call arguments that are LangChain's own and not the request's.
_NOT_SENT = frozenset({"stream", "stream_usage", "ls_structured_output_format", "structured_output_format"})


class RequestDefaults(BaseModel):
    """What is asked of the model unless a call asks otherwise. Fields left ``None`` are not sent.

    Attributes:
        temperature: Randomness.
        top_p: Nucleus sampling.
        top_k: Sampling among the k likeliest tokens.
        max_tokens: The longest answer, in tokens.
        stop: Texts at which the answer ends; also ``stop_sequences``.
        seed: For repeatable sampling.
        presence_penalty: Against repeating topics.
        frequency_penalty: Against repeating words.
        logit_bias: By token id.
        logprobs: Whether to return log probabilities.
        top_logprobs: How many alternatives of each token to return.
        n: How many answers; streams give the first.
        user: An id of the end user, for the vendor's abuse detection.
        parallel_tool_calls: Whether several calls in one answer are allowed, when there are tools.
        reasoning_effort: ``none`` to ``max``; converted to each vendor's own control.
        thinking_budget: The most tokens to reason with; converted likewise.
        enable_thinking: Whether to reason at all; converted likewise.
        model_kwargs: More request fields; those that ``llm_connector`` does not know go into the vendor's JSON.
        extra_body: Merged last into the vendor's JSON.
    """

    model_config = ConfigDict(protected_namespaces=())

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    stop: list[str] | str | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    n: int | None = None
    user: str | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    thinking_budget: int | None = None
    enable_thinking: bool | None = None
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    extra_body: dict[str, Any] | None = Field(default=None, repr=False)

    def _defaults(self) -> dict[str, Any]:
        """The request fields that are set."""
        fields = self.__dict__
        params = {name: value for name in _REQUEST_FIELDS if (value := fields[name]) is not None}
        for name, value in self.model_kwargs.items():
            if name in ChatRequest.model_fields:
                params[name] = value
            else:
                params["extra_body"] = {**(params.get("extra_body") or {}), name: value}
        return params

    def _params(self, stop: list[str] | None, call: Mapping[str, Any]) -> dict[str, Any]:
        """The request fields of one call: what the call gives goes before what the model was made with."""
        given = {_CALL_SYNONYMS.get(name, name): value for name, value in call.items() if name not in _NOT_SENT}
        params = self._defaults()
        if not given.keys().isdisjoint(REASONING_FIELDS):
            params = {name: value for name, value in params.items() if name not in REASONING_FIELDS}
        body = {**(params.get("extra_body") or {}), **(given.get("extra_body") or {})}
        params |= given
        if body:
            params["extra_body"] = body
        if stop is not None:
            params["stop"] = stop
        if params.get("response_format") is not None:
            params["response_format"] = schema_format(params["response_format"], strict=None)
        if not params.get("tools"):  # vendors refuse these without tools
            for name in ("tools", "tool_choice", "parallel_tool_calls"):
                params.pop(name, None)
        return params


_REQUEST_FIELDS = tuple(name for name in RequestDefaults.model_fields if name != "model_kwargs")
