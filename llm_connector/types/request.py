"""What is asked of a model: one flat set of fields for every provider. Each provider's spelling is in ``protocols``."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from llm_connector.errors import InvalidRequestError
from llm_connector.hidden import HiddenHeaders, opened, sealed
from llm_connector.types.message import Message
from llm_connector.types.tools import Tool

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
TOOL_CHOICE_MODES = frozenset({"auto", "none", "required"})


class ResponseFormat(BaseModel):
    """The form that the answer's text must have.

    Attributes:
        type: ``text``, ``json_object`` (any JSON) or ``json_schema``.
        name: The schema's name; some vendors want one.
        description: What the schema is for.
        json_schema: The schema.
        strict: Whether the vendor must hold the model to it.
        model: The pydantic class that ``response.parsed`` will be an instance of.
    """

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    type: Literal["text", "json_object", "json_schema"]
    name: str = "response"
    description: str | None = None
    json_schema: dict[str, Any] | None = None
    strict: bool | None = None
    model: builtins.type[BaseModel] | None = Field(default=None, exclude=True, repr=False)

    @classmethod
    def from_any(cls, value: Any) -> ResponseFormat:
        """Make one of a pydantic class, a JSON schema, ``"json_object"`` or a dict in OpenAI form."""
        if isinstance(value, ResponseFormat):
            return value
        if isinstance(value, type) and issubclass(value, BaseModel):
            name = re.sub(r"[^a-zA-Z0-9_-]", "_", value.__name__)
            return cls(type="json_schema", name=name, json_schema=value.model_json_schema(), model=value)
        if isinstance(value, str) and value in {"text", "json_object"}:
            return cls(type=value)
        if isinstance(value, Mapping):
            return cls._from_mapping(value)
        raise InvalidRequestError(
            f"response_format takes a pydantic class, a JSON schema (a dict), 'json_object' or 'text', not {value!r}"
        )

    @classmethod
    def _from_mapping(cls, value: Mapping[str, Any]) -> ResponseFormat:
        kind, inner = value.get("type"), value.get("json_schema")
        if kind == "json_schema" and isinstance(inner, Mapping):
            fields = {("json_schema" if key == "schema" else key): item for key, item in inner.items()}
            return cls(type="json_schema", **fields)
        if kind in {"text", "json_object"} and len(value) == 1:
            return cls(type=kind)
        name = re.sub(r"[^a-zA-Z0-9_-]", "_", str(value.get("title", "response")))
        return cls(type="json_schema", name=name, json_schema=dict(value))


class ChatRequest(BaseModel):
    """A request to a chat model. Fields left ``None`` are not sent.

    Attributes:
        messages: The conversation.
        model: The model's name; the client's when not given.
        temperature: Randomness; 0 is sent, not dropped.
        top_p: Nucleus sampling.
        top_k: Sampling among the k likeliest tokens.
        max_tokens: The longest answer, in tokens, including reasoning where the vendor counts it.
        stop: Texts at which the answer ends.
        seed: For repeatable sampling.
        presence_penalty: Against repeating topics.
        frequency_penalty: Against repeating words.
        logit_bias: By token id.
        logprobs: Whether to return log probabilities.
        top_logprobs: How many alternatives of each token to return.
        n: How many answers.
        user: An id of the end user, for the vendor's abuse detection.
        tools: What the model may call: ``Tool``, dict in OpenAI form, pydantic class or function.
        tool_choice: ``auto``, ``none``, ``required``, or the name of one tool.
        parallel_tool_calls: Whether several calls in one answer are allowed.
        response_format: The form of the answer; see ``ResponseFormat.from_any``.
        reasoning_effort: ``none`` to ``max``; converted to each vendor's own control.
        thinking_budget: The most tokens to reason with; converted likewise.
        enable_thinking: Whether to reason at all; converted likewise.
        metadata: Labels that the vendor stores with the request, where it does.
        extra_body: Merged last into the vendor's JSON.
        extra_headers: Added to this call's headers. Keys may be among them, so they are in no dump.
        api_key: A key for this call only.
        base_url: An address for this call only.
        timeout: Seconds without a byte before this call is given up.
    """

    model_config = ConfigDict(defer_build=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)

    messages: list[Message]
    model: str | None = None
    temperature: float | None = Field(default=None, allow_inf_nan=False)
    top_p: float | None = Field(default=None, allow_inf_nan=False)
    top_k: int | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    stop: list[str] | None = None
    seed: int | None = None
    presence_penalty: float | None = Field(default=None, allow_inf_nan=False)
    frequency_penalty: float | None = Field(default=None, allow_inf_nan=False)
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    n: int | None = Field(default=None, ge=1)
    user: str | None = None
    tools: list[Tool] | None = None
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: ReasoningEffort | None = None
    thinking_budget: int | None = Field(default=None, ge=0)
    enable_thinking: bool | None = None
    metadata: dict[str, Any] | None = None
    extra_body: dict[str, Any] | None = None
    extra_headers: dict[str, str] | None = Field(default=None, exclude=True, repr=False)
    api_key: SecretStr | None = None
    base_url: str | None = Field(default=None, repr=False)
    timeout: float | None = None

    @field_validator("messages", mode="before")
    @classmethod
    def _accept_a_string(cls, value: Any) -> Any:
        if isinstance(value, str):
            return [Message(role="user", content=value)]
        return [value] if isinstance(value, (Message, dict)) else value

    @field_validator("stop", mode="before")
    @classmethod
    def _one_stop_is_a_list(cls, value: Any) -> Any:
        """An empty list means none: OpenAI refuses ``[]``."""
        return [value] if isinstance(value, str) else (value or None)

    @field_validator("extra_headers", mode="after")
    @classmethod
    def _hide_headers(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        return None if value is None else HiddenHeaders(value)

    @field_validator("tools", mode="before")
    @classmethod
    def _accept_any_tool(cls, value: Any) -> Any:
        """An empty list means none: vendors refuse ``[]``."""
        return [Tool.from_any(tool) for tool in value] if value else None

    @field_validator("tool_choice", mode="before")
    @classmethod
    def _accept_openai_choice(cls, value: Any) -> Any:
        if value == "any" or value is True:
            return "required"
        if isinstance(value, dict):
            named = value.get("function", value)
            return named.get("name", {"any": "required"}.get(value.get("type", ""), value.get("type")))
        return value

    @field_validator("response_format", mode="before")
    @classmethod
    def _accept_any_format(cls, value: Any) -> Any:
        return None if value is None else ResponseFormat.from_any(value)

    @model_validator(mode="after")
    def _tool_choice_names_a_tool(self) -> Self:
        choice = self.tool_choice
        if choice is None or self.tools is None:
            return self
        names = [tool.name for tool in self.tools]
        if choice not in TOOL_CHOICE_MODES and choice not in names:
            raise ValueError(f"tool_choice {choice!r} is neither auto, none, required nor one of the tools {names}")
        return self

    def __getstate__(self) -> dict[Any, Any]:
        """A pickle whose text shows no key."""
        return sealed(super().__getstate__())

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(opened(state))

    @property
    def forced_tool(self) -> str | None:
        """The one tool that must be called, or ``None``."""
        choice = self.tool_choice
        return choice if choice is not None and choice not in TOOL_CHOICE_MODES else None

    @classmethod
    def from_any(cls, messages: str | ChatRequest | Sequence[Any] | Message, params: Mapping[str, Any]) -> ChatRequest:
        """Make a request of what a client's method was given.

        Raises:
            InvalidRequestError: A field is misspelt or has a wrong value; the message names the field.
        """
        try:
            if isinstance(messages, ChatRequest):
                return messages if not params else cls.model_validate({**_set_fields(messages), **params})
            return cls.model_validate({"messages": messages, **params})
        except ValidationError as error:
            explained = _explain(error, cls)
        raise InvalidRequestError(explained)  # apart from pydantic's error, which holds the values: one may be a key


def _set_fields(request: ChatRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in request.model_fields_set}


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Say which fields are wrong, without repeating their values: a value may be a key."""
    problems = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden" and len(problem["loc"]) == 1:
            problems.append(f"unknown field {where!r}{_did_you_mean(where, model)}")
        else:
            problems.append(f"{where or 'request'}: {problem['msg'].removeprefix('Value error, ')}")
    return "the request is not valid: " + "; ".join(problems)


def _did_you_mean(name: str, model: type[BaseModel]) -> str:
    import difflib  # noqa: PLC0415 - only on the way to an error

    close = difflib.get_close_matches(name, model.model_fields, n=1, cutoff=0.8)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return "; the vendor's own fields go into extra_body"
