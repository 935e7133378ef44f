"""The ways in which Chat Completions vendors are told how hard to reason. Which vendor uses which is in the rows.

Each function makes one way; what it returns takes the unified control and gives the fields to put into the body.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llm_connector.effort import LEVELS
from llm_connector.protocols.chat_dialect import calls_next

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from llm_connector.effort import ReasoningControl
    from llm_connector.protocols.fields import RequestFields

    Style = Callable[[ReasoningControl, str, RequestFields], dict[str, Any]]


def by_effort(levels: Sequence[str] = LEVELS, off: str | None = "none", on: str = "medium") -> Style:
    """``reasoning_effort``; ``off`` is the level that means not to reason, if there is one."""

    def style(control: ReasoningControl, model: str, fields: RequestFields) -> dict[str, Any]:
        if control.on is None:
            return {}
        if control.on is False:
            if off is None:
                fields.warn(f"{model} cannot be told not to reason; the lowest effort was sent")
            return {"reasoning_effort": off or levels[0]}
        _tell_change(control, level := control.as_effort(levels) or on, fields)
        return {"reasoning_effort": level}

    return style


def by_thinking_type(
    levels: Sequence[str] | Mapping[str, str] = (), levels_for: str = "", *, budget: bool = False, always_on: str = ""
) -> Style:
    """``thinking: {"type": "enabled"}``.

    Args:
        levels: The values of ``reasoning_effort`` that may go with it.
        levels_for: The pattern of the models that take a level; empty for all.
        budget: Whether ``thinking`` takes ``budget_tokens``.
        always_on: The pattern of the models that cannot be switched off.
    """

    def style(control: ReasoningControl, model: str, fields: RequestFields) -> dict[str, Any]:
        if control.on is None:
            return {}
        if control.on is False:
            if always_on and re.search(always_on, model, re.IGNORECASE):
                fields.warn(f"{model} always reasons; it was not switched off")
                return {}
            return {"thinking": {"type": "disabled"}}
        thinking: dict[str, Any] = {"type": "enabled"}
        body: dict[str, Any] = {"thinking": thinking}
        if budget and control.budget is not None:
            thinking["budget_tokens"] = control.budget
            return body
        takes_level = bool(levels) and re.search(levels_for, model, re.IGNORECASE) is not None
        level = control.as_effort(levels) if takes_level else None
        if level is not None:
            body["reasoning_effort"] = level
        _tell_change(control, level, fields)
        return body

    return style


def by_enable_thinking(control: ReasoningControl, model: str, fields: RequestFields) -> dict[str, Any]:
    """``enable_thinking`` and ``thinking_budget`` (Aliyun, SiliconFlow)."""
    del model
    if control.on is None:
        return {}
    body: dict[str, Any] = {"enable_thinking": control.on}
    if control.on and (budget := control.as_budget()) is not None:
        body["thinking_budget"] = budget
        if control.budget is None:
            fields.warn(f"reasoning_effort {control.effort!r} was sent as thinking_budget {budget}")
    return body


def by_template(control: ReasoningControl, model: str, fields: RequestFields) -> dict[str, Any]:
    """``chat_template_kwargs``, for servers that run open models by their own chat template (vLLM, llama.cpp)."""
    del model
    if control.on is None:
        return {}
    _tell_change(control, None, fields)
    return {"chat_template_kwargs": {"enable_thinking": control.on}}


def by_llama_cpp(control: ReasoningControl, model: str, fields: RequestFields) -> dict[str, Any]:
    """``by_template``, and what llama.cpp's server does not tell its templates and grammars (2026-10).

    A template learns a forced tool only from its own switches, and the grammar of a schema lets an answer begin
    with a thought unless reasoning is not read at all.
    """
    body = by_template(control, model, fields)
    request = fields.request
    if request.tools and request.tool_choice is not None:
        forced = request.forced_tool
        choice = request.tool_choice if forced is None else {"type": "function", "function": {"name": forced}}
        body.setdefault("chat_template_kwargs", {})["tool_choice"] = choice
    if request.response_format is not None and not control.on and not calls_next(request):
        body["reasoning_format"] = "none"
    return body


def is_openai_reasoning_model(model: str) -> bool:
    """Whether OpenAI's model reasons and so refuses sampling: o1, o3, …, gpt-5 and later but for their chat versions.

    By pattern (OpenAI's model pages, 2026-08), so that a model of tomorrow is treated as the newest kind.
    """
    name = _bare_name(model)
    if re.match(r"o\d", name):
        return True
    version = re.match(r"gpt-(\d+)", name)
    return version is not None and int(version[1]) >= 5 and "-chat" not in name  # noqa: PLR2004


def _bare_name(model: str) -> str:
    """The name without a vendor before it, nor the mark of a fine-tuned model."""
    return model.rsplit("/", 1)[-1].lower().removeprefix("ft:")


def by_openai_effort(control: ReasoningControl, model: str, fields: RequestFields) -> dict[str, Any]:
    """OpenAI's ``reasoning_effort``: ``none`` from gpt-5.1 on, ``minimal`` for gpt-5, and no off for the o models."""
    name = _bare_name(model)
    if control.on is not None and re.match(r"(gpt-[34]|chatgpt-4)|gpt-[\d.]+-chat", name):
        fields.warn(f"{model} does not reason; the reasoning fields were not sent")
        return {}
    if re.match(r"o\d", name):
        return by_effort(("low", "medium", "high"), off=None)(control, model, fields)
    if re.match(r"gpt-5($|-)", name):
        return by_effort(("minimal", "low", "medium", "high"), off="minimal")(control, model, fields)
    return by_effort()(control, model, fields)


def by_reasoning_object(control: ReasoningControl, model: str, fields: RequestFields) -> dict[str, Any]:
    """``reasoning: {"effort": …}`` (OpenRouter docs, "Reasoning Tokens", 2026-10)."""
    del model, fields
    if control.on is None:
        return {}
    if control.on is False:
        return {"reasoning": {"enabled": False}}
    if control.budget is not None:
        return {"reasoning": {"max_tokens": control.budget}}
    return {"reasoning": {"effort": control.effort} if control.effort else {"enabled": True}}


def _tell_change(control: ReasoningControl, level: str | None, fields: RequestFields) -> None:
    """Report what the vendor's control cannot say."""
    if control.effort is not None and level != control.effort:
        how = "only as a switch" if level is None else f"as {level!r}"
        fields.warn(f"reasoning_effort {control.effort!r} was sent {how}")
    if control.budget is not None:
        how = "only as a switch" if level is None else f"as reasoning_effort {level!r}"
        fields.warn(f"thinking_budget {control.budget} was sent {how}")
