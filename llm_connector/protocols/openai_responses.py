"""OpenAI's Responses API, used without state at the vendor: what the model must be given back travels in the history.

Source: openai-python 3.54. Servers without the endpoint are asked by ``openai_chat`` instead. Messages are written in
``openai_responses_items``; answers are read in ``openai_responses_stream``.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from llm_connector.effort import FIELDS, ReasoningControl
from llm_connector.errors import ContentFilterError, InvalidRequestError, LLMError, ModelNotFoundError
from llm_connector.faults import Rule
from llm_connector.jsontext import encode
from llm_connector.protocols.base import Protocol, StreamReader
from llm_connector.protocols.chat_reasoning import by_effort, by_openai_effort, is_openai_reasoning_model
from llm_connector.protocols.openai_chat import JSON_HEADERS, REFUSED_WHEN_REASONING, OpenAIChat
from llm_connector.protocols.openai_responses_items import ItemWriter
from llm_connector.protocols.openai_responses_stream import ResponsesCollector, ResponsesDecoder
from llm_connector.protocols.wire import WireRequest
from llm_connector.types import TextBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_connector.protocols.fields import RequestFields
    from llm_connector.protocols.wire import Exchange
    from llm_connector.settings import Settings
    from llm_connector.types import (
        ChatRequest,
        ChatResponse,
        EmbeddingResponse,
        Message,
        ModelInfo,
        ResponseFormat,
        Tool,
    )

_COPIED = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_logprobs": "top_logprobs",
    "max_tokens": "max_output_tokens",
    "user": "safety_identifier",
    "metadata": "metadata",
}
_ENCRYPTED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"
_OPENAI_MODEL = re.compile(r"(ft:)?(gpt-\d|o\d|chatgpt)", re.IGNORECASE)
_NEVER_REASONS = re.compile(r"gpt-?[34]|chatgpt|gpt-[\d.]+-chat", re.IGNORECASE)
_NO_ENDPOINT = frozenset({404, 405})
# A missing thing that an id names is not a missing endpoint.
_MISSING_THING = re.compile(r"\bwith id\b|\bitem\b|(model|item|response|conversation|file)_not_found", re.IGNORECASE)


class OpenAIResponses(Protocol):
    """``/responses``; models, embeddings and the way out by ``/chat/completions``."""

    rules = (*OpenAIChat.rules, Rule(ContentFilterError, code=r"\w+_policy(_violation)?"))
    tool_results = "turn"
    chat_protocol: ClassVar[type[OpenAIChat]] = OpenAIChat

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        replay = "with_tool_calls" if settings.reasoning_replay == "always" else settings.reasoning_replay
        self._chat = self.chat_protocol(replace(settings, reasoning_replay=replay))
        self._endpoint_missing = False

    def build(self, fields: RequestFields, *, stream: bool) -> WireRequest:
        """The request in the vendor's form."""
        request = fields.request
        _warn_of_losses(fields)
        instructions, rest = _split_instructions(request.messages)
        body: dict[str, Any] = {"model": request.model, "input": ItemWriter(self.settings, fields).write(rest)}
        if instructions:
            body["instructions"] = instructions
        body |= {"store": False} | _reasoning(fields)
        sampled = (body.get("reasoning") or {}).get("effort") == "none"  # gpt-5.1 and later sample when not reasoning
        refused = is_openai_reasoning_model(request.model or "") and not sampled
        body |= _sampling(fields, refused=refused) | _included(fields, refused=refused)
        body |= self._tools(fields) | _format(fields.take("response_format"))
        if stream:
            body["stream"] = True
        return WireRequest("/responses", encode(body | (request.extra_body or {})), self._chat.query(), JSON_HEADERS)

    def decoder(self, request: ChatRequest) -> ResponsesDecoder:
        """A fresh decoder for one answer."""
        del request
        return ResponsesDecoder(self)

    def collector(self) -> ResponsesCollector:
        """A fresh collector for one answer."""
        return ResponsesCollector(self.settings.provider.name, self.settings.provider.family)

    def _tools(self, fields: RequestFields) -> dict[str, Any]:
        tools, choice, parallel = (fields.take(name) for name in ("tools", "tool_choice", "parallel_tool_calls"))
        if not tools:
            return {}
        body: dict[str, Any] = {"tools": [_tool(tool, fields) for tool in tools]}
        forced = fields.request.forced_tool
        if choice is not None:
            body["tool_choice"] = choice if forced is None else _named(forced, tools)
        if parallel is not None:
            body["parallel_tool_calls"] = parallel
        return body

    def is_fault(self, payload: Any) -> bool:
        """Whether a body or an event is an error; a failed answer is one, though HTTP calls it a success."""
        if not isinstance(payload, dict):
            return False
        inner = payload.get("response")
        failed = payload.get("type") in {"error", "response.failed"} or payload.get("status") == "failed"
        return failed or bool(payload.get("error")) or (isinstance(inner, dict) and bool(inner.get("error")))

    def chat(self, request: ChatRequest) -> Exchange[ChatResponse]:
        """Ask for a whole answer; by Chat Completions where there is no such endpoint."""
        if not self._endpoint_missing:
            try:
                return (yield from super().chat(request))
            except LLMError as error:
                self._forget_endpoint(error)
        response = yield from self._chat.chat(request)
        response.warnings.append(self._told_fallback)
        return response

    def stream(self, request: ChatRequest) -> Exchange[StreamReader]:
        """Ask for a stream; by Chat Completions where there is no such endpoint."""
        if not self._endpoint_missing:
            try:
                return (yield from super().stream(request))
            except LLMError as error:
                self._forget_endpoint(error)
        reader = yield from self._chat.stream(request)
        reader.warnings.append(self._told_fallback)
        return reader

    @property
    def _told_fallback(self) -> str:
        return f"{self.settings.provider.name}: the server has no /responses; /chat/completions was used"

    def _forget_endpoint(self, error: LLMError) -> None:
        """Remember that there is no such endpoint, if the error says that and nothing else."""
        told = f"{error.code} {error.message}"
        known = isinstance(error, ModelNotFoundError) or _MISSING_THING.search(told) is not None
        if not isinstance(error, InvalidRequestError) or error.status_code not in _NO_ENDPOINT or known:
            raise error
        self._endpoint_missing = True

    def models(self) -> Exchange[list[ModelInfo]]:
        """List the models, all pages."""
        return self._chat.models()

    def embed(self, inputs: Sequence[str], model: str, dimensions: int | None) -> Exchange[EmbeddingResponse]:
        """Embed texts, in as many requests as the vendor's limit needs."""
        return self._chat.embed(inputs, model, dimensions)

    def normalise_base_url(self, base_url: str) -> str:
        """Accept an address with a path of ours at its end."""
        return self._chat.normalise_base_url(base_url.rstrip("/").removesuffix("/responses"))


