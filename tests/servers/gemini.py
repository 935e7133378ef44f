"""The Gemini API, at Google's developer endpoint and at Vertex: content, streams, tokens, models and embeddings."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from servers.base import Answer, Call, Fault, Recorded, Reply, Routes, Server, chat_route
from servers.gemini_checks import camel, check_contents, check_request
from servers.script import Refused, Source, pieces, refuse
from servers.vectors import embedded
from servers.view import Result, ToolSpec, Turn, View, parsed_arguments

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_SKIP_SIGNATURE = "skip_thought_signature_validator"
_CHOICES = {"AUTO": "auto", "VALIDATED": "auto", "NONE": "none", "ANY": "required"}
_EMBED_BATCH = 100


def google_json(value: Any) -> str:
    """JSON text with the vendor's spacing."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ": "))


class GeminiServer(Server):
    """``/v1beta/models/…``; give ``prefix="/v1"`` for the other version.

    Args:
        call_ids: Whether function calls have an id, as newer models give.
        script: With the other arguments of ``Server``. A fault's ``retry-after`` is told as RetryInfo, as Google does.
    """

    prefix = "/v1beta"
    known_models: ClassVar = ("gemini-3-test", "gemini-2.5-flash-test", "gemini-2.0-test")
    routes: ClassVar[Routes] = (
        ("POST", r"/models/([^/:]+):(generateContent|streamGenerateContent)", "generate"),
        ("POST", r"/models/([^/:]+):countTokens", "count_tokens"),
        ("POST", r"/models/([^/:]+):batchEmbedContents", "embed_batch"),
        ("POST", r"/models/([^/:]+):embedContent", "embed_one"),
        ("GET", r"/models", "list_models"),
    )

    def __init__(self, script: Source = None, *, call_ids: bool = False, **options: Any) -> None:
        super().__init__(script, **options)
        self.call_ids = call_ids
        self._signed: dict[str, str] = {}

    def authorise(self, recorded: Recorded) -> None:
        key = recorded.headers.get("x-goog-api-key", "")
        if not key:
            raise Refused(Fault(403, message="Method doesn't allow callers without an established identity."))
        if self.require_key is not None and key != self.require_key:
            raise Refused(Fault(400, "API_KEY_INVALID", "API key not valid. Please pass a valid API key."))

    # Content

    @chat_route
    def generate(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST …:generateContent`` and ``POST …:streamGenerateContent``."""
        body, model = camel(self.json_body(recorded)), unquote(match[1])
        if "no-such-model" in model:
            raise refuse(f"models/{model} is not found for API version v1beta.", status=404)
        check_request(body, model)
        if self.demand_reasoning:
            self._check_signatures(body["contents"])
        view = view_of(body, model, stream=match[2] == "streamGenerateContent")
        as_array = view.stream and recorded.query.get("alt") != "sse"
        answer = self.converse(body, view, recorded)
        return _as_array(answer) if as_array and answer.events is not None else answer

    def _check_signatures(self, contents: list[dict[str, Any]]) -> None:
        """In the current turn, the first function call of each model content carries the signature it came with."""
        starts = [at for at, content in enumerate(contents) if _asks(content)]
        for at, content in enumerate(contents):
            calls = [part for part in content["parts"] if "functionCall" in part]
            if not calls or at < (starts[-1] if starts else 0):
                continue
            signature = calls[0].get("thoughtSignature")
            if signature is None:
                raise refuse(f"Function call `{calls[0]['functionCall']['name']}` is missing a `thought_signature`.")
            if signature != _SKIP_SIGNATURE and self._signed.get(signature) != _fingerprint(calls[0]["functionCall"]):
                raise refuse("Thought signature is not valid")

    def call_id(self, at: int, call: Call) -> str | None:
        return f"fc{self.number():06d}" if self.call_ids else None

    def completed(self, reply: Reply, view: View) -> Reply:
        """The reply with the signature of its first function call, which thinking models give."""
        reply = super().completed(reply, view)
        thinks = reply.reasoning or self.demand_reasoning or view.model.startswith("gemini-3")
        if thinks and reply.signature is None:
            digest = hashlib.sha256(f"{self.number()}{reply.reasoning}".encode()).digest()
            reply = replace(reply, signature=base64.b64encode(digest).decode())
        if reply.signature is not None and reply.tool_calls:
            self._signed[reply.signature] = _fingerprint(_call(reply.tool_calls[0]))
        return reply

    def reply(self, reply: Reply, body: dict[str, Any], view: View) -> Any:
        candidates = []
        for index in range(view.count):
            text = reply.text if index == 0 else f"{reply.text} ({index + 1})"
            parts = list(self._parts(replace(reply, text=text, chunk_size=1 << 30), trailing=False))
            candidates.append(_candidate(index, parts, reply))
        return self._envelope(reply, view, candidates, f"r{self.number()}")

    def _envelope(
        self, reply: Reply, view: View, candidates: list[Any], identity: str, *, last: bool = True
    ) -> dict[str, Any]:
        usage = {"usageMetadata": _usage(reply, last=last)}
        facts = {"modelVersion": view.model, "responseId": identity}
        if reply.finish == "content_filter" and not reply.text:
            return {"promptFeedback": {"blockReason": "SAFETY"}, **usage, **facts}
        return {"candidates": candidates, **usage, **facts}

    def _parts(self, reply: Reply, *, trailing: bool) -> Iterator[dict[str, Any]]:
        """The parts of a reply; in a stream the signature of a text comes on an empty part behind it."""
        for piece in pieces(reply.reasoning, reply.chunk_size):
            yield {"text": piece, "thought": True}
        on_text = {"thoughtSignature": reply.signature} if reply.signature and not reply.tool_calls else {}
        for piece in pieces(reply.text, reply.chunk_size):
            yield {"text": piece, **({} if trailing else on_text)}
        if trailing and on_text:
            yield {"text": "", **on_text}
        for at, call in enumerate(reply.tool_calls):
            signed = {"thoughtSignature": reply.signature} if reply.signature and at == 0 else {}
            yield {"functionCall": _call(call), **signed}

    def events(self, reply: Reply, body: dict[str, Any], view: View) -> Iterable[bytes]:
        identity = f"r{self.number()}"
        chunks = [[part] for part in self._parts(reply, trailing=True)] or [[]]
        for at, parts in enumerate(chunks):
            last = at == len(chunks) - 1
            candidates = [_candidate(index, parts, reply if last else None) for index in range(view.count)]
            chunk = self._envelope(reply, view, candidates, identity, last=last)
            yield f"data: {google_json(chunk)}\r\n\r\n".encode()

    # Errors

    def failure(self, fault: Fault, recorded: Recorded) -> Answer:
        kept = {name: text for name, text in fault.headers.items() if name.lower() != "retry-after"}
        return replace(super().failure(fault, recorded), headers=kept)

    def error(self, fault: Fault) -> Any:
        status = fault.code if fault.code in _STATUS.values() else _STATUS.get(fault.status, "UNKNOWN")
        error: dict[str, Any] = {"code": fault.status, "message": fault.text, "status": status}
        if fault.code and fault.code != status:
            kind = "type.googleapis.com/google.rpc.ErrorInfo"
            error["details"] = [{"@type": kind, "reason": fault.code, "domain": "googleapis.com"}]
        if "retry-after" in fault.headers:
            kind = "type.googleapis.com/google.rpc.RetryInfo"
            error["details"] = [{"@type": kind, "retryDelay": f"{fault.headers['retry-after']}s"}]
        return {"error": error}

    def broken_stream(self, fault: Fault, body: dict[str, Any]) -> list[bytes]:
        """A bare JSON body over several lines, with no ``data:`` before it."""
        value = self.error_value(fault)
        return [value.encode() if isinstance(value, str) else json.dumps(value, indent=2).encode()]

    # Other endpoints

    def count_tokens(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST …:countTokens``."""
        body = camel(self.json_body(recorded))
        body = body.get("generateContentRequest", body)
        check_contents(body.get("contents"))
        return self.whole({"totalTokens": view_of(body, match[1], stream=False).input_tokens})

    def embed_batch(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST …:batchEmbedContents``, at most 100 texts."""
        requests = camel(self.json_body(recorded)).get("requests")
        if not isinstance(requests, list) or not 1 <= len(requests) <= _EMBED_BATCH:
            raise refuse(f"* BatchEmbedContentsRequest.requests: from 1 to {_EMBED_BATCH} requests are allowed")
        for request in requests:
            if request.get("model") != f"models/{match[1]}":
                raise refuse("* BatchEmbedContentsRequest.requests: each model must be the model of the path")
        return self.whole({"embeddings": [_embedding(request) for request in requests]})

    def embed_one(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST …:embedContent``."""
        return self.whole({"embedding": _embedding(camel(self.json_body(recorded)))})

    def list_models(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``GET /models``, paged by ``pageSize`` and ``pageToken``."""
        start = int(recorded.query.get("pageToken", 0))
        end = start + min(int(recorded.query.get("pageSize", 50)), self.page_size)
        rows = [
            {"name": f"models/{name}", "displayName": name.title(), "inputTokenLimit": 1_048_576}
            | {"outputTokenLimit": 65_536, "supportedGenerationMethods": ["generateContent", "countTokens"]}
            for name in self.models[start:end]
        ]
        more = {"nextPageToken": str(end)} if end < len(self.models) else {}
        return self.whole({"models": rows, **more})


class GoogleVertexServer(GeminiServer):
    """Gemini at Vertex: the project in the path and a Bearer token."""

    prefix = "/v1beta1"
    routes: ClassVar[Routes] = tuple(
        (method, r"/projects/[^/]+/locations/[^/]+/publishers/google" + path, name)
        for method, path, name in GeminiServer.routes
    )

    def authorise(self, recorded: Recorded) -> None:
        Server.authorise(self, recorded)


def view_of(body: dict[str, Any], model: str, *, stream: bool) -> View:
    """The neutral view of an accepted request in camel case."""
    config = body.get("generationConfig") or {}
    choice = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    allowed = choice.get("allowedFunctionNames", [])
    mode = _CHOICES[choice.get("mode", "AUTO")]
    system = body.get("systemInstruction")
    return View(
        model=model,
        turns=[
            *([Turn("system", _text(system))] if system else []),
            *(turn for content in body["contents"] for turn in _turns(content)),
        ],
        tools=[_tool(one) for tool in body.get("tools", []) for one in tool.get("functionDeclarations", [])],
        choice=allowed[0] if mode == "required" and len(allowed) == 1 else mode,
        schema=config.get("responseJsonSchema") or config.get("responseSchema"),
        json=config.get("responseMimeType") == "application/json",
        stop=config.get("stopSequences", []),
        max_tokens=config.get("maxOutputTokens"),
        reasoning=bool((config.get("thinkingConfig") or {}).get("includeThoughts")),
        stream=stream,
        count=config.get("candidateCount", 1),
    )


def _tool(declaration: dict[str, Any]) -> ToolSpec:
    schema = declaration.get("parametersJsonSchema") or declaration.get("parameters") or {}
    return ToolSpec(declaration["name"], declaration.get("description", ""), schema)


def _text(content: dict[str, Any]) -> str:
    return "\n".join(part["text"] for part in content["parts"] if "text" in part and not part.get("thought"))


def _turns(content: dict[str, Any]) -> list[Turn]:
    parts = content["parts"]
    turn = Turn("assistant" if content.get("role") == "model" else "user", _text(content))
    turn.reasoning = "".join(part["text"] for part in parts if part.get("thought"))
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    turn.calls = [Call(call["name"], call.get("args", {}), call.get("id")) for call in calls]
    results = [part["functionResponse"] for part in parts if "functionResponse" in part]
    media = [part.get("inlineData") or part.get("fileData") for part in parts]
    turn.media.update(_medium(data.get("mimeType", "")) for data in media if data)
    if results:
        turn.role, turn.results = "tool", [_result(response) for response in results]
    return [turn]


def _result(response: dict[str, Any]) -> Result:
    inner = response["response"]
    text = inner["output"] if list(inner) == ["output"] else json.dumps(inner, ensure_ascii=False)
    return Result(response.get("id", ""), response["name"], str(text))


def _medium(mime: str) -> str:
    kind = mime.partition("/")[0]
    return kind if kind in {"image", "audio", "video"} else "document"


def _asks(content: dict[str, Any]) -> bool:
    """Whether a content begins a new turn of the user."""
    return content.get("role", "user") == "user" and not any("functionResponse" in part for part in content["parts"])


def _call(call: Call) -> dict[str, Any]:
    arguments = parsed_arguments(call.arguments) if isinstance(call.arguments, str) else call.arguments
    identity = {} if call.id is None else {"id": call.id}
    return {"name": call.name, **({"args": arguments} if arguments else {}), **identity}


def _fingerprint(call: dict[str, Any]) -> str:
    return json.dumps([call["name"], call.get("args") or {}], sort_keys=True)


def _candidate(index: int, parts: list[dict[str, Any]], ended: Reply | None) -> dict[str, Any]:
    """A candidate; ``ended`` when it is over. Without parts it has no content, as when all was filtered."""
    content = {"content": {"parts": parts, "role": "model"}} if parts else {}
    if ended is None:
        return {**content, "index": index}
    finish = {"finishReason": _FINISH.get(str(ended.finish), ended.finish), "index": index}
    told = {"finishMessage": "Model generated function call(s)."} if ended.tool_calls else {}
    return {**content, **finish, **told}


def _usage(reply: Reply, *, last: bool) -> dict[str, Any]:
    use = reply.counted
    usage: dict[str, Any] = {"promptTokenCount": use.input}
    if last:
        usage["candidatesTokenCount"] = use.output - use.reasoning
    usage["totalTokenCount"] = use.input + (use.output if last else use.reasoning)
    usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": use.input}]
    if use.reasoning:
        usage["thoughtsTokenCount"] = use.reasoning
    if use.cached:
        usage["cachedContentTokenCount"] = use.cached
    return usage


def _embedding(request: dict[str, Any]) -> dict[str, Any]:
    check_contents([request.get("content")])
    return {"values": embedded(_text(request["content"]), request.get("outputDimensionality", 8))}


def _as_array(answer: Answer) -> Answer:
    """The stream as one JSON array, which is what comes without ``alt=sse``."""
    assert answer.events is not None
    bodies = [event.removeprefix(b"data: ").strip() for event in answer.events]
    events = [(b"[" if at == 0 else b",\r\n") + body for at, body in enumerate(bodies)]
    return replace(answer, events=[*events, b"]"], content_type="application/json; charset=UTF-8")
