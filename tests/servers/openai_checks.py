"""What the Chat Completions family refuses in a request. Reading an accepted one is in ``openai_view.py``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from servers.script import refuse
from servers.view import checked_url, decoded

if TYPE_CHECKING:
    from servers.dialects import Dialect

_MESSAGE_FIELDS = frozenset({"role", "content", "name", "tool_calls", "tool_call_id"})
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_REASONING_MODEL = re.compile(r"o\d|gpt-(?:[5-9]|\d{2})(?!.*-chat)")
_GATED = ("max_tokens", "temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs")
_RANGES = {"temperature": (0, 2), "top_p": (0, 1), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)}
_WHOLE = {"max_tokens": 1, "max_completion_tokens": 1, "n": 1, "top_logprobs": 0, "seed": None}


def check_request(body: dict[str, Any], dialect: Dialect) -> None:
    """Refuse a chat request that the vendor would refuse."""
    check_fields(body, dialect.fields)
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise refuse("You must provide a model parameter.")
    check_numbers(body)
    _check_combinations(body)
    check_messages(body.get("messages"), dialect)
    check_tools(body, dialect.choices)
    _check_format(body, dialect)
    if dialect.gated and _REASONING_MODEL.match(body["model"]):
        _check_reasoning_model(body)


def check_fields(body: dict[str, Any], known: frozenset[str] | None) -> None:
    """Refuse a field that the vendor does not know."""
    for name in body:
        if known is not None and name not in known:
            raise refuse(f"Unknown parameter: '{name}'.", code="unknown_parameter")


def check_numbers(body: dict[str, Any]) -> None:
    """Refuse numbers of the wrong kind or out of range; ``null`` counts as absent."""
    for name, (low, high) in _RANGES.items():
        number = body.get(name)
        if number is not None and (not _is_number(number) or not low <= number <= high):
            raise refuse(f"Invalid '{name}': expected a number from {low} to {high}.", code="invalid_value")
    for name, least in _WHOLE.items():
        number = body.get(name)
        if number is None:
            continue
        if not isinstance(number, int) or isinstance(number, bool) or (least is not None and number < least):
            raise refuse(f"Invalid '{name}': expected an integer of at least {least}.", code="invalid_value")


def _is_number(number: Any) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool)


def _check_combinations(body: dict[str, Any]) -> None:
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise refuse("Set only one of 'max_tokens' and 'max_completion_tokens'.")
    if body.get("stream_options") is not None and not body.get("stream"):
        raise refuse("'stream_options' is only allowed when 'stream' is true.")
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        raise refuse("'top_logprobs' needs 'logprobs' to be true.")
    if not isinstance(body.get("stream") or False, bool):
        raise refuse("Invalid 'stream': expected a boolean.")
    stops = body.get("stop") or []
    stops = [stops] if isinstance(stops, str) else stops
    if not isinstance(stops, list) or len(stops) > 4 or not all(isinstance(stop, str) and stop for stop in stops):
        raise refuse("Invalid 'stop': expected a text or at most 4 texts.")


def check_messages(messages: Any, dialect: Dialect) -> None:
    """Refuse malformed messages, and tool messages that do not answer the calls before them."""
    if not isinstance(messages, list) or not messages:
        raise refuse("Invalid 'messages': expected a list with at least one message.")
    for at, message in enumerate(messages):
        _check_shape(message, dialect, f"messages[{at}]")
    check_answers(messages)


def check_answers(messages: list[dict[str, Any]]) -> None:
    """Refuse tool calls without their tool messages right behind them, and tool messages without a call."""
    open_calls: set[str] = set()
    for at, message in enumerate(messages):
        where = f"messages[{at}]"
        if message["role"] == "tool":
            _check_answer(message, open_calls, where)
        elif open_calls:
            raise refuse(f"{where}: tool calls without an answer: {', '.join(sorted(open_calls))}.")
        open_calls |= _called(message, where)
    if open_calls:
        raise refuse(f"Tool calls without an answer: {', '.join(sorted(open_calls))}.")


def _check_shape(message: Any, dialect: Dialect, where: str) -> None:
    if not isinstance(message, dict):
        raise refuse(f"{where}: expected an object.")
    if message.get("role") not in dialect.roles:
        raise refuse(f"{where}: invalid role {message.get('role')!r}.", code="invalid_value")
    unknown = message.keys() - _MESSAGE_FIELDS - dialect.message_fields
    if dialect.fields is not None and unknown:
        raise refuse(f"{where}: unknown field {min(unknown)!r}.")
    if message.get("tool_calls") is not None and message["role"] != "assistant":
        raise refuse(f"{where}: only an assistant message has tool_calls.")
    _check_content(message, dialect, where)


def _check_content(message: dict[str, Any], dialect: Dialect, where: str) -> None:
    content, role = message.get("content"), message["role"]
    if content is None:
        if role != "assistant" or not (message.get("tool_calls") or message.get("refusal")):
            raise refuse(f"{where}: content must be a text or a list of parts.")
    elif isinstance(content, list):
        allowed = dialect.parts if role == "user" else dialect.parts & {"text"}
        if not content or not allowed:
            raise refuse(f"{where}: content must be a text.")
        for index, part in enumerate(content):
            _check_part(
                part, allowed | ({"refusal"} if role == "assistant" else set()), dialect, f"{where}.content[{index}]"
            )
    elif not isinstance(content, str):
        raise refuse(f"{where}: content must be a text or a list of parts.")


def _check_part(part: Any, allowed: frozenset[str], dialect: Dialect, where: str) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in allowed:
        raise refuse(f"{where}: unknown part {kind!r}.", code="invalid_value")
    inner = part.get(kind)
    if kind in {"text", "refusal"}:
        if not isinstance(inner, str):
            raise refuse(f"{where}: the text is missing.")
    elif not isinstance(inner, dict):
        raise refuse(f"{where}: '{kind}' must be an object.")
    elif kind == "input_audio":
        _check_audio(inner, where)
    elif kind == "file":
        _check_file(inner, where)
    else:
        _check_link(inner.get("url"), dialect, where)


def _check_link(url: Any, dialect: Dialect, where: str) -> None:
    if dialect.bare_images and isinstance(url, str) and not url.startswith(("http", "data:")):
        decoded(url, "", where)
    elif dialect.bare_images and isinstance(url, str) and url.startswith("data:"):
        raise refuse(f"{where}: send the base64 text without the data: prefix.")  # the vendor's own SDK strips it
    else:
        checked_url(url, where, schemes=dialect.image_schemes)


def _check_audio(audio: dict[str, Any], where: str) -> None:
    if "url" in audio:
        checked_url(audio["url"], where)
        return
    if audio.get("format") not in {"wav", "mp3"}:
        raise refuse(f"{where}: the audio format must be wav or mp3.")
    decoded(audio.get("data"), "audio/wav" if audio["format"] == "wav" else "", where)


def _check_file(file: dict[str, Any], where: str) -> None:
    if "file_id" in file:
        return
    if not file.get("filename"):
        raise refuse(f"{where}: file_data needs a filename.")
    checked_url(file.get("file_data"), where, schemes=())


def _called(message: dict[str, Any], where: str) -> set[str]:
    calls = message.get("tool_calls")
    if calls is None:
        return set()
    if not isinstance(calls, list) or not calls:
        raise refuse(f"{where}: tool_calls must not be empty.")
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or call.get("type") != "function" or not call.get("id"):
            raise refuse(f"{where}: a tool call needs id, type and function.")
        if not isinstance(function.get("name"), str) or not isinstance(function.get("arguments"), str):
            raise refuse(f"{where}: a tool call's name and arguments must be texts.", code="invalid_type")
    ids = {call["id"] for call in calls}
    if len(ids) != len(calls):
        raise refuse(f"{where}: two tool calls have the same id.")
    return ids


def _check_answer(message: dict[str, Any], open_calls: set[str], where: str) -> None:
    if message.get("tool_call_id") not in open_calls:
        raise refuse(f"{where}: a tool message must answer a tool call of the assistant message before it.")
    open_calls.discard(message["tool_call_id"])


def check_tools(body: dict[str, Any], choices: frozenset[str]) -> None:
    """Refuse malformed tools, and a choice that the vendor lacks or that names no tool."""
    tools, choice = body.get("tools"), body.get("tool_choice")
    if tools is None:
        for name in ("tool_choice", "parallel_tool_calls"):
            if body.get(name) is not None:
                raise refuse(f"'{name}' is only allowed when 'tools' are given.")
        return
    if not isinstance(tools, list) or not tools:
        raise refuse("Invalid 'tools': expected a list with at least one tool.")
    names = [_tool_name(tool, f"tools[{at}]") for at, tool in enumerate(tools)]
    if choice is None:
        return
    kind = choice if isinstance(choice, str) else choice.get("type")
    if kind not in choices:
        raise refuse(f"Invalid 'tool_choice': {kind!r} is not supported.", code="invalid_value")
    if kind == "function" and (isinstance(choice, str) or choice.get("function", {}).get("name") not in names):
        raise refuse("Invalid 'tool_choice': it names no tool of this request.", code="invalid_value")


def _tool_name(tool: Any, where: str) -> str:
    function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
    if not isinstance(function, dict):
        raise refuse(f"{where}: expected type 'function' and an object 'function'.")
    if unknown := function.keys() - {"name", "description", "parameters", "strict"}:
        raise refuse(f"{where}: unknown field {min(unknown)!r}.")
    name = function.get("name")
    if not isinstance(name, str) or not _TOOL_NAME.fullmatch(name):
        raise refuse(f"{where}: invalid function name {name!r}.", code="invalid_value")
    parameters = function.get("parameters", {"type": "object"})
    if not isinstance(parameters, dict) or parameters.get("type") != "object":
        raise refuse(f"{where}: parameters must be a JSON schema of type object.", code="invalid_function_parameters")
    if function.get("strict"):
        check_strict(parameters, where)
    return name


def check_strict(schema: Any, where: str) -> None:
    """Refuse a schema that strict mode does not take: open objects, and properties that are not required."""
    if isinstance(schema, list):
        for item in schema:
            check_strict(item, where)
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties")
    if isinstance(properties, dict) and isinstance(schema.get("type", "object"), str):
        if schema.get("additionalProperties") is not False:
            raise refuse(f"{where}: a strict schema needs additionalProperties: false in every object.")
        if set(schema.get("required", ())) != set(properties):
            raise refuse(f"{where}: a strict schema must require every property.")
    for inner in schema.values():
        check_strict(list(inner.values()) if inner is properties and isinstance(inner, dict) else inner, where)


def _check_format(body: dict[str, Any], dialect: Dialect) -> None:
    wanted = body.get("response_format")
    if wanted is None:
        return
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in dialect.formats:
        raise refuse(f"Invalid 'response_format': type {kind!r} is not supported.", code="invalid_value")
    if kind == "json_schema":
        inner = wanted.get("json_schema")
        if not isinstance(inner, dict) or not inner.get("name") or not isinstance(inner.get("schema"), dict):
            raise refuse("Invalid 'response_format': json_schema needs a name and a schema.")
        if inner.get("strict"):
            check_strict(inner["schema"], "response_format")
    if kind == "json_object" and dialect.json_word and "json" not in str(body["messages"]).lower():
        raise refuse("The messages must contain the word 'json' to use response_format json_object.")


def _check_reasoning_model(body: dict[str, Any]) -> None:
    """OpenAI's reasoning models refuse sampling fields and ``max_tokens`` (OpenAI API reference, 2026-11)."""
    if re.match(r"o3|o4-mini", body["model"]) and body.get("stop") is not None:
        raise refuse("Unsupported parameter: 'stop' is not supported with this model.", code="unsupported_parameter")
    relaxed = body.get("reasoning_effort") == "none"
    for name in _GATED:
        if body.get(name) is not None and not (relaxed and name in {"temperature", "top_p", "logprobs"}):
            raise refuse(
                f"Unsupported parameter: '{name}' is not supported with this model.", code="unsupported_parameter"
            )
