"""Messages and chunks made without validation are those that langchain-core's own constructors make."""

from __future__ import annotations

import inspect
import string
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_llm_connector import ChatConnector
from langchain_llm_connector.light import blocks_chunk, calls_chunk, kwargs_chunk, result, text_chunk, whole

METADATA = st.sampled_from([{}, {"model_provider": "zhipu"}])
TEXTS = st.text(max_size=20)
ARGUMENTS = st.text(string.ascii_letters + '{}[]":, \\\n\ufeff\u00a0' + string.digits, max_size=12) | st.none()
PIECES = st.builds(
    ToolCallChunk,
    name=st.none() | st.just("look"),
    args=ARGUMENTS,
    id=st.none() | st.just("call_1"),
    index=st.integers(0, 3),
    type=st.just("tool_call_chunk"),
)


def same(made: Any, wanted: Any) -> None:
    assert type(made) is type(wanted)
    assert made == wanted
    assert made.model_dump() == wanted.model_dump()
    for one, other in ((made, wanted), (made.message, wanted.message)):
        assert list(one.__dict__) == list(other.__dict__)
        assert one.__pydantic_extra__ == other.__pydantic_extra__
        assert one.__pydantic_private__ == other.__pydantic_private__
        assert one.__pydantic_fields_set__ >= other.__pydantic_fields_set__
    assert made.message.__pydantic_fields_set__ == wanted.message.__pydantic_fields_set__
    assert made.model_copy(deep=True) == wanted


@given(TEXTS, METADATA)
def test_text(text: str, metadata: dict) -> None:
    wanted = AIMessageChunk(content=text, response_metadata=metadata)
    same(text_chunk(text, metadata), ChatGenerationChunk(message=wanted))


@given(TEXTS, METADATA)
def test_reasoning(text: str, metadata: dict) -> None:
    kwargs = {"reasoning_content": text}
    wanted = AIMessageChunk(content="", additional_kwargs=kwargs, response_metadata=metadata)
    same(kwargs_chunk(kwargs, metadata), ChatGenerationChunk(message=wanted))


@given(TEXTS, METADATA)
def test_blocks(text: str, metadata: dict) -> None:
    blocks = [{"type": "text", "text": text, "index": "lc_txt_0"}]
    wanted = AIMessageChunk(content=blocks, additional_kwargs={}, response_metadata=metadata)
    same(blocks_chunk(blocks, metadata), ChatGenerationChunk(message=wanted))


@given(st.lists(PIECES, min_size=1, max_size=3), METADATA)
def test_pieces_of_calls(pieces: list[ToolCallChunk], metadata: dict) -> None:
    wanted = AIMessageChunk(content="", tool_call_chunks=pieces, response_metadata=metadata)
    same(calls_chunk(pieces, metadata), ChatGenerationChunk(message=wanted))


@given(TEXTS | st.just([{"type": "text", "text": "a"}]), METADATA)
def test_whole_answers(content: Any, metadata: dict) -> None:
    fields = {
        "content": content,
        "additional_kwargs": {},
        "tool_calls": [{"name": "look", "args": {"a": 1}, "id": "1", "type": "tool_call"}],
        "invalid_tool_calls": [],
        "response_metadata": metadata,
        "usage_metadata": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    }
    same(whole(fields), ChatGeneration(message=AIMessage(**fields)))


@given(st.lists(TEXTS | st.just([{"type": "text", "text": "a"}]), max_size=3))
def test_results(contents: list[Any]) -> None:
    generations = [ChatGeneration(message=AIMessage(content=content)) for content in contents]
    made, wanted = result(generations), ChatResult(generations=generations)
    assert made == wanted
    assert list(made.__dict__) == list(wanted.__dict__)
    assert made.__pydantic_fields_set__ == wanted.__pydantic_fields_set__
    assert made.model_dump() == wanted.model_dump()
    assert made.model_copy(deep=True) == wanted


def test_chunks_share_nothing() -> None:
    one, two = text_chunk("a", {}), text_chunk("b", {})
    one.message.tool_calls.append("x")
    one.message.additional_kwargs["x"] = 1
    one.message.id = "run"
    assert (two.message.tool_calls, two.message.additional_kwargs, two.message.id) == ([], {}, None)
    assert "id" not in two.message.__pydantic_fields_set__


def test_the_signature_that_langchain_asks_for_is_the_true_one() -> None:
    for function in (ChatConnector._generate, ChatConnector._agenerate):
        told = inspect.signature(function)
        del function.__signature__
        try:
            assert inspect.signature(function) == told
        finally:
            function.__signature__ = told
