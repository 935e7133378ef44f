"""A request's generation settings, tools and reasoning in Gemini's form. Messages are in ``gemini_messages``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connector.effort import FIELDS, ReasoningControl
from llm_connector.jsontext import dumps

if TYPE_CHECKING:
    from llm_connector.protocols.fields import RequestFields
    from llm_connector.protocols.gemini_models import ModelGate
    from llm_connector.types import ResponseFormat, Tool

_RENAMED = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "n": "candidateCount",
    "max_tokens": "maxOutputTokens",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
_SAMPLING = ("temperature", "top_p", "top_k")
_MAX_STOPS = 5
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def generation_config(fields: RequestFields, gate: ModelGate) -> dict[str, Any]:
    """Everything of ``generationConfig`` but the answer's form."""
    config: dict[str, Any] = {}
    for name, wire_name in _RENAMED.items():
        if (value := fields.take(name)) is not None:
            config[wire_name] = value
            if gate.ignores_sampling and name in _SAMPLING:
                fields.warn(f"{name} was sent, but {fields.request.model} takes no notice of it")
    if stop := fields.take("stop"):
        config["stopSequences"] = _stops(stop, fields)
    config |= _logprobs(fields)
    thinking = thinking_config(fields, gate)
    return config | ({"thinkingConfig": thinking} if thinking else {})


def _stops(stop: list[str], fields: RequestFields) -> list[str]:
    if len(stop) > _MAX_STOPS:
        fields.warn(f"the vendor takes {_MAX_STOPS} stop texts; {', '.join(map(repr, stop[_MAX_STOPS:]))} not sent")
    return stop[:_MAX_STOPS]


def _logprobs(fields: RequestFields) -> dict[str, Any]:
    wanted, alternatives = fields.take("logprobs"), fields.take("top_logprobs")
    if not wanted and alternatives is None:
        return {}
    return {"responseLogprobs": True} | ({} if alternatives is None else {"logprobs": alternatives})


def thinking_config(fields: RequestFields, gate: ModelGate) -> dict[str, Any]:
    """The unified reasoning fields as ``thinkingConfig``; a level and a budget together are refused by the vendor."""
    for name in FIELDS:
        fields.take(name)
    control, model = ReasoningControl.of(fields.request), fields.request.model
    if control.on is None:
        return {}
    if gate.thinking == "none":
        if control.on:
            fields.warn(f"{model} has no control of its reasoning; the reasoning fields were not sent")
        return {}
    if control.on is False:
        return _switched_off(fields, gate)
    steered = _budget(control, fields, gate) if gate.thinking == "budget" else _level(control, fields, gate)
    return {"includeThoughts": True, **steered}


def _switched_off(fields: RequestFields, gate: ModelGate) -> dict[str, Any]:
    if gate.can_stop:
        return {"thinkingBudget": 0}
    fields.warn(f"{fields.request.model} cannot be told not to reason; the least was asked for")
    if gate.thinking == "budget":
        return {"thinkingBudget": gate.budget[0]}
    return {"thinkingLevel": gate.levels[0].upper()}


def _budget(control: ReasoningControl, fields: RequestFields, gate: ModelGate) -> dict[str, Any]:
    wanted = control.as_budget()
    if wanted is None:
        return {"thinkingBudget": -1}  # as much as the model thinks right
    low, high = gate.budget
    budget = min(max(wanted, low), high)
    if control.budget is None:
        fields.warn(f"reasoning_effort {control.effort!r} was sent as thinkingBudget {budget}")
    elif budget != wanted:
        fields.warn(f"thinking_budget {wanted} is outside the model's range and was sent as {budget}")
    if control.budget is not None and control.effort is not None:
        fields.warn(f"reasoning_effort {control.effort!r} was not sent: the thinking_budget says it")
    return {"thinkingBudget": budget}


def _level(control: ReasoningControl, fields: RequestFields, gate: ModelGate) -> dict[str, Any]:
    level = control.as_effort(gate.levels)
    if level is None:
        return {}
    if control.effort is not None and control.effort != level:
        fields.warn(f"reasoning_effort {control.effort!r} was sent as thinkingLevel {level.upper()}")
    if control.budget is not None:
        fields.warn(f"thinking_budget {control.budget} was sent as thinkingLevel {level.upper()}")
    return {"thinkingLevel": level.upper()}


