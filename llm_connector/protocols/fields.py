"""Keeps the books of a request's fields, so that none is dropped in silence. How a field is spelt is not known here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_connector.types import ChatRequest

# Read by the client or by every protocol in its own way; the others must be taken one by one.
_ALWAYS_READ = frozenset({"messages", "model", "extra_body", "extra_headers", "api_key", "base_url", "timeout"})


class RequestFields:
    """The fields that a request sets. Those that nobody takes end as warnings.

    Attributes:
        request: The request.
        warnings: What was changed or not sent, in words.
    """

    def __init__(self, request: ChatRequest, provider: str) -> None:
        self.request = request
        self.warnings: list[str] = []
        self._provider = provider
        self._left = {
            name for name in request.model_fields_set if name not in _ALWAYS_READ and getattr(request, name) is not None
        }

    def take(self, name: str) -> Any:
        """The field's value, or ``None``; it counts as dealt with."""
        self._left.discard(name)
        return getattr(self.request, name)

    def take_set(self, names: Iterable[str]) -> dict[str, Any]:
        """Those of the fields that are set, by name; they count as dealt with."""
        left, request = self._left, self.request
        if not left:
            return {}
        found = {name: getattr(request, name) for name in names if name in left}
        left.difference_update(found)
        return found

    @property
    def all_taken(self) -> bool:
        """Whether nothing is left to be dealt with, as in most requests after the first few fields."""
        return not self._left

    def warn(self, text: str) -> None:
        """Say what was changed."""
        self.warnings.append(f"{self._provider}: {text}")

    def warn_once(self, text: str) -> None:
        """Say it unless it was said."""
        if f"{self._provider}: {text}" not in self.warnings:
            self.warn(text)

    def report_untaken(self) -> list[str]:
        """Add a warning for each field that nobody took; give all warnings."""
        for name in sorted(self._left):
            self.warn(f"{name} has no equivalent and was not sent")
        self._left.clear()
        return self.warnings
