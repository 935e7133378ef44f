"""What one request asks of its connection's clock, and learns from it. Pure but for the deadline's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llm_connector.deadline import Deadline


class Pace:
    """Shared by a connection and the request that uses it now.

    Attributes:
        deadline: When the request must be over.
        longest: The most seconds to wait for the next bytes; ``None`` for what the request allows.
        answered: Whether any byte of the answer came.
    """

    __slots__ = ("answered", "deadline", "longest")

    def __init__(self) -> None:
        self.deadline: Deadline | None = None
        self.longest: float | None = None
        self.answered = False

    def begin(self, deadline: Deadline) -> None:
        """A request begins."""
        self.deadline = deadline
        self.longest = None
        self.answered = False

    def cut(self, seconds: float | None) -> float | None:
        """The time for one step: never more than is left for the whole."""
        if self.longest is not None:
            seconds = self.longest
        if self.deadline is None or not self.deadline.limited or seconds is None:
            return seconds
        return self.deadline.cut(seconds)
