"""What a client would send, without sending it: the body, address and headers of a request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import h11
import httpx

from llm_connector import LLMClient
from llm_connector.transport.addresses import address
from llm_connector.transport.pool import resolve
from llm_connector.transport.route import request_bytes


@dataclass
class Sent:
    """A request as it would have left, and the warnings that the answer would carry."""

    url: httpx.URL
    headers: httpx.Headers
    body: Any
    warnings: list[str]


def request_of(
    provider: str, messages: Any = "hi", *, options: dict | None = None, stream: bool = False, **params
) -> Sent:
    """The request of one call, built and signed by the real client."""
    given = {"model": "m", "api_key": "k", **(options or {})}
    if provider in {"openai_compatible", "azure_openai"}:
        given.setdefault("base_url", "http://127.0.0.1:9")
    with LLMClient(provider, **given) as client:
        call, request = client._chat_call(messages, params)
        exchange = (call.protocol.stream if stream else call.protocol.chat)(request)
        wire = next(exchange)
        sent = call.http_request(wire, resolve(call.base_url), resolve(call.key))
        exchange.close()
        fields_warnings = _warnings(call, request, stream=stream)
    body = json.loads(wire.body) if wire.body else None
    return Sent(httpx.URL(sent.url), _headers(request_bytes(sent, address(sent.url), None)), body, fields_warnings)


def _headers(sent: bytes) -> httpx.Headers:
    server = h11.Connection(h11.SERVER)
    server.receive_data(sent)
    request = server.next_event()
    assert isinstance(request, h11.Request)
    return httpx.Headers(list(request.headers))


def _warnings(call: Any, request: Any, *, stream: bool) -> list[str]:
    fields = call.protocol._checked(request)
    call.protocol.build(fields, stream=stream)
    return fields.report_untaken()
