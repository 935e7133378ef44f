"""Structured output: held to the class, streamed, and with the system prompt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from llama_index.core import PromptTemplate
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, Field

from llamaindex.kit import Wire, user
from servers.script import Call, Reply

# StructuredLLM calls pydantic's deprecated ``json`` on what it streams (llama-index-core 0.14.25, structured_llm.py).
OLD_JSON_UPSTREAM = (
    "ignore:The `json` method is deprecated:pydantic.warnings.PydanticDeprecatedSince20"
    ":llama_index.core.llms.structured_llm"
)


class Song(BaseModel):
    title: str
    seconds: int


class Album(BaseModel):
    """An album."""

    name: str
    songs: list[Song] = Field(description="All songs.")


VALUE = {"name": "Blå", "songs": [{"title": "One", "seconds": 61}, {"title": "Two", "seconds": 62}]}
WANTED = Album(**VALUE)
SCRIPT = Reply("", tool_calls=[Call("Album", VALUE)], chunk_size=4)
PROMPT = PromptTemplate('Make an album about {topic}, such as {{"name": "x"}}.')


async def test_predict(wire: Wire) -> None:
    with wire.serve(SCRIPT) as server:
        llm = wire.llm(server)
        assert llm.structured_predict(Album, PROMPT, topic="rain") == WANTED
        assert await llm.astructured_predict(Album, PROMPT, topic="rain") == WANTED
        assert server.last.view is not None
        assert '{"name": "x"}' in server.last.view.last_user.text
        assert (server.last.view.choice != "auto") is wire.forces


async def test_stream(wire: Wire) -> None:
    with wire.serve(replace(SCRIPT, pace=0.01)) as server:  # what arrives together is seen together
        llm = wire.llm(server)
        sync = list(llm.stream_structured_predict(Album, PROMPT, topic="rain"))
        asynchronous = [one async for one in await llm.astream_structured_predict(Album, PROMPT, topic="rain")]
        for objects in (sync, asynchronous):
            assert objects[-1] == WANTED
            if wire.provider in {"openai_compatible", "anthropic", "aliyun", "openai_responses", "tencent"}:
                assert len(objects) > 3, "fragments must be seen as they come"
        for request in server.requests:
            assert request.view is not None
            assert (request.view.choice != "auto") is wire.forces


@pytest.mark.filterwarnings(OLD_JSON_UPSTREAM)
async def test_as_structured_llm(wire: Wire) -> None:
    with wire.serve(SCRIPT) as server:
        llm = wire.llm(server).as_structured_llm(Album)
        for response in (llm.chat(user("hi")), await llm.achat(user("hi"))):
            assert response.raw == WANTED
            assert Album.model_validate_json(response.message.content) == WANTED
        assert llm.complete("hi").raw == WANTED
        assert (await llm.acomplete("hi")).raw == WANTED
        assert list(llm.stream_chat(user("hi")))[-1].raw == WANTED
        assert [chunk async for chunk in await llm.astream_chat(user("hi"))][-1].raw == WANTED


@pytest.mark.parametrize("how", ["structured_predict", "astructured_predict", "stream", "astream"])
async def test_the_system_prompt_is_sent_once(wire: Wire, how: str) -> None:
    """LlamaIndex itself leaves it out of ``astructured_predict``."""
    with wire.serve(SCRIPT) as server:
        llm = wire.llm(server, system_prompt="Speak as a pirate.")
        if how == "structured_predict":
            llm.structured_predict(Album, PROMPT, topic="rain")
        elif how == "astructured_predict":
            await llm.astructured_predict(Album, PROMPT, topic="rain")
        elif how == "stream":
            list(llm.stream_structured_predict(Album, PROMPT, topic="rain"))
        else:
            assert [one async for one in await llm.astream_structured_predict(Album, PROMPT, topic="rain")]
        assert server.last.body.decode().count("Speak as a pirate.") == 1
        assert llm.system_prompt == "Speak as a pirate."
        assert len({request.headers.get("user-agent") for request in server.requests}) == 1


async def test_a_refusal_is_told(wire: Wire) -> None:
    with wire.serve(Reply("I would rather not.")) as server:
        llm = wire.llm(server)
        with pytest.raises(ValueError, match="rather not"):
            llm.structured_predict(Album, PROMPT, topic="rain")
        with pytest.raises(ValueError, match="rather not"):
            await llm.astructured_predict(Album, PROMPT, topic="rain")


def test_by_text_where_the_model_has_no_tools(wire: Wire) -> None:
    with wire.serve(Reply(WANTED.model_dump_json())) as server:
        llm = wire.llm(server, is_function_calling_model=False)
        assert llm.structured_predict(Album, PROMPT, topic="rain") == WANTED
        llm = wire.llm(server, pydantic_program_mode=PydanticProgramMode.LLM)
        assert llm.structured_predict(Album, PROMPT, topic="rain") == WANTED
        assert server.last.view is not None
        assert server.last.view.tools == []


def test_keyword_arguments_reach_the_request(compatible: Wire) -> None:
    with compatible.serve(SCRIPT) as server:
        compatible.llm(server).structured_predict(Album, PROMPT, llm_kwargs={"temperature": 0.1}, topic="rain")
        assert server.last.json["temperature"] == 0.1


def test_the_program_with_parallel_calls(compatible: Wire) -> None:
    two = Reply("", tool_calls=[Call("Song", {"title": "A", "seconds": 1}), Call("Song", {"title": "B", "seconds": 2})])
    with compatible.serve(two) as server:
        program: Any = FunctionCallingProgram.from_defaults(
            Song, prompt_template_str="Two songs.", llm=compatible.llm(server), allow_parallel_tool_calls=True
        )
        assert program() == [Song(title="A", seconds=1), Song(title="B", seconds=2)]


async def test_one_span_for_an_async_object(compatible: Wire) -> None:
    from llama_index.core.instrumentation import get_dispatcher
    from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler

    root, handler = get_dispatcher(), SimpleSpanHandler()
    root.add_span_handler(handler)
    try:
        with compatible.serve(SCRIPT) as server:
            await compatible.llm(server, system_prompt="x").astructured_predict(Album, PROMPT, topic="rain")
    finally:
        root.span_handlers.remove(handler)
    spans = [span.id_.split("-")[0] for span in handler.completed_spans]
    assert spans.count("ChatConnector.astructured_predict") == 1


def test_the_schema_route_of_the_connector_layer(wire: Wire) -> None:
    with wire.serve(Reply(WANTED.model_dump_json())) as server:
        response = wire.llm(server).chat(user("An album as JSON"), response_format=Album)
        assert Album.model_validate_json(response.message.content) == WANTED
