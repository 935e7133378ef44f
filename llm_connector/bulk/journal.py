"""A file of finished items, one JSON object a line, that an interrupted run goes on from. What is asked is not here.

Only the places of the lines are held in memory. A line is written at once, so that a killed process loses none of its
finished items; the line that it was in the middle of is passed over.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import ValidationError

from llm_connector.bulk.result import BulkResult
from llm_connector.types import ChatResponse

if TYPE_CHECKING:
    from types import TracebackType

logger = logging.getLogger("llm_connector")


class Journal:
    """Finished items of this run and of those before it.

    Args:
        path: The file; made when it is not there.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        Path(path).touch()
        self._file = Path(path).open("r+b", buffering=0)  # noqa: SIM115 - closed by close()
        self._places: dict[str, tuple[int, int]] = {}
        self._end = 0
        self._read_places()

    def _read_places(self) -> None:
        with Path(self._file.name).open("rb") as lines:
            for line in lines:
                self._note(line, self._end)
                self._end += len(line)
            torn = self._end > 0 and not line.endswith(b"\n")
        if torn:
            self._append(b"\n")

    def _note(self, line: bytes, place: int) -> None:
        try:
            record = json.loads(line)
            key, answered = record["key"], "response" in record
        except (ValueError, TypeError, KeyError):
            if line.strip():
                logger.warning("the journal has a line that was not written to its end; its item is asked again")
            return
        if answered:
            self._places[key] = (place, len(line))

    def _append(self, line: bytes) -> None:
        self._file.seek(0, os.SEEK_END)
        written = 0
        while written < len(line):
            written += self._file.write(line[written:])
        self._end += len(line)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def find(self, index: int, key: str) -> BulkResult | None:
        """The answer of an item that an earlier run finished; an item that ended in an error is to be asked again."""
        if key not in self._places:
            return None
        place, length = self._places[key]
        self._file.seek(place)
        record: dict[str, Any] = json.loads(self._file.read(length))
        try:
            return BulkResult(index, key, ChatResponse.model_validate(record["response"]))
        except ValidationError:
            logger.warning("the journal's answer of item %d cannot be read; the item is asked again", index)
            return None

    def write(self, result: BulkResult) -> None:
        """Add a finished item."""
        line = json.dumps(result.record(), separators=(",", ":")).encode() + b"\n"
        place = self._file.seek(0, os.SEEK_END)
        self._append(line)
        if result.ok:
            self._places[result.key] = (place, len(line))

    def close(self) -> None:
        """Close the file, once it is on the disk."""
        os.fsync(self._file.fileno())
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()