def answer_form(fields: RequestFields, gate: ModelGate) -> tuple[dict[str, Any], str]:
    """The form of the answer as fields of ``generationConfig``, or as a text for the instructions.

    Models before Gemini 3 refuse a form next to functions ("Function calling with a response mime type … is
    unsupported", Google's answer, 2026-08), so there it is asked for in words.
    """
    wanted: ResponseFormat | None = fields.take("response_format")
    if wanted is None or wanted.type == "text":
        return {}, ""
    has_functions = any(tool.vendor is None for tool in fields.request.tools or ())
    if has_functions and not gate.schema_with_tools:
        fields.warn(f"{fields.request.model} takes no response_format next to tools; it was put into the prompt")
        return {}, _in_words(wanted)
    form: dict[str, Any] = {"responseMimeType": "application/json"}
    if wanted.json_schema is not None:
        form["responseJsonSchema"] = wanted.json_schema
    return form, ""


def _in_words(wanted: ResponseFormat) -> str:
    if wanted.json_schema is None:
        return "When you answer in text, answer with one JSON object and nothing else."
    return (
        "When you answer in text, answer with one JSON object and nothing else. "
        f"It must fit this schema: {dumps(wanted.json_schema)}"
    )


def tool_fields(fields: RequestFields, gate: ModelGate, *, tells_server_calls: bool) -> dict[str, Any]:
    """``tools`` and ``toolConfig``.

    Args:
        fields: The request.
        gate: The model's.
        tells_server_calls: Whether the API must be told to give the calls of its own tools out (the developer API).
    """
    tools: list[Tool] | None = fields.take("tools")
    choice = fields.take("tool_choice")
    if fields.request.parallel_tool_calls:
        fields.take("parallel_tool_calls")  # what the vendor does in any case
    if not tools:
        return {}
    functions = [_declaration(tool) for tool in tools if tool.vendor is None]
    own = [_vendor_tool(tool.vendor) for tool in tools if tool.vendor is not None]
    if any(tool.cache_control is not None for tool in tools):
        fields.warn("cache_control has no equivalent and was not sent")
    config: dict[str, Any] = {}
    if functions and (calling := _calling(fields, tools, choice)):
        config["functionCallingConfig"] = calling
    elif choice not in {None, "auto"} and not functions:
        fields.warn(f"tool_choice {choice!r} is for functions only and was not sent")
    if functions and own and tells_server_calls and gate.checks_signatures:
        # Gemini 3 takes both kinds only with this ("Combine built-in tools and function calling", 2026-10).
        config["includeServerSideToolInvocations"] = True
    body: dict[str, Any] = {"tools": ([{"functionDeclarations": functions}] if functions else []) + own}
    return body | ({"toolConfig": config} if config else {})


def _calling(fields: RequestFields, tools: list[Tool], choice: str | None) -> dict[str, Any]:
    if forced := fields.request.forced_tool:
        return {"mode": "ANY", "allowedFunctionNames": [forced]}
    if choice in {None, "auto"} and any(tool.strict for tool in tools):
        return {"mode": "VALIDATED"}  # calls are held to the schema, and may still be none
    return {} if choice is None else {"mode": _MODES[choice]}


def _declaration(tool: Tool) -> dict[str, Any]:
    declaration: dict[str, Any] = {"name": tool.name}
    if tool.description:
        declaration["description"] = tool.description
    if _takes_arguments(tool.parameters):
        declaration["parametersJsonSchema"] = tool.parameters
    return declaration


def _takes_arguments(schema: dict[str, Any]) -> bool:
    """Some versions refuse the schema of an object without properties; it is then left out."""
    bare = {"type", "title", "description", "properties", "required", "additionalProperties", "$schema"}
    return bool(schema.get("properties") or schema.get("additionalProperties") or schema.keys() - bare)


def _vendor_tool(tool: dict[str, Any]) -> dict[str, Any]:
    """Gemini's own form ``{"google_search": {…}}``, also from the form ``{"type": "google_search", …}``."""
    kind = tool.get("type")
    if not isinstance(kind, str):
        return tool
    settings = {key: value for key, value in tool.items() if key != "type"}
    return {kind: settings.get(kind, settings)}
