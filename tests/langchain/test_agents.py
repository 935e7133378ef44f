"""Agents over several turns, with reasoning that the servers demand back: LangGraph, checkpoints, events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from servers.script import Call, Reply, Use

if TYPE_CHECKING:
    from pathlib import Path

    from langchain_kits import Kit

LIMIT: Any = {"recursion_limit": 12}
ROME = Reply("Let me see.", reasoning="First the weather.", tool_calls=[Call("get_weather", {"city": "Rome"})])
PARIS = Reply(reasoning="Then the time.", tool_calls=[Call("get_time", {"city": "Paris"})])
DONE = Reply("Sunny in Rome, noon in Paris.", reasoning="Now I know both.", usage=Use(10, 20))
QUESTION: Any = {"messages": [("user", "Weather in Rome, time in Paris?")]}


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"It is sunny in {city}."


@tool
def get_time(city: str) -> str:
    """Tell the time of a city."""
    return f"It is noon in {city}."


def agent_of(kit: Kit, server: Any, version: str | None = None, **options: Any) -> Any:
    model = kit.model(server, output_version=version, **kit.thinking)
    return create_agent(model, tools=[get_weather, get_time], **options)


@pytest.mark.parametrize("version", [None, "v1"])
def test_two_tools_with_reasoning(kit: Kit, version: str | None) -> None:
    with kit.serve([ROME, PARIS, DONE], demand_reasoning=True) as server:
        messages = agent_of(kit, server, version).invoke(QUESTION, LIMIT)["messages"]
    assert [message.type for message in messages] == ["human", "ai", "tool", "ai", "tool", "ai"]
    assert messages[-1].text == DONE.text
    said = [message for message in messages if isinstance(message, AIMessage)]
    assert [message.additional_kwargs["reasoning_content"] for message in said] == [
        r.reasoning for r in (ROME, PARIS, DONE)
    ]
    assert len({message.id for message in messages}) == len(messages)


@pytest.mark.parametrize("version", [None, "v1"])
@pytest.mark.parametrize("mode", ["messages", "updates"])
def test_streamed_agent(kit: Kit, version: str | None, mode: Any) -> None:
    with kit.serve([ROME, PARIS, DONE], demand_reasoning=True) as server:
        steps = list(agent_of(kit, server, version).stream(QUESTION, LIMIT, stream_mode=mode))
    if mode == "messages":
        chunks = [chunk for chunk, _ in steps if isinstance(chunk, AIMessageChunk)]
        thought = "".join(chunk.additional_kwargs.get("reasoning_content", "") for chunk in chunks)
        assert thought == ROME.reasoning + PARIS.reasoning + DONE.reasoning
        assert "".join(chunk.text for chunk in chunks) == ROME.text + DONE.text
    else:
        assert len(steps) == 5


async def test_async_agent_events(kit: Kit) -> None:
    with kit.serve([ROME, PARIS, DONE], demand_reasoning=True) as server:
        events = [event async for event in agent_of(kit, server).astream_events(QUESTION, LIMIT, version="v2")]
    streamed = [event["data"]["chunk"] for event in events if event["event"] == "on_chat_model_stream"]
    assert "".join(chunk.text for chunk in streamed) == ROME.text + DONE.text
    ends = [event["data"]["output"] for event in events if event["event"] == "on_chat_model_end"]
    assert [end.additional_kwargs["reasoning_content"] for end in ends] == [r.reasoning for r in (ROME, PARIS, DONE)]


@pytest.mark.parametrize("version", [None, "v1"])
def test_a_checkpointed_conversation_goes_on(kit: Kit, version: str | None, tmp_path: Path) -> None:
    """Each turn by a new agent that knows the history from the database alone."""
    thread: Any = {"configurable": {"thread_id": "1"}, **LIMIT}
    with kit.serve([ROME, PARIS, DONE, ROME, PARIS, DONE], demand_reasoning=True) as server:
        for turn in (1, 2):
            with SqliteSaver.from_conn_string(str(tmp_path / "threads.db")) as saver:
                agent = agent_of(kit, server, version, checkpointer=saver)
                messages = agent.invoke(QUESTION, thread)["messages"]
            assert len(messages) == 6 * turn
        assert len(server.requests) == 6


def test_graph_of_ones_own(kit: Kit) -> None:
    with kit.serve(DONE) as server:
        model = kit.model(server, **kit.thinking)

        def speak(state: MessagesState) -> Any:
            return {"messages": [model.invoke(state["messages"])]}

        graph: Any = StateGraph(MessagesState).add_node("speak", speak).add_edge(START, "speak").compile()
        chunks = [chunk for chunk, _ in graph.stream(QUESTION, stream_mode="messages")]
    assert "".join(chunk.text for chunk in chunks) == DONE.text
    assert "".join(chunk.additional_kwargs.get("reasoning_content", "") for chunk in chunks) == DONE.reasoning


class Tokens(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.errors: list[BaseException] = []

    def on_llm_new_token(self, token: str, **kwargs: Any) -> None:
        self.seen.append(token)

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.errors.append(error)


def test_callbacks_hear_each_token_once(kit: Kit) -> None:
    tokens, usage = Tokens(), UsageMetadataCallbackHandler()
    with kit.serve(DONE) as server:
        model = kit.model(server)
        list(model.stream("hi", config={"callbacks": [tokens, usage]}, **kit.thinking))
        model.invoke("hi", config={"callbacks": [usage]})
    assert "".join(tokens.seen) == DONE.text
    (counts,) = usage.usage_metadata.values()
    assert (counts["input_tokens"], counts["output_tokens"]) == (20, 40)


async def test_events_v3_async(kit: Kit) -> None:
    with kit.serve(DONE) as server:
        stream = await kit.model(server).astream_events("hi", version="v3", **kit.thinking)
        message = await stream.output
    assert message.text == DONE.text
    assert message.additional_kwargs["reasoning_content"] == DONE.reasoning


def test_agents_side_by_side(compatible: Kit) -> None:
    with compatible.serve() as server:
        agent = agent_of(compatible, server)

        async def ask(number: int) -> str:
            state = await agent.ainvoke({"messages": [("user", f"What is {number}?")]}, LIMIT)
            return str(state["messages"][-1].text)

        async def all_at_once() -> list[str]:
            return await asyncio.gather(*map(ask, range(8)))

        assert asyncio.run(all_at_once()) == [f"You said: What is {number}?" for number in range(8)]
