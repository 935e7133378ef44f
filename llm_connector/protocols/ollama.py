"""Ollama's native protocol: chats, embeddings and the list of models. Managing models is in ``ollama_management``.

Source: Ollama's server in Go, 2026-08, and ollama-python 0.6.3.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from llm_connector import errors
from llm_connector.effort import FIELDS, ReasoningControl
from llm_connector.faults import Rule
from llm_connector.framing import NDJSONDecoder
from llm_connector.jsontext import encode
from llm_connector.protocols.base import Protocol, StreamReader
from llm_connector.protocols.ollama_messages import MessageWriter, write_tool
from llm_connector.protocols.ollama_stream import OllamaDecoder
from llm_connector.protocols.wire import WireRequest
from llm_connector.types import ChatResponse, EmbeddingResponse, ModelInfo, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from llm_connector.protocols.fields import RequestFields
    from llm_connector.protocols.wire import Exchange
    from llm_connector.types import ChatRequest, ResponseFormat

T = TypeVar("T")
A = TypeVar("A", ChatResponse, StreamReader)

JSON_HEADERS = {"content-type": "application/json"}

_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "num_predict",
    "stop": "stop",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
}
_GPT_OSS = re.compile(r"gpt-?oss", re.IGNORECASE)
_NO_LEVELS = re.compile(r"think value .{1,20}is not supported")
_MISSING_MODEL = re.compile(r"""model ['"]?([^'"\s]+)['"]? not found""")


class Ollama(Protocol):
    """``/api/chat``, ``/api/embed`` and ``/api/tags``."""

    tool_results = "anywhere"  # a template writes what it is given (Ollama, 2026-08)
    rules = (
        Rule(errors.ModelNotFoundError, message=r"model .{0,200}not found|pull model manifest: file does not exist"),
        Rule(errors.AuthenticationError, message=r"^unauthorized"),
        Rule(errors.ServerError, message=r"requires more system memory", retryable=False),
        Rule(errors.OverloadedError, message=r"server busy|maximum pending requests"),
        Rule(errors.OverloadedError, status=502),
        Rule(errors.ServerError, status=499),
    )

    def build(self, fields: RequestFields, *, stream: bool) -> WireRequest:
        """The request in Ollama's form; ``stream`` is always said, for the server streams by default."""
        request = fields.request
        body: dict[str, Any] = {"model": request.model, "stream": stream}
        body["messages"] = MessageWriter(self.settings, fields).write(request.messages)
        body |= self._tools(fields) | _format(fields.take("response_format")) | _think(fields)
        for name in ("logprobs", "top_logprobs"):
            if (value := fields.take(name)) is not None:
                body[name] = value
        body |= self._placed(_sampling(fields))
        extra = request.extra_body or {}
        if "options" in body and isinstance(extra.get("options"), dict):
            extra = {**extra, "options": body["options"] | extra["options"]}
        return WireRequest("/api/chat", encode(body | extra), headers=JSON_HEADERS)

    def decoder(self, request: ChatRequest) -> OllamaDecoder:
        """A fresh decoder for one answer. Models older than the ``thinking`` field write ``<think>`` tags."""
        del request
        return OllamaDecoder(self, think_tags=self.settings.think_tags is not False)

    def framing(self) -> NDJSONDecoder:
        """A fresh framing for one stream."""
        return NDJSONDecoder()

    def _placed(self, options: dict[str, Any]) -> dict[str, Any]:
        """How the model is loaded and run: the client's own options below the request's."""
        own = self.settings.options
        options = {**(own.get("options") or {}), **options}
        placed: dict[str, Any] = {"options": options} if options else {}
        if own.get("keep_alive") is not None:
            placed["keep_alive"] = own["keep_alive"]
        return placed

    def _tools(self, fields: RequestFields) -> dict[str, Any]:
        tools, choice = fields.take("tools"), fields.take("tool_choice")
        if not tools:
            return {}
        for tool in tools:
            if tool.vendor is not None:
                raise self.unsupported(f"the tool {tool.name!r}", "Ollama runs no tools of its own")
        if choice == "none":
            fields.warn("tool_choice 'none' was sent as no tools")
            return {}
        forced = fields.request.forced_tool
        if forced is not None:
            fields.warn(f"tool_choice {choice!r} was sent as this tool alone; the model may still answer in words")
            tools = [tool for tool in tools if tool.name == forced]
        elif choice == "required":
            fields.warn("tool_choice 'required' has no equivalent and was not sent")
        return {"tools": [write_tool(tool, fields) for tool in tools]}

    def chat(self, request: ChatRequest) -> Exchange[ChatResponse]:
        """Ask for a whole answer."""
        return self.reaching(self._asked(super().chat, request))

    def stream(self, request: ChatRequest) -> Exchange[StreamReader]:
        """Ask for a stream."""
        return self.reaching(self._asked(super().stream, request))

    def _asked(self, ask: Callable[[ChatRequest], Exchange[A]], request: ChatRequest) -> Exchange[A]:
        """The answer; asked once more where only gpt-oss takes a level of thinking (Ollama, 2025-08 and later)."""
        try:
            return (yield from ask(request))
        except errors.InvalidRequestError as error:
            if not _NO_LEVELS.search(error.message):
                raise
        switch = {"enable_thinking": True, "reasoning_effort": None, "thinking_budget": None}
        answer = yield from ask(request.model_copy(update=switch))
        answer.warnings.append("ollama: the model takes no level of thinking; it was sent only as a switch")
        return answer

    def models(self) -> Exchange[list[ModelInfo]]:
        """List the models that the server has."""
        answer = yield from self.reaching(_fetched(WireRequest("/api/tags", method="GET")))
        return [
            ModelInfo(id=str(entry.get("name") or entry.get("model")), raw=entry)
            for entry in answer.get("models") or ()
        ]

    def embed(self, inputs: Sequence[str], model: str, dimensions: int | None) -> Exchange[EmbeddingResponse]:
        """Embed texts, all in one request."""
        body: dict[str, Any] = {"model": model, "input": list(inputs), **self._placed({})}
        if dimensions is not None:
            body["dimensions"] = dimensions
        answer = yield from self.reaching(_fetched(WireRequest("/api/embed", encode(body), headers=JSON_HEADERS)))
        count = answer.get("prompt_eval_count")
        usage = (
            None if count is None else Usage(input_tokens=count, total_tokens=count, raw={"prompt_eval_count": count})
        )
        return EmbeddingResponse(embeddings=answer.get("embeddings") or [], usage=usage, model=answer.get("model"))

    def reaching(self, exchange: Exchange[T]) -> Exchange[T]:
        """The same exchange; when nobody listens, the error asks the question that solves it."""
        try:
            return (yield from exchange)
        except errors.ConnectError as error:
            where = re.sub(r"//[^/]*@", "//", str(self.settings.base_url))
            hint = f"{error.message}; is ollama running at {where}? Start it with `ollama serve`, or set OLLAMA_HOST"
            raise errors.ConnectError(hint, provider=self.settings.provider.name) from error

    def error(
        self, payload: Any, status: int | None = None, headers: Mapping[str, str] | None = None
    ) -> errors.LLMError:
        """The typed error of an error body; a missing model's says how to get it."""
        error = super().error(payload, status, headers)
        missing = _MISSING_MODEL.search(error.message)
        if missing is not None and isinstance(error, errors.ModelNotFoundError):
            error.message = f"{error.message}; get it with `ollama pull {missing[1]}`"
        return error

    def normalise_base_url(self, base_url: str) -> str:
        """The server's address; a path of ours at its end is dropped."""
        return base_url.rstrip("/").removesuffix("/api/chat").removesuffix("/api")


