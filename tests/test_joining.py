"""Pieces of arguments that arrive together become one chunk where one asks for it; nothing else changes."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_connector import AsyncLLMClient, LLMClient, RateLimitError
from llm_connector.collect import Collector
from llm_connector.joining import joined
from llm_connector.types import ChatChunk, ToolCallDelta, Usage
from servers.faults import FaultServer
from servers.openai_chat import OpenAIChatServer
from servers.script import Call, Reply

DELTAS = st.builds(
    ToolCallDelta, index=st.integers(0, 1), id=st.sampled_from([None, None, "c"]), arguments=st.text(max_size=3)
)
CHUNKS = st.one_of(
    st.builds(ChatChunk, content=st.text(max_size=3)),
    st.builds(ChatChunk, reasoning_content=st.text(min_size=1, max_size=3)),
    st.builds(ChatChunk, tool_calls=st.lists(DELTAS, min_size=1, max_size=2), index=st.integers(0, 1)),
    st.builds(ChatChunk, tool_calls=st.lists(DELTAS, min_size=1, max_size=1)),
    st.just(ChatChunk(finish_reason="tool_calls")),
    st.just(ChatChunk(usage=Usage(input_tokens=1))),
)


def folded(chunks: list[ChatChunk]) -> object:
    collector = Collector()
    for chunk in chunks:
        collector.add(chunk)
    return collector.response()


@given(st.lists(CHUNKS, max_size=12))
def test_the_answer_is_the_same(chunks: list[ChatChunk]) -> None:
    before = [repr(chunk) for chunk in chunks]
    together = list(joined(chunks))
    assert [repr(chunk) for chunk in chunks] == before, "the chunks that others hold were changed"
    assert folded(together) == folded(chunks)
    assert [c.content for c in together if c.content] == [c.content for c in chunks if c.content]
    assert len([c for c in together if c.reasoning_content]) == len([c for c in chunks if c.reasoning_content])
    pairs = itertools.pairwise(together)
    assert not [one for one, two in pairs if is_piece(one) and goes_on(one, two)], "two that belong together are apart"


def is_piece(chunk: ChatChunk) -> bool:
    return len(chunk.tool_calls) == 1


def goes_on(one: ChatChunk, two: ChatChunk) -> bool:
    if not is_piece(two) or one.index != two.index:
        return False
    return two.tool_calls[0].index == one.tool_calls[0].index and two.tool_calls[0].id is None


def test_what_came_before_an_error_comes_before_it() -> None:
    def broken():
        yield ChatChunk(tool_calls=[ToolCallDelta(0, "c", "look", "{")])
        yield ChatChunk(tool_calls=[ToolCallDelta(0, arguments="}")])
        raise RateLimitError("slow down")

    got = []
    with pytest.raises(RateLimitError):
        got.extend(chunk.tool_calls[0] for chunk in joined(broken()))
    chunks = joined(broken())
    assert next(chunks).tool_calls[0] == ToolCallDelta(0, "c", "look", "{}")


CALL = Reply("It is so.", tool_calls=[Call("look", {"text": "abc " * 40})], chunk_size=4)


async def test_a_stream_that_comes_in_one_piece() -> None:
    with OpenAIChatServer(CALL) as server:
        options = {"base_url": server.url, "api_key": "k"}
        with LLMClient("openai_compatible", "m", **options) as client:
            plain = list(client.stream("hi"))
            whole = client.stream("hi").response()
    events = [f"data: {chunk}\n\n" for chunk in raw_events(plain)]
    body = ("".join(events) + "data: [DONE]\n\n").encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with FaultServer([head + body], [head + body], [head + body]) as server:
        with LLMClient("openai_compatible", "m", base_url=server.url, api_key="k") as client:
            apart, together = list(client.stream("hi")), list(client.stream("hi").join_arguments())
        async with AsyncLLMClient("openai_compatible", "m", base_url=server.url, api_key="k") as client:
            again = [chunk async for chunk in await client.stream("hi").join_arguments()]
    assert len(pieces(apart)) > 20
    assert len(pieces(together)) == len(pieces(again)) == 1
    assert pieces(together)[0].arguments == whole.tool_calls[0].arguments
    assert [c.content for c in together if c.content] == [c.content for c in apart if c.content]


def raw_events(chunks: list[ChatChunk]) -> list[str]:
    seen: list[object] = []
    for chunk in chunks:
        if chunk.raw is not None and not (seen and chunk.raw is seen[-1]):
            seen.append(chunk.raw)
    return [json.dumps(event) for event in seen] + [
        json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    ]


def pieces(chunks: list[ChatChunk]) -> list[ToolCallDelta]:
    return [delta for chunk in chunks for delta in chunk.tool_calls]
