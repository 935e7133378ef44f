"""Puts an order into streamed tool calls: one stable index a call, id and name on its first piece, whatever came.

Vendors give ids once, always or never; indexes too. Putting the arguments together is ``collect``'s.
"""

from __future__ import annotations

import uuid
from typing import Any

from llm_connector.jsontext import dumps
from llm_connector.types import ToolCallDelta


def new_call_id() -> str:
    """An id for a call to which the vendor gave none."""
    return f"call_{uuid.uuid4().hex[:24]}"


class _Call:
    """One call; ``waiting`` holds arguments that came before its name."""

    __slots__ = ("id", "index", "name", "waiting")

    def __init__(self, index: int, call_id: str | None) -> None:
        self.index = index
        self.id = call_id
        self.name: str | None = None
        self.waiting: list[str] = []


def _as_function(custom: dict[str, Any] | None) -> dict[str, Any]:
    """OpenAI's custom tools are called with free text instead of JSON."""
    return {"name": custom.get("name"), "arguments": custom.get("input")} if custom else {}


class ToolCallTracker:
    """The calls of one choice.

    A piece belongs to the call of its id; without an id, to that of its index; with neither, to the latest. An unknown
    id is a new call even under a known index: some servers give every call the index 0.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._by_index: dict[int, _Call] = {}

    def __bool__(self) -> bool:
        """Whether there is any call."""
        return bool(self._calls)

    def deltas(self, pieces: list[dict[str, Any]]) -> list[ToolCallDelta]:
        """The vendor's pieces, in OpenAI's form, as unified deltas."""
        found = (self.delta(piece) for piece in pieces if isinstance(piece, dict))
        return [delta for delta in found if delta is not None]

    def continued(self, pieces: Any) -> ToolCallDelta | None:
        """The next arguments of a named call, as nearly all pieces are; ``None`` where there is more to look at."""
        try:
            (piece,) = pieces
            call, arguments = self._by_index[piece["index"]], piece["function"]["arguments"]
        except (KeyError, TypeError, ValueError):
            return None
        if not arguments or arguments.__class__ is not str or call.name is None or piece.get("id"):
            return None
        return ToolCallDelta(call.index, None, None, arguments)

    def delta(self, piece: dict[str, Any]) -> ToolCallDelta | None:
        """One piece; ``None`` while the call's name is still to come, or when there is nothing in it."""
        function = piece.get("function") or _as_function(piece.get("custom"))
        call = self._call_of(piece, function)
        if call is None:
            return None
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):  # an object instead of its JSON text
            arguments = dumps(arguments)
        if call.name is not None:
            return ToolCallDelta(call.index, arguments=arguments) if arguments else None
        call.waiting.append(arguments)
        name = function.get("name")
        if not name:
            return None
        call.name = name
        call.id = call.id or new_call_id()
        return ToolCallDelta(call.index, call.id, name, "".join(call.waiting))

    def _call_of(self, piece: dict[str, Any], function: dict[str, Any]) -> _Call | None:
        call_id, index = piece.get("id"), piece.get("index")
        if call_id:
            call = self._by_id.get(call_id) or self._unnamed(index) or self._new(call_id)
            call.id = call.id or call_id
            self._by_id[call_id] = call
        elif isinstance(index, int):
            call = self._by_index.get(index) or self._new(None)
        elif self._calls and not function.get("name"):
            call = self._calls[-1]
        elif function.get("name"):
            call = self._new(None)
        else:
            return None
        if isinstance(index, int):
            self._by_index[index] = call
        return call

    def _unnamed(self, index: Any) -> _Call | None:
        """The call of this index when its id came later than its first piece."""
        call = self._by_index.get(index) if isinstance(index, int) else None
        return call if call is not None and call.id is None else None

    def _new(self, call_id: str | None) -> _Call:
        call = _Call(len(self._calls), call_id)
        self._calls.append(call)
        return call
