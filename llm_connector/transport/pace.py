"""What one request asks of its connection's clock, and learns from it. Pure but for the deadlines' clock."""

from __future__ import annotations

from llm_connector.deadline import Deadline


class Pace:
    """Shared by a connection and the request that uses it now.

    Attributes:
        answered: Whether any byte of the answer came.
    """

    __slots__ = ("_deadline", "_rest", "answered")

    def __init__(self) -> None:
        self._deadline = Deadline(None)
        self._rest: Deadline | None = None
        self.answered = False

    def begin(self, deadline: Deadline) -> None:
        """A request begins, which must be over by the deadline."""
        self._deadline = deadline
        self._rest = None
        self.answered = False

    def hurry(self, seconds: float) -> None:
        """From the first time on, all that is left of the answer has so many seconds.

        Raises:
            RequestTimeoutError: They are over.
        """
        if self._rest is None:
            self._rest = Deadline(seconds)
            self._rest.start()
        self._rest.check()

    @property
    def over(self) -> bool:
        """Whether the time for the whole is up."""
        return self._deadline.error() is not None

    def cut(self, seconds: float) -> float:
        """The time for one step: never more than is left for the whole."""
        if self._rest is not None:
            seconds = self._rest.cut(seconds)
        return self._deadline.cut(seconds) if self._deadline.limited else seconds
