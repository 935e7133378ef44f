"""Tencent's native API 3.0 for Hunyuan: chat and embeddings. Its signature is in ``signing.tc3``.

The vendor switched the platform off on 2026-09-30; ``tencent_tokenhub`` succeeds it. What is left are private gateways
that speak this protocol. Source: tencentcloud-sdk-python-hunyuan 3.1.180.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llm_connector import errors
from llm_connector.effort import FIELDS, ReasoningControl
from llm_connector.faults import Rule
from llm_connector.jsontext import dumps, encode
from llm_connector.protocols.hunyuan_names import to_camel, to_snake
from llm_connector.protocols.openai_chat import OpenAIChat, add_instruction
from llm_connector.protocols.openai_messages import MessageWriter
from llm_connector.protocols.openai_stream import ChatDecoder, read_usage
from llm_connector.protocols.wire import WireRequest
from llm_connector.types import EmbeddingResponse, ImageBlock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_connector.protocols.fields import RequestFields
    from llm_connector.protocols.wire import Exchange
    from llm_connector.types import ChatChunk, ChatRequest, MediaBlock, Message, ModelInfo, ResponseFormat, Tool, Usage

_VERSION = "2023-09-01"
_THINKS_ON_DEMAND = re.compile(r"hunyuan-a13b", re.IGNORECASE)  # the only family with EnableThinking (SDK 3.1.180)
_COPIED = ("temperature", "top_p", "seed")
_NOTHING = '""'  # an empty text as JSON, for a tool's result, which cannot be left out


class Hunyuan(OpenAIChat):
    """The actions ``ChatCompletions`` and ``GetEmbedding``."""

    rules: tuple[Rule, ...] = (
        Rule(errors.AuthenticationError, code=r"AuthFailure(\..*)?"),
        Rule(errors.ContentFilterError, code=r"OperationDenied\.(Text|Image)IllegalDetected"),
        Rule(errors.PermissionDeniedError, code=r"(UnauthorizedOperation|OperationDenied)(\..*)?"),
        Rule(errors.RateLimitError, code=r"(Request)?LimitExceeded(\..*)?|FailedOperation\.EngineServerLimitExceeded"),
        Rule(errors.ModelNotFoundError, code=r"InvalidParameterValue\.Model|ResourceNotFound(\..*)?"),
        Rule(errors.BillingError, code=r"ResourceInsufficient\.ChargeResourceExhaust(ed)?"),
        Rule(errors.BillingError, code=r"ResourceUnavailable\.(InArrears|LowBalance|StopUsing|NotExist)"),
        Rule(errors.BillingError, code=r"FailedOperation\.((Free)?ResourcePackExhausted|ServiceStopArrears)"),
        Rule(errors.InvalidRequestError, code=r"(InvalidParameter|MissingParameter|UnsupportedOperation).*"),
        Rule(errors.RequestTimeoutError, code=r"FailedOperation\.EngineRequestTimeout|4001"),
        Rule(errors.ServerError, code=r"FailedOperation\.(ServiceNotActivated|ServiceStop)", retryable=False),
        Rule(errors.ServerError, code=r"(FailedOperation|InternalError)(\..*)?|4000"),
    )

    def build(self, fields: RequestFields, *, stream: bool) -> WireRequest:
        """The request in the vendor's form."""
        body = self._request(fields, stream=stream)
        return self._call("ChatCompletions", body | (fields.request.extra_body or {}))

    def decoder(self, request: ChatRequest) -> HunyuanDecoder:
        """A fresh decoder for one answer."""
        return HunyuanDecoder(self, think_tags=bool(self.settings.think_tags), asked_model=request.model)

    def is_fault(self, payload: Any) -> bool:
        """Errors come in HTTP 200: ``Response.Error`` before the answer, ``ErrorMsg`` in it."""
        if not isinstance(payload, dict):
            return False
        inner = unwrapped(payload)
        return any(bool(inner.get(name)) for name in ("Error", "ErrorMsg", "error"))

    def normalise_base_url(self, base_url: str) -> str:
        """The address as it is: every action has the path ``/``."""
        return base_url.rstrip("/")

    def _call(self, action: str, body: dict[str, Any]) -> WireRequest:
        headers = {
            "content-type": "application/json",  # signed byte for byte
            "x-tc-action": action,
            "x-tc-version": _VERSION,
            "x-tc-language": "en-US",
        }
        if region := self.settings.options.get("region"):
            headers["x-tc-region"] = region
        return WireRequest("/", encode(body), headers=headers)

    def _request(self, fields: RequestFields, *, stream: bool) -> dict[str, Any]:
        messages = HunyuanWriter(self.dialect, self.settings, fields, "system").write(fields.request.messages)
        self._ask_for_format(fields, messages)
        body: dict[str, Any] = {"Model": fields.request.model, "Messages": [_message(message) for message in messages]}
        if stream:
            body["Stream"] = True
        for name in _COPIED:
            if (value := fields.take(name)) is not None:
                body |= to_camel({name: self._in_range(name, value, fields)})
        if (stop := fields.take("stop")) is not None:
            body["Stop"] = self._stops(stop, fields)
        return body | self._thinking(fields) | self._offered(fields)

    def _ask_for_format(self, fields: RequestFields, messages: list[dict[str, Any]]) -> None:
        wanted: ResponseFormat | None = fields.take("response_format")
        if wanted is None or wanted.type == "text":
            return
        fields.warn("the vendor has no response_format; the wish was put into the prompt")
        schema = f" that fits this schema: {dumps(wanted.json_schema)}" if wanted.json_schema else ""
        add_instruction(messages, f"Answer with one JSON object{schema} and nothing else.")

    def _thinking(self, fields: RequestFields) -> dict[str, Any]:
        for name in FIELDS:
            fields.take(name)
        control, model = ReasoningControl.of(fields.request), fields.request.model or ""
        if control.on is None:
            return {}
        if not _THINKS_ON_DEMAND.match(model):
            fields.warn(f"{model} has no switch for its reasoning; the reasoning fields were not sent")
            return {}
        if control.effort is not None or control.budget is not None:
            fields.warn("how hard to reason was sent only as a switch")
        return {"EnableThinking": control.on}

    def _offered(self, fields: RequestFields) -> dict[str, Any]:
        request = fields.request
        tools, choice = fields.take("tools"), fields.take("tool_choice")
        if not tools:
            return {}
        body: dict[str, Any] = {"Tools": [_tool(tool) for tool in tools]}
        if choice is None:
            return body
        if request.forced_tool is not None:
            forced = next(tool for tool in tools if tool.name == request.forced_tool)
            return body | {"ToolChoice": "custom", "CustomTool": _tool(forced)}
        if choice == "required":
            fields.warn("tool_choice 'required' is not known to the vendor and was sent as 'auto'")
            choice = "auto"
        return body | {"ToolChoice": choice}

    def models(self) -> Exchange[list[ModelInfo]]:
        """The vendor has no such call.

        Raises:
            UnsupportedError: Always.
        """
        raise self.unsupported("models()", "the vendor has no call that lists models")

    def embed(self, inputs: Sequence[str], model: str, dimensions: int | None) -> Exchange[EmbeddingResponse]:
        """Embed texts, in as many requests as the vendor's limit needs; there is one model and one length of vector."""
        vectors: list[list[float]] = []
        usage: Usage | None = None
        size = self.dialect.embedding_batch
        for start in range(0, len(inputs), size):
            answer = yield self._call("GetEmbedding", {"InputList": list(inputs[start : start + size])})
            payload = to_snake(unwrapped(answer.payload))
            ordered = sorted(payload.get("data") or [], key=lambda item: item.get("index") or 0)
            vectors += [[float(number) for number in item["embedding"]] for item in ordered]
            told = read_usage(payload["usage"]) if payload.get("usage") else None
            usage = told if usage is None or told is None else usage + told
        warnings = [] if dimensions is None else ["tencent: dimensions has no equivalent and was not sent"]
        return EmbeddingResponse(embeddings=vectors, usage=usage, model=model, warnings=warnings)


