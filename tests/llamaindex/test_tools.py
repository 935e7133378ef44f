"""Tools: what is sent, what comes back, in one piece and in fragments, and histories that other integrations made."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from llama_index.core.base.llms.types import CachePoint, CitationBlock, ThinkingBlock, ToolCallBlock
from llama_index.core.llms import ChatMessage, ChatResponse, TextBlock
from llama_index.core.tools import FunctionTool, ToolMetadata

from llamaindex.kit import ADD, WEATHER, WIRES, Wire, add, user
from llm_connector import LLMError
from servers.script import Call, Reply

TWO = [Call("get_weather", {"city": "Zürich"}), Call("add", {"a": 1, "b": 2})]
PARALLEL = {"tools": [WEATHER, ADD], "user_msg": "Weather?", "allow_parallel_tool_calls": True}
EXPECTED = [("get_weather", {"city": "Zürich"}), ("add", {"a": 1, "b": 2})]


def chosen(llm: Any, response: ChatResponse) -> list[tuple[str, dict[str, Any]]]:
    calls = llm.get_tool_calls_from_response(response)
    assert len({call.tool_id for call in calls} - {""}) == len(calls)
    return [(call.tool_name, call.tool_kwargs) for call in calls]


def test_tools_reach_the_vendor(wire: Wire) -> None:
    with wire.serve() as server:
        wire.llm(server).chat_with_tools([WEATHER, ADD], "hello")
        view = server.last.view
        assert view is not None
        assert [tool.name for tool in view.tools] == ["get_weather", "add"]
        assert "weather in a city" in view.tools[0].description
        assert set(view.tools[1].schema["properties"]) == {"a", "b"}


async def test_calls_come_back(wire: Wire) -> None:
    with wire.serve(Reply("", tool_calls=TWO)) as server:
        llm = wire.llm(server)
        for response in (llm.chat_with_tools(**PARALLEL), await llm.achat_with_tools(**PARALLEL)):
            assert chosen(llm, response) == EXPECTED
            blocks = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
            told = response.message.additional_kwargs["tool_calls"]
            json.dumps(told)
            assert [block.tool_name for block in blocks] == [call["function"]["name"] for call in told]
            assert [block.tool_call_id for block in blocks] == [call["id"] for call in told]


@pytest.mark.parametrize("interleave", [False, True])
async def test_streamed_calls(wire: Wire, interleave: bool) -> None:
    with wire.serve(Reply("Both.", tool_calls=TWO, chunk_size=2, interleave=interleave)) as server:
        llm = wire.llm(server)
        sync = list(llm.stream_chat_with_tools(**PARALLEL))
        asynchronous = [chunk async for chunk in await llm.astream_chat_with_tools(**PARALLEL)]
        for chunks in (sync, asynchronous):
            for chunk in chunks:
                llm.get_tool_calls_from_response(chunk, error_on_no_tool_call=False)
                assert chunk.message.additional_kwargs.get("tool_calls", []) is not None
            assert chosen(llm, chunks[-1]) == EXPECTED
            assert chunks[-1].message.content == "Both."


def test_partial_arguments_go_as_far_as_they_are_there(compatible: Wire) -> None:
    with compatible.serve(Reply("", tool_calls=TWO[:1], chunk_size=3, pace=0.02)) as server:
        llm = compatible.llm(server)
        seen = []
        for chunk in llm.stream_chat_with_tools([WEATHER], "Weather?"):
            seen += [call.tool_kwargs for call in llm.get_tool_calls_from_response(chunk, error_on_no_tool_call=False)]
        assert seen[0] == {}
        assert {"city": "Zü"} in seen or {"city": "Zür"} in seen
        assert seen[-1] == {"city": "Zürich"}


def test_both_calls_in_one_chunk(compatible: Wire) -> None:
    from servers.zhipu import ZhipuServer

    with ZhipuServer(Reply("", tool_calls=TWO)) as server:  # whole calls, one after the other
        llm = WIRES["zhipu"].llm(server)
        assert chosen(llm, list(llm.stream_chat_with_tools(**PARALLEL))[-1]) == EXPECTED


def test_a_call_without_arguments(wire: Wire) -> None:
    ping = FunctionTool.from_defaults(fn=lambda: "pong", name="ping", description="Ping.")
    with wire.serve(Reply("", tool_calls=[Call("ping", {})])) as server:
        llm = wire.llm(server)
        assert chosen(llm, llm.chat_with_tools([ping], "go")) == [("ping", {})]
        assert chosen(llm, list(llm.stream_chat_with_tools([ping], "go"))[-1]) == [("ping", {})]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [("", {}), ("{", {}), ('{"a": 1, "b', {"a": 1}), ("nonsense", {}), ("[1]", {}), ({"a": 1}, {"a": 1})],
)
def test_arguments_in_any_state(compatible: Wire, arguments: Any, wanted: dict[str, Any]) -> None:
    with compatible.serve() as server:
        llm = compatible.llm(server)
        block = ToolCallBlock(tool_name="f", tool_kwargs=arguments)
        response = ChatResponse(message=ChatMessage(role="assistant", blocks=[block]))
        assert llm.get_tool_calls_from_response(response)[0].tool_kwargs == wanted
        assert llm.get_tool_calls_from_response(response)[0].tool_id


def test_no_call_is_a_value_error_when_asked(wire: Wire) -> None:
    with wire.serve(Reply("Just text.")) as server:
        llm = wire.llm(server)
        response = llm.chat_with_tools([WEATHER], "hi")
        assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
        with pytest.raises(ValueError, match="Just text"):
            llm.get_tool_calls_from_response(response)


def test_required_reaches_the_vendor(wire: Wire) -> None:
    with wire.serve(Reply("", tool_calls=TWO[:1])) as server:
        llm = wire.llm(server)
        llm.chat_with_tools([WEATHER], "hi", tool_required=True, tool_choice=None)  # as LlamaIndex's programs say it
        assert server.last.view is not None
        assert (server.last.view.choice != "auto") is wire.forces
        llm.chat_with_tools([WEATHER], "hi")
        assert server.last.view.choice == "auto"


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("any", "required"),
        ("get_weather", "get_weather"),
        ({"type": "function", "function": {"name": "add"}}, "add"),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["openai_compatible", "anthropic", "google", "openai_responses"])
def test_tool_choice(name: str, choice: Any, wanted: str) -> None:
    wire = WIRES[name]
    with wire.serve(Reply("ok")) as server:
        wire.llm(server).chat_with_tools([WEATHER, ADD], "hi", tool_choice=choice, tool_required=choice == "auto")
        assert server.last.view is not None
        assert server.last.view.choice == wanted


def test_one_call_when_one_was_asked_for(wire: Wire) -> None:
    with wire.serve(Reply("", tool_calls=TWO)) as server:
        llm = wire.llm(server)
        response = llm.chat_with_tools([WEATHER, ADD], "hi", allow_parallel_tool_calls=False)
        assert chosen(llm, response) == EXPECTED[:1]
        assert len(response.message.additional_kwargs["tool_calls"]) == 1


@pytest.mark.parametrize("choice", [None, "auto", "required"])
async def test_no_tools_at_all(wire: Wire, choice: str | None) -> None:
    with wire.serve(Reply("hi")) as server:
        llm = wire.llm(server)
        llm.chat_with_tools([], "hi", tool_choice=choice, tool_required=True)
        assert [chunk async for chunk in await llm.astream_chat_with_tools([], "hi", tool_choice=choice)]
        assert not any(b'"tool' in request.body.lower() for request in server.requests)


def test_the_history_is_not_touched(wire: Wire) -> None:
    history = user("first")
    before = copy.deepcopy(history)
    with wire.serve(Reply("ok")) as server:
        llm = wire.llm(server)
        llm.chat_with_tools([WEATHER], "second", chat_history=history)
        list(llm.stream_chat_with_tools([WEATHER], "third", chat_history=history))
        assert history == before


@pytest.mark.parametrize("message", ["second", ChatMessage(role="user", content="second")], ids=["str", "message"])
def test_the_users_message_is_text_or_message(wire: Wire, message: Any) -> None:
    with wire.serve(Reply("ok")) as server:
        wire.llm(server).chat_with_tools([WEATHER], message, chat_history=user("first"))
        assert server.last.view is not None
        assert server.last.view.last_user.text.endswith("second")


def test_a_round_trip(wire: Wire) -> None:
    with wire.serve([Reply("", tool_calls=TWO), Reply("It rains, and 3.")]) as server:
        llm = wire.llm(server)
        response = llm.chat_with_tools(**PARALLEL)
        results = [
            ChatMessage(role="tool", content=f"result {at}", additional_kwargs={"tool_call_id": call.tool_id})
            for at, call in enumerate(llm.get_tool_calls_from_response(response))
        ]
        history = [*user("Weather?"), response.message, *results]
        assert llm.chat_with_tools([WEATHER, ADD], chat_history=history).message.content == "It rains, and 3."
        assert server.last.view is not None
        assert [call.name for turn in server.last.view.turns for call in turn.calls] == ["get_weather", "add"]
        found = [result.text for turn in server.last.view.turns for result in turn.results]
        assert ["result" in text for text in found] == [True, True]


def _foreign_histories() -> dict[str, list[ChatMessage]]:
    def tool(call_id: str, text: str = "rain") -> ChatMessage:
        return ChatMessage(role="tool", content=text, additional_kwargs={"tool_call_id": call_id})

    def assistant(*blocks: Any, **kwargs: Any) -> ChatMessage:
        return ChatMessage(role="assistant", blocks=list(blocks), additional_kwargs=kwargs)

    function = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    weather = {"tool_name": "get_weather", "tool_kwargs": {"city": "Oslo"}}
    thinking = ThinkingBlock(content="hm", additional_information={"signature": "of-another-vendor"})
    cited = CitationBlock(cited_content="c", source="s", title="t", additional_location_info={})
    return {
        "blocks only, dict arguments": [assistant(ToolCallBlock(tool_call_id="x1", **weather)), tool("x1")],
        "kwargs only": [assistant(tool_calls=[{"id": "x1", "type": "function", "function": function}]), tool("x1")],
        "anthropic kwargs": [
            assistant(tool_calls=[{"id": "x1", "name": "get_weather", "input": {"city": "Oslo"}}]),
            tool("x1"),
        ],
        "the tool's name as id, twice": [
            assistant(
                ToolCallBlock(tool_call_id="get_weather", **weather),
                ToolCallBlock(tool_call_id="get_weather", **weather),
            ),
            tool("get_weather"),
            tool("get_weather", "snow"),
        ],
        "no ids": [
            assistant(ToolCallBlock(**weather)),
            ChatMessage(role="function", content="rain", additional_kwargs={"name": "get_weather"}),
        ],
        "foreign thinking": [assistant(thinking, ToolCallBlock(tool_call_id="x1", **weather)), tool("x1")],
        "citation and empty text": [
            assistant(
                TextBlock(text=""), TextBlock(text="I know."), cited, ToolCallBlock(tool_call_id="x1", **weather)
            ),
            tool("x1"),
        ],
        "text in the place of arguments": [
            assistant(ToolCallBlock(tool_call_id="x1", tool_name="get_weather", tool_kwargs='{"city": "Oslo"}')),
            tool("x1"),
        ],
        "cache point after a result": [
            assistant(ToolCallBlock(tool_call_id="x1", **weather)),
            ChatMessage(
                role="tool",
                blocks=[TextBlock(text="rain"), CachePoint(cache_control={"type": "ephemeral"})],
                additional_kwargs={"tool_call_id": "x1"},
            ),
        ],
    }


@pytest.mark.parametrize("kind", list(_foreign_histories()))
def test_foreign_histories(wire: Wire, kind: str) -> None:
    with wire.serve(Reply("Done.")) as server:
        history = [*user("Weather?"), *_foreign_histories()[kind]]
        assert wire.llm(server).chat_with_tools([WEATHER], chat_history=history).message.content == "Done."
        assert server.last.view is not None
        calls = [call for turn in server.last.view.turns for call in turn.calls]
        assert {(call.name, call.arguments["city"]) for call in calls} == {("get_weather", "Oslo")}
        assert "of-another-vendor" not in server.last.body.decode()
        found = "".join(result.text for turn in server.last.view.turns for result in turn.results)
        assert found.startswith("rain")


def test_a_direct_result_is_an_ordinary_assistant_message(compatible: Wire) -> None:
    """FunctionAgent puts the call's id into it as well."""
    direct = ChatMessage(role="assistant", content="rain", additional_kwargs={"tool_call_id": "x1"})
    with compatible.serve(Reply("ok")) as server:
        compatible.llm(server).chat([*user("hi"), direct, *user("and?")])
        assert server.last.json["messages"][1] == {"role": "assistant", "content": "rain"}


