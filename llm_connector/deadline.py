"""The moment at which a whole call must be over. Pure but for the clock; who waits and reads asks here first."""

from __future__ import annotations

import time

from llm_connector.errors import ConfigError, RequestTimeoutError

LONGEST = 4e6  # seconds, some 46 days: what every system's sockets and timers can count


def as_seconds(name: str, value: float) -> float:
    """A time that sockets can wait.

    Raises:
        ConfigError: It is no number above 0.
    """
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
        raise ConfigError(f"{name} is a number of seconds above 0, not {value!r}")
    return min(float(value), LONGEST)


class Deadline:
    """Starts with its first use, so that a stream which is opened late has its whole time.

    Args:
        seconds: From the first use on; ``None`` for no end.

    Attributes:
        limited: Whether there is an end.
    """

    def __init__(self, seconds: float | None) -> None:
        self.limited = seconds is not None
        self._seconds = seconds
        self._end: float | None = None

    def start(self) -> None:
        """Begin to count, unless it was begun."""
        if self._seconds is not None and self._end is None:
            self._end = time.monotonic() + self._seconds

    @property
    def remaining(self) -> float | None:
        """Seconds left, never below 0; ``None`` when there is no end."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def cut(self, seconds: float) -> float:
        """A shorter time where not as much is left; never 0, which sockets take for something else."""
        left = self.remaining
        return seconds if left is None else min(seconds, max(left, 0.001))

    def allows(self, seconds: float) -> bool:
        """Whether there is time to wait that long and then to try again."""
        left = self.remaining
        return left is None or seconds < left

    def error(self) -> RequestTimeoutError | None:
        """The error of a call whose time is up; ``None`` while there is time."""
        if self._end is None or self._end > time.monotonic():
            return None
        return RequestTimeoutError(f"the call took longer than total_timeout={self._seconds:g}", retryable=False)

    def check(self) -> None:
        """Nothing while there is time.

        Raises:
            RequestTimeoutError: The time is up.
        """
        if (error := self.error()) is not None:
            raise error
