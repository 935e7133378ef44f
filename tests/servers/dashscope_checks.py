"""What Aliyun's native DashScope API refuses in a request. Reading an accepted one is in ``dashscope.py``."""

from __future__ import annotations

import re
from typing import Any

from servers.dialects import words
from servers.openai_checks import check_answers, check_tools
from servers.script import Refused, refuse
from servers.view import checked_url

_PARAMETERS = words(
    "result_format incremental_output max_tokens temperature top_p top_k seed stop repetition_penalty presence_penalty"
    " enable_thinking thinking_budget tools tool_choice parallel_tool_calls response_format logprobs top_logprobs n"
    " enable_search search_options vl_high_resolution_images"
)
_MESSAGE = words("role content name tool_calls tool_call_id reasoning_content partial")
_PART_EXTRAS = words("min_pixels max_pixels cache_control fps")
_MULTIMODAL = re.compile(r"-vl\b|-vl-|-omni|^qvq|-audio|-ocr")
_TEXT_ONLY = re.compile(r"qwen-(plus|max|turbo)|qwen3-max|qwen\d?-\d+b|deepseek")
_OPEN_HYBRID = re.compile(r"qwen3-\d+(\.\d+)?b")
_URLS = ("http://", "https://", "oss://")

Body = dict[str, Any]


def invalid(message: str) -> Refused:
    """The vendor's usual refusal."""
    return refuse(f"<400> InternalError.Algo.InvalidParameter: {message}", code="InvalidParameter")


def check_request(body: Body, headers: dict[str, str], *, multimodal: bool, stream: bool) -> None:
    """Refuse a generation request that the vendor would refuse."""
    if unknown := body.keys() - {"model", "input", "parameters"}:
        raise invalid(f"unknown field {min(unknown)!r}")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise invalid("Field required: model")
    if (_TEXT_ONLY if multimodal else _MULTIMODAL).search(body["model"]):
        raise refuse("url error, please check url!", code="InvalidParameter")
    given = body.get("input")
    if not isinstance(given, dict) or given.keys() != {"messages"} or not given["messages"]:
        raise invalid("Field required: input.messages")
    for at, message in enumerate(given["messages"]):
        _check_message(message, multimodal=multimodal, where=f"input.messages.{at}")
        _check_oss(message, headers)
    check_answers(given["messages"])
    check_parameters(body.get("parameters") or {}, body["model"], stream=stream)


def _check_message(message: Any, *, multimodal: bool, where: str) -> None:
    if not isinstance(message, dict) or message.get("role") not in words("system user assistant tool"):
        raise invalid(f"{where}.role: must be system, user, assistant or tool")
    if unknown := message.keys() - _MESSAGE:
        raise invalid(f"{where}: unknown field {min(unknown)!r}")
    content = message.get("content")
    if isinstance(content, str) and not (multimodal and message["role"] == "user"):
        return
    if not multimodal:
        raise invalid(f"Input should be a valid string: {where}.content")
    if not isinstance(content, list) or not content:
        raise invalid(f"Input should be a non-empty list: {where}.content")
    for part in content:
        _check_part(part, where)


def _check_part(part: Any, where: str) -> None:
    kinds = [] if not isinstance(part, dict) else [name for name in part if name not in _PART_EXTRAS]
    if len(kinds) != 1 or kinds[0] not in {"text", "image", "audio", "video"}:
        raise invalid(f"{where}.content: each part has one of text, image, audio, video")
    value = part[kinds[0]]
    if kinds[0] == "text":
        if not isinstance(value, str):
            raise invalid(f"{where}.content: text must be a string")
        return
    for url in value if isinstance(value, list) and kinds[0] == "video" else [value]:
        checked_url(url, f"{where}.content.{kinds[0]}", schemes=_URLS)


def _check_oss(message: Body, headers: dict[str, str]) -> None:
    if "oss://" in str(message.get("content")) and headers.get("x-dashscope-ossresourceresolve") != "enable":
        raise invalid("an oss:// URL needs the header X-DashScope-OssResourceResolve: enable")


def check_parameters(parameters: Body, model: str, *, stream: bool) -> None:
    """Refuse parameters that are unknown, out of range or do not go together."""
    if unknown := parameters.keys() - _PARAMETERS:
        raise invalid(f"unknown parameter {min(unknown)!r}")
    if parameters.get("result_format", "message") not in {"message", "text"}:
        raise invalid("parameters.result_format: must be message or text")
    ranges = {"temperature": (0, 1.999_999), "top_p": (1e-9, 1), "max_tokens": (1, 1 << 20), "top_k": (0, 1 << 20)}
    for name, (low, high) in ranges.items():
        number = parameters.get(name, low)
        if not isinstance(number, int | float) or isinstance(number, bool) or not low <= number <= high:
            raise invalid(f"Range of {name} should be [{low}, {high}]")
    check_tools(parameters, frozenset({"auto", "none", "function"}))
    wanted = parameters.get("response_format") or {"type": "text"}
    if wanted.get("type") not in {"text", "json_object", "json_schema"}:
        raise invalid("parameters.response_format.type: must be text, json_object or json_schema")
    _check_thinking(parameters, model, stream=stream)


def _check_thinking(parameters: Body, model: str, *, stream: bool) -> None:
    thinking = parameters.get("enable_thinking")
    if not isinstance(thinking, bool | None):
        raise invalid("parameters.enable_thinking: must be a boolean")
    if not stream and _OPEN_HYBRID.search(model) and thinking is not False:
        raise invalid("parameter.enable_thinking must be set to false for non-streaming calls")
    if stream and thinking and not parameters.get("incremental_output", True):
        raise invalid('The incremental_output parameter must be "true" when enable_thinking is true')
