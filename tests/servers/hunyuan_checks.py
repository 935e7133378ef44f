"""What Tencent's Hunyuan API refuses: wrong signatures and requests. Accepted ones are read in ``hunyuan.py``."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from typing import TYPE_CHECKING, Any

from servers.dialects import words
from servers.script import Fault, Refused, refuse
from servers.view import checked_url

if TYPE_CHECKING:
    from servers.listener import Recorded

_FIELDS = words(
    "Model Messages Stream StreamModeration TopP Temperature EnableEnhancement Tools ToolChoice CustomTool SearchInfo"
    " Citation EnableSpeedSearch EnableMultimedia EnableDeepSearch Seed ForceSearchEnhancement Stop"
    " EnableRecommendedQuestions EnableDeepRead WebSearchOptions TopicChoice EnableThinking"
)
_MESSAGE = words("Role Content Contents ToolCallId ToolCalls")  # ReasoningContent must not be sent back (2026-11)
_SIGNED = re.compile(
    r"TC3-HMAC-SHA256 Credential=([^/\s]+)/(\d{4}-\d\d-\d\d)/hunyuan/tc3_request, "
    r"SignedHeaders=content-type;host, Signature=([0-9a-f]{64})"
)

Body = dict[str, Any]


def check_signature(recorded: Recorded, secret_id: str | None, secret_key: str | None) -> None:
    """Refuse a request whose TC3 headers are malformed, or wrong when the secrets are known."""
    headers = recorded.headers
    if headers.get("x-tc-version") != "2023-09-01":
        raise Refused(Fault(400, "InvalidParameter", "The version must be 2023-09-01."))
    if not headers.get("x-tc-timestamp", "").isdigit():
        raise Refused(Fault(400, "MissingParameter", "X-TC-Timestamp is missing."))
    match = _SIGNED.fullmatch(headers.get("authorization", ""))
    if match is None or headers.get("content-type") != "application/json":
        raise Refused(Fault(401, "AuthFailure.InvalidAuthorization", "The Authorization header is malformed."))
    day = time.strftime("%Y-%m-%d", time.gmtime(int(headers["x-tc-timestamp"])))
    if match[2] != day:
        raise Refused(Fault(401, "AuthFailure.SignatureFailure", "The credential's date is not that of the timestamp."))
    if secret_id is not None and match[1] != secret_id:
        raise Refused(Fault(401, "AuthFailure.SecretIdNotFound", "The SecretId is not found."))
    if secret_key is not None and not hmac.compare_digest(match[3], tc3_signature(recorded, secret_key, day)):
        raise Refused(Fault(401, "AuthFailure.SignatureFailure", "The provided credentials could not be validated."))


def tc3_signature(recorded: Recorded, secret_key: str, day: str) -> str:
    """The signature that a request should have (Tencent Cloud API 3.0, signature method v3)."""
    signed = f"content-type:{recorded.headers['content-type']}\nhost:{recorded.headers['host']}\n"
    payload = hashlib.sha256(recorded.body).hexdigest()
    canonical = f"POST\n/\n\n{signed}\ncontent-type;host\n{payload}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"TC3-HMAC-SHA256\n{recorded.headers['x-tc-timestamp']}\n{day}/hunyuan/tc3_request\n{digest}"
    key = f"TC3{secret_key}".encode()
    for part in (day, "hunyuan", "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def check_request(body: Body) -> None:
    """Refuse a ChatCompletions request that the vendor would refuse."""
    if unknown := body.keys() - _FIELDS:
        raise refuse(f"The parameter `{min(unknown)}` is not recognized.", code="UnknownParameter")
    if not body.get("Model"):
        raise refuse("The parameter `Model` is missing.", code="MissingParameter")
    _check_numbers(body)
    messages = body.get("Messages")
    if not isinstance(messages, list) or not 1 <= len(messages) <= 40:
        raise refuse("Messages must have from 1 to 40 messages.")
    for at, message in enumerate(messages):
        _check_message(message, at)
    if messages[-1]["Role"] not in {"user", "tool"}:
        raise refuse("The last message must be of role user or tool.")
    _check_tool_messages(messages)
    _check_tools(body)


def _check_numbers(body: Body) -> None:
    for name, (low, high) in {"TopP": (0, 1), "Temperature": (0, 2), "Seed": (1, 10000)}.items():
        number = body.get(name)
        if number is not None and not (isinstance(number, int | float) and low <= number <= high):
            raise refuse(f"{name} must be from {low} to {high}.", code="InvalidParameterValue")
    for name in ("Stream", "EnableThinking", "StreamModeration", "EnableEnhancement"):
        if not isinstance(body.get(name, False), bool):
            raise refuse(f"{name} must be a boolean.")
    if not isinstance(body.get("Stop", []), list):
        raise refuse("Stop must be a list.")


def _check_message(message: Any, at: int) -> None:
    if not isinstance(message, dict) or message.get("Role") not in {"system", "user", "assistant", "tool"}:
        raise refuse(f"Messages.{at}.Role must be system, user, assistant or tool.")
    if unknown := message.keys() - _MESSAGE:
        raise refuse(f"The parameter `Messages.{at}.{min(unknown)}` is not recognized.", code="UnknownParameter")
    if message["Role"] == "system" and at != 0:
        raise refuse("A system message must be the first.")
    if ("Content" in message) == ("Contents" in message):
        raise refuse(f"Messages.{at}: set one of Content and Contents.")
    if "Content" in message and not isinstance(message["Content"], str):
        raise refuse(f"Messages.{at}.Content must be a string.")
    if message.get("Content") == "" and not message.get("ToolCalls"):
        raise refuse(f"Messages.{at}.Content must not be empty.")
    for part in message.get("Contents", []):
        _check_part(part, f"Messages.{at}.Contents")


def _check_part(part: Body, where: str) -> None:
    inner = {"text": "Text", "image_url": "ImageUrl", "video_url": "VideoUrl", "video_frames": "VideoFrames"}
    name = inner.get(str(part.get("Type")))
    if name is None or part.keys() != {"Type", name}:
        raise refuse(f"{where}: a part has Type and just the field of that type.")
    if name in {"ImageUrl", "VideoUrl"}:
        checked_url(part[name].get("Url"), where)


def _check_tool_messages(messages: list[Body]) -> None:
    called: set[str] = set()
    for at, message in enumerate(messages):
        if message["Role"] == "tool":
            if message.get("ToolCallId") not in called:
                raise refuse(f"Messages.{at}: a tool message must answer a tool call before it.")
            called.discard(message["ToolCallId"])
        elif called:
            raise refuse(f"Messages.{at}: tool calls without an answer: {', '.join(sorted(called))}.")
        for call in message.get("ToolCalls", []):
            function = call.get("Function") or {}
            if call.get("Type") != "function" or not call.get("Id") or not isinstance(function.get("Arguments"), str):
                raise refuse(f"Messages.{at}: a tool call needs Id, Type and a Function with Arguments as a string.")
            called.add(call["Id"])


def _check_tools(body: Body) -> None:
    tools = body.get("Tools", [])
    for at, tool in enumerate([*tools, *([body["CustomTool"]] if "CustomTool" in body else [])]):
        function = tool.get("Function") or {}
        if tool.get("Type") != "function" or not function.get("Name"):
            raise refuse(f"Tools.{at}: needs Type function and a Function with a Name.")
        if not isinstance(function.get("Parameters"), str) or not _is_object(function["Parameters"]):
            raise refuse(f"Tools.{at}.Function.Parameters must be a JSON object as a string.")
    choice = body.get("ToolChoice", "auto")
    if choice not in {"none", "auto", "custom"} or ("ToolChoice" in body and not tools):
        raise refuse("ToolChoice must be none, auto or custom, and needs Tools.")
    if (choice == "custom") != ("CustomTool" in body):
        raise refuse("CustomTool goes with ToolChoice custom.")


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