def _fetched(wire: WireRequest) -> Exchange[dict[str, Any]]:
    answer = yield wire
    return answer.payload if isinstance(answer.payload, dict) else {}


def _sampling(fields: RequestFields) -> dict[str, Any]:
    values = {wire: fields.take(name) for name, wire in _OPTIONS.items()}
    return {name: value for name, value in values.items() if value is not None}


def _format(wanted: ResponseFormat | None) -> dict[str, Any]:
    if wanted is None or wanted.type == "text":
        return {}
    return {"format": "json" if wanted.type == "json_object" else wanted.json_schema}


def _think(fields: RequestFields) -> dict[str, Any]:
    """``think``, only when asked for: a model that cannot reason refuses it. gpt-oss takes a level and cannot stop."""
    for name in FIELDS:
        fields.take(name)
    control = ReasoningControl.of(fields.request)
    oss = _GPT_OSS.search(fields.request.model or "") is not None
    if control.on is None:
        return {}
    if control.on is False:
        if oss:
            fields.warn("gpt-oss always reasons; the lowest level was sent")
        return {"think": "low" if oss else False}
    level = control.as_effort(("low", "medium", "high") if oss else ("low", "medium", "high", "max"))
    if control.effort not in {None, level}:
        fields.warn(f"reasoning_effort {control.effort!r} was sent as {level!r}")
    if control.budget is not None:
        fields.warn(f"thinking_budget {control.budget} was sent as the level {level!r}")
    return {"think": level or ("medium" if oss else True)}


PROTOCOL = Ollama
