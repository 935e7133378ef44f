"""Ollama's chat protocol: NDJSON streams, arguments as objects. Managing its models is in ``ollama_store.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from servers.base import Answer, Call, Fault, Recorded, Reply, Routes, chat_route, dumped
from servers.ollama_checks import check_request
from servers.ollama_store import OllamaStore
from servers.openai_view import tools_of
from servers.script import Source, pieces, refuse
from servers.view import Result, Turn, View, parsed_arguments

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

_CREATED = "2026-11-22T12:00:00.123456789Z"


def line(value: Any) -> bytes:
    """One line of NDJSON."""
    return (dumped(value) + "\n").encode()


class OllamaServer(OllamaStore):
    """``/api/chat`` beside the model store. No key is needed, unless ``require_key`` is given.

    Args:
        call_ids: ``False``: tool calls have no id, as in servers before 0.13.
        without: Capabilities that every model lacks (``tools``, ``thinking``, ``vision``): using one is refused.
        script: With the other arguments of ``Server``.
    """

    stream_type: ClassVar[str] = "application/x-ndjson"
    routes: ClassVar[Routes] = (("POST", r"/api/chat", "chat"), *OllamaStore.routes)

    def __init__(
        self, script: Source = None, *, call_ids: bool = True, without: Iterable[str] = (), **options: Any
    ) -> None:
        super().__init__(script, **options)
        self.call_ids = call_ids
        self.without = set(without)

    @chat_route
    def chat(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST /api/chat``; with no messages it only loads or unloads the model."""
        body = self.json_body(recorded)
        check_request(body)
        name = self.existing(body.get("model"))
        if not body.get("messages"):
            return self._loaded(name, body)
        self._check_capabilities(name, body)
        self.loaded.add(name)
        return self.converse(body, view_of(body), recorded)

    def _loaded(self, name: str, body: dict[str, Any]) -> Answer:
        unload = body.get("keep_alive") in {0, "0"}
        (self.loaded.discard if unload else self.loaded.add)(name)
        message = {"role": "assistant", "content": ""}
        reason = "unload" if unload else "load"
        return self.whole({**_frame(body, message), "done": True, "done_reason": reason})

    def _check_capabilities(self, name: str, body: dict[str, Any]) -> None:
        images = any(message.get("images") for message in body["messages"])
        for needed, feature in ((body.get("tools"), "tools"), (body.get("think"), "thinking"), (images, "vision")):
            if needed and feature in self.without:
                raise refuse(f'"{name}" does not support {feature}')

    def call_id(self, at: int, call: Call) -> str | None:
        return f"call_{self.number():08x}" if self.call_ids else None

    def reply(self, reply: Reply, body: dict[str, Any], view: View) -> Any:
        message: dict[str, Any] = {"role": "assistant", "content": reply.text}
        if reply.reasoning:
            message["thinking"] = reply.reasoning
        if reply.tool_calls:
            message["tool_calls"] = [_call(at, call) for at, call in enumerate(reply.tool_calls)]
        return {**_frame(body, message), **_ending(reply)}

    def events(self, reply: Reply, body: dict[str, Any], view: View) -> Iterable[bytes]:
        for piece in pieces(reply.reasoning, reply.chunk_size):
            yield self._part(body, {"content": "", "thinking": piece})
        for piece in pieces(reply.text, reply.chunk_size):
            yield self._part(body, {"content": piece})
        for at, call in enumerate(reply.tool_calls):
            yield self._part(body, {"content": "", "tool_calls": [_call(at, call)]})
        yield line({**_frame(body, {"role": "assistant", "content": ""}), **_ending(reply)})

    def _part(self, body: dict[str, Any], delta: dict[str, Any]) -> bytes:
        return line({**_frame(body, {"role": "assistant", **delta}), "done": False})

    def broken_stream(self, fault: Fault, body: dict[str, Any]) -> list[bytes]:
        value = self.error_value(fault)
        return [value.encode() if isinstance(value, str) else line(value)]


def _frame(body: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    return {"model": body["model"], "created_at": _CREATED, "message": message}


def _call(at: int, call: Call) -> dict[str, Any]:
    arguments = parsed_arguments(call.arguments) if isinstance(call.arguments, str) else call.arguments
    identity = {} if call.id is None else {"id": call.id}
    return {**identity, "function": {"index": at, "name": call.name, "arguments": arguments}}


def _ending(reply: Reply) -> dict[str, Any]:
    """The last facts of an answer; a turn with tool calls ends with ``stop`` too. Times are nanoseconds."""
    reason = {"tool_calls": "stop"}.get(str(reply.finish), reply.finish)
    use = reply.counted
    times = {"total_duration": 5_000_000, "load_duration": 1_000_000}
    prompt = {"prompt_eval_count": use.input, "prompt_eval_duration": 2_000_000}
    told = {"eval_count": use.output, "eval_duration": 2_000_000}
    return {"done": True, "done_reason": reason, **times, **prompt, **told}


def view_of(body: dict[str, Any]) -> View:
    """The neutral view of an accepted request."""
    options, wanted = body.get("options") or {}, body.get("format") or None
    limit = options.get("num_predict", -1)
    return View(
        model=body["model"],
        turns=_turns(body["messages"]),
        tools=tools_of(body.get("tools")),
        schema=wanted if isinstance(wanted, dict) else None,
        json=wanted is not None,
        stop=options.get("stop", []),
        max_tokens=limit if limit > 0 else None,
        reasoning=bool(body.get("think")),
        stream=body.get("stream", True),
    )


def _turns(messages: list[dict[str, Any]]) -> list[Turn]:
    turns, calls = [], {}
    for message in messages:
        turn = Turn(message["role"], message.get("content", ""), message.get("thinking", ""))
        turn.media["image"] = len(message.get("images") or [])
        for call in message.get("tool_calls") or []:
            turn.calls.append(Call(call["function"]["name"], call["function"].get("arguments", {}), call.get("id")))
            calls[call.get("id")] = call["function"]["name"]
        if turn.role == "tool":
            name = message.get("tool_name") or calls.get(message.get("tool_call_id"), "")
            turn.results, turn.text = [Result(message.get("tool_call_id", ""), name, turn.text)], ""
        turns.append(turn)
    return turns
