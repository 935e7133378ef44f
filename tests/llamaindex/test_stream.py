"""Streams: the rules of accumulation that LlamaIndex relies on."""

from __future__ import annotations

import asyncio
import copy
import pickle
import time
from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.llms import ChatMessage, ChatResponse, TextBlock

from llamaindex.kit import ADD, WEATHER, Wire, user
from llm_connector import StreamInterruptedError
from servers.script import Call, Fault, Reply

if TYPE_CHECKING:
    from servers.base import Server

SCRIPT = Reply(
    "It will rain 你好.",
    reasoning="Let me think about the weather.",
    tool_calls=[Call("get_weather", {"city": "Zürich"}), Call("add", {"a": 1, "b": 2})],
)


def streamed(wire: Wire, server: Server, **fields: Any) -> list[Any]:
    llm = wire.llm(server, **wire.thinking, **fields)
    return list(llm.stream_chat_with_tools([WEATHER, ADD], "Weather?", allow_parallel_tool_calls=True))


async def test_deltas_add_up_and_content_is_cumulative(wire: Wire) -> None:
    with wire.serve(Reply("One two three four five.", chunk_size=3)) as server:
        llm = wire.llm(server)
        sync = list(llm.stream_chat(user("hi")))
        asynchronous = [chunk async for chunk in await llm.astream_chat(user("hi"))]
        for chunks in (sync, asynchronous):
            so_far = ""
            for chunk in chunks:
                so_far += chunk.delta
                assert chunk.message.content == so_far
                assert sum(isinstance(block, TextBlock) for block in chunk.message.blocks) == 1
            assert so_far == "One two three four five."
            assert len(chunks) > 4


async def test_streams_are_generators(wire: Wire) -> None:
    """LlamaIndex takes anything else for a whole answer."""
    with wire.serve(Reply("Hello")) as server:
        llm = wire.llm(server)
        for stream in (llm.stream_chat(user("hi")), llm.stream_complete("hi")):
            assert isinstance(stream, Generator)
            assert list(stream)
        for stream in (await llm.astream_chat(user("hi")), await llm.astream_complete("hi")):
            assert isinstance(stream, AsyncGenerator)
            assert [chunk async for chunk in stream]


async def test_completions_stream(wire: Wire) -> None:
    with wire.serve(Reply("One two three.", chunk_size=3)) as server:
        llm = wire.llm(server)
        sync = list(llm.stream_complete("hi"))
        asynchronous = [chunk async for chunk in await llm.astream_complete("hi")]
        for chunks in (sync, asynchronous):
            assert "".join(chunk.delta or "" for chunk in chunks) == chunks[-1].text == "One two three."
            assert chunks[0].text == chunks[0].delta


def test_chunks_come_as_they_are_made(wire: Wire) -> None:
    with wire.serve(Reply("One two three four.", chunk_size=4, pace=0.05)) as server:
        times = [time.monotonic() for _ in wire.llm(server).stream_chat(user("hi"))]
        assert times[-1] - times[0] > 0.1


def test_the_last_chunk_is_complete_and_equals_the_whole_answer(wire: Wire) -> None:
    with wire.serve(SCRIPT) as server:
        last = streamed(wire, server)[-1]
        llm = wire.llm(server, **wire.thinking)
        whole = llm.chat_with_tools([WEATHER, ADD], "Weather?", allow_parallel_tool_calls=True)
        assert last.delta == ""
        assert _without_ids(last.message) == _without_ids(whole.message)
        assert last.raw["usage"]["prompt_tokens"] == whole.raw["usage"]["prompt_tokens"] > 0


def _without_ids(message: ChatMessage) -> Any:
    """Ids and signatures are new with each answer."""
    calls = message.additional_kwargs.get("tool_calls", [])
    blocks = [block.model_dump(exclude={"tool_call_id", "additional_information"}) for block in message.blocks]
    kwargs = {name: value for name, value in message.additional_kwargs.items() if name != "tool_calls"}
    return blocks, [call["function"] for call in calls], kwargs


def test_chunks_are_what_the_constructor_makes(wire: Wire) -> None:
    """They are made without it; another version of LlamaIndex may have other fields."""
    with wire.serve(SCRIPT) as server:
        for chunk in streamed(wire, server):
            loaded = ChatResponse.model_validate(chunk.model_dump())
            assert (loaded, repr(loaded), loaded.model_dump()) == (chunk, repr(chunk), chunk.model_dump())
            assert ChatResponse.model_validate_json(chunk.model_dump_json()) == loaded
            for part in (chunk, chunk.message, *chunk.message.blocks):
                assert vars(part).keys() == type(part).model_fields.keys()
                assert part.model_fields_set <= vars(part).keys()
                assert (part.model_extra, part.__pydantic_private__) == (None, None)


