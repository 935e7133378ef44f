"""What is asked of a model: one flat set of fields for every provider. Each provider's spelling is in ``protocols``."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from llm_connector.errors import InvalidRequestError
from llm_connector.hidden import HiddenHeaders, header_of_the_body, opened, sealed
from llm_connector.references import rooted
from llm_connector.types.explain import did_you_mean, explain
from llm_connector.types.given import Given
from llm_connector.types.message import Message
from llm_connector.types.tools import Tool, name_of, schema_of

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
TOOL_CHOICE_MODES = frozenset({"auto", "none", "required"})
_SCHEMA_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")


def _no_truth_value(value: Any) -> Any:
    """A number, which a truth value is not; pydantic takes ``True`` for 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not bool")  # noqa: TRY004 - pydantic lets a TypeError through
    return value


Whole = Annotated[int, BeforeValidator(_no_truth_value)]
Number = Annotated[float, BeforeValidator(_no_truth_value), Field(allow_inf_nan=False)]


class ResponseFormat(Given):
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
            return cls(type="json_schema", name=name_of(value), json_schema=schema_of(value), model=value)
        if isinstance(value, str) and value in {"text", "json_object"}:
            return cls(type=value)
        if isinstance(value, Mapping) and value:
            return cls._from_mapping(value)
        told = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
        given = f"{told}; give the class, not an instance of it" if isinstance(value, BaseModel) else told
        raise InvalidRequestError(
            "response_format takes a pydantic class, a JSON schema (a dict with something in it), 'json_object' or "
            f"'text', not {given}"
        )

    @field_validator("json_schema")
    @classmethod
    def _begin_with_the_type(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return None if value is None else rooted(value)

    @model_validator(mode="after")
    def _hold_a_schema(self) -> Self:
        if self.type == "json_schema" and self.json_schema is None:
            raise ValueError("the type json_schema needs a schema: give json_schema=, or the schema itself as a dict")
        return self

    @classmethod
    def _from_mapping(cls, value: Mapping[str, Any]) -> ResponseFormat:
        kind, inner = value.get("type"), value.get("json_schema")
        if kind == "json_schema" and isinstance(inner, Mapping):
            fields = {("json_schema" if key == "schema" else key): item for key, item in inner.items()}
            return cls(type="json_schema", **fields)
        if kind in {"text", "json_object"} and len(value) == 1:
            return cls(type=kind)
        if kind == "json_schema":
            raise InvalidRequestError(
                "response_format: the type json_schema needs a dict json_schema with name and schema"
            )
        if isinstance(kind, str) and kind not in _SCHEMA_TYPES:
            near = did_you_mean(kind, ("json_object", "json_schema", "text", *_SCHEMA_TYPES))
            raise InvalidRequestError(
                f"response_format has an unknown type{near}; it is json_object, json_schema, text, or a JSON schema's"
            )
        name = re.sub(r"[^a-zA-Z0-9_-]", "_", str(value.get("title", "response")))
        return cls(type="json_schema", name=name, json_schema=dict(value))


class ChatRequest(Given):
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
    temperature: Number | None = Field(default=None, ge=0)
    top_p: Number | None = Field(default=None, ge=0, le=1)
    top_k: Whole | None = None
    max_tokens: Whole | None = Field(default=None, ge=1)
    stop: list[str] | None = None
    seed: Whole | None = None
    presence_penalty: Number | None = None
    frequency_penalty: Number | None = None
    logit_bias: dict[str, Number] | None = None
    logprobs: bool | None = None
    top_logprobs: Whole | None = Field(default=None, ge=0)
    n: Whole | None = Field(default=None, ge=1)
    user: str | None = None
    tools: list[Tool] | None = None
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: ReasoningEffort | None = None
    thinking_budget: Whole | None = Field(default=None, ge=0)
    enable_thinking: bool | None = None
    metadata: dict[str, Any] | None = None
    extra_body: dict[str, Any] | None = None
    extra_headers: dict[str, str] | None = Field(default=None, exclude=True, repr=False)
    api_key: SecretStr | None = None
    base_url: str | None = Field(default=None, repr=False)
    timeout: Annotated[float, BeforeValidator(_no_truth_value)] | None = None

    @field_validator("messages", mode="before")
    @classmethod
    def _accept_a_string(cls, value: Any) -> Any:
        if isinstance(value, str):
            return [Message(role="user", content=value)]
        return [value] if isinstance(value, (Message, dict)) else value

    @field_validator("stop", mode="before")
    @classmethod
    def _one_stop_is_a_list(cls, value: Any) -> Any:
        """An empty list means none: OpenAI refuses ``[]``, as every vendor does an empty text."""
        value = list(value) if isinstance(value, tuple) else value
        if value == "" or (isinstance(value, list) and "" in value):
            raise ValueError("has an empty text, which would end every answer at once; leave it out")
        return [value] if isinstance(value, str) else (value or None)

    @field_validator("extra_headers", mode="after")
    @classmethod
    def _hide_headers(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        if value is not None and (name := header_of_the_body(value)):
            raise ValueError(f"has {name!r}, which follows from the body and is not yours to set; leave it out")
        return None if value is None else HiddenHeaders(value)

    @field_validator("tools", mode="before")
    @classmethod
    def _accept_any_tool(cls, value: Any) -> Any:
        """An empty list means none: vendors refuse ``[]``."""
        if value is None or isinstance(value, (list, tuple)):
            return [_numbered_tool(*item) for item in enumerate(value)] if value else None
        raise ValueError(f"must be a list of tools, not {type(value).__name__}; put a single one into [ ]")

    @field_validator("tool_choice", mode="before")
    @classmethod
    def _accept_openai_choice(cls, value: Any) -> Any:
        if value == "any" or value is True:
            return "required"
        if isinstance(value, dict):
            named, kind = value.get("function", value), value.get("type")
            named = named.get("name") if isinstance(named, dict) else None
            value = named or ({"any": "required"}.get(str(kind), kind) if kind != "function" else None)
        elif value is None:
            return None
        if not isinstance(value, str):
            raise ValueError("must be 'auto', 'none', 'required' or the name of a tool")  # noqa: TRY004 - see above
        return value

    @field_validator("response_format", mode="before")
    @classmethod
    def _accept_any_format(cls, value: Any) -> Any:
        return None if value is None else ResponseFormat.from_any(value)

    @model_validator(mode="after")
    def _fields_fit_together(self) -> Self:
        if self.tools is not None or self.tool_choice is not None:
            _check_tools(self.tools or [], self.tool_choice)
        if self.top_logprobs is not None and self.logprobs is not True:
            if self.logprobs is False:
                raise ValueError("top_logprobs needs logprobs=True")
            self.logprobs = True
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
    def from_any(
        cls,
        messages: str | ChatRequest | Sequence[Any] | Message,
        params: Mapping[str, Any],
        model: str | None = None,
    ) -> ChatRequest:
        """Make a request of what a client's method was given.

        Args:
            messages: The conversation, or a whole request.
            params: The other fields; they win over those of a whole request.
            model: The model where no other is named.

        Raises:
            InvalidRequestError: A field is misspelt or has a wrong value; the message names the field.
        """
        try:
            if not isinstance(messages, ChatRequest):
                request = cls.model_validate({"messages": messages, "model": model, **params})
            elif params:
                request = cls.model_validate({**_set_fields(messages), **params})
            else:
                request = messages
        except ValidationError as error:
            explained = explain(error, cls)
        else:
            return request if request.model or model is None else request.model_copy(update={"model": model})
        raise InvalidRequestError(f"the request is not valid: {explained}")  # pydantic's own error would show a key


def _set_fields(request: ChatRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in request.model_fields_set}


def _numbered_tool(position: int, value: Any) -> Tool:
    try:
        return Tool.from_any(value)
    except InvalidRequestError as error:
        raise InvalidRequestError(f"tools[{position}]: {error.message.removeprefix('Tool: ')}") from None


def _check_tools(tools: list[Tool], choice: str | None) -> None:
    """Refuse what no vendor can act on: two functions of one name, and a choice of a tool that is not there."""
    names = [tool.name for tool in tools if tool.vendor is None]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two tools are named {twice!r}; the model could not tell them apart: rename one")
    if choice is None or choice in {"auto", "none"}:
        return
    if not tools:
        raise ValueError(f"tool_choice {choice!r} needs tools; pass tools= as well, or leave tool_choice out")
    if choice != "required" and choice not in {tool.name for tool in tools}:
        known = [tool.name for tool in tools]
        raise ValueError(
            f"tool_choice {choice!r} is neither auto, none, required nor one of the tools {known}"
            f"{did_you_mean(choice, known)}"
        )
