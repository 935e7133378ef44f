"""What each generation of Claude takes and refuses, told from a model's name. What is done about it is not here.

By version and not by list, so that a model of tomorrow is treated as the newest kind. Source: Anthropic's model pages
and migration guides, 2026-11.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

Thinking = Literal["none", "budget", "either", "adaptive"]
Sampling = Literal["free", "one", "none"]
Off = Literal["disabled", "between_tools"]

# claude-opus-4-8, us.anthropic.claude-sonnet-4-5-20250929-v1:0, claude-sonnet-4@20250514; a date is no minor version.
_FAMILY_FIRST = re.compile(r"claude-([a-z]+)-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
# claude-3-7-sonnet-20250219, claude-3-opus, claude-2.1, anthropic.claude-v2:1.
_NUMBER_FIRST = re.compile(r"claude-v?(\d{1,2})(?:[-.:](\d{1,2}))?(?!\d)(?:-([a-z]+))?")

_EFFORTS = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class ModelGates:
    """What one model takes.

    Attributes:
        thinking: ``budget`` takes ``enabled`` with a budget, ``adaptive`` only that, ``either`` both.
        off: The ``thinking.type`` that switches thinking off; ``None`` where it is always on.
        thinks_unasked: Whether the model thinks when ``thinking`` is not sent.
        forced_tools: Whether a tool can be forced at all.
        sampling: Whether temperature, top_p and top_k are taken; ``one``: not temperature and top_p together.
        efforts: The values of ``output_config.effort``.
        max_output: The longest answer in tokens, when known.
        json_schema: Whether ``output_config.format`` and strict tools are taken.
    """

    thinking: Thinking = "adaptive"
    off: Off | None = "disabled"
    thinks_unasked: bool = False
    forced_tools: bool = True
    sampling: Sampling = "none"
    efforts: tuple[str, ...] = _EFFORTS
    max_output: int | None = 128_000
    json_schema: bool = True


_UNVERSIONED = ModelGates()
# Other vendors' models behind the Messages format.
_NOT_CLAUDE = ModelGates(thinking="budget", sampling="free", efforts=(), max_output=None, json_schema=False)
_OLD = replace(_NOT_CLAUDE, thinking="none")


@lru_cache(maxsize=256)
def gates_of(model: str) -> ModelGates:
    """The gates of a model by its name, in any cloud's spelling."""
    name = model.lower()
    if "claude" not in name:
        return _NOT_CLAUDE
    if match := _FAMILY_FIRST.search(name):
        return _of_version(match[1], (int(match[2]), int(match[3] or 0)))
    if match := _NUMBER_FIRST.search(name):
        return _of_version(match[3] or "", (int(match[1]), int(match[2] or 0)))
    return _UNVERSIONED


def _of_version(family: str, version: tuple[int, int]) -> ModelGates:
    if version < (3, 7):
        return replace(_OLD, max_output=8192 if version == (3, 5) else 4096)
    if version < (4, 6):
        return _with_budget(family, version)
    if version < (4, 7):
        return ModelGates(thinking="either", sampling="one", efforts=("low", "medium", "high", "max"))
    if version < (5, 0):
        return ModelGates()
    if version == (5, 0) and family not in {"fable", "mythos"}:
        return ModelGates(thinks_unasked=True)
    return _newest(family)


def _with_budget(family: str, version: tuple[int, int]) -> ModelGates:
    return ModelGates(
        thinking="budget",
        sampling="one" if version >= (4, 1) else "free",
        efforts=(),
        max_output=32_000 if family == "opus" and version in {(4, 0), (4, 1)} else 64_000,
        json_schema=version >= (4, 5),
    )


def _newest(family: str) -> ModelGates:
    """From Fable 5 and Opus 5.5 on thinking is always on, and no tool can be forced; Haiku can still do without."""
    if family == "haiku":
        return ModelGates(thinks_unasked=True)
    off: Off | None = "between_tools" if family == "sonnet" else None
    return ModelGates(off=off, thinks_unasked=True, forced_tools=False)