def test_strict_closes_the_schema(compatible: Wire) -> None:
    with compatible.serve(Reply("ok")) as server:
        compatible.llm(server).chat_with_tools([ADD], "hi", strict=True)
        function = server.last.json["tools"][0]["function"]
        assert function["strict"] is True
        assert function["parameters"]["additionalProperties"] is False


def test_names_are_made_fit_for_vendors(compatible: Wire) -> None:
    odd = FunctionTool(fn=add, metadata=ToolMetadata(name="Generic[int]", description="x"))
    with compatible.serve(Reply("ok")) as server:
        compatible.llm(server).chat_with_tools([odd], "hi", tool_choice="Generic[int]")
        assert server.last.json["tools"][0]["function"]["name"] == "Generic_int_"
        assert server.last.json["tool_choice"]["function"]["name"] == "Generic_int_"


async def test_predict_and_call(wire: Wire) -> None:
    with wire.serve(Reply("", tool_calls=TWO)) as server:
        llm = wire.llm(server)
        assert llm.predict_and_call([WEATHER, ADD], "hi").response == "It rains in Zürich."
        both = await llm.apredict_and_call([WEATHER, ADD], "hi", allow_parallel_tool_calls=True)
        assert [source.raw_output for source in both.sources] == ["It rains in Zürich.", 3]


def test_a_result_without_its_call_is_refused_with_the_reason(compatible: Wire) -> None:
    orphan = ChatMessage(role="tool", content="rain", additional_kwargs={"tool_call_id": "lost"})
    with compatible.serve() as server, pytest.raises(LLMError, match="'lost'"):
        compatible.llm(server).chat([*user("hi"), orphan])
