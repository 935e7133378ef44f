"""OpenAI's Chat Completions and everything that claims to speak it. Source: openai-python 3.54 and the vendors' pages.

What tells the providers apart is in ``ChatDialect`` and the rows; reading answers is in ``openai_stream``.
"""

from __future__ import annotations

import base64
import re
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from llm_connector.effort import FIELDS, ReasoningControl
from llm_connector.errors import BillingError, ContentFilterError, ModelNotFoundError
from llm_connector.faults import Rule, tells_base_resp
from llm_connector.jsontext import dumps, encode
from llm_connector.protocols.base import Protocol
from llm_connector.protocols.chat_dialect import ChatDialect, calls_next
from llm_connector.protocols.openai_messages import MessageWriter
from llm_connector.protocols.openai_stream import ChatDecoder, read_parts, read_usage
from llm_connector.protocols.wire import WireRequest, segment
from llm_connector.types import EmbeddingResponse, ModelInfo, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_connector.protocols.fields import RequestFields
    from llm_connector.protocols.wire import Exchange
    from llm_connector.settings import Settings
    from llm_connector.types import ChatRequest, ResponseFormat, Tool

JSON_HEADERS = {"content-type": "application/json"}

_COPIED = (
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "n",
    "user",
    "metadata",
)
# What OpenAI's reasoning models refuse at any effort, and what unless they are told not to reason (openai docs and SDK
# notes, 2026-08).
_REFUSED_BY_REASONERS = ("presence_penalty", "frequency_penalty", "logit_bias")
REFUSED_WHEN_REASONING = ("temperature", "top_p", "logprobs", "top_logprobs", *_REFUSED_BY_REASONERS)
_WINDOW_KEYS = ("context_length", "max_model_len", "context_window", "max_context_length", "max_input_tokens")
_OUTPUT_KEYS = ("max_output_tokens", "max_completion_tokens", "max_output_length")


