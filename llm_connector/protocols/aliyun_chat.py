"""What Aliyun's two surfaces share: models that only stream, and hosts. DashScope's own wire is elsewhere.

Source: Model Studio's pages "Deep thinking" and "Structured output", 2026-10, and dashscope 2.0.2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from llm_connector.effort import ReasoningControl
from llm_connector.errors import InvalidRequestError
from llm_connector.protocols.base import StreamReader
from llm_connector.protocols.openai_chat import OpenAIChat

if TYPE_CHECKING:
    from llm_connector.protocols.fields import RequestFields
    from llm_connector.protocols.wire import Exchange
    from llm_connector.types import ChatRequest, ChatResponse

_HOSTS = ".aliyuncs.com"
# Models that answer a call without a stream by an error: those that always think, and omni.
_ONLY_STREAM = re.compile(r"qwq|qvq|qwen[\w.]*-omni|.*-thinking|qwen-deep-research", re.IGNORECASE)
# Open models that may think, do so unless told not to, and then only stream.
_STREAM_TO_THINK = re.compile(r"qwen3-\d+(\.\d+)?b", re.IGNORECASE)
_ASKS_FOR_STREAM = re.compile(
    r"must be set to false for non-streaming|必须设置为false才能进行非流式|only supports? stream", re.IGNORECASE
)


class AliyunChat(OpenAIChat):
    """Chat Completions as Aliyun serves it.

    ``chat()`` asks some models for a stream and folds it: they think only in streams, and an answer without the
    thinking that the vendor gives by default, or an error, would be the choice otherwise.
    """

    default_path = "/compatible-mode/v1"

    def normalise_base_url(self, base_url: str) -> str:
        """Accept one of the vendor's hosts without the path of this surface."""
        url = super().normalise_base_url(base_url)
        parts = urlsplit(url)
        bare = parts.path in {"", "/"} and (parts.hostname or "").endswith(_HOSTS)
        return f"{url}{self.default_path}" if bare else url

    def chat(self, request: ChatRequest) -> Exchange[ChatResponse]:
        """Ask for a whole answer."""
        if self._only_streams(request):
            return (yield from self._folded(request))
        try:
            return (yield from super().chat(request))
        except InvalidRequestError as error:
            if not _ASKS_FOR_STREAM.search(error.message):
                raise
        return (yield from self._folded(request))

    def _format(self, fields: RequestFields, messages: list[dict[str, Any]]) -> dict[str, Any]:
        """A form is refused while the model thinks ("Json mode response is not supported"), so thinking gives way."""
        body = super()._format(fields, messages)
        model, control = fields.request.model or "", ReasoningControl.of(fields.request)
        if not body or body["response_format"]["type"] == "text" or control.on is not None:
            return body
        if self.dialect.reasons(model, control):
            fields.warn("the vendor holds no answer to a form while the model reasons; reasoning was switched off")
            body["enable_thinking"] = False
        return body

    def _folded(self, request: ChatRequest) -> Exchange[ChatResponse]:
        """Ask for a stream, but take its bytes as one answer."""
        fields = self._checked(request)
        answer = yield self.build(fields, stream=True)
        reader = StreamReader(self, request, fields.report_untaken())
        for _ in (*reader.feed(answer.body), *reader.finish()):
            pass
        return reader.response()

    def _only_streams(self, request: ChatRequest) -> bool:
        model = request.model or ""
        if _ONLY_STREAM.match(model):
            return True
        return _STREAM_TO_THINK.match(model) is not None and ReasoningControl.of(request).on is not False


PROTOCOL = AliyunChat
