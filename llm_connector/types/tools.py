"""Tools that a model may call, and its calls. How a provider spells them is not here: see ``protocols``."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from typing import Annotated, Any, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model, field_validator, model_validator
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticSerializationError

from llm_connector.errors import DecodeError, InvalidRequestError
from llm_connector.jsontext import dumps_spaced, without_surrogates
from llm_connector.references import rooted
from llm_connector.types.given import Given

NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}
# What only Anthropic knows of a function (anthropic-python 2.12); a tool that has any of it is sent as it is.
_ANTHROPICS_OWN = frozenset({"allowed_callers", "defer_loading", "eager_input_streaming", "input_examples"})
_KNOWN_TYPES = "str, int, float, bool, list, dict, Literal, Enum or a pydantic class"


class Tool(Given):
    """A function that the model may ask for.

    Attributes:
        name: The function's name.
        description: What it does and when to use it; the model reads this.
        parameters: Its arguments as a JSON schema of type ``object``.
        strict: Whether the vendor must hold the model to the schema, where it can.
        cache_control: See ``Block.cache_control``.
        vendor: A tool in the vendor's own JSON, sent as it is: one that the vendor runs itself (web search, code
            execution), or says more of than the fields above.
    """

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: dict(NO_PARAMETERS))
    strict: bool | None = None
    cache_control: dict[str, Any] | None = None
    vendor: dict[str, Any] | None = None

    @field_validator("parameters", mode="after")
    @classmethod
    def _are_an_object(cls, value: dict[str, Any]) -> dict[str, Any]:
        schema = rooted(value)
        if schema.get("type", "object") != "object":
            raise ValueError("must be a JSON schema of type 'object', with a property for each argument")
        return schema

    @classmethod
    def from_any(cls, value: Any) -> Tool:
        """Make a tool of a ``Tool``, a dict in OpenAI form, a pydantic class or a plain annotated function.

        Raises:
            InvalidRequestError: It is none of these, or says too little about its arguments.
        """
        if isinstance(value, Tool):
            return value
        if isinstance(value, dict):
            return _tool_from_dict(value)
        if isinstance(value, type) and issubclass(value, BaseModel):
            return cls(name=name_of(value), description=_summary(value), parameters=schema_of(value))
        if callable(value) and not isinstance(value, type):
            return _tool_from_function(value)
        told = f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__
        raise InvalidRequestError(
            f"a tool must be a Tool, a dict in OpenAI form, a pydantic class or a function, not {told}"
        )


def name_of(model: type[BaseModel]) -> str:
    """The class's name as vendors take names: that of a generic one has brackets."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", model.__name__)


