"""How hard to reason, said in one way. Each vendor's own control is made from it by its protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_connector.types import ChatRequest

FIELDS = ("reasoning_effort", "thinking_budget", "enable_thinking")
LEVELS = ("minimal", "low", "medium", "high", "xhigh", "max")

# Tokens to reason with at each level, for vendors that take a budget: our choice, of the order of the vendors' own.
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 65536}


@dataclass(frozen=True, slots=True)
class ReasoningControl:
    """What the three request fields ask for together.

    Attributes:
        on: ``True`` to reason, ``False`` not to, ``None`` when nothing was asked.
        effort: One of ``LEVELS``, when a level was asked for.
        budget: Tokens, when a budget was asked for.
    """

    on: bool | None = None
    effort: str | None = None
    budget: int | None = None

    @classmethod
    def of(cls, request: ChatRequest) -> ReasoningControl:
        """Read the request; ``enable_thinking=False``, effort ``none`` and budget 0 all mean off."""
        effort, budget, enabled = request.reasoning_effort, request.thinking_budget, request.enable_thinking
        if enabled is False or effort == "none" or (budget == 0 and effort is None):
            return cls(on=False)
        if enabled is None and effort is None and budget is None:
            return _NOTHING_ASKED
        return cls(on=True, effort=effort, budget=budget)

    def as_effort(self, allowed: Sequence[str] | Mapping[str, str] = LEVELS) -> str | None:
        """The asked level, or that of the asked budget, as the vendor's nearest, or as its table says."""
        wanted = self.effort or _level_of(self.budget)
        if isinstance(allowed, Mapping):
            return None if wanted is None else allowed[wanted]
        if wanted is None or wanted in allowed:
            return wanted
        rank = LEVELS.index(wanted)
        return min(allowed, key=lambda level: (abs(LEVELS.index(level) - rank), -LEVELS.index(level)))

    def as_budget(self) -> int | None:
        """The asked budget, or that of the asked level; ``None`` if neither."""
        if self.budget is not None:
            return self.budget
        return None if self.effort is None else _BUDGETS[self.effort]


_NOTHING_ASKED = ReasoningControl()


def _level_of(budget: int | None) -> str | None:
    if budget is None:
        return None
    return next((level for level, tokens in _BUDGETS.items() if budget <= tokens), "max")
