"""What the Anthropic Messages API refuses in a request. Reading an accepted one is in ``anthropic.py``."""

from __future__ import annotations

import re
from typing import Any

from servers.dialects import words
from servers.openai_checks import check_fields
from servers.script import refuse
from servers.view import checked_url, decoded

FIELDS = words(
    "model max_tokens system messages stop_sequences temperature top_p top_k metadata stream thinking output_config"
    " tools tool_choice service_tier container mcp_servers context_management cache_control"
)
_BLOCKS = {
    "text": words("text citations cache_control"),
    "image": words("source cache_control"),
    "document": words("source title context citations cache_control"),
    "tool_use": words("id name input cache_control caller"),
    "tool_result": words("tool_use_id content is_error cache_control"),
    "thinking": words("thinking signature"),
    "redacted_thinking": words("data"),
}
_OF_ROLE = {
    "user": words("text image document tool_result"),
    "assistant": words("text tool_use thinking redacted_thinking"),
    "result": words("text image document"),
}
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_VENDOR_TOOL = re.compile(r"(web_search|web_fetch|computer|bash|text_editor|code_execution|memory|tool_search)_")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")

# Model gates of the vendor's documentation, 2026-10.
_ADAPTIVE_ONLY = re.compile(r"claude-(opus-5|opus-4-[78]|sonnet-5|fable-5)")
_ONE_SAMPLING = re.compile(r"claude-.*-4-5")
_MOST_OUTPUT = {r"claude-3-haiku": 4096, r"claude-opus-4-1": 32_000, r"claude-.*-4-5|claude-sonnet-4-2": 64_000}

Body = dict[str, Any]


def check_request(body: Body) -> None:
    """Refuse a Messages request that the vendor would refuse."""
    check_fields(body, FIELDS)
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise refuse("model: Field required")
    _check_limits(body)
    check_conversation(body)
    _check_thinking(body)


def check_conversation(body: Body) -> None:
    """Refuse malformed messages, system blocks and tools; all that a token count takes."""
    _check_system(body.get("system"))
    _check_messages(body.get("messages"))
    _check_tools(body)


def _check_limits(body: Body) -> None:
    limit = body.get("max_tokens")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise refuse("max_tokens: Field required, an integer of at least 1")
    for pattern, most in _MOST_OUTPUT.items():
        if re.match(pattern, body["model"]) and limit > most:
            raise refuse(f"max_tokens: {limit} is more than {most}, the most that {body['model']} can write")
    for name in ("temperature", "top_p"):
        number = body.get(name)
        if number is not None and not (isinstance(number, int | float) and 0 <= number <= 1):
            raise refuse(f"{name}: must be a number from 0 to 1")
    stops = body.get("stop_sequences", [])
    if not isinstance(stops, list) or not all(isinstance(stop, str) and stop.strip() for stop in stops):
        raise refuse("stop_sequences: each stop sequence must contain non-whitespace")
    if body.get("metadata", {}).keys() - {"user_id"}:
        raise refuse("metadata: Extra inputs are not permitted")
    if not isinstance(body.get("stream", False), bool):
        raise refuse("stream: must be a boolean")


def _check_system(system: Any) -> None:
    if system is None or isinstance(system, str):
        return
    for at, block in enumerate(system):
        _check_block(block, words("text"), f"system.{at}")


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise refuse("messages: at least one message is required")
    for at, message in enumerate(messages):
        where = f"messages.{at}"
        if not isinstance(message, dict) or message.keys() != {"role", "content"}:
            raise refuse(f"{where}: expected just role and content")
        if message["role"] not in {"user", "assistant"}:
            raise refuse(f"{where}.role: must be user or assistant; system is a parameter of its own")
        _check_content(message["content"], _OF_ROLE[message["role"]], f"{where}.content")
    if messages[0]["role"] != "user":
        raise refuse("messages: the first message must use the user role")
    _check_tool_loop(merged(messages))
    _check_prefill(messages[-1])


def _check_prefill(last: Body) -> None:
    if last["role"] != "assistant":
        return
    text = last["content"] if isinstance(last["content"], str) else last["content"][-1].get("text", "")
    if text != text.rstrip():
        raise refuse("messages: final assistant content cannot end with trailing whitespace")


def merged(messages: list[Body]) -> list[Body]:
    """The messages with block lists for contents, neighbours of one role joined, as the vendor reads them."""
    turns: list[Body] = []
    for message in messages:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1]["content"] = [*turns[-1]["content"], *blocks]
        else:
            turns.append({"role": message["role"], "content": blocks})
    return turns


