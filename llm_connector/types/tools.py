"""Tools that a model may call, and its calls. How a provider spells them is not here: see ``protocols``."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from llm_connector.errors import DecodeError, InvalidRequestError

NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


class Tool(BaseModel):
    """A function that the model may ask for.

    Attributes:
        name: The function's name.
        description: What it does and when to use it; the model reads this.
        parameters: Its arguments as a JSON schema of type ``object``.
        strict: Whether the vendor must hold the model to the schema, where it can.
        cache_control: See ``Block.cache_control``.
        vendor: A tool that the vendor runs itself (web search, code execution), in its own JSON; sent as it is.
    """

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    name: str
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: dict(NO_PARAMETERS))
    strict: bool | None = None
    cache_control: dict[str, Any] | None = None
    vendor: dict[str, Any] | None = None

    @classmethod
    def from_any(cls, value: Any) -> Tool:
        """Make a tool of a ``Tool``, a dict in OpenAI form, a pydantic class or a plain annotated function.

        Raises:
            InvalidRequestError: It is none of these.
        """
        if isinstance(value, Tool):
            return value
        if isinstance(value, dict):
            return _tool_from_dict(value)
        if isinstance(value, type) and issubclass(value, BaseModel):
            return cls(name=value.__name__, description=_summary(value), parameters=value.model_json_schema())
        if callable(value):
            return _tool_from_function(value)
        raise InvalidRequestError(
            f"a tool must be a Tool, a dict in OpenAI form, a pydantic class or a function, not {type(value).__name__}"
        )


def _tool_from_dict(value: dict[str, Any]) -> Tool:
    function = value.get("function")
    if value.get("type") == "function" and isinstance(function, dict):
        fields = {key: item for key, item in function.items() if item is not None}
        return Tool(**fields, cache_control=value.get("cache_control"))
    if "input_schema" in value:  # the form of Anthropic's API
        fields = {key: item for key, item in value.items() if key not in {"input_schema", "type"}}
        return Tool(parameters=value["input_schema"], **fields)
    if isinstance(kind := value.get("type"), str) and kind != "function":
        inner = value.get(kind)
        named = inner if isinstance(inner, dict) and "name" in inner else value
        return Tool(name=named.get("name", kind), vendor=value)
    return Tool(**{key: item for key, item in value.items() if key != "type"})


def _tool_from_function(function: Callable[..., Any]) -> Tool:
    """Read a function's schema from its annotations, and the meaning of its arguments from its docstring."""
    signature = inspect.signature(function, eval_str=True)
    told = _argument_docs(inspect.getdoc(function) or "")
    fields: dict[str, Any] = {}
    for name, parameter in signature.parameters.items():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise InvalidRequestError(f"the tool {function.__name__!r} has *args or **kwargs, which have no schema")
        annotation = Any if parameter.annotation is parameter.empty else parameter.annotation
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (annotation, Field(default, description=told.get(name)))
    model: type[BaseModel] = create_model(function.__name__, **fields)
    schema = model.model_json_schema()
    schema.pop("title", None)
    return Tool(name=function.__name__, description=_summary(function), parameters=schema)


def _summary(documented: Any) -> str:
    """The docstring up to its ``Args:`` section."""
    text = inspect.getdoc(documented) if documented.__doc__ else None
    return (text or "").split("\nArgs:")[0].strip()


def _argument_docs(text: str) -> dict[str, str]:
    """The ``Args:`` section of a Google-style docstring, by argument."""
    found: dict[str, str] = {}
    _, _, section = text.partition("\nArgs:\n")
    name = ""
    for line in section.splitlines():
        if not line.startswith(" "):
            break
        head, colon, rest = line.strip().partition(":")
        if colon and not line.startswith("      ") and head.split(" ")[0].isidentifier():
            name = head.split(" ")[0]
            found[name] = rest.strip()
        elif name:
            found[name] = f"{found[name]} {line.strip()}"
    return found


class ToolCall(BaseModel):
    """A model's wish to have a function called.

    Attributes:
        id: The call's id; the result is sent back under it.
        name: The function's name.
        arguments: The arguments as the model wrote them: JSON text of an object, or broken JSON when it was cut short.
    """

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    id: str
    name: str
    arguments: str = "{}"

    @model_validator(mode="before")
    @classmethod
    def _accept_openai_form(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        fields = {key: item for key, item in value.items() if key not in {"type", "function", "index"}}
        if isinstance(function := value.get("function"), dict):
            fields |= function
        if isinstance(fields.get("arguments"), dict):
            fields["arguments"] = json.dumps(fields["arguments"], ensure_ascii=False)
        if not fields.get("arguments"):
            fields["arguments"] = "{}"
        return fields

    def parse_arguments(self) -> dict[str, Any]:
        """The arguments as a dict.

        Raises:
            DecodeError: The model's text is not the JSON of an object; ``raw`` holds it.
        """
        try:
            parsed = json.loads(self.arguments)
        except ValueError as error:
            raise DecodeError(f"the arguments of {self.name!r} are not JSON: {error}", raw=self.arguments) from error
        if not isinstance(parsed, dict):
            raise DecodeError(f"the arguments of {self.name!r} are not a JSON object", raw=self.arguments)
        return parsed

    def with_arguments(self, arguments: dict[str, Any]) -> Self:
        """A copy with other arguments."""
        return self.model_copy(update={"arguments": json.dumps(arguments, ensure_ascii=False)})
