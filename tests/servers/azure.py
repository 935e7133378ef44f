"""Azure OpenAI: the v1 surface and the deployments surface. What they carry is in ``openai_chat.py``."""

from __future__ import annotations

import re
from typing import Any, ClassVar
from urllib.parse import unquote

from servers.base import Answer, Fault, Recorded, Reply, Routes, chat_route
from servers.openai_chat import OpenAIChatServer
from servers.script import Refused, Source

_DEPLOYMENT = r"/openai/deployments/([^/]+)"


class AzureOpenAIServer(OpenAIChatServer):
    """Both surfaces under one endpoint, which ``url`` gives. The key stands in ``api-key``, a token is a Bearer."""

    routes: ClassVar[Routes] = (
        ("POST", r"/openai/v1/chat/completions", "chat"),
        ("POST", r"/openai/v1/embeddings", "embeddings"),
        ("GET", r"/openai/v1/models", "list_models"),
        ("POST", _DEPLOYMENT + "/chat/completions", "deployed_chat"),
        ("POST", _DEPLOYMENT + "/embeddings", "deployed_embeddings"),
        ("GET", r"/openai/models", "dated_models"),
    )

    def __init__(self, script: Source = None, **options: Any) -> None:
        super().__init__(script, dialect="azure", **options)

    @chat_route
    def deployed_chat(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST /openai/deployments/{deployment}/chat/completions``."""
        self._check_dated(recorded)
        return self.answer_chat({**self.json_body(recorded), "model": unquote(match[1])}, recorded)

    def deployed_embeddings(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``POST /openai/deployments/{deployment}/embeddings``."""
        self._check_dated(recorded)
        return self.embedded_answer({**self.json_body(recorded), "model": unquote(match[1])})

    def dated_models(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """``GET /openai/models``."""
        self._check_dated(recorded)
        return self.list_models(recorded, match)

    def _check_dated(self, recorded: Recorded) -> None:
        """The dated surface needs the version as a query parameter, and answers 404 without it."""
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}(-preview)?", recorded.query.get("api-version", "")):
            raise Refused(Fault(404, "404", "Resource not found"))

    def choice_extras(self, reply: Reply) -> dict[str, Any]:
        return {"content_filter_results": {"hate": {"filtered": reply.finish == "content_filter", "severity": "safe"}}}
