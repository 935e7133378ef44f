"""LlamaIndex's agents: tools in parallel, reasoning that must go back, memory, workflows, structured results."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.agent.workflow import AgentStream, AgentWorkflow, FunctionAgent, ReActAgent
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from llamaindex.kit import ADD, WEATHER, Wire
from servers.script import Call, Reply

if TYPE_CHECKING:
    from llama_index.core.memory import Memory

# An agent is a pydantic model whose steps the workflows package looks for with ``inspect.getmembers``, which touches
# pydantic's deprecated attributes (llama-index-workflows 2.26.1, workflows/utils.py, get_steps_from_instance).
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecationWarning:inspect")

THOUGHT = "I need two tools."
CALLS = [Call("get_weather", {"city": "Oslo"}), Call("add", {"a": 20, "b": 22})]
LOOP = [
    Reply("", reasoning=THOUGHT, tool_calls=CALLS),
    Reply("", reasoning="One more.", tool_calls=[Call("get_weather", {"city": "Rome"})]),
    Reply("It rains, and 42.", reasoning="Now I know."),
]


async def results_of(server: Any) -> list[str]:
    """The tools' results that the vendor got last."""
    view = server.last.view
    assert view is not None
    return [result.text for turn in view.turns for result in turn.results]


@pytest.mark.parametrize("streaming", [True, False])
async def test_two_tools_at_once_and_reasoning(wire: Wire, streaming: bool) -> None:
    with wire.serve(LOOP, demand_reasoning=True) as server:
        agent = FunctionAgent(tools=[WEATHER, ADD], llm=wire.llm(server, **wire.thinking), streaming=streaming)
        result = await agent.run("Weather, and a sum?")
        assert str(result) == "It rains, and 42."
        found = "".join(await results_of(server))
        assert all(part in found for part in ("rains in Oslo", "42", "rains in Rome"))
        assert result.response.additional_kwargs["reasoning_content"] == "Now I know."


async def test_the_stream_of_an_agent(wire: Wire) -> None:
    with wire.serve(LOOP, demand_reasoning=True) as server:
        agent = FunctionAgent(tools=[WEATHER, ADD], llm=wire.llm(server, **wire.thinking))
        handler = agent.run("Weather, and a sum?")
        events = [event async for event in handler.stream_events() if isinstance(event, AgentStream)]
        await handler
        assert "".join(event.delta for event in events) == "It rains, and 42."
        assert "".join(event.thinking_delta or "" for event in events) == f"{THOUGHT}One more.Now I know."
        assert events[-1].response == "It rains, and 42."
        assert isinstance(events[-1].raw, dict)
        assert any(len(event.tool_calls) == 2 for event in events)


async def test_an_agent_without_tools(wire: Wire) -> None:
    with wire.serve(Reply("Hello.")) as server:
        agent = FunctionAgent(tools=[], llm=wire.llm(server), initial_tool_choice="auto")
        assert str(await agent.run("hi")) == "Hello."
        assert b'"tool' not in server.last.body.lower()


async def test_the_first_choice_of_tools(compatible: Wire) -> None:
    with compatible.serve([Reply("", tool_calls=CALLS[:1]), Reply("Done.")]) as server:
        agent = FunctionAgent(tools=[WEATHER], llm=compatible.llm(server), initial_tool_choice="required")
        await agent.run("hi")
        assert server.requests[0].json["tool_choice"] == "required"
        assert "tool_choice" not in server.requests[1].json


async def test_memory_over_two_runs(wire: Wire, memory: Memory) -> None:
    script = [*LOOP, Reply("You asked about Oslo.")]
    with wire.serve(script, demand_reasoning=True) as server:
        agent = FunctionAgent(tools=[WEATHER, ADD], llm=wire.llm(server, **wire.thinking))
        await agent.run("Weather, and a sum?", memory=memory)
        assert str(await agent.run("What did I ask?", memory=memory)) == "You asked about Oslo."
        assert server.last.view is not None
        assert [turn.text for turn in server.last.view.turns if turn.role == "user" and turn.text] == [
            "Weather, and a sum?",
            "What did I ask?",
        ]


def close_up() -> str:
    """End the conversation."""
    return "Good bye."


def break_down() -> str:
    """End the conversation, if nothing is in the way."""
    raise RuntimeError("the door is locked")


