"""What the OpenAI Responses API refuses in a request. Reading an accepted one is in ``openai_responses.py``."""

from __future__ import annotations

import re
from typing import Any

from servers.dialects import words
from servers.openai_checks import check_fields, check_numbers, check_strict
from servers.script import refuse
from servers.view import checked_url

FIELDS = words(
    "model input instructions max_output_tokens max_tool_calls temperature top_p top_logprobs parallel_tool_calls"
    " previous_response_id conversation store stream stream_options metadata truncation background service_tier"
    " safety_identifier prompt_cache_key prompt_cache_retention reasoning text tools tool_choice include user prompt"
    " context_management"
)
ARK_FIELDS = FIELDS | words("thinking caching expire_at session")
_INCLUDE = words(
    "reasoning.encrypted_content message.output_text.logprobs message.input_image.image_url"
    " file_search_call.results web_search_call.action.sources code_interpreter_call.outputs"
    " computer_call_output.output.image_url"
)
_ITEMS = {
    "message": words("id role content status phase"),
    "reasoning": words("id summary content encrypted_content status"),
    "function_call": words("id call_id name arguments status namespace"),
    "function_call_output": words("id call_id output status"),
}
_IN = words("input_text input_image input_file")
_OUT = words("output_text refusal")
_REASONING_MODEL = re.compile(r"o\d|gpt-(?:[5-9]|\d{2})(?!.*-chat)")

Body = dict[str, Any]


def check_request(body: Body, fields: frozenset[str]) -> None:
    """Refuse a Responses request that the vendor would refuse."""
    check_fields(body, fields)
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise refuse("Missing required parameter: 'model'.", code="missing_required_parameter")
    check_numbers(body)
    limit = body.get("max_output_tokens")
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise refuse("Invalid 'max_output_tokens': expected an integer of at least 1.")
    check_input(body.get("input"))
    _check_tools(body)
    _check_text(body.get("text") or {})
    check_fields(body.get("reasoning") or {}, words("effort summary generate_summary context mode"))
    for name in body.get("include") or []:
        if name not in _INCLUDE:
            raise refuse(f"Invalid value: {name!r} in 'include'.", code="invalid_value")
    if body.get("previous_response_id") is not None:
        raise refuse("Previous response not found.", code="previous_response_not_found")
    relaxed = (body.get("reasoning") or {}).get("effort") == "none"
    if _REASONING_MODEL.match(body["model"]) and not relaxed:
        for name in ("temperature", "top_p", "top_logprobs"):
            if body.get(name) is not None:
                raise refuse(f"Unsupported parameter: '{name}' is not supported with this model.")


def check_input(given: Any) -> None:
    """Refuse malformed items, and calls and outputs that do not belong together."""
    if isinstance(given, str) and given:
        return
    if not isinstance(given, list) or not given:
        raise refuse("Missing required parameter: 'input'.", code="missing_required_parameter")
    called: dict[str, bool] = {}
    for at, item in enumerate(given):
        where = f"input[{at}]"
        kind = _check_item(item, where)
        if kind == "function_call":
            called[item["call_id"]] = False
        elif kind == "function_call_output":
            if item["call_id"] not in called:
                raise refuse(f"No tool call found for function call output with call_id {item['call_id']}.")
            called[item["call_id"]] = True
        elif kind == "reasoning" and at == len(given) - 1:
            raise refuse(f"Item '{item['id']}' of type 'reasoning' was provided without its required following item.")
    for identity, answered in called.items():
        if not answered:
            raise refuse(f"No tool output found for function call {identity}.")


def _check_item(item: Any, where: str) -> str:
    kind = item.get("type", "message") if isinstance(item, dict) else None
    if kind not in _ITEMS:
        raise refuse(f"{where}: Invalid value: {kind!r}.", code="invalid_value")
    if extra := item.keys() - _ITEMS[kind] - {"type"}:
        raise refuse(f"Unknown parameter: '{where}.{min(extra)}'.", code="unknown_parameter")
    _ITEM_CHECKS[kind](item, where)
    return str(kind)


