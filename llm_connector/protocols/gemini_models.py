"""What tells Gemini models apart, by patterns of their names. How a request uses it is in ``gemini_config``.

An unknown name is taken for the newest kind, so that a model of tomorrow needs no change here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class ModelGate:
    """What one model takes and demands.

    Attributes:
        thinking: How its reasoning is steered: not at all, by tokens, or by levels.
        levels: The levels that it takes, lowest first.
        budget: The smallest and the largest number of tokens.
        can_stop: Whether it can be told not to reason.
        checks_signatures: Whether it refuses a function call that lacks its thought signature.
        schema_with_tools: Whether it takes functions and a form of the answer in one request.
        ignores_sampling: Whether it takes no notice of temperature, top_p and top_k.
    """

    thinking: Literal["none", "budget", "level"] = "level"
    levels: tuple[str, ...] = ("low", "medium", "high")
    budget: tuple[int, int] = (0, 0)
    can_stop: bool = False
    checks_signatures: bool = True
    schema_with_tools: bool = True
    ignores_sampling: bool = False


_NEWEST = ModelGate()
_OLD = ModelGate(thinking="none", checks_signatures=False, schema_with_tools=False)
_GEMINI_25 = replace(_OLD, thinking="budget", can_stop=True)
_FOUR_LEVELS = replace(_NEWEST, levels=("minimal", "low", "medium", "high"))

# Google's pages on thinking and on each model, 2026-10; the first pattern that matches decides.
_GATES: tuple[tuple[str, ModelGate], ...] = (
    (r"gemma-[123]|learnlm|gemini-(1\.|2\.0|pro$|pro-vision)|gemini-2\.5-.*(image|tts)", _OLD),
    (r"gemini-2\.5-pro", replace(_GEMINI_25, budget=(128, 32768), can_stop=False)),
    (r"gemini-2\.5-flash-lite", replace(_GEMINI_25, budget=(512, 24576))),
    (r"gemini-2\.|gemini-robotics-er-1\.", replace(_GEMINI_25, budget=(1, 24576))),
    (r"gemini-3(\.\d+)?-pro-image", replace(_NEWEST, thinking="none")),
    (r"gemini-3(\.\d+)?-flash-image", replace(_NEWEST, levels=("minimal", "high"))),
    (r"gemini-3-pro", replace(_NEWEST, levels=("low", "high"))),
    (r"gemini-3(\.\d+)?-flash-lite|gemini-3(\.[0-6])?-flash|gemini-flash-lite-latest", _FOUR_LEVELS),
)
# "What's new in Gemini 3.6 Flash and 3.5 Flash-Lite", 2026-10: the three are deprecated and have no effect.
_IGNORES_SAMPLING = re.compile(r"gemini-(3\.5-flash-lite|3\.[6-9]|3\.\d\d|[4-9])")


def gate_of(model: str) -> ModelGate:
    """What this model takes and demands."""
    name = model.rsplit("/", 1)[-1].lower()
    gate = next((gate for pattern, gate in _GATES if re.match(pattern, name)), _NEWEST)
    return replace(gate, ignores_sampling=True) if _IGNORES_SAMPLING.match(name) else gate
