"""Claude on Amazon Bedrock: Messages bodies without a model, SigV4 or a Bearer key, AWS event-stream frames."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import struct
import zlib
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, unquote

from servers.anthropic import AnthropicServer, unversioned
from servers.anthropic_checks import check_request
from servers.base import Answer, Fault, Recorded, Reply, Routes, Server, chat_route, dumped
from servers.script import Refused, Source, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servers.view import View

_CODES = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
_IN_STREAM = {"ModelErrorException": "modelStreamErrorException"}
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/\s]+)/(\d{8})/([a-z0-9-]+)/bedrock/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


class AnthropicBedrockServer(AnthropicServer):
    """``POST /model/{id}/invoke`` and ``/invoke-with-response-stream``.

    Args:
        access_key: The only access key id that is accepted; nothing: any.
        secret_key: Verifies signatures; nothing: only their form is checked.
        script: With the other arguments of ``Server``. ``require_key`` is the Bearer key.
    """

    stream_type: ClassVar[str] = "application/vnd.amazon.eventstream"
    routes: ClassVar[Routes] = (("POST", r"/model/([^/]+)/(invoke|invoke-with-response-stream)", "invoke"),)

    def __init__(
        self, script: Source = None, *, access_key: str | None = None, secret_key: str | None = None, **options: Any
    ) -> None:
        super().__init__(script, **options)
        self.access_key = access_key
        self.secret_key = secret_key

    def authorise(self, recorded: Recorded) -> None:
        if recorded.headers.get("authorization", "").startswith("Bearer "):
            Server.authorise(self, recorded)
            return
        match = _SIGNED.fullmatch(recorded.headers.get("authorization", ""))
        if match is None or not re.fullmatch(r"\d{8}T\d{6}Z", recorded.headers.get("x-amz-date", "")):
            raise Refused(Fault(403, "IncompleteSignatureException", "The Authorization header is malformed."))
        self._check_signature(recorded, match)

    def _check_signature(self, recorded: Recorded, match: re.Match[str]) -> None:
        signed = match[4].split(";")
        needed = {"host", "x-amz-date"} | ({"x-amz-security-token"} & recorded.headers.keys())
        if not needed <= set(signed) or signed != sorted(signed) or match[2] != recorded.headers["x-amz-date"][:8]:
            raise Refused(Fault(403, "InvalidSignatureException", "A header that must be signed is not signed."))
        if self.access_key is not None and match[1] != self.access_key:
            raise Refused(Fault(403, "UnrecognizedClientException", "The security token is invalid."))
        if self.secret_key is not None and match[5] != sigv4_signature(recorded, self.secret_key, match[3], signed):
            raise Refused(Fault(403, "InvalidSignatureException", "The request signature does not match."))

    @chat_route
    def invoke(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """Both operations; the path says whether to stream."""
        body = unversioned(self.json_body(recorded), "bedrock-2023-05-31")
        if "stream" in body:
            raise refuse("stream: Extra inputs are not permitted")
        if not isinstance(body.pop("anthropic_beta", []), list):
            raise refuse("anthropic_beta: must be a list")
        body |= {"model": unquote(match[1])}
        if match[2] == "invoke-with-response-stream":
            body["stream"] = True
        check_request(body)
        if not re.search(r"anthropic\.claude|test-model", body["model"]):
            raise refuse("The provided model identifier is invalid.")
        return self.answer_messages(body, recorded)

    def events(self, reply: Reply, body: dict[str, Any], view: View) -> Iterable[bytes]:
        use = reply.counted
        counts = {"inputTokenCount": use.input, "outputTokenCount": use.output, "invocationLatency": 5}
        for number, event in enumerate(self.stream_events(reply, body)):
            if event["type"] == "message_stop":
                event["amazon-bedrock-invocationMetrics"] = counts
            payload = {
                "bytes": base64.b64encode(dumped(event).encode()).decode(),
                "p": "abcdefghijklmno"[: number % 15],
            }
            yield frame({":event-type": "chunk", ":message-type": "event"}, payload)

    def usual_headers(self) -> dict[str, str]:
        return {"x-amzn-requestid": f"r-{self.number():06d}"}

    def error_headers(self, fault: Fault) -> dict[str, str]:
        return {"x-amzn-errortype": f"{self._code(fault)}:http://internal.amazon.com/coral/com.amazon.bedrock/"}

    def error(self, fault: Fault) -> Any:
        return {"message": fault.text}

    def _code(self, fault: Fault) -> str:
        return fault.code or _CODES.get(fault.status, "InternalServerException")

    def broken_stream(self, fault: Fault, body: dict[str, Any]) -> list[bytes]:
        code = self._code(fault)
        name = _IN_STREAM.get(code, code[0].lower() + code[1:])
        return [frame({":exception-type": name, ":message-type": "exception"}, self.error_value(fault))]


def frame(headers: dict[str, str], payload: Any) -> bytes:
    """One message of ``application/vnd.amazon.eventstream`` with string headers and a JSON payload."""
    head = b"".join(map(_header, {**headers, ":content-type": "application/json"}.items()))
    body = json.dumps(payload, ensure_ascii=False).encode()
    prelude = struct.pack(">II", len(head) + len(body) + 16, len(head))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + body
    return message + struct.pack(">I", zlib.crc32(message))


def _header(item: tuple[str, str]) -> bytes:
    name, text = item[0].encode(), item[1].encode()
    return struct.pack(">B", len(name)) + name + b"\x07" + struct.pack(">H", len(text)) + text


def sigv4_signature(recorded: Recorded, secret_key: str, region: str, signed: list[str]) -> str:
    """The signature that a request should have (AWS Signature Version 4; the path is quoted once more)."""
    lines = "".join(f"{name}:{' '.join(recorded.headers.get(name, '').split())}\n" for name in signed)
    query = "&".join(
        f"{quote(name, safe='~')}={quote(text, safe='~')}" for name, text in sorted(recorded.query.items())
    )
    payload = hashlib.sha256(recorded.body).hexdigest()
    path = quote(recorded.path, safe="/~")
    canonical = f"{recorded.method}\n{path}\n{query}\n{lines}\n{';'.join(signed)}\n{payload}"
    stamp = recorded.headers["x-amz-date"]
    scope = f"{stamp[:8]}/{region}/bedrock/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
