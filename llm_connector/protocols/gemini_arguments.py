"""A function call's arguments as Vertex streams them: values by JSONPath, piece by piece.

They come only when asked for (``streamFunctionCallArguments``, Vertex; google-genai 3.4), which is never done here.
"""

from __future__ import annotations

import re
from typing import Any

from llm_connector.jsontext import dumps

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
_LARGEST_INDEX = 10_000  # a path is the vendor's word: it must not make a list of any length

Step = str | int


class StreamedArguments:
    """The arguments of one call in the making. Text is gathered in pieces and joined once."""

    def __init__(self) -> None:
        self._leaves: dict[str, Any] = {}  # by path; a text is the list of its pieces

    def add(self, pieces: list[dict[str, Any]] | None) -> None:
        """Take the next pieces."""
        for piece in pieces or ():
            path = str(piece.get("jsonPath") or "$")
            text = piece.get("stringValue")
            if text is None:
                self._leaves[path] = _plain_value(piece)
            elif isinstance(self._leaves.get(path), list):
                self._leaves[path].append(str(text))
            else:
                self._leaves[path] = [str(text)]

    def text(self) -> str:
        """The whole as JSON text."""
        root: dict[str, Any] = {}
        for path, value in self._leaves.items():
            if steps := _steps(path):
                _put(root, steps, "".join(value) if isinstance(value, list) else value)
        return dumps(root)


def _plain_value(piece: dict[str, Any]) -> Any:
    number = piece.get("numberValue")
    if number is not None:  # a double on the wire
        return int(number) if isinstance(number, float) and number.is_integer() else number
    return piece.get("boolValue")


def _steps(path: str) -> list[Step]:
    steps: list[Step] = []
    for name, index, single, double in _STEP.findall(path.removeprefix("$")):
        if index:
            steps.append(min(int(index), _LARGEST_INDEX))
        else:
            steps.append(name or re.sub(r"\\(.)", r"\1", single or double))
    return steps


def _put(root: dict[str, Any], steps: list[Step], value: Any) -> None:
    """Set the value at the path, with the objects and lists that lead there."""
    holder: Any = root
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        fresh: Any = value if following is None else [] if isinstance(following, int) else {}
        if isinstance(holder, list) and isinstance(step, int):
            holder += [None] * (step + 1 - len(holder))
            if following is None or holder[step] is None:
                holder[step] = fresh
        elif isinstance(holder, dict):
            if following is None:
                holder[str(step)] = fresh
            else:
                holder.setdefault(str(step), fresh)
            step = str(step)  # noqa: PLW2901 - an object's key, whatever the path called it
        else:
            return  # two paths that exclude each other
        holder = holder[step]
