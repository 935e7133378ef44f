"""What the Gemini API refuses in a request. Reading an accepted one is in ``gemini.py``."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from servers.dialects import words
from servers.script import refuse
from servers.view import decoded

FIELDS = words("contents systemInstruction generationConfig tools toolConfig safetySettings cachedContent labels model")
_CONFIG = words(
    "temperature topP topK candidateCount maxOutputTokens stopSequences seed presencePenalty frequencyPenalty"
    " responseMimeType responseSchema responseJsonSchema responseLogprobs logprobs responseModalities mediaResolution"
    " thinkingConfig speechConfig enableEnhancedCivicAnswers"
)
_DATA = words("text inlineData fileData functionCall functionResponse executableCode codeExecutionResult")
_PART = _DATA | words("thought thoughtSignature videoMetadata mediaResolution partMetadata")
_INNER = {
    "inlineData": words("mimeType data displayName"),
    "fileData": words("mimeType fileUri displayName"),
    "functionCall": words("id name args"),
    "functionResponse": words("id name response parts willContinue scheduling"),
}
_OPAQUE = words("args response parameters parametersJsonSchema responseSchema responseJsonSchema labels")
_DECLARATION = words("name description parameters parametersJsonSchema response responseJsonSchema behavior")
_OPENAPI = words(
    "type format title description nullable enum maxItems minItems properties required minProperties maxProperties"
    " minLength maxLength pattern example anyOf propertyOrdering default items minimum maximum"
)
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
_MIME = re.compile(r"image/(png|jpeg|webp|heic|heif)|audio/.+|video/.+|application/(pdf|json)|text/.+")
_BUDGETS = {"gemini-2.5-pro": (128, 32768), "gemini-2.5-flash-lite": (512, 24576), "gemini-2.5-flash": (0, 24576)}
_REFUSED_LEVELS = (
    (r"gemini-3-pro", "MINIMAL MEDIUM XHIGH"),
    (r"gemini-3\.\d+-pro|gemini-3\.[78]-flash(-\d|$)", "MINIMAL XHIGH"),  # Google's guide to 3.8 Flash, 2026-10
)
_BLOCKED = re.compile(r"HARM_CATEGORY_[A-Z_]+")

Body = dict[str, Any]


def camel(value: Any) -> Any:
    """The JSON with field names in camel case, since the vendor takes both; schemas and arguments stay as they are."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    renamed = {re.sub(r"_([a-z])", lambda match: match[1].upper(), name): inner for name, inner in value.items()}
    return {name: inner if name in _OPAQUE else camel(inner) for name, inner in renamed.items()}


def check_request(body: Body, model: str) -> None:
    """Refuse a generateContent request (in camel case) that the vendor would refuse."""
    _known(body, FIELDS, "")
    check_contents(body.get("contents"))
    system = body.get("systemInstruction")
    if system is not None:
        _check_parts(system.get("parts"), words("text"), "system_instruction")
    names = _check_tools(body.get("tools", []))
    _check_choice(body.get("toolConfig"), names)
    config = body.get("generationConfig") or {}
    _check_config(config)
    _check_thinking(config.get("thinkingConfig"), model)
    if names and config.get("responseMimeType") == "application/json" and model.startswith(("gemini-1", "gemini-2")):
        raise refuse("Function calling with a response mime type: 'application/json' is unsupported")
    for setting in body.get("safetySettings", []):
        if not _BLOCKED.fullmatch(str(setting.get("category"))) or "threshold" not in setting:
            raise refuse("safety_settings: expected a category HARM_CATEGORY_… and a threshold")


