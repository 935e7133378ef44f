"""Reasoning: where it can be found, and that it goes back."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import ThinkingBlock
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage, TextBlock

from llamaindex.kit import ADD, WEATHER, Wire, user
from servers.script import Call, Reply, Use

if TYPE_CHECKING:
    from llama_index.core.memory import Memory

THOUGHT = "First I look at the sky, then I answer."
ANSWER = Reply("It rains.", reasoning=THOUGHT, usage=Use(input=10, output=20, reasoning=9))
COUNTS_REASONING = {"openai_compatible", "anthropic", "google", "zhipu", "aliyun", "openai_responses"}


async def test_in_a_whole_answer(wire: Wire) -> None:
    with wire.serve(ANSWER) as server:
        llm = wire.llm(server, **wire.thinking)
        for response in (llm.chat(user("hi")), await llm.achat(user("hi"))):
            first = response.message.blocks[0]
            assert isinstance(first, ThinkingBlock)
            assert first.content == THOUGHT
            assert response.message.additional_kwargs["reasoning_content"] == THOUGHT
            assert response.message.content == "It rains."
            if wire.provider in COUNTS_REASONING:
                assert first.num_tokens == 9


async def test_in_a_stream(wire: Wire) -> None:
    with wire.serve(ANSWER) as server:
        llm = wire.llm(server, **wire.thinking)
        sync = list(llm.stream_chat(user("hi")))
        asynchronous = [chunk async for chunk in await llm.astream_chat(user("hi"))]
    for chunks in (sync, asynchronous):
        so_far = ""
        for chunk in chunks:
            so_far += chunk.additional_kwargs.get("thinking_delta") or ""
            assert isinstance(chunk.message.blocks[0], ThinkingBlock)
            assert chunk.message.blocks[0].content == so_far
            assert chunk.message.additional_kwargs["reasoning_content"] == so_far
        assert so_far == THOUGHT
        assert chunks[0].additional_kwargs["thinking_delta"], "the first chunk must not be lost"
        assert "".join(chunk.delta for chunk in chunks) == chunks[-1].message.content == "It rains."
        assert all(THOUGHT[:6] not in (chunk.message.content or "") for chunk in chunks)


async def test_in_a_completion(wire: Wire) -> None:
    with wire.serve(ANSWER) as server:
        llm = wire.llm(server, **wire.thinking)
        assert llm.complete("hi").additional_kwargs["reasoning_content"] == THOUGHT
        last = list(llm.stream_complete("hi"))[-1]
        assert (last.text, last.additional_kwargs["reasoning_content"]) == ("It rains.", THOUGHT)


@pytest.mark.parametrize("streamed", [False, True])
def test_it_goes_back_after_a_tool_call(wire: Wire, streamed: bool) -> None:
    """The server refuses a history that lost it, as DeepSeek, Kimi, GLM, Claude and Gemini do."""
    script = [
        Reply("", reasoning=THOUGHT, tool_calls=[Call("get_weather", {"city": "Oslo"}), Call("add", {"a": 1, "b": 2})]),
        Reply("", reasoning="Once more.", tool_calls=[Call("get_weather", {"city": "Rome"})]),
        Reply("Done."),
    ]
    with wire.serve(script, demand_reasoning=True) as server:
        llm = wire.llm(server, **wire.thinking)
        history = user("Weather?")
        for _ in script:
            ask: Any = {"chat_history": history, "allow_parallel_tool_calls": True}
            tools = [WEATHER, ADD]
            response = (
                list(llm.stream_chat_with_tools(tools, **ask))[-1] if streamed else llm.chat_with_tools(tools, **ask)
            )
            history = [*history, response.message]
            for call in llm.get_tool_calls_from_response(response, error_on_no_tool_call=False):
                history.append(ChatMessage(role="tool", content="ok", additional_kwargs={"tool_call_id": call.tool_id}))
        assert response.message.content == "Done."


def test_text_alone_goes_back_when_the_blocks_were_lost(compatible: Wire) -> None:
    """A streaming chat engine leaves one text block; ``additional_kwargs`` has what remains."""
    script = [Reply("", reasoning=THOUGHT, tool_calls=[Call("get_weather", {"city": "Oslo"}, "c1")]), Reply("Done.")]
    with compatible.serve(script, demand_reasoning=True) as server:
        llm = compatible.llm(server)
        message = copy.deepcopy(llm.chat_with_tools([WEATHER], "Weather?").message)
        message.blocks = [TextBlock(text="Let me see.")]
        result = ChatMessage(role="tool", content="ok", additional_kwargs={"tool_call_id": "c1"})
        llm.chat_with_tools([WEATHER], chat_history=[*user("Weather?"), message, result])
        assert server.last.json["messages"][1]["reasoning_content"] == THOUGHT
        assert server.last.json["messages"][1]["tool_calls"][0]["id"] == "c1"


def test_the_row_decides_whether_it_goes_back(compatible: Wire) -> None:
    with compatible.serve(ANSWER) as server:
        for rule, sent in (("never", False), ("with_tool_calls", False), ("always", True)):
            llm = compatible.llm(server, reasoning_replay=rule)
            message = llm.chat(user("hi")).message
            llm.chat([*user("hi"), message, *user("and?")])
            assert ("reasoning_content" in server.last.json["messages"][1]) is sent


def test_another_provider_gets_a_valid_message_without_the_signature() -> None:
    from llamaindex.kit import WIRES

    for first, second in (("anthropic", "google"), ("google", "anthropic"), ("openai_responses", "aliyun")):
        one, two = WIRES[first], WIRES[second]
        script = [Reply("", reasoning=THOUGHT, tool_calls=[Call("get_weather", {"city": "Oslo"})])]
        with one.serve(script) as server:
            llm = one.llm(server, **one.thinking)
            response = llm.chat_with_tools([WEATHER], "Weather?")
            call = llm.get_tool_calls_from_response(response)[0]
        result = ChatMessage(role="tool", content="rain", additional_kwargs={"tool_call_id": call.tool_id})
        with two.serve(Reply("Done.")) as server:
            history = [*user("Weather?"), response.message, result]
            assert two.llm(server).chat_with_tools([WEATHER], chat_history=history).message.content == "Done."


def test_a_signature_is_where_llamaindex_looks_for_it() -> None:
    from llamaindex.kit import WIRES

    wire = WIRES["anthropic"]
    with wire.serve(Reply("It rains.", reasoning=THOUGHT, signature="c2lnbmF0dXJl")) as server:
        llm = wire.llm(server, **wire.thinking)
        for message in (llm.chat(user("hi")).message, list(llm.stream_chat(user("hi")))[-1].message):
            block = message.blocks[0]
            assert isinstance(block, ThinkingBlock)
            assert block.additional_information["signature"] == "c2lnbmF0dXJl"
            llm.chat([*user("hi"), message, *user("and?")])
            assert "c2lnbmF0dXJl" in server.last.body.decode()


def test_a_redacted_thought_goes_back() -> None:
    from llamaindex.kit import WIRES

    wire = WIRES["anthropic"]
    script = [
        Reply("", reasoning=THOUGHT, redacted="cmVkYWN0ZWQ=", tool_calls=[Call("get_weather", {"city": "Oslo"}, "t1")]),
        Reply("Done."),
    ]
    with wire.serve(script, demand_reasoning=True) as server:
        llm = wire.llm(server, **wire.thinking)
        message = list(llm.stream_chat_with_tools([WEATHER], "Weather?"))[-1].message
        result = ChatMessage(role="tool", content="ok", additional_kwargs={"tool_call_id": "t1"})
        llm.chat_with_tools([WEATHER], chat_history=[*user("Weather?"), message, result])
        assert "cmVkYWN0ZWQ=" in server.last.body.decode()


@pytest.mark.parametrize("how", ["chat", "stream_chat", "achat", "astream_chat"])
async def test_a_chat_engine_keeps_it_in_memory(wire: Wire, how: str, memory: Memory) -> None:
    with wire.serve(ANSWER) as server:
        llm = wire.llm(server, **wire.thinking)
        engine = SimpleChatEngine.from_defaults(llm=llm, memory=memory)
        method = getattr(engine, how)
        response = await method("hi") if how.startswith("a") else method("hi")
        if how == "stream_chat":
            assert "".join(response.response_gen) == "It rains."
        elif how == "astream_chat":
            assert "".join([token async for token in response.async_response_gen()]) == "It rains."
        kept = (await memory.aget_all())[-1]
        assert kept.additional_kwargs["reasoning_content"] == THOUGHT
        await engine.achat("and?")
        assert server.last.view is not None
        assert [turn.role for turn in server.last.view.turns] == ["user", "assistant", "user"]


@pytest.mark.parametrize("how", ["chat", "stream_chat"])
def test_a_plain_answer_has_no_thought(wire: Wire, how: str) -> None:
    """Although some must go back with marks of their own, as the ids of OpenAI's Responses API."""
    with wire.serve(Reply("It rains.")) as server:
        message = asked(wire.llm(server), how)
        assert [type(block) for block in message.blocks] == [TextBlock]


