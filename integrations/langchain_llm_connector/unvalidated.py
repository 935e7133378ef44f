"""Instances of pydantic models made without validation. What needs none is known to ``light`` and ``messages_in``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

M = TypeVar("M", bound=BaseModel)

# What every instance has besides its fields. By its slots it is set a tenth cheaper than by name (pydantic 2.14,
# 2026-11); streams make two instances a chunk.
_set_fields_set, _set_extra, _set_private = (
    vars(BaseModel)[name].__set__ for name in ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


class Template(Generic[M]):
    """Makes instances of one model from some of its fields; the others have their defaults.

    Args:
        example: An instance that the model itself made, with no more than the required fields.
    """

    def __init__(self, example: M) -> None:
        self._class = type(example)
        self._fields = dict(example.__dict__)
        self._fresh = tuple(
            (name, type(value)) for name, value in self._fields.items() if isinstance(value, dict | list)
        )
        self._has_extra = example.__pydantic_extra__ is not None
        self._private = example.__pydantic_private__

    def make(self, given: Mapping[str, Any]) -> M:
        """An instance with these fields; containers among the defaults are its own."""
        made = object.__new__(self._class)
        fields = made.__dict__
        fields.update(self._fields)
        for name, kind in self._fresh:
            fields[name] = kind()
        fields.update(given)
        _set_fields_set(made, set(given))
        _set_extra(made, {} if self._has_extra else None)
        _set_private(made, self._private)
        return made
