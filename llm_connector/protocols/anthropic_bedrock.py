"""Claude on Amazon Bedrock: the model in the path, Amazon's framing and errors. The rest is ``anthropic``.

Source: anthropic-python 2.12 (``lib/bedrock``) and the Bedrock Runtime API reference, 2026-11.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, ClassVar

from llm_connector import errors
from llm_connector.eventstream import EventStreamDecoder, EventStreamMessage
from llm_connector.faults import Rule
from llm_connector.framing import Event, SSEDecoder
from llm_connector.jsontext import decode, encode
from llm_connector.protocols.anthropic import AnthropicMessages
from llm_connector.protocols.wire import WireRequest, segment

if TYPE_CHECKING:
    from llm_connector.framing import Framing
    from llm_connector.protocols.wire import Exchange
    from llm_connector.types import ModelInfo

_JSON = "application/json"
_EVENT_STREAM = "application/vnd.amazon.eventstream"
_UNKNOWN_MODEL = r"model identifier is invalid|invocation of model id .{0,200} isn.t supported|end of its life"

_RULES = (
    Rule(
        errors.AuthenticationError,
        code=r"UnrecognizedClientException|InvalidSignatureException|ExpiredToken(Exception)?",
    ),
    Rule(errors.AuthenticationError, code=r"IncompleteSignature(Exception)?|MissingAuthenticationToken(Exception)?"),
    Rule(errors.AuthenticationError, code=r"InvalidClientTokenId|NotAuthorizedException"),
    Rule(errors.PermissionDeniedError, code=r"AccessDeniedException"),
    Rule(errors.ModelNotFoundError, code=r"ResourceNotFoundException"),
    Rule(errors.ModelNotFoundError, code=r"ValidationException", message=_UNKNOWN_MODEL),
    Rule(errors.InvalidRequestError, code=r"ValidationException"),
    Rule(errors.RateLimitError, code=r"ServiceQuotaExceededException", retryable=False),
    Rule(errors.RateLimitError, code=r"Throttling(Exception)?|ModelNotReadyException|TooManyRequestsException"),
    Rule(errors.RequestTimeoutError, code=r"ModelTimeoutException"),
    Rule(errors.OverloadedError, code=r"ServiceUnavailable(Exception)?"),
    Rule(errors.ServerError, code=r"InternalServer(Exception|Error)|InternalFailure|Model(Stream)?ErrorException"),
)


class AnthropicBedrock(AnthropicMessages):
    """The Messages body, carried by Amazon."""

    default_version: ClassVar[str] = "bedrock-2023-05-31"
    rules = (*_RULES, *AnthropicMessages.rules)

    def framing(self) -> Framing:
        """A fresh framing for one stream."""
        return BedrockFraming()

    def normalise_base_url(self, base_url: str) -> str:
        """The endpoint's address."""
        return base_url.rstrip("/")

    def models(self) -> Exchange[list[ModelInfo]]:
        """Not at this endpoint."""
        raise self.unsupported("models()", "only Amazon's control plane lists models, which is another service")

    def _wire(self, body: dict[str, Any], betas: list[str], *, stream: bool) -> WireRequest:
        model = segment(str(body.pop("model")), safe=":;")
        body.pop("stream", None)
        if betas:
            body = {"anthropic_beta": betas, **body}
        call = "invoke-with-response-stream" if stream else "invoke"
        headers = {"content-type": _JSON, "accept": _EVENT_STREAM if stream else _JSON}
        return WireRequest(
            f"/model/{model}/{call}", encode({"anthropic_version": self._version, **body}), headers=headers
        )


class BedrockFraming:
    """Amazon's event stream to the vendor's own events; also what a gateway sends as text in its place."""

    def __init__(self) -> None:
        self._frames = EventStreamDecoder()
        self._text: SSEDecoder | None = None
        self._begun = False

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; give the events they complete.

        Raises:
            DecodeError: The framing is broken.
        """
        if data and not self._begun:
            self._begun = True
            if data[0] > 1:  # the high byte of a frame's length, which is below 2**25
                self._text = SSEDecoder()
        if self._text is not None:
            return self._text.feed(data)
        found = (_event(message) for message in self._frames.feed(data))
        return [event for event in found if event is not None]

    def finish(self) -> list[Event]:
        """Give what the end of the body completes.

        Raises:
            DecodeError: The body ended inside a frame.
        """
        if self._text is not None:
            return self._text.finish()
        self._frames.finish()
        return []


def _event(message: EventStreamMessage) -> Event | None:
    """The event in a frame; a failure as the error body that it would have been; ``None`` for anything else."""
    kind = message.headers.get(":message-type")
    if kind == "error":
        code, text = (str(message.headers.get(name, "")) for name in (":error-code", ":error-message"))
        return Event(encode({"error": {"code": code, "message": text}}), "error")
    payload = decode(message.payload) if message.payload else {}
    if not isinstance(payload, dict):
        return None
    if kind == "exception":
        told = {"message": payload.get("originalMessage"), **payload, "code": message.headers.get(":exception-type")}
        return Event(encode({"error": told}), "error")
    if not isinstance(payload.get("bytes"), str):
        return None
    try:
        return Event(base64.b64decode(payload["bytes"], validate=True))
    except binascii.Error as error:
        raise errors.DecodeError("a frame of the stream holds no base64") from error


PROTOCOL = AnthropicBedrock