def _check_content(content: Any, kinds: frozenset[str], where: str) -> None:
    if isinstance(content, str):
        if not content.strip():
            raise refuse(f"{where}: text content must not be empty")
        return
    if not isinstance(content, list) or not content:
        raise refuse(f"{where}: expected a text or a non-empty list of blocks")
    for at, block in enumerate(content):
        _check_block(block, kinds, f"{where}.{at}")


def _check_block(block: Any, kinds: frozenset[str], where: str) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in kinds:
        raise refuse(f"{where}: found block type {kind!r}, expected one of {', '.join(sorted(kinds))}")
    if extra := block.keys() - _BLOCKS[kind] - {"type"}:
        raise refuse(f"{where}.{min(extra)}: Extra inputs are not permitted")
    check = _BLOCK_CHECKS.get(kind)
    if check is not None:
        check(block, where)


def _check_text(block: Body, where: str) -> None:
    if not isinstance(block.get("text"), str) or not block["text"].strip():
        raise refuse(f"{where}: text content blocks must be non-empty")


def _check_image(block: Body, where: str) -> None:
    source = block.get("source") or {}
    if source.get("type") == "base64":
        if source.get("media_type") not in _IMAGES:
            raise refuse(f"{where}.source.media_type: must be one of {', '.join(_IMAGES)}")
        decoded(source.get("data"), source["media_type"], f"{where}.source.data")
    elif source.get("type") == "url":
        checked_url(source.get("url") if "data:" not in str(source.get("url")) else None, f"{where}.source.url")
    elif source.get("type") != "file" or not source.get("file_id"):
        raise refuse(f"{where}.source: expected base64, url or file")


def _check_document(block: Body, where: str) -> None:
    source = block.get("source") or {}
    kind = source.get("type")
    if kind == "base64" and source.get("media_type") == "application/pdf":
        decoded(source.get("data"), "application/pdf", f"{where}.source.data")
    elif kind == "text" and source.get("media_type") == "text/plain" and source.get("data"):
        return
    elif kind == "content":
        _check_content(source.get("content"), words("text image"), f"{where}.source.content")
    elif kind == "url":
        checked_url(source.get("url"), f"{where}.source.url")
    elif kind != "file" or not source.get("file_id"):
        raise refuse(f"{where}.source: expected a PDF in base64, plain text, content, url or file")


def _check_tool_use(block: Body, where: str) -> None:
    if not isinstance(block.get("id"), str) or not _ID.fullmatch(block["id"]):
        raise refuse(f"{where}.id: must match ^[a-zA-Z0-9_-]+$")
    if not isinstance(block.get("name"), str) or not _TOOL_NAME.fullmatch(block["name"]):
        raise refuse(f"{where}.name: must match ^[a-zA-Z0-9_-]{{1,128}}$")
    if not isinstance(block.get("input"), dict):
        raise refuse(f"{where}.input: must be an object")


def _check_tool_result(block: Body, where: str) -> None:
    if not isinstance(block.get("tool_use_id"), str):
        raise refuse(f"{where}.tool_use_id: Field required")
    content = block.get("content")
    if isinstance(content, list):
        for at, inner in enumerate(content):
            _check_block(inner, _OF_ROLE["result"], f"{where}.content.{at}")
    elif not isinstance(content, str | None):
        raise refuse(f"{where}.content: expected a text or blocks")


def _check_thinking_block(block: Body, where: str) -> None:
    for name in ("thinking", "signature"):
        if not isinstance(block.get(name), str):
            raise refuse(f"{where}.{name}: Field required")


_BLOCK_CHECKS = {
    "text": _check_text,
    "image": _check_image,
    "document": _check_document,
    "tool_use": _check_tool_use,
    "tool_result": _check_tool_result,
    "thinking": _check_thinking_block,
}


def _check_tool_loop(turns: list[Body]) -> None:
    called: list[str] = []
    for at, turn in enumerate(turns):
        results = [block.get("tool_use_id") for block in turn["content"] if block["type"] == "tool_result"]
        first = [block["type"] == "tool_result" for block in turn["content"][: len(results)]]
        if called and not (set(called) <= set(results) and all(first)):
            raise refuse(
                f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after:"
                f" {', '.join(sorted(set(called) - set(results))) or 'the results must come first in the content'}"
            )
        if set(results) - set(called) or len(results) != len(set(results)):
            raise refuse(f"messages.{at}: each `tool_result` must answer one `tool_use` of the message before it")
        called = [block["id"] for block in turn["content"] if block["type"] == "tool_use"]
        if len(called) != len(set(called)):
            raise refuse(f"messages.{at}: `tool_use` ids must be unique")
    if called:
        raise refuse("messages: the last `tool_use` has no `tool_result`")