class _SchemaWriter(GenerateJsonSchema):
    """pydantic's, but for defaults: one that cannot be written is an error and no warning."""

    def encode_default(self, dft: Any) -> Any:
        try:
            return super().encode_default(dft)
        except PydanticSerializationError:
            kind = type(dft).__name__
        raise InvalidRequestError(f"a default of type {kind} cannot be written as JSON; leave it out, or make it None")


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a pydantic class.

    Raises:
        InvalidRequestError: It has none: a type is not known, or a default cannot be written as JSON.
    """
    try:
        return model.model_json_schema(schema_generator=_SchemaWriter)
    except InvalidRequestError as error:
        problem = error.message
    except (PydanticUserError, NameError) as error:
        problem = f"a type in it has none; use {_KNOWN_TYPES} ({_first_line(error)})"
    raise InvalidRequestError(f"{model.__name__!r} has no JSON schema: {problem}")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _tool_from_dict(value: dict[str, Any]) -> Tool:
    function = value.get("function")
    if value.get("type") == "function" and isinstance(function, dict):
        fields = {key: item for key, item in function.items() if item is not None}
        return Tool(**fields, cache_control=value.get("cache_control"))
    if "function" in value:
        raise InvalidRequestError(
            "a tool's 'function' is a dict of name, description and parameters, with type 'function'"
        )
    if "input_schema" in value:  # the form of Anthropic's API
        if not _ANTHROPICS_OWN.isdisjoint(value):
            return Tool(name=value.get("name", ""), vendor=value)
        fields = {key: item for key, item in value.items() if key not in {"input_schema", "type"}}
        return Tool(parameters=value["input_schema"], **fields)
    if isinstance(kind := value.get("type"), str) and kind != "function":
        inner = value.get(kind)
        named = inner if isinstance(inner, dict) and "name" in inner else value
        return Tool(name=named.get("name", kind), vendor=value)
    return Tool(**{key: item for key, item in value.items() if key != "type"})


def _tool_from_function(function: Callable[..., Any]) -> Tool:
    """Read a function's schema from its annotations, and the meaning of its arguments from its docstring."""
    name = getattr(function, "__name__", "")
    if not name.isidentifier():
        _refuse(name or type(function).__name__, "it has no name of its own; write a function with def")
    docs = _argument_docs(inspect.getdoc(function) or "")
    fields: dict[str, Any] = {}
    parameters = _signature(function, name).parameters
    for position, parameter in enumerate(parameters.values()):
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            _refuse(name, "it has *args or **kwargs, which have no schema; name each argument")
        if parameter.annotation is parameter.empty:
            _refuse(name, f"its argument {parameter.name!r} has no type; annotate it, such as {parameter.name}: str")
        default = ... if parameter.default is parameter.empty else parameter.default
        told: dict[str, Any] = {}
        if parameter.name in docs:  # else what the annotation itself says holds
            told["description"] = docs[parameter.name]
        annotation: Any = Annotated[parameter.annotation, Field(alias=parameter.name, **told)]
        fields[f"argument{position}"] = (annotation, default)  # pydantic forbids some names to fields
    try:
        model: type[BaseModel] = create_model(name, **fields)
    except PydanticUserError:
        wrong = next(argument for argument, of in parameters.items() if not _is_known(of.annotation))
        _refuse(name, f"the type of its argument {wrong!r} has no JSON schema; use {_KNOWN_TYPES}")
    schema = schema_of(model)
    schema.pop("title", None)
    return Tool(name=name, description=_summary(function), parameters=schema)


def _is_known(annotation: Any) -> bool:
    try:
        TypeAdapter(annotation)
    except PydanticUserError:
        return False
    return True


def _signature(function: Callable[..., Any], name: str) -> inspect.Signature:
    try:
        return inspect.signature(function, eval_str=True)
    except (NameError, TypeError, ValueError, SyntaxError, AttributeError) as error:
        _refuse(name, f"its annotations cannot be read ({_first_line(error)}); give a Tool with name and parameters")


def _refuse(name: str, why: str) -> NoReturn:
    raise InvalidRequestError(f"the function {name!r} cannot be a tool: {why}") from None


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


class ToolCall(Given):
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
            fields["arguments"] = dumps_spaced(fields["arguments"])
        if not fields.get("arguments"):
            fields["arguments"] = "{}"
        return fields

    def parse_arguments(self) -> dict[str, Any]:
        """The arguments as a dict.

        Raises:
            DecodeError: The model's text is not the JSON of an object; ``raw`` holds it.
        """
        try:
            parsed = json.loads(self.arguments, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise DecodeError(f"the arguments of {self.name!r} are not JSON: {error}", raw=self.arguments) from error
        if not isinstance(parsed, dict):
            raise DecodeError(f"the arguments of {self.name!r} are not a JSON object", raw=self.arguments)
        return without_surrogates(parsed) if "\\u" in self.arguments else parsed

    def with_arguments(self, arguments: dict[str, Any]) -> Self:
        """A copy with other arguments.

        Raises:
            InvalidRequestError: They have no JSON form.
        """
        return self.model_copy(update={"arguments": dumps_spaced(arguments)})


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are no JSON, though Python reads them."""
    raise ValueError(f"{name} is no JSON")
