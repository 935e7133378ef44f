"""What one request asks of its connection's clock, and learns from it. Pure but for the deadlines' clock."""

from __future__ import annotations

from llm_connector.deadline import Deadline


class Pace:
    """Shared by a connection and the request that uses it now.

    Attributes:
        answered: Whether any byte of the answer came.
    """

    __slots__ = ("_deadline", "_rest", "_silence", "answered")

    def __init__(self) -> None:
        self._deadline = Deadline(None)
        self._rest: Deadline | None = None
        self._silence: float | None = None
        self.answered = False

    def begin(self, deadline: Deadline, silence: float | None) -> None:
        """A request begins.

        Args:
            deadline: When it must be over.
            silence: Seconds for a step that names none, as those of the HTTP library with a SOCKS proxy do (1.0).
        """
        self._deadline = deadline
        self._rest = None
        self._silence = silence
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

    def cut(self, seconds: float | None) -> float | None:
        """The time for one step: never more than is left for the whole."""
        if seconds is None:
            seconds = self._silence
        if seconds is None:
            return None
        if self._rest is not None:
            seconds = self._rest.cut(seconds)
        return self._deadline.cut(seconds) if self._deadline.limited else seconds
