"""Anthropic's Messages API and the servers that speak it. Source: anthropic-python 2.12 and its docs, 2026-11.

Turns are in ``anthropic_messages``, reading answers is in ``anthropic_stream``; Google's and Amazon's ways of carrying
the same body are in ``anthropic_vertex`` and ``anthropic_bedrock``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from llm_connector import errors
from llm_connector.faults import Rule
from llm_connector.jsontext import encode
from llm_connector.protocols.anthropic_dialect import AnthropicDialect
from llm_connector.protocols.anthropic_messages import MessageWriter
from llm_connector.protocols.anthropic_models import ModelGates, gates_of
from llm_connector.protocols.anthropic_replay import lacks_thinking
from llm_connector.protocols.anthropic_schema import answer_tool, instruction, native_schema, way_of
from llm_connector.protocols.anthropic_stream import AnthropicDecoder
from llm_connector.protocols.anthropic_thinking import (
    is_thinking,
    sampling_fields,
    set_max_tokens,
    thinking_fields,
)
from llm_connector.protocols.base import Protocol
from llm_connector.protocols.wire import WireRequest
from llm_connector.types import ModelInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_connector.protocols.fields import RequestFields
    from llm_connector.protocols.wire import Exchange
    from llm_connector.settings import Settings
    from llm_connector.types import ChatRequest, ResponseFormat, Tool

JSON_HEADERS = {"content-type": "application/json"}
_FIRST_WITHOUT_SAMPLING = "2026-10-21"
_LARGEST_PAGE = "1000"


class AnthropicMessages(Protocol):
    """Messages and the list of models in Anthropic's form."""

    default_version: ClassVar[str] = "2023-06-01"
    tool_results = "turn"
    rules: tuple[Rule, ...] = (
        Rule(errors.BillingError, message=r"credit balance is too low|specified (api|workspace) usage limits"),
        Rule(errors.ContentFilterError, status=400, message=r"blocked by content filtering policy"),
        Rule(errors.ModelNotFoundError, code=r"not_found_error", message=r"\bmodel\b"),
        Rule(errors.InvalidRequestError, code=r"not_found_error|request_too_large"),
        Rule(errors.ServerError, code=r"conflict_error"),
    )

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.dialect: AnthropicDialect = settings.provider.dialect or AnthropicDialect()

    def build(self, fields: RequestFields, *, stream: bool) -> WireRequest:
        """The request in the vendor's form."""
        request = fields.request
        gates = gates_of(request.model or "")
        writer = MessageWriter(self.dialect, self.settings, fields)
        body: dict[str, Any] = {"model": request.model}
        body["system"], body["messages"] = writer.write(request.messages)
        if not body["messages"]:
            raise errors.InvalidRequestError("all messages are empty", provider=self.settings.provider.name)
        body |= thinking_fields(fields, gates, self.dialect)
        self._settle_thinking(body, fields)
        set_max_tokens(body, fields, gates, self.dialect, stream=stream)
        thinking = is_thinking(body.get("thinking"))
        body |= sampling_fields(fields, gates, thinking=thinking, refused=self._refuses_sampling)
        body |= self._labels(fields)
        body |= self._tools(fields, gates)
        self._settle_forcing(body, fields, gates)
        self._set_format(body, fields, gates)
        if stream:
            body["stream"] = True
        body = {name: value for name, value in body.items() if value is not None} | (request.extra_body or {})
        return self._wire(body, self._betas(request, writer.betas), stream=stream)

    def decoder(self, request: ChatRequest) -> AnthropicDecoder:
        """A fresh decoder for one answer."""
        way = way_of(request, gates_of(request.model or ""), self.dialect)
        tool = answer_tool(request.response_format) if way == "tool" and request.response_format else None
        return AnthropicDecoder(self, answer_tool=None if tool is None else tool["name"])

    def is_fault(self, payload: Any) -> bool:
        """Whether a body inside HTTP 200, or an event, is an error; gateways also send the message alone."""
        if isinstance(payload, list):  # Google's errors may come in a list
            return bool(payload) and self.is_fault(payload[0])
        if not isinstance(payload, dict):
            return False
        if payload.get("error") or payload.get("type") == "error":
            return True
        told = payload.get("message", payload.get("Message"))
        return isinstance(told, str) and "type" not in payload and "content" not in payload

    def normalise_base_url(self, base_url: str) -> str:
        """Accept an address that already holds the path, or its version."""
        return base_url.rstrip("/").removesuffix("/messages").removesuffix("/v1")

    def models(self) -> Exchange[list[ModelInfo]]:
        """List the models, all pages."""
        found: list[ModelInfo] = []
        query = {"limit": _LARGEST_PAGE}
        while True:
            headers = {"anthropic-version": self._version}
            above = self.dialect.models_above
            answer = yield WireRequest("/v1/models", query=query, headers=headers, method="GET", above=above)
            entries = [entry for entry in answer.payload.get("data") or () if isinstance(entry, dict)]
            found += [_model_info(entry) for entry in entries]
            last = answer.payload.get("last_id") if answer.payload.get("has_more") else None
            if last is None or last == query.get("after_id"):
                return found
            query = {**query, "after_id": last}

    @property
    def _version(self) -> str:
        return str(self.settings.options.get("api_version") or self.default_version)

    @property
    def _refuses_sampling(self) -> bool:
        date = re.search(r"\d{4}-\d\d-\d\d", self._version)
        return date is not None and date[0] >= _FIRST_WITHOUT_SAMPLING

    def _wire(self, body: dict[str, Any], betas: list[str], *, stream: bool) -> WireRequest:
        """The request that carries a finished body."""
        del stream  # the body says it
        headers = JSON_HEADERS | {"anthropic-version": self._version} | beta_header(betas)
        return WireRequest("/v1/messages", encode(body), headers=headers)

    def _betas(self, request: ChatRequest, needed: Sequence[str]) -> list[str]:
        """The names of the beta features, of the client, the call and the content, each once."""
        own = self.settings.options.get("betas") or ()
        called = {name.lower(): value for name, value in (request.extra_headers or {}).items()}.get(
            "anthropic-beta", ""
        )
        names = [*(own.split(",") if isinstance(own, str) else own), *called.split(","), *needed]
        return list(dict.fromkeys(name.strip() for name in names if name.strip()))

    def _labels(self, fields: RequestFields) -> dict[str, Any]:
        """Stop texts and the end user's id; of metadata the vendor takes nothing else."""
        body: dict[str, Any] = {}
        metadata = dict(fields.take("metadata") or {})
        user = fields.take("user")
        user = metadata.pop("user_id", None) if user is None else user
        if user is not None:
            body["metadata"] = {"user_id": user}
        if metadata:
            fields.warn(f"metadata takes only user_id; {', '.join(metadata)} not sent")
        stops = fields.take("stop") or []
        told = [text for text in stops if text.strip()]
        if len(told) < len(stops):
            fields.warn("a stop text must hold more than white space; blank ones were not sent")
        if told:
            body["stop_sequences"] = told
        if fields.request.n == 1:
            fields.take("n")
        return body

    def _tools(self, fields: RequestFields, gates: ModelGates) -> dict[str, Any]:
        tools, choice, parallel = (fields.take(name) for name in ("tools", "tool_choice", "parallel_tool_calls"))
        if not tools:
            return {}
        body: dict[str, Any] = {"tools": [self._tool(tool, fields, gates) for tool in tools]}
        kinds = {"required": "any", "auto": "auto", "none": "none", None: "auto"}
        forced = fields.request.forced_tool
        wire = {"type": "tool", "name": forced} if forced is not None else {"type": kinds[choice]}
        if parallel is False and wire["type"] != "none":
            body["tool_choice"] = wire | {"disable_parallel_tool_use": True}
        elif choice is not None:
            body["tool_choice"] = wire
        return body

    def _tool(self, tool: Tool, fields: RequestFields, gates: ModelGates) -> dict[str, Any]:
        if tool.vendor is not None:
            return tool.vendor
        wire: dict[str, Any] = {"name": tool.name, "input_schema": {"type": "object", **tool.parameters}}
        if tool.description:
            wire["description"] = tool.description
        if tool.strict:
            schema = native_schema(wire["input_schema"]) if gates.json_schema and self.dialect.json_schema else None
            if schema is None:
                fields.warn(f"strict was not sent for {tool.name!r}: the model or the schema does not allow it")
            else:
                wire |= {"input_schema": schema, "strict": True}
        if tool.cache_control is not None:
            wire["cache_control"] = tool.cache_control
        return wire

    def _settle_thinking(self, body: dict[str, Any], fields: RequestFields) -> None:
        """Do without thinking where the vendor would refuse the history."""
        asked = body.get("thinking") or {}
        if self.dialect.signed and asked.get("type") == "enabled" and lacks_thinking(body["messages"]):
            del body["thinking"]
            fields.warn("reasoning is off for this call: the tool calls being answered were made without it")

    def _settle_forcing(self, body: dict[str, Any], fields: RequestFields, gates: ModelGates) -> None:
        """A tool cannot be forced while the model thinks."""
        choice = body.get("tool_choice") or {}
        if choice.get("type") not in {"any", "tool"}:
            return
        if is_thinking(body.get("thinking")) or not gates.forced_tools:
            why = "the model does not let itself be forced" if not gates.forced_tools else "not together with reasoning"
            fields.warn(f"tool_choice {fields.request.tool_choice!r} was sent as 'auto': {why}")
            choice.pop("name", None)
            choice["type"] = "auto"
        elif gates.thinks_unasked and "thinking" not in body:
            fields.warn("reasoning was switched off: the model would reason, and a tool is forced")
            body["thinking"] = {"type": gates.off}

    def _set_format(self, body: dict[str, Any], fields: RequestFields, gates: ModelGates) -> None:
        wanted: ResponseFormat | None = fields.take("response_format")
        way = way_of(fields.request, gates, self.dialect)
        if wanted is None or way is None:
            return
        if way == "native":
            form = {"type": "json_schema", "schema": native_schema(wanted.json_schema or {})}
            body["output_config"] = {**body.get("output_config", {}), "format": form}
        elif way == "tool":
            tool = answer_tool(wanted)
            body |= {"tools": [tool], "tool_choice": {"type": "tool", "name": tool["name"]}}
            fields.warn(f"the schema was sent as the forced tool {tool['name']!r}; its arguments are the content")
        else:
            body["system"] = _with_instruction(body.get("system"), instruction(wanted))
            fields.warn("response_format was put into the prompt: the vendor has no other way for this request")


def beta_header(betas: list[str]) -> dict[str, str]:
    """The header that switches beta features on; none when there are none."""
    return {"anthropic-beta": ",".join(betas)} if betas else {}


def _with_instruction(system: str | list[dict[str, Any]] | None, text: str) -> str | list[dict[str, Any]]:
    if isinstance(system, list):
        return [*system, {"type": "text", "text": text}]
    return text if system is None else f"{system}\n\n{text}"


def _model_info(entry: dict[str, Any]) -> ModelInfo:
    return ModelInfo(
        id=str(entry.get("id")),
        context_window=_count(entry.get("max_input_tokens")),
        max_output_tokens=_count(entry.get("max_tokens")),
        raw=entry,
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


PROTOCOL = AnthropicMessages
