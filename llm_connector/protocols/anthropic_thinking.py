"""How hard Claude thinks, and what hangs on it: the answer's limit and the sampling fields.

Which model takes what is in ``anthropic_models``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connector.effort import FIELDS, ReasoningControl

if TYPE_CHECKING:
    from llm_connector.protocols.anthropic_dialect import AnthropicDialect
    from llm_connector.protocols.anthropic_models import ModelGates
    from llm_connector.protocols.fields import RequestFields
    from llm_connector.types import ChatRequest

SMALLEST_BUDGET = 1024
_DEFAULT_BUDGET = 8192
_ANSWER_BESIDE_BUDGET = 4096
# What an answer that is not streamed can hold in the ten minutes that the vendor gives it (anthropic-python 2.12).
_LONGEST_WHOLE_ANSWER = 21_333
_LEAST_TOP_P = 0.95


def is_thinking(thinking: dict[str, Any] | None) -> bool:
    """Whether a ``thinking`` field asks for thinking."""
    return thinking is not None and thinking.get("type") in {"enabled", "adaptive"}


def will_think(request: ChatRequest, gates: ModelGates) -> bool:
    """Whether the model is going to think, asked for or not."""
    if gates.thinking == "none":
        return False
    own = (request.extra_body or {}).get("thinking")
    if isinstance(own, dict):
        return is_thinking(own)
    on = ReasoningControl.of(request).on
    return gates.thinks_unasked if on is None else on or gates.off is None


def thinking_fields(fields: RequestFields, gates: ModelGates, dialect: AnthropicDialect) -> dict[str, Any]:
    """``thinking`` and ``output_config`` for the reasoning that was asked for."""
    control = ReasoningControl.of(fields.request)
    for name in FIELDS:
        fields.take(name)
    model = fields.request.model
    if control.on is None:
        return {}
    if gates.thinking == "none":
        if control.on:
            fields.warn(f"{model} does not reason; the reasoning fields were not sent")
        return {}
    if control.on is False:
        return _off(fields, gates)
    if gates.thinking == "budget" or (gates.thinking == "either" and control.budget is not None):
        return _enabled(control, fields, gates, dialect)
    return _adaptive(control, fields, gates)


def _off(fields: RequestFields, gates: ModelGates) -> dict[str, Any]:
    if gates.off is None:
        fields.warn(f"{fields.request.model} cannot be told not to reason; the lowest effort was sent")
        return {"output_config": {"effort": gates.efforts[0]}}
    if gates.off == "between_tools":
        fields.warn(f"{fields.request.model} goes on reasoning between tool calls")
    return {"thinking": {"type": gates.off}}


def _enabled(
    control: ReasoningControl, fields: RequestFields, gates: ModelGates, dialect: AnthropicDialect
) -> dict[str, Any]:
    effort = control.as_effort(gates.efforts) if gates.efforts and control.effort is not None else None
    config = {} if effort is None else {"output_config": {"effort": effort}}
    if not dialect.budgets:
        if control.effort is not None or control.budget is not None:
            fields.warn("how hard to reason was sent only as a switch")
        return {"thinking": {"type": "enabled"}}
    wanted = control.as_budget()
    budget = max(SMALLEST_BUDGET, _DEFAULT_BUDGET if wanted is None else wanted)
    if control.budget is None and control.effort is not None:
        fields.warn(f"reasoning_effort {control.effort!r} was sent as thinking_budget {budget}")
    elif control.budget is not None and budget != control.budget:
        fields.warn(f"thinking_budget {control.budget} is too small and was sent as {budget}")
    return {"thinking": {"type": "enabled", "budget_tokens": budget}, **config}


def _adaptive(control: ReasoningControl, fields: RequestFields, gates: ModelGates) -> dict[str, Any]:
    thinking = {"type": "adaptive"}
    if gates.thinking == "adaptive":
        thinking["display"] = "summarized"  # these models leave the text out unless asked for it (docs, 2026-07)
    effort = control.as_effort(gates.efforts)
    if effort is None:
        return {"thinking": thinking}
    if control.effort is not None and control.effort != effort:
        fields.warn(f"reasoning_effort {control.effort!r} was sent as {effort!r}")
    if control.budget is not None:
        fields.warn(f"thinking_budget {control.budget} was sent as reasoning_effort {effort!r}")
    return {"thinking": thinking, "output_config": {"effort": effort}}


def set_max_tokens(
    body: dict[str, Any], fields: RequestFields, gates: ModelGates, dialect: AnthropicDialect, *, stream: bool
) -> None:
    """Set ``max_tokens``, which the vendor demands, above the thinking budget, which counts as part of it."""
    given: int | None = fields.take("max_tokens")
    body["max_tokens"] = _default_limit(gates, dialect, stream=stream) if given is None else given
    budget: int | None = (body.get("thinking") or {}).get("budget_tokens")
    if budget is None or body["max_tokens"] > budget:
        return
    raised = budget + (_ANSWER_BESIDE_BUDGET if given is None else given)
    body["max_tokens"] = raised if gates.max_output is None else min(raised, gates.max_output)
    if given is not None:
        fields.warn(f"max_tokens {given} counts the reasoning too and was sent as {body['max_tokens']}")
    if budget >= body["max_tokens"]:
        body["thinking"]["budget_tokens"] = max(SMALLEST_BUDGET, body["max_tokens"] - _ANSWER_BESIDE_BUDGET)
        fields.warn(
            f"thinking_budget {budget} was sent as {body['thinking']['budget_tokens']}, to leave an answer room"
        )


def _default_limit(gates: ModelGates, dialect: AnthropicDialect, *, stream: bool) -> int:
    if gates.max_output is None:
        return dialect.default_max_tokens
    return gates.max_output if stream else min(gates.max_output, _LONGEST_WHOLE_ANSWER)


def sampling_fields(fields: RequestFields, gates: ModelGates, *, thinking: bool, refused: bool) -> dict[str, Any]:
    """Temperature, top_p and top_k as far as the model takes them.

    Args:
        fields: The request.
        gates: The model's.
        thinking: Whether thinking was asked for.
        refused: Whether the API's version refuses them all.
    """
    body: dict[str, Any] = {}
    for name in ("temperature", "top_p", "top_k"):
        value = fields.take(name)
        if value is None:
            continue
        why = _why_not(name, value, body, gates, thinking=thinking, refused=refused)
        if why is None:
            body[name] = value if name == "top_k" else _in_range(name, value, fields)
        else:
            fields.warn(f"{name} is not taken {why} and was not sent")
    return body


def _why_not(
    name: str, value: float, so_far: dict[str, Any], gates: ModelGates, *, thinking: bool, refused: bool
) -> str | None:
    if refused:
        return "by this version of the API"
    if gates.sampling == "none":
        return "by the model"
    allowed = {"temperature": value == 1, "top_p": value >= _LEAST_TOP_P, "top_k": False}
    if thinking and not allowed[name]:
        return "together with reasoning"
    if gates.sampling == "one" and name == "top_p" and "temperature" in so_far:
        return "by the model together with temperature"
    return None


def _in_range(name: str, value: float, fields: RequestFields) -> float:
    moved = min(max(value, 0), 1)
    if moved != value:
        fields.warn(f"{name} {value} is outside the vendor's range and was sent as {moved}")
    return moved