def _warn_of_losses(fields: RequestFields) -> None:
    messages = fields.request.messages
    if any(message.name is not None and message.role != "tool" for message in messages):
        fields.warn("name of messages has no equivalent and was not sent")
    if any(block.cache_control is not None for message in messages for block in message.blocks):
        fields.warn("cache_control has no equivalent and was not sent")


def _split_instructions(messages: list[Message]) -> tuple[str, list[Message]]:
    """The system's text at the beginning, and the other messages."""
    count = next((at for at, message in enumerate(messages) if not _instructs(message)), 0)
    return "\n\n".join(message.text for message in messages[:count]), messages[count:]


def _instructs(message: Message) -> bool:
    return message.role in {"system", "developer"} and all(isinstance(block, TextBlock) for block in message.blocks)


def _reasoning(fields: RequestFields) -> dict[str, Any]:
    """``reasoning``, with a summary of the thoughts, for OpenAI shows no more of them."""
    for name in FIELDS:
        fields.take(name)
    control, model = ReasoningControl.of(fields.request), fields.request.model or ""
    style = by_openai_effort if _OPENAI_MODEL.match(model.rsplit("/", 1)[-1]) else by_effort()
    effort = style(control, model, fields).get("reasoning_effort")
    if effort is None:
        return {}
    return {"reasoning": {"effort": effort} | ({"summary": "auto"} if control.on else {})}


def _sampling(fields: RequestFields, *, refused: bool) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for name, wire in _COPIED.items():
        if refused and name in REFUSED_WHEN_REASONING:
            continue  # reported with all that nobody took
        if (value := fields.take(name)) is not None:
            body[wire] = value
    return body


def _included(fields: RequestFields, *, refused: bool) -> dict[str, Any]:
    """What the answer shall hold besides: reasoning that can be sent back, from all models that may reason."""
    include = [] if _NEVER_REASONS.search(fields.request.model or "") else [_ENCRYPTED]
    if not refused and (fields.take("logprobs") or fields.request.top_logprobs is not None):
        include.append(_LOGPROBS)
    return {"include": include} if include else {}


def _tool(tool: Tool, fields: RequestFields) -> dict[str, Any]:
    if tool.vendor is not None:
        return _flat(tool.vendor)
    if tool.cache_control is not None:
        fields.warn(f"cache_control of the tool {tool.name!r} has no equivalent and was not sent")
    function = {"type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {**function, "strict": tool.strict or False}  # the vendor takes a missing one for true


def _flat(tool: dict[str, Any]) -> dict[str, Any]:
    """A custom tool in Chat Completions' form, taken out of its two wrappings."""
    if not isinstance(inner := tool.get("custom"), dict):
        return tool
    form = inner.get("format") or {}
    if isinstance(grammar := form.get("grammar"), dict):
        inner = {**inner, "format": {"type": "grammar", **grammar}}
    return {"type": "custom", **inner}


def _named(name: str, tools: list[Tool]) -> dict[str, Any]:
    vendor = next((tool.vendor for tool in tools if tool.name == name), None)
    if vendor is None or vendor.get("type") == "custom":
        return {"type": "function" if vendor is None else "custom", "name": name}
    return {"type": vendor.get("type")}


def _format(wanted: ResponseFormat | None) -> dict[str, Any]:
    if wanted is None:
        return {}
    form: dict[str, Any] = {"type": wanted.type}
    if wanted.type == "json_schema":
        told = {"description": wanted.description, "strict": wanted.strict}
        form |= {"name": wanted.name, "schema": wanted.json_schema}
        form |= {name: value for name, value in told.items() if value is not None}
    return {"text": {"format": form}}


PROTOCOL = OpenAIResponses