def _check_message(item: Body, where: str) -> None:
    role, content = item.get("role"), item.get("content")
    if role not in words("user system developer assistant"):
        raise refuse(f"{where}.role: Invalid value: {role!r}.", code="invalid_value")
    if isinstance(content, str):
        return
    if not isinstance(content, list) or not content:
        raise refuse(f"{where}.content: expected a text or a list of parts.")
    for part in content:
        if part.get("type") not in (_OUT if role == "assistant" else _IN):
            raise refuse(f"{where}.content: Invalid value: {part.get('type')!r}.", code="invalid_value")
        _check_part(part, f"{where}.content")


def _check_part(part: Body, where: str) -> None:
    if part["type"] in {"input_text", "output_text"} and not isinstance(part.get("text"), str):
        raise refuse(f"{where}: the text is missing.")
    if part["type"] == "input_image" and "file_id" not in part:
        checked_url(part.get("image_url"), where)
    if part["type"] == "input_file" and not {"file_id", "file_url"} & part.keys():
        if not part.get("filename"):
            raise refuse(f"{where}: file_data needs a filename.")
        checked_url(part.get("file_data"), where, schemes=())


def _check_reasoning(item: Body, where: str) -> None:
    if not isinstance(item.get("id"), str) or not isinstance(item.get("summary"), list):
        raise refuse(f"{where}: a reasoning item needs an id and a summary, which may be empty.")


def _check_call(item: Body, where: str) -> None:
    if not item.get("call_id") or not item.get("name") or not isinstance(item.get("arguments"), str):
        raise refuse(f"{where}: a function call needs call_id, name and arguments as text.")
    if "id" in item and not str(item["id"]).startswith("fc"):
        raise refuse(f"{where}.id: Expected an ID that begins with 'fc'.", code="invalid_value")


def _check_output(item: Body, where: str) -> None:
    output = item.get("output")
    if not item.get("call_id") or not isinstance(output, str | list):
        raise refuse(f"{where}: a function call output needs call_id and output.")
    for part in output if isinstance(output, list) else []:
        if part.get("type") not in _IN:
            raise refuse(f"{where}.output: Invalid value: {part.get('type')!r}.", code="invalid_value")
        _check_part(part, f"{where}.output")


_ITEM_CHECKS = {
    "message": _check_message,
    "reasoning": _check_reasoning,
    "function_call": _check_call,
    "function_call_output": _check_output,
}


def _check_tools(body: Body) -> None:
    names = []
    for at, tool in enumerate(body.get("tools") or []):
        if tool.get("type") != "function":
            continue  # a tool that the vendor runs
        if extra := tool.keys() - words("type name description parameters strict"):
            raise refuse(f"Unknown parameter: 'tools[{at}].{min(extra)}'.", code="unknown_parameter")
        if not isinstance(tool.get("name"), str) or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool["name"]):
            raise refuse(f"Missing required parameter: 'tools[{at}].name'.", code="missing_required_parameter")
        if (tool.get("parameters") or {"type": "object"}).get("type") != "object":
            raise refuse(f"Invalid schema for function '{tool['name']}'.", code="invalid_function_parameters")
        if tool.get("strict"):
            check_strict(tool.get("parameters"), f"tools[{at}]")
        names.append(tool["name"])
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "function" and choice.get("name") not in names:
        raise refuse("Tool choice 'function' not found in 'tools' parameter.")
    if isinstance(choice, str) and choice not in {"none", "auto", "required"}:
        raise refuse(f"Invalid value: {choice!r} in 'tool_choice'.", code="invalid_value")
    if choice == "required" and not body.get("tools"):
        raise refuse("Tool choice 'required' must be specified with 'tools' parameter.")


def _check_text(text: Body) -> None:
    check_fields(text, words("format verbosity"))
    wanted = text.get("format") or {"type": "text"}
    if wanted.get("type") not in {"text", "json_object", "json_schema"}:
        raise refuse(f"Invalid value: {wanted.get('type')!r} in 'text.format.type'.", code="invalid_value")
    if wanted["type"] == "json_schema":
        if not wanted.get("name") or not isinstance(wanted.get("schema"), dict):
            raise refuse("Missing required parameter: 'text.format.name' or 'text.format.schema'.")
        if wanted.get("strict"):
            check_strict(wanted["schema"], "text.format")
