"""Reads answers without a network: bytes in, a response or an error out, by the same code that the clients run."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from llm_connector.call import load_protocol
from llm_connector.protocols.wire import Answer, Conversation
from llm_connector.settings import Settings
from llm_connector.types import ChatRequest

if TYPE_CHECKING:
    from llm_connector.protocols.base import Protocol
    from llm_connector.types import ChatResponse

# A row for every protocol.
ROWS = {
    "openai_chat": "openai_compatible",
    "zhipu": "zhipu",
    "anthropic": "anthropic",
    "bedrock_eventstream": "anthropic_bedrock",
    "gemini": "google",
    "dashscope": "aliyun",
    "ollama": "ollama",
    "tencent": "tencent",
    "openai_responses": "openai_responses",
}
_SECRETS = {"tencent": {"secret_id": "i", "secret_key": "k"}}


@functools.cache
def protocol_of(row: str) -> Protocol:
    """The protocol that a row speaks."""
    options = _SECRETS.get(row, {})
    return load_protocol(Settings.resolve(row, "m", None if options else "a.b", "http://127.0.0.1:9", options))


def _request() -> ChatRequest:
    return ChatRequest(messages="hi", model="m")


def read_stream(row: str, pieces: Iterable[bytes]) -> ChatResponse:
    """Read the body of a stream."""
    conversation = Conversation(protocol_of(row).stream(_request()))
    while conversation.wire is not None:
        conversation.answer(Answer(200, {}))
    reader = conversation.result
    for piece in pieces:
        for _ in reader.feed(piece):
            pass
    for _ in reader.finish():
        pass
    return reader.response()


def read_answer(row: str, body: bytes, status: int = 200) -> ChatResponse:
    """Read a whole answer, which may be an error."""
    protocol = protocol_of(row)
    conversation = Conversation(protocol.chat(_request()))
    while conversation.wire is not None:
        answer = Answer(status, {}, body)
        if (error := protocol.fault(answer)) is not None:
            raise error
        conversation.answer(answer)
    return conversation.result
