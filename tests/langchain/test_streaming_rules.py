"""What LangChain's merging asks of a stream's chunks, rule by rule, for every provider; and of v1 and v3 output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage

from langchain_llm_connector.errors import ConnectorStreamInterruptedError
from servers.openai_chat import OpenAIChatServer
from servers.script import Call, Fault, Reply, Use

if TYPE_CHECKING:
    from langchain_kits import Kit

REPLY = Reply(
    "It is sunny in Rome.",
    reasoning="The user asks for the weather of two places.",
    tool_calls=[Call("get_weather", {"city": "Rome"}), Call("get_weather", {"city": "Paris 你好"})],
    usage=Use(20, 30, cached=5, reasoning=9),
)
VERSIONS = pytest.mark.parametrize("version", [None, "v1"])


def streamed(kit: Kit, reply: Any = REPLY, **options: Any) -> list[AIMessageChunk]:
    with kit.serve(reply) as server:
        return list(kit.model(server, **options).stream("What is the weather?", **kit.thinking))


def added(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    return chunks[0] + chunks[1:]


def kinds(chunk: AIMessageChunk) -> set[str]:
    found = {"reasoning"} if chunk.additional_kwargs.get("reasoning_content") else set()
    found |= {"call"} if chunk.tool_call_chunks else set()
    return found | ({"text"} if chunk.text else set())


@VERSIONS
def test_a_chunk_has_one_kind_of_content(kit: Kit, version: str | None) -> None:
    chunks = streamed(kit, output_version=version)
    assert {"text", "call", "reasoning"} == set().union(*map(kinds, chunks))
    assert all(len(kinds(chunk)) <= 1 for chunk in chunks)


@VERSIONS
def test_tool_call_chunks_have_a_number_and_id_and_name_once(kit: Kit, version: str | None) -> None:
    pieces = [piece for chunk in streamed(kit, output_version=version) for piece in chunk.tool_call_chunks]
    assert {piece["index"] for piece in pieces} == {0, 1}
    for index in (0, 1):
        first, *rest = [piece for piece in pieces if piece["index"] == index]
        assert first["id"]
        assert first["name"] == "get_weather"
        assert all(piece["id"] is None and piece["name"] is None for piece in rest)


@VERSIONS
def test_facts_are_told_once(kit: Kit, version: str | None) -> None:
    chunks = streamed(kit, output_version=version)
    told = [name for chunk in chunks for name in chunk.response_metadata]
    repeated = {name for name in told if told.count(name) > 1}
    assert repeated <= {"model_provider", "output_version"}
    metadata = added(chunks).response_metadata
    assert metadata["finish_reason"] == "tool_calls"
    assert metadata["model_name"]
    assert metadata["model_provider"] not in {"openai", "anthropic", "google_genai"}


@VERSIONS
def test_token_counts_are_told_once(kit: Kit, version: str | None) -> None:
    chunks = streamed(kit, output_version=version)
    assert sum(chunk.usage_metadata is not None for chunk in chunks) == 1
    usage = added(chunks).usage_metadata
    assert usage is not None
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    if kit.provider != "ollama":  # which counts no more than input and output
        assert usage["input_tokens"] == 20
        assert usage["output_tokens"] == 30


@pytest.mark.parametrize("dialect", ["tokenhub", "longcat", "siliconflow", "moonshot_choice_usage"])
def test_cumulative_counts_are_not_summed(compatible: Kit, dialect: str) -> None:
    with OpenAIChatServer(Reply("Hello there, my friend", usage=Use(8, 17)), dialect=dialect) as server:
        usage = added(list(compatible.model(server).stream("hi"))).usage_metadata
    assert usage == {"input_tokens": 8, "output_tokens": 17, "total_tokens": 25}


def test_counts_can_be_left_out(compatible: Kit) -> None:
    assert all(chunk.usage_metadata is None for chunk in streamed(compatible, stream_usage=False))


@VERSIONS
def test_the_last_chunk_says_so(kit: Kit, version: str | None) -> None:
    chunks = streamed(kit, output_version=version)
    assert [chunk.chunk_position for chunk in chunks[-2:]] == [None, "last"]


def test_v1_keeps_reasoning_beside_the_call_of_the_same_number(kit: Kit) -> None:
    reply = Reply(reasoning="I need the weather.", tool_calls=[Call("get_weather", {"city": "Rome"})])
    message = added(streamed(kit, reply, output_version="v1"))
    blocks = [block for block in message.content_blocks if block["type"] != "non_standard"]
    assert [block["type"] for block in blocks] == ["reasoning", "tool_call"]
    assert blocks[0]["reasoning"] == "I need the weather."
    assert blocks[1]["args"] == {"city": "Rome"}


def test_v1_blocks_have_text_indexes(compatible: Kit) -> None:
    content = [block for chunk in streamed(compatible, output_version="v1") for block in chunk.content]
    indexes = list(dict.fromkeys(block["index"] for block in content))
    assert indexes == ["lc_rs_0", "lc_txt_1", "lc_tc_0", "lc_tc_1"]


@pytest.mark.parametrize("polite", [True, False])
@VERSIONS
def test_a_stream_without_an_end_raises(kit: Kit, version: str | None, polite: bool) -> None:
    with pytest.raises(ConnectorStreamInterruptedError) as caught:
        streamed(
            kit, Fault(cut_after=3, polite=polite, reply=Reply("Hello there, this goes on")), output_version=version
        )
    assert caught.value.partial is not None


@VERSIONS
def test_stream_and_invoke_tell_the_same(kit: Kit, version: str | None) -> None:
    with kit.serve([REPLY, REPLY]) as server:
        model = kit.model(server, output_version=version)
        whole = model.invoke("What is the weather?", **kit.thinking)
        pieces = added(list(model.stream("What is the weather?", **kit.thinking)))
    assert pieces.text == whole.text
    assert pieces.additional_kwargs["reasoning_content"] == whole.additional_kwargs["reasoning_content"]
    assert [call["args"] for call in pieces.tool_calls] == [call["args"] for call in whole.tool_calls]
    assert pieces.response_metadata.keys() == whole.response_metadata.keys()
    assert pieces.usage_metadata == whole.usage_metadata


@VERSIONS
async def test_async_streams_the_same(kit: Kit, version: str | None) -> None:
    with kit.serve([REPLY, REPLY]) as server:
        model = kit.model(server, output_version=version)
        chunks = [chunk async for chunk in model.astream("What is the weather?", **kit.thinking)]
        whole = await model.ainvoke("What is the weather?", **kit.thinking)
    assert added(chunks).text == whole.text
    assert added(chunks).usage_metadata == whole.usage_metadata
    assert chunks[-1].chunk_position == "last"


def test_v3_events(kit: Kit) -> None:
    with kit.serve(REPLY) as server:
        stream = kit.model(server).stream_events("What is the weather?", version="v3", **kit.thinking)
        events = list(stream)
    message = stream.output
    finished = [event["content"] for event in events if event["event"] == "content-block-finish"]
    assert [block["type"] for block in finished] == ["reasoning", "text", "tool_call", "tool_call"]
    assert finished[0]["reasoning"] == REPLY.reasoning
    assert finished[1]["text"] == REPLY.text
    assert [block["args"] for block in finished[2:]] == [call.arguments for call in REPLY.tool_calls]
    assert message.additional_kwargs["reasoning_content"] == REPLY.reasoning
    assert events[0]["metadata"]["provider"] == message.response_metadata["model_provider"]


def test_only_the_first_choice_is_streamed(compatible: Kit) -> None:
    assert added(streamed(compatible, Reply("One answer"), n=2)).text == "One answer"


def test_invoke_gives_all_choices(compatible: Kit) -> None:
    with compatible.serve(Reply("One answer", usage=Use(3, 4))) as server:
        result = compatible.model(server, n=2).generate([[HumanMessage("hi")]])
    first, second = result.generations[0]
    assert [first.text, second.text] == ["One answer", "One answer (2)"]
    assert first.message.usage_metadata["total_tokens"] == 7
    assert second.message.usage_metadata is None
