"""What Ollama refuses in a chat request. Reading an accepted one, and managing models, is in ``ollama.py``."""

from __future__ import annotations

from typing import Any

from servers.dialects import words
from servers.script import refuse
from servers.view import decoded

FIELDS = words(
    "model messages tools format options stream keep_alive think truncate shift logprobs top_logprobs template"
)
_OPTIONS = words(
    "num_ctx num_predict temperature top_k top_p min_p typical_p seed stop repeat_penalty repeat_last_n"
    " presence_penalty frequency_penalty num_keep num_gpu num_batch main_gpu use_mmap num_thread"
)
_MESSAGE = words("role content thinking images tool_calls tool_name tool_call_id")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM")

Body = dict[str, Any]


def check_request(body: Body) -> None:
    """Refuse a request that the server cannot decode. Unknown fields are refused too, which Ollama lets pass."""
    for name in body:
        if name not in FIELDS:
            raise refuse(f"unknown field {name!r}")
    for name in body.get("options") or {}:
        if name not in _OPTIONS:
            raise refuse(f"invalid option provided: {name!r}")
    _check_options(body.get("options") or {})
    if not isinstance(body.get("stream", True), bool):
        raise refuse("json: cannot unmarshal field ChatRequest.stream into Go value of type bool")
    think = body.get("think")
    if not isinstance(think, bool | None) and think not in {"low", "medium", "high", "max"}:
        raise refuse(f'invalid think value: {think!r} (must be "high", "medium", "low", "max", true, or false)')
    wanted = body.get("format")
    if wanted not in (None, "", "json") and not isinstance(wanted, dict):
        raise refuse(f'invalid format: {wanted!r}; expected "json" or a JSON schema')
    for at, message in enumerate(body.get("messages") or []):
        _check_message(message, f"messages[{at}]")
    _check_tools(body.get("tools") or [])


def _check_options(options: Body) -> None:
    for name, value in options.items():
        if name == "stop":
            right = isinstance(value, list) and all(isinstance(stop, str) for stop in value)
        elif name in words("num_ctx num_predict top_k seed repeat_last_n num_keep num_gpu num_batch num_thread"):
            right = isinstance(value, int) and not isinstance(value, bool)
        else:
            right = isinstance(value, int | float)
        if not right:
            raise refuse(f"option {name!r} has the wrong type")


def _check_message(message: Any, where: str) -> None:
    if not isinstance(message, dict) or message.get("role") not in {"system", "user", "assistant", "tool"}:
        raise refuse(f"{where}: invalid role: must be one of system, user, assistant, tool")
    for name in message:
        if name not in _MESSAGE:
            raise refuse(f"{where}: unknown field {name!r}")
    for name in ("content", "thinking"):
        if not isinstance(message.get(name, ""), str):
            raise refuse(f"{where}: json: cannot unmarshal field Message.{name} into Go value of type string")
    for image in message.get("images") or []:
        if not decoded(image, "", f"{where}.images").startswith(_PICTURES):
            raise refuse(f"{where}: this is not an image that the model can read")
    for call in message.get("tool_calls") or []:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not function.get("name"):
            raise refuse(f"{where}: a tool call needs a function with a name")
        if not isinstance(function.get("arguments", {}), dict):
            raise refuse(f"{where}: json: cannot unmarshal string into Go value of type api.ToolCallFunctionArguments")


def _check_tools(tools: list[Body]) -> None:
    for tool in tools:
        function = tool.get("function")
        if tool.get("type") != "function" or not isinstance(function, dict) or not function.get("name"):
            raise refuse("tools: each needs type function and a function with a name")
        if not isinstance(function.get("parameters", {}), dict):
            raise refuse("tools: parameters must be an object")
