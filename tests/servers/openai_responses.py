"""The OpenAI Responses API beside Chat Completions, whose models and embeddings it shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from servers.base import Answer, Call, Fault, Recorded, Reply, Routes, chat_route, sse
from servers.openai_chat import OpenAIChatServer, arguments_text
from servers.responses_checks import ARK_FIELDS, FIELDS, check_request
from servers.script import pieces, refuse
from servers.view import Result, ToolSpec, Turn, View, parsed_arguments

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

_MEDIA = {"input_image": "image", "input_file": "document"}
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
_ENCRYPTED = "reasoning.encrypted_content"


class OpenAIResponsesServer(OpenAIChatServer):
    """``POST /responses``; ``dialect="volcengine"`` takes Ark's further fields.

    With ``demand_reasoning`` a function call must come back behind the reasoning item that it came with.
    """

    routes: ClassVar[Routes] = (("POST", r"/responses", "respond_to"), *OpenAIChatServer.routes)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._reasoned: dict[str, str] = {}

    @chat_route
    def respond_to(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST /responses``."""
        body = self.json_body(recorded)
        check_request(body, ARK_FIELDS if self.dialect.name == "volcengine" else FIELDS)
        if "no-such-model" in body["model"]:
            raise refuse(f"The model `{body['model']}` does not exist.", status=404, code="model_not_found")
        body = {name: value for name, value in body.items() if value is not None}
        if self.demand_reasoning and isinstance(body["input"], list):
            self._check_reasoned(body["input"])
        return self.converse(body, view_of(body), recorded)

    def _check_reasoned(self, items: list[dict[str, Any]]) -> None:
        encrypted = None
        for item in items:
            kind = item.get("type", "message")
            if kind == "reasoning":
                encrypted = item.get("encrypted_content")
            elif kind == "function_call" and self._reasoned.get(item["call_id"], encrypted) != encrypted:
                name = item["call_id"]
                raise refuse(
                    f"Item '{name}' of type 'function_call' was provided without its required 'reasoning' item."
                )
            elif kind == "function_call_output" or (kind == "message" and item.get("role") == "user"):
                encrypted = None

    # Answers: a body with ``input`` is a Responses request, any other a chat

    def reply(self, reply: Reply, body: dict[str, Any], view: View) -> Any:
        if "input" not in body:
            return super().reply(reply, body, view)
        return self._response(reply, self._begun(body, self._identity()), list(self._items(reply, body)))

    def _identity(self) -> str:
        return f"resp_{self.number():08d}"

    def _response(self, reply: Reply, begun: dict[str, Any], output: list[Any]) -> dict[str, Any]:
        reason = _INCOMPLETE.get(str(reply.finish))
        return {
            **begun,
            "status": "incomplete" if reason else "completed",
            "incomplete_details": {"reason": reason} if reason else None,
            "output": output,
            "usage": _usage(reply),
        }

    def _begun(self, body: dict[str, Any], identity: str) -> dict[str, Any]:
        return {
            "id": identity,
            "object": "response",
            "created_at": 1_795_000_000,
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "instructions": body.get("instructions"),
            "metadata": body.get("metadata", {}),
            "model": body["model"],
            "output": [],
            "parallel_tool_calls": body.get("parallel_tool_calls", True),
            "reasoning": {"effort": None, "summary": None} | body.get("reasoning", {}),
            "store": body.get("store", True),
            "temperature": body.get("temperature", 1.0),
            "text": {"format": {"type": "text"}} | body.get("text", {}),
            "tool_choice": body.get("tool_choice", "auto"),
            "tools": body.get("tools", []),
            "top_p": body.get("top_p", 1.0),
            "usage": None,
        }

    def _items(self, reply: Reply, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if reply.reasoning:
            yield self._thought(reply, body)
        if reply.text or not reply.tool_calls:
            part = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
            message = {"type": "message", "status": "completed", "role": "assistant", "content": [part]}
            yield {"id": f"msg_{self.number():08d}", **message}
        for call in reply.tool_calls:
            facts = {"call_id": call.id, "name": call.name, "arguments": arguments_text(call), "status": "completed"}
            yield {"id": f"fc_{self.number():08d}", "type": "function_call", **facts}

    def _thought(self, reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
        number = self.number()
        summary = [{"type": "summary_text", "text": reply.reasoning}]
        item: dict[str, Any] = {"id": f"rs_{number:08d}", "type": "reasoning", "summary": summary}
        if _ENCRYPTED in body.get("include", []):
            item["encrypted_content"] = reply.signature or f"gAAAA{number:08d}="
            self._reasoned |= {call.id or "": item["encrypted_content"] for call in reply.tool_calls}
        return item

    # Stream

    def events(self, reply: Reply, body: dict[str, Any], view: View) -> Iterable[bytes]:
        if "input" not in body:
            yield from super().events(reply, body, view)
            return
        for number, event in enumerate(self._stream(reply, body)):
            yield sse({**event, "sequence_number": number}, event=event["type"])

    def _stream(self, reply: Reply, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        begun = self._begun(body, self._identity())
        yield {"type": "response.created", "response": begun}
        yield {"type": "response.in_progress", "response": begun}
        output = list(self._items(reply, body))
        for index, item in enumerate(output):
            yield {"type": "response.output_item.added", "output_index": index, "item": _begun_item(item)}
            for event in _PARTS[item["type"]](item, reply.chunk_size):
                yield {**event, "item_id": item["id"], "output_index": index}
            yield {"type": "response.output_item.done", "output_index": index, "item": item}
        response = self._response(reply, begun, output)
        yield {"type": f"response.{response['status']}", "response": response}

    def broken_stream(self, fault: Fault, body: dict[str, Any]) -> list[bytes]:
        """An ``error`` event for a 4xx, ``response.failed`` for a 5xx; a chat's stream breaks as a chat's does."""
        if "input" not in body or fault.body is not None:
            return super().broken_stream(fault, body)
        code = fault.code or ("rate_limit_exceeded" if fault.status == 429 else "server_error")
        told = {"code": code, "message": fault.text}
        if fault.status < 500:
            return [sse({"type": "error", **told, "param": None, "sequence_number": 9}, event="error")]
        response = {**self._begun(body, "resp_00000000"), "status": "failed", "error": told}
        event = {"type": "response.failed", "response": response, "sequence_number": 9}
        return [sse(event, event="response.failed")]


def _begun_item(item: dict[str, Any]) -> dict[str, Any]:
    """An item as it is first told: empty, and with encrypted content that is not yet the final one."""
    if item["type"] == "message":
        return {**item, "status": "in_progress", "content": []}
    if item["type"] == "function_call":
        return {**item, "status": "in_progress", "arguments": ""}
    early = {"encrypted_content": "gAAAAearly="} if "encrypted_content" in item else {}
    return {**item, "summary": [], **early}


def _message_parts(item: dict[str, Any], size: int) -> Iterator[dict[str, Any]]:
    part = item["content"][0]
    yield {"type": "response.content_part.added", "content_index": 0, "part": {**part, "text": ""}}
    for number, piece in enumerate(pieces(part["text"], size)):
        delta = {"delta": piece, "logprobs": [], "obfuscation": "abcdefgh"[: number % 8]}
        yield {"type": "response.output_text.delta", "content_index": 0, **delta}
    yield {"type": "response.output_text.done", "content_index": 0, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", "content_index": 0, "part": part}


def _call_parts(item: dict[str, Any], size: int) -> Iterator[dict[str, Any]]:
    for piece in pieces(item["arguments"], size):
        yield {"type": "response.function_call_arguments.delta", "delta": piece}
    yield {"type": "response.function_call_arguments.done", "arguments": item["arguments"]}


def _thought_parts(item: dict[str, Any], size: int) -> Iterator[dict[str, Any]]:
    part = item["summary"][0]
    yield {"type": "response.reasoning_summary_part.added", "summary_index": 0, "part": {**part, "text": ""}}
    for piece in pieces(part["text"], size):
        yield {"type": "response.reasoning_summary_text.delta", "summary_index": 0, "delta": piece}
    yield {"type": "response.reasoning_summary_text.done", "summary_index": 0, "text": part["text"]}
    yield {"type": "response.reasoning_summary_part.done", "summary_index": 0, "part": part}


_PARTS = {"message": _message_parts, "function_call": _call_parts, "reasoning": _thought_parts}


def _usage(reply: Reply) -> dict[str, Any]:
    use = reply.counted
    return {
        "input_tokens": use.input,
        "input_tokens_details": {"cached_tokens": use.cached, "cache_write_tokens": use.cache_write},
        "output_tokens": use.output,
        "output_tokens_details": {"reasoning_tokens": use.reasoning},
        "total_tokens": use.input + use.output,
    }


def view_of(body: dict[str, Any]) -> View:
    """The neutral view of an accepted request."""
    wanted = (body.get("text") or {}).get("format") or {}
    system = [Turn("system", body["instructions"])] if body.get("instructions") else []
    tools = [tool for tool in body.get("tools", []) if tool["type"] == "function"]
    reasoning, thinking = body.get("reasoning") or {}, body.get("thinking") or {}
    return View(
        model=body["model"],
        turns=system + _turns(body["input"]),
        tools=[ToolSpec(tool["name"], tool.get("description") or "", tool.get("parameters") or {}) for tool in tools],
        choice=_choice(body.get("tool_choice", "auto")),
        parallel=body.get("parallel_tool_calls") is not False,
        schema=wanted.get("schema"),
        json=wanted.get("type", "text") != "text",
        max_tokens=body.get("max_output_tokens"),
        reasoning=reasoning.get("effort", "none") != "none" or thinking.get("type") == "enabled",
        stream=bool(body.get("stream")),
    )


def _choice(choice: Any) -> str:
    if isinstance(choice, str):
        return choice
    return str(choice["mode"] if choice["type"] == "allowed_tools" else choice["name"])


def _turns(given: Any) -> list[Turn]:
    if isinstance(given, str):
        return [Turn("user", given)]
    turns: list[Turn] = []
    names: dict[str, str] = {}
    for item in given:
        kind = item.get("type", "message")
        if kind == "message":
            turns.append(_message(item))
        elif kind == "function_call":
            names[item["call_id"]] = item["name"]
            turns.append(Turn("assistant", calls=[_called(item)]))
        elif kind == "function_call_output":
            turn = _content(Turn("tool"), item["output"])
            turn.results, turn.text = [Result(item["call_id"], names[item["call_id"]], turn.text)], ""
            turns.append(turn)
    return turns


def _called(item: dict[str, Any]) -> Call:
    return Call(item["name"], parsed_arguments(item["arguments"]), item["call_id"])


def _message(item: dict[str, Any]) -> Turn:
    role = "system" if item["role"] == "developer" else item["role"]
    return _content(Turn(role), item["content"])


def _content(turn: Turn, content: Any) -> Turn:
    parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
    turn.text = "\n".join(part["text"] for part in parts if "text" in part)
    turn.media.update(_MEDIA[part["type"]] for part in parts if part["type"] in _MEDIA)
    return turn