def _known(value: Body, names: frozenset[str], where: str) -> None:
    for name in value:
        if name not in names:
            place = f" at '{where}'" if where else ""
            raise refuse(f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.')


def check_contents(contents: Any) -> None:
    """Refuse malformed contents, and function responses that do not follow their calls."""
    if not isinstance(contents, list) or not contents:
        raise refuse("* GenerateContentRequest.contents: contents is not specified")
    calls: list[Body] = []
    for at, content in enumerate(contents):
        where = f"contents[{at}]"
        _known(content, words("role parts"), where)
        if content.get("role", "user") not in {"user", "model"}:
            raise refuse("Please use a valid role: user, model.")
        _check_parts(content.get("parts"), _DATA, where)
        responses = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
        _check_answers(calls, responses)
        calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        if calls and content.get("role") != "model":
            raise refuse(f"{where}: function calls are said by the model")
        if calls and at == 0:
            raise refuse("Please ensure that function call turn comes immediately after a user turn.")
    if contents[-1].get("role", "user") == "model" and calls:
        raise refuse("The function calls of the last turn have no function response.")


def _check_answers(calls: list[Body], responses: list[Body]) -> None:
    if responses and not calls:
        raise refuse("Please ensure that function response turn comes immediately after a function call turn.")
    if len(responses) != len(calls):
        raise refuse(
            "Please ensure that the number of function response parts is equal to the number of function call parts"
            " of the function call turn."
        )
    if sorted(call["name"] for call in calls) != sorted(response["name"] for response in responses):
        raise refuse("Please ensure that the names of the function responses are those of the function calls.")
    ids = {call["id"] for call in calls if "id" in call}
    if ids and ids != {response.get("id") for response in responses}:
        raise refuse("Please ensure that each function response has the id of its function call.")


def _check_parts(parts: Any, kinds: frozenset[str], where: str) -> None:
    if not isinstance(parts, list) or not parts:
        raise refuse(f"{where}.parts: must not be empty")
    for at, part in enumerate(parts):
        _check_part(part, kinds, f"{where}.parts[{at}]")


def _check_part(part: Any, kinds: frozenset[str], where: str) -> None:
    _known(part, _PART, where)
    data = _DATA & part.keys()
    if len(data) != 1 or not data <= kinds:
        raise refuse(f"{where}: required oneof field 'data' must have one initialized field")
    kind = next(iter(data))
    if "thoughtSignature" in part:
        as_bytes(part["thoughtSignature"], f"{where}.thought_signature")
    if kind == "text":
        if not isinstance(part["text"], str) or not (part["text"] or "thoughtSignature" in part):
            raise refuse(f"{where}: the text must not be empty")
        return
    _known(part[kind], _INNER.get(kind, frozenset(part[kind])), f"{where}.{kind}")
    _check_data(kind, part[kind], where)


def _check_data(kind: str, data: Body, where: str) -> None:
    if kind == "inlineData":
        if not _MIME.fullmatch(data.get("mimeType", "")):
            raise refuse(f"Unsupported MIME type: {data.get('mimeType')}")
        content = as_bytes(data.get("data"), f"{where}.inline_data.data")
        decoded(base64.b64encode(content).decode(), data["mimeType"], where)
    elif kind == "fileData":
        if not str(data.get("fileUri")).startswith(("https://", "gs://", "http://")):
            raise refuse(f"{where}: Invalid or unsupported file uri: {data.get('fileUri')}")
    elif kind in {"functionCall", "functionResponse"}:
        inner = data.get("args", {}) if kind == "functionCall" else data.get("response")
        if not isinstance(data.get("name"), str) or not _NAME.fullmatch(data["name"]):
            raise refuse(f"{where}: Invalid function name {data.get('name')!r}")
        if not isinstance(inner, dict):
            raise refuse(f"Invalid value at '{where}.{kind}' (type.googleapis.com/google.protobuf.Struct)")


def as_bytes(text: Any, where: str) -> bytes:
    """The bytes of base64 in either alphabet, with or without padding, as the vendor takes them."""
    try:
        plain = text.replace("-", "+").replace("_", "/").rstrip("=")
        data = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (AttributeError, binascii.Error, ValueError):
        raise refuse(f"Invalid value at '{where}' (TYPE_BYTES), Base64 decoding failed") from None
    if not data:
        raise refuse(f"{where}: the data must not be empty")
    return data


def _check_tools(tools: list[Body]) -> list[str]:
    names = []
    for at, tool in enumerate(tools):
        for place, declaration in enumerate(tool.get("functionDeclarations", [])):
            where = f"tools[{at}].function_declarations[{place}]"
            _known(declaration, _DECLARATION, where)
            if not isinstance(declaration.get("name"), str) or not _NAME.fullmatch(declaration["name"]):
                raise refuse(f"{where}.name: Invalid function name {declaration.get('name')!r}")
            if {"parameters", "parametersJsonSchema"} <= declaration.keys():
                raise refuse(f"{where}: set only one of parameters and parameters_json_schema")
            if "parameters" in declaration:
                _check_openapi(declaration["parameters"], f"{where}.parameters")
            names.append(declaration["name"])
    if len(names) != len(set(names)):
        raise refuse("Duplicate function declaration found")
    return names


def _check_openapi(schema: Any, where: str) -> None:
    if not isinstance(schema, dict):
        raise refuse(f"Invalid value at '{where}', expected a schema")
    schema = {re.sub(r"_([a-z])", lambda match: match[1].upper(), name): inner for name, inner in schema.items()}
    _known(schema, _OPENAPI, where)
    if not isinstance(schema.get("type", ""), str):
        raise refuse(f"Invalid value at '{where}.type': expected one type")
    if schema.get("type", "").lower() == "object" and not schema.get("properties"):
        raise refuse(f"{where}.properties: should be non-empty for OBJECT type")
    if schema.get("type", "").lower() == "array" and "items" not in schema:
        raise refuse(f"{where}.items: missing field.")
    for name, inner in schema.get("properties", {}).items():
        _check_openapi(inner, f"{where}.properties[{name}]")
    for inner in [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]:
        _check_openapi(inner, where)


def _check_choice(config: Any, names: list[str]) -> None:
    choice = (config or {}).get("functionCallingConfig") or {}
    _known(choice, words("mode allowedFunctionNames"), "tool_config.function_calling_config")
    allowed = choice.get("allowedFunctionNames", [])
    if choice.get("mode", "AUTO") not in words("AUTO ANY NONE VALIDATED"):
        raise refuse(f"Invalid value at 'tool_config.function_calling_config.mode': {choice['mode']!r}")
    if allowed and choice.get("mode") not in {"ANY", "VALIDATED"}:
        raise refuse("Allowed function names may only be set with mode ANY.")
    if choice.get("mode") == "ANY" and not names:
        raise refuse("Function calling mode ANY needs function declarations.")
    if set(allowed) - set(names):
        raise refuse(f"Allowed function names not declared: {', '.join(sorted(set(allowed) - set(names)))}")


def _check_config(config: Body) -> None:
    _known(config, _CONFIG, "generation_config")
    for name, (low, high) in {"temperature": (0, 2), "topP": (0, 1), "candidateCount": (1, 8)}.items():
        number = config.get(name)
        if number is not None and not (isinstance(number, int | float) and low <= number <= high):
            raise refuse(f"generation_config.{name}: must be in the range [{low}, {high}]")
    limit = config.get("maxOutputTokens", 1)
    if not isinstance(limit, int) or limit < 1:
        raise refuse("generation_config.max_output_tokens: must be positive")
    if len(config.get("stopSequences", [])) > 5:
        raise refuse("generation_config.stop_sequences: at most 5 are allowed")
    schemas = {"responseSchema", "responseJsonSchema"} & config.keys()
    if len(schemas) > 1:
        raise refuse("generation_config: set only one of response_schema and response_json_schema")
    if schemas and config.get("responseMimeType") not in {"application/json", "text/x.enum"}:
        raise refuse("generation_config.response_schema: needs response_mime_type application/json")
    if config.get("logprobs") is not None and not config.get("responseLogprobs"):
        raise refuse("generation_config.logprobs: needs response_logprobs")


def _check_thinking(thinking: Any, model: str) -> None:
    if thinking is None:
        return
    _known(thinking, words("includeThoughts thinkingBudget thinkingLevel"), "generation_config.thinking_config")
    budget, level = thinking.get("thinkingBudget"), thinking.get("thinkingLevel")
    if budget is not None and level is not None:
        raise refuse("You can only set only one of thinking budget and thinking level.")
    if re.match(r"gemini-(1|2\.0)", model):
        raise refuse("Thinking is not supported for this model.")
    if level is not None:
        _check_level(level, model)
    for name, (low, high) in _BUDGETS.items():
        if model.startswith(name) and budget is not None:
            off = budget == 0 and name != "gemini-2.5-pro"
            if budget != -1 and not off and not low <= budget <= high:
                raise refuse(f"The thinking budget {budget} is invalid, choose one between {low} and {high}.")
            return


def _check_level(level: Any, model: str) -> None:
    if level not in words("MINIMAL LOW MEDIUM HIGH XHIGH"):
        raise refuse(f"Invalid value at 'generation_config.thinking_config.thinking_level': {level!r}")
    if model.startswith("gemini-2"):
        raise refuse("Thinking level is not supported for this model.")
    refused = next((levels for pattern, levels in _REFUSED_LEVELS if re.match(pattern, model)), "")
    if level in words(refused):
        raise refuse(f"Thinking level {level} is not supported for this model.")