class OpenAIChat(Protocol):
    """Chat Completions, models and embeddings in OpenAI's form."""

    rules: tuple[Rule, ...] = (
        Rule(BillingError, status=429, code=r"insufficient_quota|billing_hard_limit_reached"),
        Rule(ContentFilterError, status=400, code=r"content_policy_violation|content_filter"),
        Rule(ContentFilterError, status=400, message=r"content management policy"),
        Rule(ModelNotFoundError, status=404, message=r"model .{0,120}does not exist"),
        Rule(ModelNotFoundError, code=r"DeploymentNotFound"),
    )

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.dialect: ChatDialect = settings.provider.dialect or ChatDialect()

    def build(self, fields: RequestFields, *, stream: bool) -> WireRequest:
        """The request in the vendor's form."""
        body = self._body(fields, stream=stream)
        model = str(body["model"])
        return WireRequest(self._path("chat", "/chat/completions", model), encode(body), self.query(), JSON_HEADERS)

    def decoder(self, request: ChatRequest) -> ChatDecoder:
        """A fresh decoder for one answer."""
        del request
        tags = self.settings.think_tags if self.settings.think_tags is not None else self.dialect.think_tags
        return ChatDecoder(
            self,
            think_tags=tags,
            reasoning_field=self.dialect.reasoning_field,
            reasoning_details=self.dialect.reasoning_details,
        )

    def is_fault(self, payload: Any) -> bool:
        """Whether a body inside HTTP 200, or an event, is an error all the same."""
        return super().is_fault(payload) or (self.dialect.base_resp and tells_base_resp(payload))

    def _body(self, fields: RequestFields, *, stream: bool) -> dict[str, Any]:
        request, dialect = fields.request, self.dialect
        model = request.model or ""
        reasons = dialect.reasoning_gate is not None and dialect.reasoning_gate(model)
        system_role = "developer" if dialect.developer_role and reasons else "system"
        body: dict[str, Any] = {"model": model}
        body["messages"] = MessageWriter(dialect, self.settings, fields, system_role).write(request.messages)
        body |= dialect.extra
        body |= self._reasoning(fields, model)
        if not fields.all_taken:
            body |= self._sampling(fields, body, reasons=reasons)
            body |= self._tools(fields, stream=stream)
            body |= self._format(fields, body["messages"])
        if stream:
            body["stream"] = True
            if dialect.stream_usage:
                body["stream_options"] = {"include_usage": True}
            body |= dialect.stream_extra
        return body | (request.extra_body or {})

    def _reasoning(self, fields: RequestFields, model: str) -> dict[str, Any]:
        fields.take_set(FIELDS)
        return self.dialect.reasoning(ReasoningControl.of(fields.request), model, fields)

    def _sampling(self, fields: RequestFields, so_far: dict[str, Any], *, reasons: bool) -> dict[str, Any]:
        dialect = self.dialect
        sampled = so_far.get("reasoning_effort") == "none"  # gpt-5.1 and later sample when they do not reason
        unsupported = dialect.unsupported_by(fields.request.model or "")
        refused = (_REFUSED_BY_REASONERS if sampled else REFUSED_WHEN_REASONING) if reasons else ()
        taken = fields.take_set(name for name in _COPIED if name not in unsupported and name not in refused)
        body: dict[str, Any] = {
            dialect.rename.get(name, name): self._in_range(name, value, fields) for name, value in taken.items()
        }
        if "temperature" in body and fields.request.temperature == 0:
            body |= dialect.when_greedy
        if (limit := fields.take("max_tokens")) is not None:
            body["max_completion_tokens" if reasons else dialect.token_limit] = limit
        if "stop" not in unsupported and (stop := fields.take("stop")) is not None:
            body["stop"] = self._stops(stop, fields)
        return body

    def _in_range(self, name: str, value: Any, fields: RequestFields) -> Any:
        if name not in self.dialect.ranges:
            return value
        low, high = self.dialect.ranges[name]
        moved = min(max(value, low), high)
        if moved != value:
            fields.warn(f"{name} {value} is outside the vendor's range and was sent as {moved}")
        return moved

    def _stops(self, stop: list[str], fields: RequestFields) -> list[str]:
        most = self.dialect.max_stops
        if most is not None and len(stop) > most:
            fields.warn(f"the vendor takes {most} stop text(s); {', '.join(map(repr, stop[most:]))} not sent")
            return stop[:most]
        return stop

    def _tools(self, fields: RequestFields, *, stream: bool) -> dict[str, Any]:
        request = fields.request
        tools, choice = fields.take("tools"), fields.take("tool_choice")
        known = "parallel_tool_calls" not in self.dialect.unsupported_by(request.model or "")
        parallel = fields.take("parallel_tool_calls") if known else None
        if not tools:
            return {}
        if not self.settings.provider.capabilities.tools:
            raise self.unsupported("tools", "the provider has no function calling")
        if choice == "none" and "none" not in self.dialect.choices_of(request.model or ""):
            fields.warn("tool_choice 'none' was sent as no tools")
            return {}
        body: dict[str, Any] = {"tools": [self._tool(tool) for tool in tools]}
        if not self.dialect.cache_marks and any(tool.cache_control is not None for tool in tools):
            fields.warn_once("cache_control has no equivalent and was not sent")
        if parallel is not None:
            body["parallel_tool_calls"] = parallel
        if choice is not None:
            body |= self._tool_choice(choice, request.forced_tool, fields)
        if (
            self.dialect.tool_stream_models
            and re.match(self.dialect.tool_stream_models, request.model or "")
            and stream
        ):
            body["tool_stream"] = True
        return body

    def _tool(self, tool: Tool) -> dict[str, Any]:
        if tool.vendor is not None:
            return tool.vendor
        parameters = self._plain(tool.parameters)
        function: dict[str, Any] = {"name": tool.name, "description": tool.description, "parameters": parameters}
        if tool.strict is not None and self.dialect.strict_tools:
            function["strict"] = tool.strict
        wire: dict[str, Any] = {"type": "function", "function": function}
        if tool.cache_control is not None and self.dialect.cache_marks:
            wire["cache_control"] = tool.cache_control
        return wire

    def _tool_choice(self, choice: str, forced: str | None, fields: RequestFields) -> dict[str, Any]:
        kind, kinds = "named" if forced is not None else choice, self.dialect.choices_of(fields.request.model or "")
        if kind not in kinds:
            fallback = "required" if "required" in kinds and kind == "named" else "auto"
            fields.warn(f"tool_choice {choice!r} is not known to the vendor and was sent as {fallback!r}")
            forced, choice = None, fallback
        if forced is None and choice != "required":
            return {"tool_choice": choice}
        return self._forced_choice(choice if forced is None else _named(forced, fields.request.tools or ()), fields)

    def _forced_choice(self, wire: Any, fields: RequestFields) -> dict[str, Any]:
        """A forced tool; where reasoning bars it, reasoning gives way unless it was asked for."""
        model, control, dialect = fields.request.model or "", ReasoningControl.of(fields.request), self.dialect
        barred = dialect.no_forced_tool_while_reasoning
        if not barred or not re.match(barred, model, re.IGNORECASE) or not dialect.reasons(model, control):
            return {"tool_choice": wire}
        off = {} if control.on else dialect.reasoning(ReasoningControl(on=False), model, fields)
        if not off:
            fields.warn("the vendor forces no tool while the model reasons; tool_choice was sent as 'auto'")
            return {"tool_choice": "auto"}
        fields.warn("the vendor forces no tool while the model reasons; reasoning was switched off")
        return {"tool_choice": wire, **off}

    def _format(self, fields: RequestFields, messages: list[dict[str, Any]]) -> dict[str, Any]:
        wanted: ResponseFormat | None = fields.take("response_format")
        if wanted is None:
            return {}
        if self.dialect.calls_before_form and calls_next(fields.request):
            fields.warn("response_format bars the model from calling tools; it is sent once a tool has answered")
            return {}
        if wanted.type != "json_schema":
            if wanted.type == "json_object" and self.dialect.json_word and not _says_json(messages):
                fields.warn("json_object needs the word JSON in a message; an instruction was added")
                add_instruction(messages, "Answer with one JSON object.")
            return {"response_format": {"type": wanted.type}}
        if self.dialect.takes_schema(fields.request.model or ""):
            schema = _schema(wanted, self._plain(wanted.json_schema or {}))
            return {"response_format": {"type": "json_schema", "json_schema": schema}}
        fields.warn("the vendor takes no schema; json_object was asked for and the schema put into the prompt")
        add_instruction(messages, f"Answer with one JSON object that fits this schema: {dumps(wanted.json_schema)}")
        return {"response_format": {"type": "json_object"}}

    def _plain(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema without the keyword that some vendors refuse; what makes schemas of programs writes it."""
        if self.dialect.schema_keyword or "$schema" not in schema:
            return schema
        return {name: value for name, value in schema.items() if name != "$schema"}

    def normalise_base_url(self, base_url: str) -> str:
        """Accept an address with the chat path at its end, and a bare host where the row knows the rest."""
        url = base_url.rstrip("/").removesuffix("/chat/completions")
        path = self.dialect.default_path
        return f"{url}{path}" if path and urlsplit(url).path in {"", "/"} else url

    def _path(self, call: str, default: str, model: str = "") -> str:
        path = self.dialect.paths.get(call, default)
        return path.replace("{model}", segment(model)) if "{model}" in path else path

    def query(self) -> dict[str, str]:
        """Query parameters of every request."""
        return {}

    def models(self) -> Exchange[list[ModelInfo]]:
        """List the models, all pages."""
        found: list[ModelInfo] = []
        query = self.query()
        while True:
            path = self._path("models", "/models")
            answer = yield WireRequest(path, query=query, method="GET", above=self.dialect.models_above)
            payload = answer.payload
            entries = payload if isinstance(payload, list) else payload.get("data") or payload.get("models") or []
            found += [_model_info(entry) for entry in entries if isinstance(entry, dict)]
            last = entries[-1].get("id") if entries and isinstance(payload, dict) and payload.get("has_more") else None
            if last is None or last == query.get("after"):
                return found
            query = {**query, "after": last}

    def embed(self, inputs: Sequence[str], model: str, dimensions: int | None) -> Exchange[EmbeddingResponse]:
        """Embed texts, in as many requests as the vendor's limit needs."""
        if not self.settings.provider.capabilities.embeddings:
            raise self.unsupported("embed()", "the provider has no embeddings")
        vectors: list[list[float]] = []
        usage, answered = None, None
        for start in range(0, len(inputs), self.dialect.embedding_batch):
            batch = list(inputs[start : start + self.dialect.embedding_batch])
            body: dict[str, Any] = {"model": model, "input": batch, "encoding_format": "float"}
            if dimensions is not None:
                body["dimensions"] = dimensions
            path = self._path("embeddings", "/embeddings", model)
            answer = yield WireRequest(path, encode(body), self.query(), JSON_HEADERS)
            vectors += _vectors(answer.payload)
            usage = _added(usage, answer.payload)
            answered = answer.payload.get("model") or answered
        return EmbeddingResponse(embeddings=vectors, usage=usage, model=answered)


def _schema(wanted: ResponseFormat, inner: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = {"name": wanted.name, "schema": inner}
    if wanted.description is not None:
        schema["description"] = wanted.description
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    return schema


def _named(name: str, tools: Sequence[Tool]) -> dict[str, Any]:
    """The choice of one tool; OpenAI's custom tools are chosen under their own kind."""
    custom = any(tool.name == name and (tool.vendor or {}).get("type") == "custom" for tool in tools)
    kind = "custom" if custom else "function"
    return {"type": kind, kind: {"name": name}}


def _says_json(messages: list[dict[str, Any]]) -> bool:
    contents = (message["content"] for message in messages)
    texts = (content if isinstance(content, str) else read_parts(content)[0] for content in contents)
    return any("json" in text.lower() for text in texts)


def add_instruction(messages: list[dict[str, Any]], text: str) -> None:
    """Add to the system message, or make one."""
    first = messages[0]
    if first["role"] == "system" and isinstance(first["content"], str):
        first["content"] = f"{first['content']}\n\n{text}"
    else:
        messages.insert(0, {"role": "system", "content": text})


def _model_info(entry: dict[str, Any]) -> ModelInfo:
    told = (entry.get("top_provider"), entry.get("meta"), (entry.get("capabilities") or {}).get("limits"))
    limits = entry | {name: value for part in told for name, value in (part or {}).items()}
    return ModelInfo(
        id=str(entry.get("id") or entry.get("name") or entry.get("model")),
        context_window=_first_int(limits, (*_WINDOW_KEYS, "max_context_window_tokens", "n_ctx", "n_ctx_train")),
        max_output_tokens=_first_int(limits, _OUTPUT_KEYS),
        raw=entry,
    )


def _first_int(source: Mapping[str, Any], names: Sequence[str]) -> int | None:
    return next((source[name] for name in names if isinstance(source.get(name), int)), None)


def _vectors(payload: dict[str, Any]) -> list[list[float]]:
    items = sorted(payload.get("data") or [], key=lambda item: item.get("index") or 0)
    return [_vector(item["embedding"]) for item in items]


def _vector(value: Any) -> list[float]:
    """A list of numbers, or little-endian 32-bit floats as base64."""
    if isinstance(value, str):
        data = base64.b64decode(value)
        return list(struct.unpack(f"<{len(data) // 4}f", data))
    return [float(number) for number in value]


def _added(usage: Usage | None, payload: dict[str, Any]) -> Usage | None:
    told = payload.get("usage")
    if not told:
        return usage
    more = read_usage(told)
    return more if usage is None else usage + more


PROTOCOL = OpenAIChat