def test_chunks_can_be_copied_pickled_and_changed(compatible: Wire) -> None:
    with compatible.serve(Reply("One two three.", chunk_size=3)) as server:
        for chunk in compatible.llm(server).stream_chat(user("hi")):
            assert pickle.loads(pickle.dumps(chunk)) == copy.deepcopy(chunk) == chunk.model_copy(deep=True) == chunk
            chunk.message.content = "changed"
            assert (chunk.message.blocks, chunk.message.content) == ([TextBlock(text="changed")], "changed")
            chunk.delta = None
            assert "delta" in chunk.model_fields_set


def test_handed_out_chunks_never_change(wire: Wire) -> None:
    with wire.serve(SCRIPT) as server:
        llm = wire.llm(server, **wire.thinking)
        kept, copies = [], []
        for chunk in llm.stream_chat_with_tools([WEATHER, ADD], "Weather?", allow_parallel_tool_calls=True):
            kept.append(chunk)
            copies.append(chunk.model_copy(deep=True))
            chunk.message.blocks = [TextBlock(text="changed by a chat engine")]
            chunk.message.additional_kwargs.clear()
            copies[-1].message.blocks = chunk.message.blocks
            copies[-1].message.additional_kwargs = {}
        assert kept == copies
        assert kept[-1].raw["usage"]


def test_no_object_is_in_two_chunks(wire: Wire) -> None:
    with wire.serve(SCRIPT) as server:
        chunks = streamed(wire, server)  # kept alive, or ids would be used again
        parts = [
            part
            for chunk in chunks
            for message in [chunk.message]
            for part in (message, message.blocks, message.additional_kwargs, *message.blocks)
        ]
        parts += [part for chunk in chunks for part in (chunk, chunk.raw, chunk.additional_kwargs)]
        parts += [part.model_fields_set for part in parts if isinstance(part, BaseModel)]
        parts += [call for chunk in chunks for call in chunk.message.additional_kwargs.get("tool_calls", [])]
        assert len({id(part) for part in parts}) == len(parts)


def test_a_dropped_connection_raises_and_keeps_what_came(wire: Wire) -> None:
    with wire.serve(Fault(cut_after=3, polite=True, reply=Reply("One two three four.", chunk_size=3))) as server:
        seen: list[Any] = []
        with pytest.raises(StreamInterruptedError) as raised:
            seen.extend(wire.llm(server).stream_chat(user("hi")))
        assert raised.value.partial is not None


async def test_a_dropped_connection_raises_in_async_code(wire: Wire) -> None:
    fault = Fault(cut_after=3, reply=Reply("One two three four.", chunk_size=3))
    with wire.serve(fault) as server, pytest.raises(StreamInterruptedError):
        async for _ in await wire.llm(server).astream_chat(user("hi")):
            pass


def test_leaving_early_closes_the_connection(compatible: Wire) -> None:
    with compatible.serve(Reply("word " * 400, chunk_size=5, pace=0.01)) as server:
        stream = compatible.llm(server).stream_chat(user("hi"))
        next(stream)
        stream.close()
        time.sleep(0.3)
        assert not server.last.delivered
        assert _is_idle(server)


async def test_leaving_early_closes_the_connection_in_async_code(compatible: Wire) -> None:
    with compatible.serve(Reply("word " * 400, chunk_size=5, pace=0.01)) as server:
        stream = await compatible.llm(server).astream_chat(user("hi"))
        await anext(stream)
        await stream.aclose()
        await asyncio.sleep(0.3)
        assert not server.last.delivered
        assert _is_idle(server)


def _is_idle(server: Server) -> bool:
    """That no thread of the server is still writing an answer."""
    import threading

    names = [thread.name for thread in threading.enumerate() if "process_request" in thread.name]
    return not names


def test_a_chunk_without_choices_is_no_stumbling_block(compatible: Wire) -> None:
    from servers.openai_chat import OpenAIChatServer

    with OpenAIChatServer(Reply("Hello"), dialect="azure", prefix="") as server:  # begins with an empty chunk
        chunks = list(compatible.llm(server).stream_chat(user("hi")))
        assert chunks[-1].message.content == "Hello"
        assert chunks[-1].raw["usage"]["completion_tokens"] > 0


def test_a_refused_stream_raises_where_it_was_asked_for(compatible: Wire) -> None:
    from llm_connector import RateLimitError

    with compatible.serve(Fault(429)) as server, pytest.raises(RateLimitError):
        compatible.llm(server).stream_chat(user("hi"))


def test_several_choices_stream_the_first(compatible: Wire) -> None:
    with compatible.serve(Reply("Hello there", chunk_size=3)) as server:
        chunks = list(compatible.llm(server).stream_chat(user("hi"), n=2))
        assert "".join(chunk.delta for chunk in chunks) == chunks[-1].message.content == "Hello there"
