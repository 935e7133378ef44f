"""Aliyun's native DashScope API: text and multimodal generation, models and embeddings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from servers.base import Answer, Call, Fault, Recorded, Reply, Routes, Server, chat_route, dumped
from servers.dashscope_checks import check_request, invalid
from servers.openai_chat import arguments_text, logprobs
from servers.openai_view import tools_of
from servers.script import Source, pieces, refuse
from servers.vectors import embedded
from servers.view import Result, Turn, View, parsed_arguments, tokens

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

_CODES = {
    400: "InvalidParameter",
    401: "InvalidApiKey",
    403: "AccessDenied",
    404: "ModelNotFound",
    408: "RequestTimeOut",
    429: "Throttling.RateQuota",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}
_REQUEST = "7f3c2a10-0000-4000-8000-000000000001"
_MAX_TEXTS = {"text-embedding-v1": 25, "text-embedding-v2": 25}
_EMBEDDING = {"text_type", "dimension", "output_type", "instruct"}


class DashScopeServer(Server):
    """``/api/v1/services/…``. A stream is asked for by the header ``X-DashScope-SSE: enable``.

    Args:
        cumulative: A stream repeats all that was said, even when increments were asked for.
        script: With the other arguments of ``Server``.
    """

    prefix = "/api/v1"
    stream_type: ClassVar[str] = "text/event-stream;charset=UTF-8"
    known_models: ClassVar = ("qwen-plus", "qwen-vl-plus", "qwen3-max")
    routes: ClassVar[Routes] = (
        ("POST", r"/services/aigc/(text|multimodal)-generation/generation", "generate"),
        ("POST", r"/services/embeddings/text-embedding/text-embedding", "embeddings"),
        ("GET", r"/models", "list_models"),
    )

    def __init__(self, script: Source = None, *, cumulative: bool = False, **options: Any) -> None:
        super().__init__(script, **options)
        self.cumulative = cumulative

    @chat_route
    def generate(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """Both generation services."""
        body, stream = self.json_body(recorded), _wants_stream(recorded)
        check_request(body, recorded.headers, multimodal=match[1] == "multimodal", stream=stream)
        if "no-such-model" in body["model"]:
            raise refuse("Model not exist.", status=404, code="ModelNotFound")
        view = view_of(body, stream=stream)
        return self.converse({**body, "multimodal": match[1] == "multimodal"}, view, recorded)

    def call_id(self, at: int, call: Call) -> str:
        return f"call_{self.number():022x}"

    # Answers

    def reply(self, reply: Reply, body: dict[str, Any], view: View) -> Any:
        choices = [_choice(index, _message(reply, index, body), reply, body) for index in range(view.count)]
        output = {"choices": choices}
        if _as_text(body):
            output = {"text": reply.text, "finish_reason": reply.finish}  # type: ignore[dict-item]
        return {"output": output, "usage": _usage(reply), "request_id": _REQUEST}

    def events(self, reply: Reply, body: dict[str, Any], view: View) -> Iterable[bytes]:
        incremental = (body.get("parameters") or {}).get("incremental_output") and not self.cumulative
        deltas = _deltas(reply) if incremental else _snapshots(reply)
        for number, (part, ended) in enumerate(deltas, 1):
            finish = reply.finish if ended else "null"
            output: dict[str, Any] = {"finish_reason": finish, "text": part.get("content", "")}
            if not _as_text(body):
                message = {"role": "assistant", **part, "content": _content(part["content"], body)}
                output = {"choices": [{"message": message, "finish_reason": finish}]}
            value = {"output": output, "usage": _usage(reply), "request_id": _REQUEST}
            yield _frame(number, "result", 200, value)

    # Errors

    def error(self, fault: Fault) -> Any:
        code = fault.code or _CODES.get(fault.status, "InternalError")
        return {"code": code, "message": fault.text, "request_id": _REQUEST}

    def failure(self, fault: Fault, recorded: Recorded) -> Answer:
        """To a request for a stream an error comes as an event, though it is labelled JSON unless it is in HTTP 200."""
        answer = super().failure(fault, recorded)
        if not _wants_stream(recorded) or isinstance(fault.body, str):
            return answer
        label = self.stream_type if fault.in_200 else answer.content_type
        return replace(answer, body=self.broken_stream(fault, {})[0], content_type=label)

    def broken_stream(self, fault: Fault, body: dict[str, Any]) -> list[bytes]:
        if isinstance(fault.body, str):
            return [fault.body.encode()]
        return [_frame(9, "error", fault.status, self.error_value(fault))]

    # Other endpoints

    def embeddings(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST …/text-embedding``; at most 10 texts (25 for the oldest models)."""
        body = self.json_body(recorded)
        texts, parameters = (body.get("input") or {}).get("texts"), body.get("parameters") or {}
        if body.keys() - {"model", "input", "parameters"} or parameters.keys() - _EMBEDDING or not body.get("model"):
            raise invalid("unknown field, or no model")
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
            raise invalid("contents is neither str nor list of str.: input.contents")
        if len(texts) > _MAX_TEXTS.get(body["model"], 10):
            raise invalid("batch size is invalid, it should not be larger than 10.: input.contents")
        size = parameters.get("dimension", 8)
        rows = [{"text_index": at, "embedding": embedded(text, size)} for at, text in enumerate(texts)]
        usage = {"total_tokens": sum(map(tokens, texts))}
        return self.whole({"output": {"embeddings": rows}, "usage": usage, "request_id": _REQUEST})

    def list_models(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``GET /models``, paged by ``page_no`` and ``page_size``."""
        number = int(recorded.query.get("page_no", 1))
        size = min(int(recorded.query.get("page_size", 10)), self.page_size)
        page = self.models[(number - 1) * size : number * size]
        rows = [{"model": name, "name": name.title(), "provider": "qwen"} for name in page]
        output = {"models": rows, "page_no": number, "page_size": size, "total": len(self.models)}
        return self.whole({"output": output, "request_id": _REQUEST})


def _wants_stream(recorded: Recorded) -> bool:
    return recorded.headers.get("x-dashscope-sse") == "enable"


def _as_text(body: dict[str, Any]) -> bool:
    """Whether the answer has the older form ``output.text``: the default of text models without tools."""
    parameters = body.get("parameters") or {}
    return not body["multimodal"] and parameters.get("result_format") != "message" and not parameters.get("tools")


def _frame(number: int, event: str, status: int, value: Any) -> bytes:
    return f"id:{number}\nevent:{event}\n:HTTP_STATUS/{status}\ndata:{dumped(value)}\n\n".encode()


def _content(text: str, body: dict[str, Any]) -> Any:
    if not body["multimodal"]:
        return text
    return [{"text": text}] if text else []


def _message(reply: Reply, index: int, body: dict[str, Any]) -> dict[str, Any]:
    text = reply.text if index == 0 else f"{reply.text} ({index + 1})"
    message: dict[str, Any] = {"role": "assistant", "content": _content(text, body)}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if reply.tool_calls:
        message["tool_calls"] = [_call(at, call) for at, call in enumerate(reply.tool_calls)]
    return message


def _call(at: int, call: Call) -> dict[str, Any]:
    function = {"name": call.name, "arguments": arguments_text(call)}
    return {"index": at, "id": call.id, "type": "function", "function": function}


def _choice(index: int, message: dict[str, Any], reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
    told = logprobs([reply.text], body.get("parameters") or {})
    extra = {"logprobs": told} if told is not None else {}
    return {"finish_reason": reply.finish, "index": index, "message": message, **extra}


def _deltas(reply: Reply) -> Iterator[tuple[dict[str, Any], bool]]:
    """The increments of a stream, each with whether it is the last."""
    for piece in pieces(reply.reasoning, reply.chunk_size):
        yield {"content": "", "reasoning_content": piece}, False
    thought = {"reasoning_content": ""} if reply.reasoning else {}
    for piece in pieces(reply.text, reply.chunk_size):
        yield {"content": piece, **thought}, False
    for at, call in enumerate(reply.tool_calls):
        first, *rest = pieces(arguments_text(call), reply.chunk_size) or [""]
        whole = _call(at, call)
        function = {"name": call.name, "arguments": first}
        yield {"content": "", **thought, "tool_calls": [{**whole, "function": function}]}, False
        for piece in rest:
            yield {"content": "", "tool_calls": [{**whole, "id": "", "function": {"arguments": piece}}]}, False
    last = len(reply.tool_calls) - 1
    closing = [{"index": last, "id": "", "type": "function", "function": {}}] if reply.tool_calls else []
    yield {"content": "", **thought, **({"tool_calls": closing} if closing else {})}, True


def _snapshots(reply: Reply) -> Iterator[tuple[dict[str, Any], bool]]:
    """Each event repeats all that was said; a snapshot of calls has no index."""
    text = reasoning = ""
    for piece in pieces(reply.reasoning, reply.chunk_size):
        reasoning += piece
        yield {"content": "", "reasoning_content": reasoning}, False
    thought = {"reasoning_content": reasoning} if reasoning else {}
    for piece in pieces(reply.text, reply.chunk_size):
        text += piece
        yield {"content": text, **thought}, False
    calls = []
    for at, call in enumerate(reply.tool_calls):
        calls.append({name: value for name, value in _call(at, call).items() if name != "index"})
        yield {"content": text, **thought, "tool_calls": list(calls)}, False
    yield {"content": text, **thought, **({"tool_calls": calls} if calls else {})}, True


def _usage(reply: Reply) -> dict[str, Any]:
    use = reply.counted
    usage: dict[str, Any] = {"input_tokens": use.input, "output_tokens": use.output}
    usage |= {"total_tokens": use.input + use.output, "prompt_tokens_details": {"cached_tokens": use.cached}}
    if use.reasoning:
        usage["output_tokens_details"] = {"reasoning_tokens": use.reasoning}
    return usage


def view_of(body: dict[str, Any], *, stream: bool) -> View:
    """The neutral view of an accepted request."""
    parameters = body.get("parameters") or {}
    choice, wanted = parameters.get("tool_choice", "auto"), parameters.get("response_format") or {}
    stops = parameters.get("stop") or []
    return View(
        model=body["model"],
        turns=_turns(body["input"]["messages"]),
        tools=tools_of(parameters.get("tools")),
        choice=choice if isinstance(choice, str) else choice["function"]["name"],
        parallel=bool(parameters.get("parallel_tool_calls")),
        schema=(wanted.get("json_schema") or {}).get("schema"),
        json=wanted.get("type", "text") != "text",
        stop=[stops] if isinstance(stops, str) else stops,
        max_tokens=parameters.get("max_tokens"),
        reasoning=bool(parameters.get("enable_thinking")),
        stream=stream,
        count=parameters.get("n", 1),
    )


def _turns(messages: list[dict[str, Any]]) -> list[Turn]:
    turns, names = [], {}
    for message in messages:
        content = message.get("content") or ""
        parts = [{"text": content}] if isinstance(content, str) else content
        turn = Turn(message["role"], "\n".join(part["text"] for part in parts if "text" in part))
        turn.reasoning = message.get("reasoning_content") or ""
        turn.media.update(kind for part in parts for kind in ("image", "audio", "video") if kind in part)
        for call in message.get("tool_calls") or []:
            name, arguments = call["function"]["name"], parsed_arguments(call["function"]["arguments"])
            turn.calls.append(Call(name, arguments, call["id"]))
            names[call["id"]] = name
        if turn.role == "tool":
            identity = message["tool_call_id"]
            turn.results, turn.text = [Result(identity, names.get(identity, ""), turn.text)], ""
        turns.append(turn)
    return turns