@pytest.mark.parametrize("how", ["chat", "stream_chat"])
def test_marks_go_back_without_a_thought(how: str) -> None:
    from llamaindex.kit import WIRES

    wire = WIRES["openai_responses"]
    with wire.serve(Reply("It rains.")) as server:
        llm = wire.llm(server)
        message = ChatMessage.model_validate_json(asked(llm, how).model_dump_json())
        llm.chat([*user("hi"), message, *user("and?")])
        assert server.last.json["input"][1]["id"].startswith("msg_")


@pytest.mark.parametrize("how", ["chat", "stream_chat"])
def test_a_thought_without_text_is_no_block_but_goes_back(how: str) -> None:
    from llamaindex.kit import WIRES

    wire = WIRES["anthropic"]
    with wire.serve(Reply("It rains.", redacted="cmVkYWN0ZWQ=")) as server:
        llm = wire.llm(server, **wire.thinking)
        message = asked(llm, how)
        assert [type(block) for block in message.blocks] == [TextBlock]
        message = ChatMessage.model_validate_json(message.model_dump_json())
        llm.chat([*user("hi"), message, *user("and?")])
        assert "cmVkYWN0ZWQ=" in server.last.body.decode()


@pytest.mark.parametrize("how", ["chat", "stream_chat"])
def test_a_hidden_thought_that_was_counted_is_a_block_without_text(how: str) -> None:
    """Its payload may be long, and memories count, and prompts show, what is in ``additional_kwargs``."""
    from llamaindex.kit import WIRES

    wire = WIRES["google"]
    hidden = Reply("It rains.", signature="c2lnbmF0dXJl", usage=Use(input=10, output=20, reasoning=9))
    with wire.serve(hidden) as server:
        llm = wire.llm(server)
        message = asked(llm, how)
        first = message.blocks[0]
        assert isinstance(first, ThinkingBlock)
        assert (first.content, first.num_tokens) == (None, 9)
        assert message.additional_kwargs == {}
        llm.chat([*user("hi"), message, *user("and?")])
        assert "c2lnbmF0dXJl" in server.last.body.decode()


def asked(llm: Any, how: str) -> ChatMessage:
    """The message of one answer."""
    answer = getattr(llm, how)(user("hi"))
    message: ChatMessage = answer.message if how == "chat" else list(answer)[-1].message
    return message
