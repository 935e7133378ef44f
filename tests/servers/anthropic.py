"""The Anthropic Messages API, at Anthropic and at Google Vertex. Amazon's framing of it is in ``bedrock.py``."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any, ClassVar

from servers.anthropic_checks import check_conversation, check_request, merged
from servers.base import Answer, Call, Fault, Recorded, Reply, Routes, Server, chat_route, dumped
from servers.dialects import words
from servers.openai_checks import check_fields
from servers.script import Source, pieces, refuse
from servers.view import Result, ToolSpec, Turn, View

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_VERTEX = r"/projects/[^/]+/locations/[^/]+/publishers/anthropic/models/"
_VERSIONS = ("2023-06-01", "2026-10-21")
_MEDIA = {"image": "image", "document": "document"}
_COUNT_FIELDS = words("model messages system tools tool_choice thinking output_config")


class AnthropicServer(Server):
    """``POST /v1/messages``, token counts and models.

    Args:
        auth: ``any``, ``x-api-key`` or ``bearer``: where the key must stand.
        event_names: ``False``: a stream has no ``event:`` lines, as at LongCat and behind proxies.
        version_rules: Whether ``anthropic-version: 2026-10-21`` refuses temperature, top_p and top_k.
        script: With the other arguments of ``Server``.
    """

    count_fields: ClassVar = _COUNT_FIELDS
    known_models: ClassVar = ("claude-test-5", "claude-test-4-5", "claude-test-3")
    routes: ClassVar[Routes] = (
        ("POST", r"/v1/messages", "messages"),
        ("POST", r"/v1/messages/count_tokens", "count_tokens"),
        ("GET", r"/v1/models", "list_models"),
    )

    def __init__(
        self,
        script: Source = None,
        *,
        auth: str = "any",
        event_names: bool = True,
        version_rules: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(script, **options)
        self.auth = auth
        self.event_names = event_names
        self.version_rules = version_rules
        self._signed: dict[str, str] = {}

    def authorise(self, recorded: Recorded) -> None:
        key = recorded.headers.get("x-api-key", "")
        if self.auth == "bearer" or (self.auth == "any" and not key):
            super().authorise(recorded)
        else:
            self.check_key(key)
        self.check_version(recorded)

    def check_version(self, recorded: Recorded) -> None:
        """Refuse a request without a known ``anthropic-version``."""
        if recorded.headers.get("anthropic-version") not in _VERSIONS:
            raise refuse("anthropic-version: header is required and must be a known version")

    # Messages

    @chat_route
    def messages(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST /v1/messages``."""
        body = self.json_body(recorded)
        check_request(body)
        sampling = {"temperature", "top_p", "top_k"} & body.keys()
        if self.version_rules and recorded.headers["anthropic-version"] == _VERSIONS[1] and sampling:
            raise refuse(f"{min(sampling)}: not supported since 2026-10-21")
        return self.answer_messages(body, recorded)

    def answer_messages(self, body: dict[str, Any], recorded: Recorded) -> Answer:
        """Answer a request whose form was found right."""
        if "no-such-model" in body["model"]:
            raise refuse(f"model: {body['model']}", status=404)
        view = view_of(body)
        if self.demand_reasoning and view.reasoning:
            self._check_thinking_kept(merged(body["messages"]))
        return self.converse(body, view, recorded)

    def _check_thinking_kept(self, turns: list[dict[str, Any]]) -> None:
        """In a tool loop the assistant's turn begins with its thinking; no thinking block was changed anywhere."""
        for at, turn in enumerate(turns):
            for place, block in enumerate(turn["content"]):
                where = f"messages.{at}.content.{place}"
                if block["type"] == "thinking" and self._signed.get(block["signature"]) != block["thinking"]:
                    raise refuse(f"{where}: Invalid `signature` in `thinking` block")
                if block["type"] == "redacted_thinking" and block.get("data") not in self._signed:
                    raise refuse(f"{where}: Invalid `data` in `redacted_thinking` block")
        looping = turns[-1]["content"][0]["type"] == "tool_result"
        if looping and turns[-2]["content"][0]["type"] not in {"thinking", "redacted_thinking"}:
            raise refuse(
                f"messages.{len(turns) - 2}.content.0.type: Expected `thinking` or `redacted_thinking`. When thinking"
                " is enabled, the assistant message before tool results must start with a thinking block."
            )

    def call_id(self, at: int, call: Call) -> str:
        return f"toolu_{self.number():024d}"

    # Answers

    def reply(self, reply: Reply, body: dict[str, Any], view: View) -> Any:
        message = self._message(body) | _ending(reply)
        return message | {"content": list(self._blocks(reply, body)), "usage": _usage(reply)}

    def _message(self, body: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": f"msg_{self.number():08d}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }

    def _blocks(self, reply: Reply, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if reply.redacted is not None:
            self._signed[reply.redacted] = ""
            yield {"type": "redacted_thinking", "data": reply.redacted}
        count = max(1, len(reply.tool_calls)) if reply.interleave else 1
        thoughts = [self._thought(part, reply, body, at) for at, part in enumerate(_split(reply.reasoning, count))]
        yield from thoughts[:1]
        if reply.text:
            yield {"type": "text", "text": reply.text}
        for at, call in enumerate(reply.tool_calls):
            yield from thoughts[at : at + 1] if at else []
            yield {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}

    def _thought(self, text: str, reply: Reply, body: dict[str, Any], at: int) -> dict[str, Any]:
        digest = base64.b64encode(hashlib.sha256(f"{at}{text}".encode()).digest()).decode()
        signature = reply.signature if reply.signature is not None and at == 0 else digest
        shown = "" if (body.get("thinking") or {}).get("display") == "omitted" else text
        self._signed[signature] = shown
        return {"type": "thinking", "thinking": shown, "signature": signature}

    # Stream

    def events(self, reply: Reply, body: dict[str, Any], view: View) -> Iterable[bytes]:
        for number, event in enumerate(self.stream_events(reply, body)):
            yield self.framed(event, padding=(number * 7) % 5)

    def framed(self, event: dict[str, Any], *, padding: int = 0) -> bytes:
        """One event on the wire; the vendor pads its JSON with spaces before the last brace."""
        name = f"event: {event['type']}\n" if self.event_names else ""
        return f"{name}data: {dumped(event)[:-1]}{' ' * padding}}}\n\n".encode()

    def stream_events(self, reply: Reply, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The events of a stream as JSON values."""
        usage = _usage(reply)
        yield {"type": "message_start", "message": self._message(body) | {"usage": usage | {"output_tokens": 1}}}
        for index, block in enumerate(self._blocks(reply, body)):
            start, deltas = _parts(block, reply.chunk_size)
            yield {"type": "content_block_start", "index": index, "content_block": start}
            if index == 0:
                yield {"type": "ping"}
            for delta in deltas:
                yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        usage = {name: count for name, count in usage.items() if not isinstance(count, str)}
        yield {"type": "message_delta", "delta": _ending(reply), "usage": usage}
        yield {"type": "message_stop"}

    # Errors and other endpoints

    def error(self, fault: Fault) -> Any:
        kind = fault.code or _TYPES.get(fault.status, "invalid_request_error" if fault.status < 500 else "api_error")
        return {"type": "error", "error": {"type": kind, "message": fault.text}, "request_id": "req_00000001"}

    def usual_headers(self) -> dict[str, str]:
        return {"request-id": f"req_{self.number():08d}", "anthropic-organization-id": "org-1"}

    def broken_stream(self, fault: Fault, body: dict[str, Any]) -> list[bytes]:
        return [self.framed(self.error_value(fault))]

    def count_tokens(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST /v1/messages/count_tokens``."""
        body = self.json_body(recorded)
        check_fields(body, self.count_fields)
        if not body.get("model"):
            raise refuse("model: Field required")
        check_conversation(body)
        return self.whole({"input_tokens": view_of(body).input_tokens})

    def list_models(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``GET /v1/models``, paged by ``limit`` and ``after_id``."""
        after = recorded.query.get("after_id")
        if after is not None and after not in self.models:
            raise refuse("after_id: unknown cursor")
        start = 0 if after is None else self.models.index(after) + 1
        end = start + min(int(recorded.query.get("limit", 20)), self.page_size)
        page = self.models[start:end]
        rows = [
            {"type": "model", "id": name, "display_name": name.title(), "created_at": "2026-01-01T00:00:00Z"}
            | {"max_input_tokens": 200_000, "max_tokens": 64_000}
            for name in page
        ]
        ends = {"first_id": page[0] if page else None, "last_id": page[-1] if page else None}
        return self.whole({"data": rows, "has_more": end < len(self.models), **ends})


class AnthropicVertexServer(AnthropicServer):
    """Claude on Google Vertex: the model in the path, the version in the body, a Bearer token."""

    prefix = "/v1"
    count_fields: ClassVar = _COUNT_FIELDS | {"anthropic_version"}
    routes: ClassVar[Routes] = (
        ("POST", _VERTEX + r"count-tokens:rawPredict", "count_tokens"),
        ("POST", _VERTEX + r"([^/:]+):(rawPredict|streamRawPredict)", "predict"),
    )

    def authorise(self, recorded: Recorded) -> None:
        Server.authorise(self, recorded)

    @chat_route
    def predict(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST …/models/{model}:rawPredict`` or ``:streamRawPredict``."""
        body = unversioned(self.json_body(recorded), "vertex-2023-10-16")
        if bool(body.get("stream")) != (match[2] == "streamRawPredict"):
            raise refuse("stream: must be true for streamRawPredict only")
        body["model"] = match[1].replace("%40", "@")
        check_request(body)
        return self.answer_messages(body, recorded)


def unversioned(body: dict[str, Any], version: str) -> dict[str, Any]:
    """A cloud's body without its ``anthropic_version``, which must be known; refuses a body with a model."""
    if body.get("anthropic_version") not in {version, _VERSIONS[1]}:
        raise refuse("anthropic_version: Field required, a known version")
    if "model" in body:
        raise refuse("model: Extra inputs are not permitted")
    return {name: value for name, value in body.items() if name != "anthropic_version"}


def view_of(body: dict[str, Any]) -> View:
    """The neutral view of an accepted request."""
    choice = body.get("tool_choice") or {"type": "auto"}
    kinds = {"any": "required", "tool": choice.get("name", "")}
    wanted = (body.get("output_config") or {}).get("format") or {}
    return View(
        model=body["model"],
        turns=[*_system(body.get("system")), *_turns(merged(body["messages"]))],
        tools=[
            ToolSpec(tool["name"], tool.get("description", ""), tool["input_schema"])
            for tool in body.get("tools", [])
            if "input_schema" in tool
        ],
        choice=kinds.get(choice["type"], choice["type"]),
        parallel=not choice.get("disable_parallel_tool_use"),
        schema=wanted.get("schema"),
        json=bool(wanted),
        stop=body.get("stop_sequences", []),
        max_tokens=body.get("max_tokens"),
        reasoning=(body.get("thinking") or {}).get("type") in {"enabled", "adaptive"},
        stream=bool(body.get("stream")),
    )


def _system(system: Any) -> list[Turn]:
    text = system if isinstance(system, str | None) else "\n\n".join(block["text"] for block in system)
    return [Turn("system", text)] if text else []


def _turns(messages: list[dict[str, Any]]) -> Iterator[Turn]:
    names: dict[str, str] = {}
    for message in messages:
        blocks = message["content"]
        turn = Turn(message["role"], "\n".join(block["text"] for block in blocks if block["type"] == "text"))
        turn.reasoning = "".join(block.get("thinking", "") for block in blocks)
        used = [block for block in blocks if block["type"] == "tool_use"]
        turn.calls = [Call(block["name"], block["input"], block["id"]) for block in used]
        names |= {call.id or "": call.name for call in turn.calls}
        results = [block for block in blocks if block["type"] == "tool_result"]
        if results:
            yield _answered(results, names)
        turn.media.update(_MEDIA[block["type"]] for block in blocks if block["type"] in _MEDIA)
        if len(results) < len(blocks):
            yield turn


def _answered(results: list[dict[str, Any]], names: dict[str, str]) -> Turn:
    turn = Turn("tool")
    for block in results:
        content = block.get("content") or ""
        inner = [{"type": "text", "text": content}] if isinstance(content, str) else content
        text = "\n".join(part["text"] for part in inner if part["type"] == "text")
        turn.results.append(Result(block["tool_use_id"], names.get(block["tool_use_id"], ""), text))
        turn.media.update(_MEDIA[part["type"]] for part in inner if part["type"] in _MEDIA)
    return turn


def _split(text: str, count: int) -> list[str]:
    """The text in at most ``count`` parts; none for an empty text."""
    return pieces(text, -(-len(text) // count)) if text else []


def _ending(reply: Reply) -> dict[str, Any]:
    if reply.stopped_by is not None and reply.finish == "stop":
        return {"stop_reason": "stop_sequence", "stop_sequence": reply.stopped_by}
    ending: dict[str, Any] = {"stop_reason": _FINISH.get(str(reply.finish), reply.finish), "stop_sequence": None}
    if ending["stop_reason"] == "refusal":
        ending["stop_details"] = {"type": "refusal", "category": None, "explanation": None}
    return ending


def _usage(reply: Reply) -> dict[str, Any]:
    use = reply.counted
    return {
        "input_tokens": use.input - use.cached - use.cache_write,
        "cache_creation_input_tokens": use.cache_write,
        "cache_read_input_tokens": use.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": use.cache_write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": use.output,
        "output_tokens_details": {"thinking_tokens": use.reasoning},
        "service_tier": "standard",
    }


def _parts(block: dict[str, Any], size: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How a block is streamed: what it starts as, and its deltas."""
    if block["type"] == "text":
        return block | {"text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces(block["text"], size)]
    if block["type"] == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"], size)]
        return block | {"thinking": "", "signature": ""}, [
            *deltas,
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    if block["type"] == "tool_use":
        given = block["input"]
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False) if given else ""
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *pieces(text, size)]]
        return block | {"input": {}}, deltas
    return block, []