class HunyuanWriter(MessageWriter):
    """Writes messages in OpenAI's form; ``Hunyuan`` spells them the vendor's way."""

    def write(self, messages: list[Message]) -> list[dict[str, Any]]:
        """All messages, the system's joined into one at the beginning, where the vendor wants it.

        Raises:
            InvalidRequestError: The last one is not the user's or a tool's, which the vendor wants it to be.
        """
        written = [message for message in super().write(messages) if self._says_anything(message)]
        instructions = [message["content"] for message in written if message["role"] == "system"]
        rest = [message for message in written if message["role"] != "system"]
        if not rest or rest[-1]["role"] == "assistant":
            raise errors.InvalidRequestError(
                "the last message must be the user's or a tool's; end with Message.user(...)",
                provider=self._settings.provider.name,
            )
        if instructions and all(isinstance(text, str) for text in instructions):
            return [{"role": "system", "content": "\n\n".join(instructions)}, *rest]
        return written

    def _says_anything(self, message: dict[str, Any]) -> bool:
        """Whether there is something in it, which the vendor wants of all messages but those with calls."""
        if message["content"] or message["role"] in {"user", "tool"} or message.get("tool_calls"):
            return True
        self._fields.warn_once(f"an empty {message['role']} message was not sent")
        return False

    def _tool_result(self, message: Message) -> dict[str, Any]:
        wire = super()._tool_result(message)
        return wire if wire["content"] else wire | {"content": _NOTHING}

    def _replays(self, message: Message) -> bool:
        del message
        return False  # the vendor refuses its own reasoning back

    def _media(self, block: MediaBlock) -> dict[str, Any]:
        if isinstance(block, ImageBlock) and block.detail is not None:
            self._fields.warn("an image's detail has no equivalent and was not sent")
            block = block.model_copy(update={"detail": None})
        return super()._media(block)


class HunyuanDecoder(ChatDecoder):
    """Reads answers inside ``Response`` or not, and streams, which are never inside it."""

    _own_counts: dict[str, Any] | None = None

    def _chunks(self, payload: Any) -> list[ChatChunk]:
        if not isinstance(payload, dict):
            return []
        inner = unwrapped(payload)
        self._own_counts = inner.get("Usage") or self._own_counts
        chunks = super()._chunks(to_snake(inner))
        for chunk in chunks:
            chunk.raw = payload
        return chunks

    @property
    def usage(self) -> Usage | None:
        """The token counts that came so far, with the vendor's own object."""
        found = super().usage
        return None if found is None else found.model_copy(update={"raw": self._own_counts})


def unwrapped(payload: dict[str, Any]) -> dict[str, Any]:
    """What is inside ``Response``, where that is there."""
    inner = payload.get("Response")
    return inner if isinstance(inner, dict) else payload


def _message(message: dict[str, Any]) -> dict[str, Any]:
    wire: dict[str, Any] = to_camel(message)
    if isinstance(wire.get("Content"), list):
        wire["Contents"] = wire.pop("Content")
    return wire


def _tool(tool: Tool) -> dict[str, Any]:
    if tool.vendor is not None:
        return tool.vendor
    function = {"Name": tool.name, "Parameters": dumps(tool.parameters), "Description": tool.description}
    return {"Type": "function", "Function": function}


PROTOCOL = Hunyuan
