"""The Chat Completions protocol, its models and its embeddings. The vendors' differences are in ``dialects.py``."""

from __future__ import annotations

import base64
import json
import re
import struct
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, ClassVar

from servers.base import Answer, Call, Fault, Recorded, Reply, Routes, Server, chat_route, sse
from servers.dialects import DIALECTS, Dialect
from servers.openai_checks import check_fields, check_request
from servers.openai_errors import error_body
from servers.openai_view import thinks, view_of
from servers.script import Source, pieces, refuse
from servers.vectors import embedded
from servers.view import View, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MISSING_MODEL = re.compile(r"(no-such|missing|unknown)-model")
_EMBEDDING_FIELDS = frozenset({"model", "input", "dimensions", "encoding_format", "user"})
_MAX_INPUTS = 2048
LISTED_WINDOW = 40_960  # tokens, of each listed model where the vendor tells it


class OpenAIChatServer(Server):
    """OpenAI Chat Completions, or a compatible vendor.

    Args:
        dialect: A name of ``dialects.DIALECTS``.
        key_required: ``False``: no key is needed.
        script: With the other arguments of ``Server``.
    """

    routes: ClassVar[Routes] = (
        ("POST", r"/chat/completions", "chat"),
        ("GET", r"/models", "list_models"),
        ("POST", r"/embeddings", "embeddings"),
    )

    def __init__(
        self, script: Source = None, *, dialect: str = "openai", prefix: str | None = None, **options: Any
    ) -> None:
        self.dialect: Dialect = DIALECTS[dialect]
        super().__init__(script, prefix=self.dialect.prefix if prefix is None else prefix, **options)
        self._told_reasoning: dict[str, str] = {}

    def patterns(self) -> list[tuple[str, str, str]]:
        elsewhere = [("GET", self.dialect.models_path, "list_models")] if self.dialect.models_path else []
        return super().patterns() + elsewhere

    def authorise(self, recorded: Recorded) -> None:
        if self.dialect.key_optional and self.require_key is None:
            return
        if self.dialect.key_header != "authorization" and (key := recorded.headers.get(self.dialect.key_header)):
            self.check_key(key)
        else:
            super().authorise(recorded)

    # Chat

    @chat_route
    def chat(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST /chat/completions``."""
        return self.answer_chat(self.json_body(recorded), recorded)

    def answer_chat(self, body: dict[str, Any], recorded: Recorded) -> Answer:
        """Check and answer the body of a chat request."""
        check_request(body, self.dialect)
        if _MISSING_MODEL.search(body["model"]):
            raise refuse(f"The model `{body['model']}` does not exist.", status=404, code="model_not_found")
        body = {name: value for name, value in body.items() if value is not None}
        view = view_of(body, self.dialect)
        if self.demand_reasoning and self._thinks(body):
            self._check_reasoning(body["messages"])
        return self.converse(body, view, recorded)

    def _thinks(self, body: dict[str, Any]) -> bool:
        return thinks(body, self.dialect, otherwise=True)

    def _check_reasoning(self, messages: list[dict[str, Any]]) -> None:
        """Each assistant message with calls must carry its reasoning; more than the vendors do, the very text."""
        for at, message in enumerate(messages):
            if not message.get("tool_calls"):
                continue
            told = self._told_reasoning.get(message["tool_calls"][0]["id"])
            given = message.get(self.dialect.reasoning or "reasoning_content")
            if given is None or (told is not None and given != told):
                raise refuse(f"messages[{at}]: {self.dialect.demand}")

    def call_id(self, at: int, call: Call) -> str:
        return self.dialect.call_id.format(name=call.name, number=self.number())

    def completed(self, reply: Reply, view: View) -> Reply:
        reply = super().completed(reply, view)
        for call in reply.tool_calls:
            self._told_reasoning[call.id or ""] = reply.reasoning
        return reply

    def reply(self, reply: Reply, body: dict[str, Any], view: View) -> Any:
        choices = [
            {
                "index": index,
                "finish_reason": self.finish_reason(reply),
                **({"logprobs": logprobs([reply.text], body)} if self.dialect.fields is not None else {}),
                "message": self.message(_numbered(reply, index)),
                **self.choice_extras(reply),
            }
            for index in range(view.count)
        ]
        return {**self.envelope("chat.completion", body), "choices": choices, "usage": self._usage(reply)}

    def finish_reason(self, reply: Reply) -> str:
        """The vendor's word for how the reply ended."""
        return str(reply.finish)

    def choice_extras(self, reply: Reply) -> dict[str, Any]:
        """More fields of a choice."""
        return {}

    def message(self, reply: Reply) -> dict[str, Any]:
        """The reply as a whole message."""
        shown = _tagged(reply) if self.dialect.reasoning == "think" else reply
        message: dict[str, Any] = {"role": "assistant", "content": shown.text or self._no_text(reply)}
        if self.dialect.gated:
            message |= {"refusal": None, "annotations": []}
        if reply.reasoning and self.dialect.reasoning not in {"", "think"}:
            message[self.dialect.reasoning] = reply.reasoning
        if reply.tool_calls:
            message["tool_calls"] = [whole_call(call) for call in reply.tool_calls]
        return message

    def _no_text(self, reply: Reply) -> str | None:
        return self.dialect.empty_content if reply.tool_calls else ""

    def envelope(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """What every answer and chunk begins with."""
        envelope = {
            "id": f"chatcmpl-{self.number():08d}",
            "object": kind,
            "created": 1_795_000_000,
            "model": body["model"],
        }
        if self.dialect.gated:
            envelope["system_fingerprint"] = "fp_0001"
        if self.dialect.gated or self.dialect.errors == "ark":
            envelope["service_tier"] = "default"
        return envelope

    def _usage(self, reply: Reply) -> dict[str, Any]:
        use = reply.counted
        usage: dict[str, Any] = {
            "prompt_tokens": use.input,
            "completion_tokens": use.output,
            "total_tokens": use.input + use.output,
        }
        if self.dialect.cached_at == "top":
            usage["cached_tokens"] = use.cached
        else:
            usage["prompt_tokens_details"] = {"cached_tokens": use.cached}
        if self.dialect.cached_at == "deepseek":
            usage |= {"prompt_cache_hit_tokens": use.cached, "prompt_cache_miss_tokens": use.input - use.cached}
        usage["completion_tokens_details"] = {"reasoning_tokens": use.reasoning}
        if self.dialect.gated:
            usage["prompt_tokens_details"] |= {"cache_write_tokens": use.cache_write, "audio_tokens": 0}
            usage["completion_tokens_details"] |= {"audio_tokens": 0, "accepted_prediction_tokens": 0}
            usage["completion_tokens_details"] |= {"rejected_prediction_tokens": 0}
        return usage

    # Stream

    def events(self, reply: Reply, body: dict[str, Any], view: View) -> Iterable[bytes]:
        envelope = self.envelope("chat.completion.chunk", body)
        asked = bool((body.get("stream_options") or {}).get("include_usage"))
        counts = asked or not self.dialect.usage_on_demand
        usage = self._usage(reply)
        if self.dialect.name == "azure":
            yield sse({**dict.fromkeys(envelope, ""), "created": 0, "choices": [], "prompt_filter_results": []})
        for at, choice in enumerate(self._choices(reply, body, view.count)):
            if at == 1 and self.dialect.comment:
                yield f"{self.dialect.comment}\n\n".encode()
            yield sse({**envelope, "choices": [choice], **self._usage_beside(choice, usage, counts)})
        if counts and self.dialect.usage_at in {"own", "every"}:
            yield sse({**envelope, "choices": [], "usage": usage})
        if self.dialect.done:
            yield b"data: [DONE]\n\n"

    def _usage_beside(self, choice: dict[str, Any], usage: dict[str, Any], counts: bool) -> dict[str, Any]:
        """The usage field of a chunk; a vendor with ``usage_at='choice'`` gets it put into the choice itself."""
        place, last = self.dialect.usage_at, choice.get("finish_reason") not in {None, ""}
        if not counts:
            return {}
        if place == "choice" and last:
            choice["usage"] = usage
        if place == "every" or (place == "finish" and last):
            return {"usage": usage}
        return {"usage": None} if place == "own" else {}

    def _choices(self, reply: Reply, body: dict[str, Any], count: int) -> Iterator[dict[str, Any]]:
        streams = [self._deltas(_numbered(reply, index), self.fragment_style(body)) for index in range(count)]
        for row in zip_longest(*streams):
            for index, delta in enumerate(row):
                if delta is not None:
                    yield self._choice(index, delta, None, body)
        for index in range(count):
            yield self._choice(index, {"content": ""} if self.dialect.empty_content == "" else {}, reply, body)

    def _choice(self, index: int, delta: dict[str, Any], ended: Reply | None, body: dict[str, Any]) -> dict[str, Any]:
        choice: dict[str, Any] = {"index": index, "delta": delta}
        choice |= self.choice_extras(ended) if ended is not None else {}
        if self.dialect.role_on_every:
            choice["delta"] = {"role": "assistant", **delta}
        if self.dialect.gated:
            choice["logprobs"] = logprobs([delta.get("content") or ""], body)
        if ended is not None:
            choice["finish_reason"] = self.finish_reason(ended)
        elif self.dialect.open_finish != "absent":
            choice["finish_reason"] = None if self.dialect.open_finish == "null" else ""
        return choice

    def _deltas(self, reply: Reply, style: str) -> Iterator[dict[str, Any]]:
        field, size = self.dialect.reasoning, reply.chunk_size
        first = {"role": "assistant", "content": None if reply.reasoning and field else ""}
        yield first | ({"refusal": None} if self.dialect.gated else {})
        if field == "think":
            reply = _tagged(reply)
        elif field:
            for piece in pieces(reply.reasoning, size):
                yield {"content": None, field: piece}
        for piece in pieces(reply.text, size):
            yield {"content": piece}
        for fragment in _fragments(reply, style):
            yield {"tool_calls": [fragment]}

    def fragment_style(self, body: dict[str, Any]) -> str:
        """How the calls of this answer are cut, in the words of ``Dialect.fragments``."""
        return self.dialect.fragments

    # Errors

    def error(self, fault: Fault) -> Any:
        return error_body(fault, self.dialect.errors)

    def error_headers(self, fault: Fault) -> dict[str, str]:
        return {"x-request-id": f"req_{self.number():06d}"}

    def broken_stream(self, fault: Fault, body: dict[str, Any]) -> list[bytes]:
        return [sse(self.error_value(fault))]

    # Other endpoints

    def list_models(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``GET /models``."""
        told = {self.dialect.window_at: LISTED_WINDOW} if self.dialect.window_at else {}
        owner = {"object": "model", "created": 1, "owned_by": self.dialect.name}
        rows = [{"id": name, **owner, **told} for name in self.models]
        return self.whole({"object": "list", "data": rows})

    def embeddings(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST /embeddings``."""
        return self.embedded_answer(self.json_body(recorded))

    def embedded_answer(self, body: dict[str, Any]) -> Answer:
        """The vectors for the body of an embeddings request."""
        check_fields(body, _EMBEDDING_FIELDS)
        inputs = body.get("input")
        inputs = [inputs] if isinstance(inputs, str) else inputs
        if not body.get("model") or not isinstance(inputs, list) or not inputs:
            raise refuse("An embeddings request needs 'model' and a non-empty 'input'.")
        if len(inputs) > _MAX_INPUTS or not all(isinstance(text, str) and text for text in inputs):
            raise refuse(f"'input' must be at most {_MAX_INPUTS} non-empty texts.")
        encode = _base64_floats if body.get("encoding_format") == "base64" else list
        rows = [
            {"object": "embedding", "index": at, "embedding": encode(embedded(text, body.get("dimensions") or 8))}
            for at, text in enumerate(inputs)
        ]
        count = sum(map(tokens, inputs))
        usage = {"prompt_tokens": count, "total_tokens": count}
        extra = {"id": f"emb_{self.number()}", "created": 1_795_000_000} if self.dialect.errors == "ark" else {}
        return self.whole({"object": "list", "data": rows, "model": body["model"], "usage": usage, **extra})


def arguments_text(call: Call) -> str:
    """A call's arguments as the text that goes over the wire."""
    return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False)


def whole_call(call: Call) -> dict[str, Any]:
    """A call as it stands in a message."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments_text(call)}}


def _fragments(reply: Reply, style: str) -> Iterator[dict[str, Any]]:
    streams = [list(_of_call(at, call, reply.chunk_size, style)) for at, call in enumerate(reply.tool_calls)]
    if not reply.interleave:
        for stream in streams:
            yield from stream
        return
    for row in zip_longest(*streams):
        yield from (fragment for fragment in row if fragment is not None)


def _of_call(at: int, call: Call, size: int, style: str) -> Iterator[dict[str, Any]]:
    if style == "whole":
        yield {"index": at, **whole_call(call)}
        return
    yield {"index": at, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
    for piece in [*pieces(arguments_text(call), size), *([""] if style == "empty-id" else [])]:
        if style == "empty-id":
            yield {"index": at, "id": "", "type": "function", "function": {"arguments": piece}}
        elif style == "repeat":
            yield {"index": at, "id": call.id, "type": "function", "function": {"name": "", "arguments": piece}}
        else:
            yield {"index": at, "function": {"arguments": piece}}


def _tagged(reply: Reply) -> Reply:
    """The reply with its reasoning as tags in the text."""
    return replace(
        reply, text=f"<think>\n{reply.reasoning}\n</think>\n\n{reply.text}" if reply.reasoning else reply.text
    )


def _numbered(reply: Reply, index: int) -> Reply:
    """The reply of a further choice, which differs so that choices cannot be mixed up unseen."""
    return reply if index == 0 else replace(reply, text=f"{reply.text} ({index + 1})")


def logprobs(texts: list[str], body: dict[str, Any]) -> dict[str, Any] | None:
    """Made-up log probabilities, a token a text, when the request asks for them."""
    if not body.get("logprobs"):
        return None
    most = body.get("top_logprobs") or 0
    rows = [{"token": text, "logprob": -0.25, "bytes": list(text.encode())} for text in texts if text]
    return {"content": [{**row, "top_logprobs": [row][:most]} for row in rows], "refusal": None}


def _base64_floats(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
