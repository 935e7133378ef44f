"""Models made of values that are known to be right. Who made sure of that is who calls this.

The pieces of an answer were looked at when they came. To look again took two fifths of the time in which a small answer
is read: 17 µs without, 28 with it (CPython 3.11, pydantic 2.14, 2026-11). Tests compare both ways.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable

M = TypeVar("M", bound=BaseModel)

# The setters of what every model has, past pydantic's own (0.3 µs a model less than object.__setattr__).
_set_fields, _set_given, _set_extra, _set_private = (
    vars(BaseModel)[name].__set__
    for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


def unchecked(kind: type[M], fields: dict[str, Any], given: Iterable[str] | None = None) -> M:
    """A model without validation; lists and dicts in it are the caller's own, not copies.

    Args:
        kind: The model's class, which has neither extra nor private fields.
        fields: All its fields, in the order of the class. They become the model's own.
        given: Those that do not just have their defaults; all when left out.
    """
    return _put_together(kind, fields, set(fields if given is None else given), None, None)


def _put_together(kind: type[M], fields: dict[str, Any], given: set[str], extra: Any, private: Any) -> M:
    model = object.__new__(kind)
    _set_fields(model, fields)
    _set_given(model, given)
    _set_extra(model, extra)
    _set_private(model, private)
    return model


class Template(Generic[M]):
    """Makes models of one class from some of their fields, without validation; the others have their defaults.

    Args:
        example: A model that was made in the usual way, of no more than the required fields.
    """

    def __init__(self, example: M) -> None:
        self._kind = type(example)
        self._fields = dict(example.__dict__)
        self._fresh = tuple(
            (name, type(value)) for name, value in self._fields.items() if isinstance(value, dict | list)
        )
        self._has_extra = example.__pydantic_extra__ is not None
        self._private = example.__pydantic_private__

    def make(self, given: dict[str, Any]) -> M:
        """A model with these fields; containers among the defaults are its own."""
        fields = self._fields.copy()
        for name, kind in self._fresh:
            fields[name] = kind()
        fields.update(given)
        return _put_together(self._kind, fields, set(given), {} if self._has_extra else None, self._private)
