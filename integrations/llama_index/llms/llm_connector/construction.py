"""LlamaIndex's objects from fields known to be right, made without a look at them: a stream makes three a chunk.

Measured beside the client with pydantic 2.14 on CPython 3.11 (2026-11): what is done here for a chunk takes 5 µs; with
constructors 5 µs more, and with ``object.__setattr__`` in place of the slots' own setters 1.5 µs more.
``model_construct``, which searches for defaults, is slower than the constructors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from llama_index.core.bridge.pydantic import BaseModel

if TYPE_CHECKING:
    Made = TypeVar("Made", bound=BaseModel)

_set_fields = BaseModel.__dict__["__dict__"].__set__
_set_names_of_given = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private = BaseModel.__dict__["__pydantic_private__"].__set__


def made(kind: type[Made], fields: dict[str, Any]) -> Made:
    """An object of a class without extra and private fields; ``fields`` are all of its fields, and become its own."""
    instance = object.__new__(kind)
    _set_fields(instance, fields)
    _set_names_of_given(instance, set(fields))
    _set_extra(instance, None)
    _set_private(instance, None)
    return instance
