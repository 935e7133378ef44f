"""OpenRouter's ``reasoning_details``: the reasoning of any vendor's model, signatures included, as it must go back.

Claude's thoughts are signed, Gemini's and OpenAI's encrypted; without them a tool loop may be refused (OpenRouter docs,
"Preserving reasoning", 2026-10). The text in them is read by ``reasoning``.
"""

from __future__ import annotations

from typing import Any

_TEXTS = {"reasoning.text": "text", "reasoning.summary": "summary"}


class DetailsInTheMaking:
    """The details of one choice: a stream gives texts in pieces, and a text's signature after it."""

    def __init__(self) -> None:
        self._blocks: list[dict[str, Any]] = []
        self._pieces: list[str] = []  # of the last block's text

    def take(self, pieces: Any, *, whole: bool) -> None:
        """Take an event's details; those of a whole answer stay as they are."""
        for piece in pieces if isinstance(pieces, list) else ():
            if isinstance(piece, dict):
                if whole or not self._continues(piece):
                    self._begin(piece)
                else:
                    self._join(piece)

    def blocks(self) -> list[dict[str, Any]]:
        """What came so far."""
        if len(self._pieces) > 1:
            last = self._blocks[-1]
            last[_TEXTS[last["type"]]] = "".join(self._pieces)
            self._pieces = []
        return self._blocks

    def _begin(self, piece: dict[str, Any]) -> None:
        self.blocks().append(dict(piece))
        text = piece.get(_TEXTS.get(str(piece.get("type")), ""))
        self._pieces = [text] if isinstance(text, str) else []

    def _continues(self, piece: dict[str, Any]) -> bool:
        """Whether it is more of the last text. What is encrypted comes whole; several may have one index."""
        last = self._blocks[-1] if self._blocks else {}
        name = _TEXTS.get(str(piece.get("type")))
        if name is None or any(piece.get(key) != last.get(key) for key in ("type", "index")):
            return False
        another = piece.get("id") is not None and piece["id"] != last.get("id")
        return not another and not (last.get("signature") and piece.get(name))

    def _join(self, piece: dict[str, Any]) -> None:
        last, name = self._blocks[-1], _TEXTS[piece["type"]]
        last |= {key: value for key, value in piece.items() if value is not None and key != name}
        if isinstance(text := piece.get(name), str):
            self._pieces.append(text)
            last.setdefault(name, "")
