"""Unified messages to Gemini's contents, with thought signatures put back where they were.

The payload that carries them is made by ``gemini_stream``; the other fields of a request are in ``gemini_config``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from llm_connector.errors import DecodeError, InvalidRequestError, UnsupportedError
from llm_connector.protocols.gemini_media import PartWriter
from llm_connector.types import TextBlock

if TYPE_CHECKING:
    from llm_connector.protocols.fields import RequestFields
    from llm_connector.protocols.gemini_models import ModelGate
    from llm_connector.settings import Settings
    from llm_connector.types import Message, ToolCall

# What Google's pages give for calls that its model did not make ("Thought signatures", 2026-10).
SKIP_SIGNATURE = "skip_thought_signature_validator"


@dataclass(frozen=True, slots=True)
class _Made:
    """A call in the history; ``id`` is ``None`` when the vendor gave none."""

    name: str
    id: str | None
    position: int


class ContentWriter:
    """Writes one request's messages.

    Args:
        settings: The client's settings.
        fields: Takes the warnings.
        gate: What the model demands.
        files_url: See ``PartWriter``.
    """

    def __init__(self, settings: Settings, fields: RequestFields, gate: ModelGate, files_url: str) -> None:
        self._provider = settings.provider
        self._replay = settings.reasoning_replay
        self._fields = fields
        self._gate = gate
        self._parts = PartWriter(fields, settings.provider.name, files_url)
        self._made: dict[str, _Made] = {}
        self._contents: list[dict[str, Any]] = []
        self._system: list[dict[str, Any]] = []

    def write(self, messages: list[Message], instruction: str = "") -> dict[str, Any]:
        """``contents`` and, where there are instructions, ``systemInstruction``.

        Args:
            messages: The conversation.
            instruction: Added to the instructions, if not empty.

        Raises:
            InvalidRequestError: Nothing is left to send.
        """
        results: list[Message] = []
        for message in messages:
            if message.role == "tool":
                results.append(message)
                continue
            self._add_results(results)
            results = []
            self._add(message)
        self._add_results(results)
        if instruction:
            self._system.append({"text": instruction})
        return self._written()

    def _written(self) -> dict[str, Any]:
        if not self._contents and self._system:
            self._fields.warn("the vendor wants a user's message; the instructions were sent as one")
            return {"contents": [{"role": "user", "parts": self._system}]}
        if not self._contents:
            raise InvalidRequestError("all messages are empty", provider=self._provider.name)
        if self._contents[0]["role"] == "model" and any("functionCall" in part for part in self._contents[0]["parts"]):
            self._fields.warn("a call must follow a user's message; one was put before it")
            self._contents.insert(0, {"role": "user", "parts": [{"text": "(The conversation begins.)"}]})
        body: dict[str, Any] = {"contents": self._contents}
        return body | ({"systemInstruction": {"parts": self._system}} if self._system else {})

    def _add(self, message: Message) -> None:
        if message.name is not None:
            self._parts.warn_once("the name of a message has no equivalent and was not sent")
        if message.role in {"system", "developer"}:
            self._add_system(message)
        elif message.role == "assistant":
            self._append("model", self._model_parts(message))
        else:
            self._append("user", self._parts.parts(message.blocks))

    def _append(self, role: str, parts: list[dict[str, Any]]) -> None:
        """Add parts to the last content when it is of the same role."""
        if not parts:
            return
        if self._contents and self._contents[-1]["role"] == role:
            self._contents[-1]["parts"] += parts
        else:
            self._contents.append({"role": role, "parts": parts})

    def _add_system(self, message: Message) -> None:
        if any(not isinstance(block, TextBlock) for block in message.blocks):
            raise UnsupportedError("the vendor takes only text as instructions", provider=self._provider.name)
        self._system += self._parts.parts(message.blocks)

    # What the model said

    def _model_parts(self, message: Message) -> list[dict[str, Any]]:
        own = message.reasoning is not None and message.reasoning.family == self._provider.family
        blocks = message.reasoning.blocks if own and message.reasoning is not None else []
        self._remember(message, blocks, own=own)
        if not self._replays(message):
            blocks = []
        parts = self._in_order(message, blocks) if blocks else None
        if parts is None:
            parts = self._in_usual_order(message, blocks)
        self._sign_first_call(parts)
        return parts

    def _remember(self, message: Message, blocks: list[dict[str, Any]], *, own: bool) -> None:
        """Keep the calls for their results. An id of ours is not sent, nor a foreign one to models that know none."""
        nameless = {block["id"] for block in blocks if block.get("generated")}
        for call in message.tool_calls:
            known = call.id not in nameless and (own or self._gate.checks_signatures)
            self._made[call.id] = _Made(call.name, call.id if known else None, len(self._made))

    def _replays(self, message: Message) -> bool:
        return self._replay == "always" or (self._replay == "with_tool_calls" and bool(message.tool_calls))

    def _in_order(self, message: Message, blocks: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        """The parts as the model gave them, or ``None`` when the message was changed and the marks fit no more."""
        if not isinstance(message.content, str) and any(not isinstance(block, TextBlock) for block in message.content):
            return None
        text, at = message.text, 0
        calls = {call.id: call for call in message.tool_calls}
        parts: list[dict[str, Any]] = []
        for block in blocks:
            if block["type"] == "text":
                at, start = at + block["length"], at
                if at > len(text):
                    return None
                parts += _text_part(text[start:at], block)
            elif block["type"] == "function_call":
                call = calls.pop(block["id"], None)
                if call is None:
                    return None
                parts.append(self._call_part(call, block))
            else:
                parts.append(_opaque_part(block))
        return None if calls else parts + _text_part(text[at:], {})

    def _in_usual_order(self, message: Message, blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What is opaque, then the content, then the calls."""
        signed = {block["id"]: block for block in blocks if block["type"] == "function_call"}
        opaque = [_opaque_part(block) for block in blocks if block["type"] in {"thought", "part"}]
        calls = [self._call_part(call, signed.get(call.id, {})) for call in message.tool_calls]
        return [*opaque, *self._parts.parts(message.blocks), *calls]

    def _call_part(self, call: ToolCall, block: dict[str, Any]) -> dict[str, Any]:
        made = self._made[call.id]
        function: dict[str, Any] = {"name": call.name, "args": self._arguments(call)}
        if made.id is not None:
            function["id"] = made.id
        return _signed({"functionCall": function}, block)

    def _arguments(self, call: ToolCall) -> dict[str, Any]:
        try:
            return call.parse_arguments()
        except DecodeError:
            self._fields.warn(f"the arguments of the call {call.id!r} are not JSON and were sent as none")
            return {}

    def _sign_first_call(self, parts: list[dict[str, Any]]) -> None:
        """Say of a call made elsewhere that it has no signature; only the first of parallel calls is signed."""
        first = next((part for part in parts if "functionCall" in part), None)
        if first is not None and self._gate.checks_signatures:
            first.setdefault("thoughtSignature", SKIP_SIGNATURE)

    # What the tools returned

    def _add_results(self, results: list[Message]) -> None:
        """One content for the results of a turn, in the order of the calls: without ids, the order tells them apart."""
        if not results:
            return
        parts: list[dict[str, Any]] = []
        shown: list[dict[str, Any]] = []
        for message in sorted(results, key=lambda result: self._made[str(result.tool_call_id)].position):
            part, beside = self._result(message)
            parts.append(part)
            shown += beside
        self._append("user", parts + shown)

    def _result(self, message: Message) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """A tool's result, and the parts that go beside it. Gemini 3 takes inline media inside (Google, 2026-10)."""
        made = self._made[str(message.tool_call_id)]
        result: dict[str, Any] = {"name": made.name, "response": _response(message)}
        if made.id is not None:
            result["id"] = made.id
        media = self._parts.parts([block for block in message.blocks if not isinstance(block, TextBlock)])
        inside = [part for part in media if "inlineData" in part] if self._gate.checks_signatures else []
        if inside:
            result["parts"] = inside
        return {"functionResponse": result}, [part for part in media if part not in inside]


def _signed(part: dict[str, Any], block: dict[str, Any]) -> dict[str, Any]:
    signature = block.get("thoughtSignature")
    return part if signature is None else {**part, "thoughtSignature": signature}


def _text_part(text: str, block: dict[str, Any]) -> list[dict[str, Any]]:
    """A text part; an empty one only where it carries a signature."""
    part = _signed({"text": text}, block)
    return [part] if len(part) > 1 or text else []


def _opaque_part(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] == "thought":
        return _signed({"text": block["text"], "thought": True}, block)
    part: dict[str, Any] = block["part"]
    return part


def _response(message: Message) -> dict[str, Any]:
    """The vendor wants an object: that of the text when it is one, else one with the text in it."""
    text = message.text
    if message.is_error:
        return {"error": text}
    if text.lstrip().startswith("{"):
        try:
            parsed = json.loads(text, parse_constant=_refuse_constant)
        except ValueError:
            parsed = None
        if isinstance(parsed, dict):
            return parsed
    return {"output": text}


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are no JSON, though Python reads them."""
    raise ValueError(name)