async def test_a_tool_that_answers_itself_beside_another(wire: Wire, memory: Memory) -> None:
    """LlamaIndex keeps no result of the calls behind that of a tool with ``return_direct``."""
    calls = [Call("close_up"), Call("add", {"a": 20, "b": 22})]
    script = [Reply("", reasoning=THOUGHT, tool_calls=calls), Reply("We had closed.")]
    with wire.serve(script, demand_reasoning=True) as server:
        closing = FunctionTool.from_defaults(fn=close_up, return_direct=True)
        agent = FunctionAgent(tools=[closing, ADD], llm=wire.llm(server, **wire.thinking))
        assert str(await agent.run("Close up.", memory=memory)) == "Good bye."
        assert str(await agent.run("What happened?", memory=memory)) == "We had closed."
        found = await results_of(server)
        assert "Good bye." in found[0]
        assert server.last.view is not None
        assert [turn.text for turn in server.last.view.turns if turn.role == "assistant" and turn.text] == ["Good bye."]


@pytest.mark.parametrize("streaming", [True, False])
async def test_a_tool_that_would_answer_itself_but_fails(wire: Wire, streaming: bool) -> None:
    """The model is asked again: the conversation ends with the tool's error, not with the assistant's words."""
    calls = [Call("break_down"), Call("add", {"a": 20, "b": 22})]
    script = [Reply("", tool_calls=calls), Reply("", tool_calls=calls), Reply("I gave up.")]
    with wire.serve(script) as server:
        failing = FunctionTool.from_defaults(fn=break_down, return_direct=True)
        agent = FunctionAgent(tools=[failing, ADD], llm=wire.llm(server), streaming=streaming)
        assert str(await agent.run("Close up.")) == "I gave up."
        assert "".join(await results_of(server)).count("the door is locked") == 2
        assert server.last.view is not None
        assert server.last.view.turns[-1].role == "tool"


async def test_a_workflow_of_agents(wire: Wire) -> None:
    handoff = Call("handoff", {"to_agent": "writer", "reason": "It is to be written down."})
    script = [
        Reply("", tool_calls=[Call("get_weather", {"city": "Oslo"})]),
        Reply("", tool_calls=[handoff]),
        Reply("Written."),
    ]
    with wire.serve(script) as server:
        llm = wire.llm(server)
        finder = FunctionAgent(
            name="finder",
            description="Finds.",
            tools=[WEATHER],
            llm=llm,
            can_handoff_to=["writer"],
            system_prompt="Find.",
        )
        writer = FunctionAgent(name="writer", description="Writes.", tools=[], llm=llm, system_prompt="Write.")
        workflow = AgentWorkflow(agents=[finder, writer], root_agent="finder")
        result = await workflow.run("Write down the weather.")
        assert (str(result), result.current_agent_name) == ("Written.", "writer")


async def test_from_tools_or_functions_takes_the_right_agent(compatible: Wire) -> None:
    with compatible.serve() as server:
        for flag, kind in ((True, FunctionAgent), (False, ReActAgent)):
            llm = compatible.llm(server, is_function_calling_model=flag)
            workflow = AgentWorkflow.from_tools_or_functions([WEATHER], llm=llm)
            assert isinstance(next(iter(workflow.agents.values())), kind)


# react_agent.py asks the context inside of a step (llama-index-core 0.14.25).
@pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning")
async def test_react(wire: Wire) -> None:
    act = 'Thought: I need a tool.\nAction: get_weather\nAction Input: {"city": "Oslo"}'
    script = [Reply(act), Reply("Thought: I know.\nAnswer: It rains in Oslo.")]
    with wire.serve(script) as server:
        agent = ReActAgent(tools=[WEATHER], llm=wire.llm(server))
        assert str(await agent.run("Weather in Oslo?")) == "It rains in Oslo."
        assert "Observation: It rains in Oslo." in server.last.body.decode()


class Report(BaseModel):
    """A report."""

    city: str


async def test_a_structured_result(wire: Wire) -> None:
    script = [Reply("It rains in Oslo."), Reply("", tool_calls=[Call("Report", {"city": "Oslo"})])]
    with wire.serve(script) as server:
        agent = FunctionAgent(tools=[], llm=wire.llm(server), output_cls=Report)
        result = await agent.run("hi")
        assert result.get_pydantic_model(Report) == Report(city="Oslo")


async def test_failures_end_the_run(wire: Wire) -> None:
    from llm_connector import RateLimitError
    from servers.script import Fault

    with wire.serve(Fault(429)) as server:
        agent = FunctionAgent(tools=[WEATHER], llm=wire.llm(server))
        with pytest.raises(RateLimitError):
            await agent.run("hi")


async def test_agents_side_by_side(compatible: Wire) -> None:
    with compatible.serve() as server:
        llm = compatible.llm(server)
        agents = [FunctionAgent(tools=[ADD], llm=llm) for _ in range(4)]
        answers = await asyncio.gather(*[agent.run(f"What is {at} + 1?") for at, agent in enumerate(agents)])
        assert [str(answer) for answer in answers] == [f"The result of add is {at + 1}." for at in range(4)]
