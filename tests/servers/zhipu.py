"""Zhipu's own strictness and shapes over Chat Completions: keys and JWTs, ranges, whole tool calls, finish reasons."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any

from servers.base import Answer, Call, Fault, Recorded, Reply
from servers.openai_chat import OpenAIChatServer, whole_call
from servers.script import Refused, Source, refuse

_KEY = re.compile(r"[^.\s]+\.[^.\s]+")


class ZhipuServer(OpenAIChatServer):
    """``/api/paas/v4``. A key is ``id.secret``, sent raw or as a JWT signed with the secret."""

    def __init__(self, script: Source = None, **options: Any) -> None:
        super().__init__(script, dialect="zhipu", **options)

    def check_key(self, key: str) -> None:
        if key.count(".") == 2:
            self._check_token(key)
        elif not _KEY.fullmatch(key):
            raise Refused(Fault(401, "1000", "The key must have the form id.secret."))
        elif self.require_key is not None and key != self.require_key:
            raise Refused(Fault(401, "1002", "The key is not valid."))

    def _check_token(self, token: str) -> None:
        signed, _, signature = token.rpartition(".")
        try:
            header, claims = (json.loads(_unpadded(part)) for part in signed.split("."))
            expected = {"alg": "HS256", "sign_type": "SIGN"}
            right = expected.items() <= header.items() and isinstance(claims["api_key"], str)
            alive = claims["timestamp"] <= claims["exp"] and claims["exp"] > 1e12
        except (ValueError, KeyError, TypeError):
            right = alive = False
        if not right or not alive:
            raise Refused(Fault(401, "1000", "The token cannot be read."))
        if self.require_key is not None:
            self._check_signature(signed, signature, claims)

    def _check_signature(self, signed: str, signature: str, claims: dict[str, Any]) -> None:
        identity, _, secret = str(self.require_key).partition(".")
        digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
        if claims["api_key"] != identity or not hmac.compare_digest(digest, _unpadded(signature)):
            raise Refused(Fault(401, "1002", "The token is not valid."))
        if claims["exp"] < time.time() * 1000:
            raise Refused(Fault(401, "1003", "The token has expired."))

    def answer_chat(self, body: dict[str, Any], recorded: Recorded) -> Answer:
        for name in ("temperature", "top_p"):
            if body.get(name) is not None and not 0 < body[name] < 1:
                raise refuse(f"{name} must be between 0 and 1, both excluded.")
        if body.get("stop") is not None and not (isinstance(body["stop"], list) and len(body["stop"]) == 1):
            raise refuse("stop must be a list with one text.")
        if body.get("user_id") is not None and not 6 <= len(body["user_id"]) <= 128:
            raise refuse("user_id must have from 6 to 128 characters.")
        if any("strict" in (tool.get("function") or {}) for tool in body.get("tools") or []):
            raise refuse("tools: unknown field strict.")
        if any("name" in message for message in body.get("messages") or []):
            raise refuse("messages: unknown field name.")
        return super().answer_chat(body, recorded)

    def finish_reason(self, reply: Reply) -> str:
        return {"content_filter": "sensitive"}.get(str(reply.finish), str(reply.finish))

    def fragment_style(self, body: dict[str, Any]) -> str:
        return "once" if body.get("tool_stream") else super().fragment_style(body)

    def envelope(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        envelope = super().envelope(kind, body)
        del envelope["object"]
        return envelope | {"request_id": f"rq{self.number()}"}

    def message(self, reply: Reply) -> dict[str, Any]:
        calls = [_indexed(at, call) for at, call in enumerate(reply.tool_calls)]
        return super().message(reply) | ({"tool_calls": calls} if calls else {})

    def error(self, fault: Fault) -> Any:
        body = super().error(fault)
        filtered = body["error"]["code"] == "1301"
        return body | ({"contentFilter": [{"role": "user", "level": 1}]} if filtered else {})

    def broken_stream(self, fault: Fault, body: dict[str, Any]) -> list[bytes]:
        return [*super().broken_stream(fault, body), b"data: [DONE]\n\n"]


def _indexed(at: int, call: Call) -> dict[str, Any]:
    return {"index": at, **whole_call(call)}


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