def _check_tools(body: Body) -> None:
    tools, choice = body.get("tools", []), body.get("tool_choice")
    names = [_tool_name(tool, f"tools.{at}") for at, tool in enumerate(tools)]
    if len(names) != len(set(names)):
        raise refuse("tools: Tool names must be unique.")
    if choice is None:
        return
    if not tools:
        raise refuse("tool_choice: may only be given together with tools")
    if choice.keys() - words("type name disable_parallel_tool_use"):
        raise refuse("tool_choice: Extra inputs are not permitted")
    if choice.get("type") not in {"auto", "any", "tool", "none"}:
        raise refuse("tool_choice.type: must be auto, any, tool or none")
    if (choice["type"] == "tool") != ("name" in choice) or choice.get("name", names[0]) not in names:
        raise refuse("tool_choice.name: must be the name of a tool, with type tool only")


def _tool_name(tool: Any, where: str) -> str:
    if _VENDOR_TOOL.match(str(tool.get("type"))):
        return str(tool.get("name"))
    if tool.get("type", "custom") != "custom":
        raise refuse(f"{where}: Input tag {tool['type']!r} does not match any of the expected tags")
    extra = tool.keys() - words(
        "type name description input_schema strict cache_control eager_input_streaming defer_loading"
        " allowed_callers input_examples"
    )
    if extra:
        raise refuse(f"{where}.{min(extra)}: Extra inputs are not permitted")
    if not isinstance(tool.get("name"), str) or not _TOOL_NAME.fullmatch(tool["name"]):
        raise refuse(f"{where}.name: must match ^[a-zA-Z0-9_-]{{1,128}}$")
    schema = tool.get("input_schema")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise refuse(f"{where}.input_schema.type: Field required, must be object")
    return str(tool["name"])


def _check_thinking(body: Body) -> None:
    thinking, newest = body.get("thinking"), _ADAPTIVE_ONLY.match(body["model"])
    sampling = [name for name in ("temperature", "top_p", "top_k") if body.get(name) is not None]
    if newest and sampling:
        raise refuse(f"{sampling[0]}: not supported by {body['model']}")
    if _ONE_SAMPLING.match(body["model"]) and {"temperature", "top_p"} <= set(sampling):
        raise refuse("temperature and top_p cannot both be specified for this model")
    _check_output_config(body.get("output_config") or {})
    if thinking is None or thinking.get("type") == "disabled":
        return
    if thinking.get("type") not in {"enabled", "adaptive"}:
        raise refuse("thinking.type: must be enabled, adaptive or disabled")
    if thinking["type"] == "enabled":
        _check_budget(body, thinking, newest=newest is not None)
    if (body.get("tool_choice") or {}).get("type") in {"any", "tool"}:
        raise refuse("Thinking may not be enabled when tool_choice forces tool use.")
    if body["messages"][-1]["role"] == "assistant":
        raise refuse("messages: a prefilled answer is not allowed with thinking")


def _check_budget(body: Body, thinking: Body, *, newest: bool) -> None:
    budget = thinking.get("budget_tokens")
    if newest:
        raise refuse(f"thinking.type: enabled is not supported by {body['model']}, use adaptive")
    if not isinstance(budget, int) or budget < 1024:
        raise refuse("thinking.enabled.budget_tokens: must be at least 1024")
    if budget >= body["max_tokens"]:
        raise refuse("max_tokens: must be greater than thinking.budget_tokens")
    if body.get("temperature", 1) != 1 or body.get("top_k") is not None:
        raise refuse("temperature may only be 1, and top_k may not be set, when thinking is enabled")


def _check_output_config(config: Body) -> None:
    check_fields(config, words("effort format task_budget"))
    if config.get("effort", "low") not in words("low medium high xhigh max"):
        raise refuse("output_config.effort: must be low, medium, high, xhigh or max")
    wanted = config.get("format")
    if wanted is None:
        return
    if wanted.get("type") != "json_schema" or not isinstance(wanted.get("schema"), dict):
        raise refuse("output_config.format: expected type json_schema and a schema")
    _check_closed(wanted["schema"])


def _check_closed(schema: Any) -> None:
    if isinstance(schema, list):
        for item in schema:
            _check_closed(item)
    if isinstance(schema, dict):
        if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
            raise refuse("output_config.format.schema: for type object, additionalProperties must be set to false")
        for inner in schema.values():
            _check_closed(inner)
