"""What became of one item, and its line in a journal. The journal's file is in ``journal``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llm_connector import errors
    from llm_connector.types import ChatResponse

_FACTS = ("provider", "status_code", "code", "request_id", "retry_after", "retryable")


@dataclass(frozen=True, slots=True)
class BulkResult:
    """How one item ended: either ``response`` or ``error`` is there.

    Attributes:
        index: The item's place in the input, from 0.
        key: The place with a hash of what was asked, as in the journal.
        response: The answer.
        error: Why there is none.
    """

    index: int
    key: str
    response: ChatResponse | None = None
    error: errors.LLMError | None = None

    @property
    def ok(self) -> bool:
        """Whether there is an answer."""
        return self.response is not None

    @property
    def content(self) -> str | None:
        """The answer's text, or ``None`` when there is no answer."""
        return None if self.response is None else self.response.content

    def record(self) -> dict[str, Any]:
        """The result as JSON values."""
        if self.response is not None:
            return {"key": self.key, "response": self.response.model_dump(mode="json")}
        return {"key": self.key, "error": error_record(self.error)}


def error_record(error: errors.LLMError | None) -> dict[str, Any]:
    """An error as JSON values."""
    facts = {name: getattr(error, name, None) for name in _FACTS}
    told = {name: value for name, value in facts.items() if value is not None}
    return {"type": type(error).__name__, "message": getattr(error, "message", ""), **told}
