"""What was filled in wrongly, in words: which field, what it must be, and what was probably meant.

No value is ever shown: one may be a key. What is a mistake at all is each type's to say.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from llm_connector.jsontext import CLEANING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import ValidationError

    Place = tuple[int | str, ...]

# What pydantic's kinds of errors ask for, by the beginnings of their names.
_KINDS = {
    "string_": "text",
    "int_": "a whole number",
    "float_": "a number",
    "bool_": "True or False",
    "dict_": "a dict",
    "list_": "a list",
    "is_subclass_of": "a class",
}
# Its other kinds, in our words.
_DEMANDS = {
    "missing": "is missing",
    "finite_number": "must be a finite number, not NaN or infinity",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than_equal": "must be {le:g} or less",
    "string_too_short": "must not be empty",
    "string_unicode": f"holds a lone surrogate, which is no character; {CLEANING}",
}
_BLOCKS = "text, image, audio, video, document, or OpenAI's image_url, input_audio, file"
# Fields that take more than their type tells.
_TAKEN = {
    "messages": "a text, a list of messages or a ChatRequest",
    "stop": "a text or a list of texts",
    "tools": "a list of tools",
}
# Other libraries' names of what a request can say.
_ELSEWHERE = {
    "functions": "it is 'tools' here",
    "input": "it is 'messages' here",
    "max_completion_tokens": "it is 'max_tokens' here",
    "max_new_tokens": "it is 'max_tokens' here",
    "max_output_tokens": "it is 'max_tokens' here",
    "num_predict": "it is 'max_tokens' here",
    "prompt": "it is 'messages' here",
    "reasoning": "it is 'reasoning_effort' or 'thinking_budget' here",
    "stop_sequences": "it is 'stop' here",
    "stream": "call stream() instead",
    "system": "put Message.system(...) first in messages",
    "system_instruction": "put Message.system(...) first in messages",
    "system_prompt": "put Message.system(...) first in messages",
    "thinking": "it is 'enable_thinking' or 'thinking_budget' here",
}
_SHORT = 4
_ROLES = {"ai": "assistant", "bot": "assistant", "model": "assistant", "human": "user", "function": "tool"}


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Say which fields are wrong and how they would be right."""
    problems = error.errors(include_url=False)
    places = [problem["loc"] for problem in problems]
    told = [_told(problem, model) for problem in problems if not _is_other_branch(problem["loc"], places)]
    return "; ".join(dict.fromkeys(told))


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The nearest of the names, as a question in brackets; nothing when none is near."""
    import difflib  # noqa: PLC0415 - only on the way to an error

    cutoff = 0.6 if len(name) <= _SHORT else 0.8  # one wrong letter weighs more in a short name
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _is_other_branch(place: Place, places: list[Place]) -> bool:
    """Whether it only says that a list is no text, where the list's own faults are told."""
    around = place[:-1]
    inside = (str(other[len(around)]) for other in places if other[: len(around)] == around != other)
    return place[-1:] == ("str",) and any(part.startswith("list[") for part in inside)


def _told(problem: Any, model: type[BaseModel]) -> str:
    if problem["type"] == "extra_forbidden":
        return _unknown_field(problem["loc"], model)
    where, what = _path(problem["loc"]), _demand(problem)
    if not where:
        return what
    return f"{where} {what}" if what.startswith(("must ", "is ", "has ", "holds ")) else f"{where}: {what}"


def _demand(problem: Any) -> str:
    """What the field must be."""
    kind, given, context = problem["type"], problem["input"], problem.get("ctx", {})
    if kind in _DEMANDS:
        return _DEMANDS[kind].format(**context)
    if kind == "literal_error":
        return f"must be one of {context['expected']}{_meant(given, context['expected'])}"
    if kind.startswith("union_tag"):
        return f"has {'no' if kind.endswith('not_found') else 'an unknown'} type; the types are {_BLOCKS}"
    if kind.startswith("model_"):
        wanted = context.get("class_name", "block")
        return f"must be a {wanted} or a dict of its fields, not {type(given).__name__}{_instead(given)}"
    wanted = next((words for start, words in _KINDS.items() if kind.startswith(start)), None)
    if wanted is None:
        return str(problem["msg"]).removeprefix("Value error, ")
    return f"must be {_TAKEN.get(_path(problem['loc']), wanted)}, not {type(given).__name__}"


def _meant(given: Any, expected: str) -> str:
    """Which of the expected words was meant; only ours are shown."""
    words = re.findall(r"'([^']+)'", expected)
    if not isinstance(given, str):
        return ""
    meant = _ROLES.get(given.lower())
    return f" (did you mean {meant!r}?)" if meant in words else did_you_mean(given.lower(), words)


def _instead(given: Any) -> str:
    """How to make a message of what was given for one."""
    if isinstance(given, str):
        return "; write Message.user(...)"
    return "; append its .message" if isinstance(getattr(given, "message", None), BaseModel) else ""


def _path(place: Place) -> str:
    """The place as it is written in Python, without the names of pydantic's branches."""
    path = ""
    for part in place:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part == "[key]":
            path += " (the key)"
        elif not part.startswith(("list[", "function-")):
            path += f".{part}" if path else part
    return path


def _unknown_field(place: Place, model: type[BaseModel]) -> str:
    name, where = str(place[-1]), _path(place[:-1])
    names = sorted(_fields_at(model, place[:-1]))
    told = f"{where} has an unknown field {name!r}" if where else f"unknown field {name!r}"
    if not where and "messages" in names and name in _ELSEWHERE:
        return f"{told}: {_ELSEWHERE[name]}"
    if near := did_you_mean(name, names):
        return told + near
    return (
        f"{told}; the vendor's own fields go into extra_body"
        if "extra_body" in names
        else f"{told}; it has {', '.join(names)}"
    )


def _fields_at(model: type[BaseModel], place: Place) -> set[str]:
    """The names of the fields that may stand there."""
    models = {model}
    for part in place:
        fields = [one.model_fields[part].annotation for one in models if part in one.model_fields]
        if fields:
            models = {inner for field in fields for inner in _models_in(field)}
    tagged = {one for one in models if (field := one.model_fields.get("type")) and field.default in place}
    return {name for one in tagged or models for name in one.model_fields}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
