"""Failures: they reach the caller as what they are, also through query engines, which swallow ``ValueError``."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core import PromptTemplate, SummaryIndex
from llama_index.core.schema import TextNode

from llamaindex.kit import Wire, user
from llm_connector import AuthenticationError, ContextLengthError, DecodeError, LLMError, RateLimitError, ServerError
from servers.script import Fault

HTML = "<html><body>502 Bad Gateway</body></html>"


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthenticationError), (429, RateLimitError), (500, ServerError)], ids=str
)
async def test_http_statuses(wire: Wire, status: int, kind: type[LLMError]) -> None:
    with wire.serve(Fault(status)) as server:
        llm = wire.llm(server)
        with pytest.raises(kind):
            llm.chat(user("hi"))
        with pytest.raises(kind):
            list(llm.stream_chat(user("hi")))
        with pytest.raises(kind):
            await llm.achat(user("hi"))
        with pytest.raises(kind):
            async for _ in await llm.astream_chat(user("hi")):
                pass
        with pytest.raises(kind):
            llm.complete("hi")


def _garbage() -> list[Fault]:
    return [Fault(200, body=HTML, in_200=True), Fault(200, body="", in_200=True)]


@pytest.mark.parametrize("fault", _garbage(), ids=["html", "empty"])
async def test_garbage_is_our_error(wire: Wire, fault: Fault) -> None:
    with wire.serve(fault) as server:
        llm = wire.llm(server)
        with pytest.raises(LLMError):
            llm.chat(user("hi"))
        with pytest.raises(LLMError):
            list(llm.stream_chat(user("hi")))
        with pytest.raises(LLMError):
            async for _ in await llm.astream_chat(user("hi")):
                pass


@pytest.mark.parametrize("fault", [Fault(200, body=HTML, in_200=True), Fault(500), Fault(401)], ids=str)
@pytest.mark.parametrize("mode", ["compact", "refine", "tree_summarize"])
async def test_query_engines_do_not_answer_empty_response(wire: Wire, fault: Fault, mode: str) -> None:
    index = SummaryIndex([TextNode(text="The sky is blue.")])
    with wire.serve(fault) as server:
        engine = index.as_query_engine(llm=wire.llm(server), response_mode=mode)
        with pytest.raises(LLMError):
            engine.query("What colour is the sky?")
        with pytest.raises(LLMError):
            await engine.aquery("What colour is the sky?")


def test_garbage_is_a_decode_error(compatible: Wire) -> None:
    with compatible.serve(Fault(200, body=HTML, in_200=True)) as server, pytest.raises(DecodeError, match="base_url"):
        compatible.llm(server).chat(user("hi"))


def test_an_unreadable_image_does_not_become_an_empty_response(compatible: Wire) -> None:
    from llama_index.core.llms import ChatMessage, ImageBlock

    from llm_connector import InvalidRequestError

    with compatible.serve() as server:
        with pytest.raises(InvalidRequestError):
            compatible.llm(server).chat([ChatMessage(role="user", blocks=[ImageBlock()])])
        assert server.requests == []


def test_context_overflow_has_its_own_class(compatible: Wire) -> None:
    fault = Fault(400, "context_length_exceeded", "This model's maximum context length is 8192 tokens.")
    with compatible.serve(fault) as server, pytest.raises(ContextLengthError):
        compatible.llm(server).predict(PromptTemplate("{x}"), x="hello")


def test_the_key_is_in_no_error(wire: Wire) -> None:
    secrets = [str(value) for value in wire.secrets.values()]
    for fault in (Fault(401), Fault(400), Fault(200, body=HTML, in_200=True)):
        with wire.serve(fault) as server, pytest.raises(LLMError) as raised:
            wire.llm(server).chat(user("hi"))
        shown: Any = f"{raised.value} {raised.value!r}"
        assert not any(secret in shown for secret in secrets)
