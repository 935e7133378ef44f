"""Tool calls, tool choice, structured output, refusals: what goes out and what comes back."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core import exceptions as langchain_exceptions
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from langchain_kits import KITS
from langchain_llm_connector.errors import ConnectorContentFilterError
from servers.script import Call, Fault, Reply

if TYPE_CHECKING:
    from langchain_kits import Kit
    from servers.replay import ReplayServer

LIMIT: Any = {"recursion_limit": 10}


class Weather(BaseModel):
    """The weather of a city."""

    city: str = Field(description="the city")
    sky: str


class WeatherDict(TypedDict):
    """The weather of a city."""

    city: str
    sky: str


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"It is sunny in {city}."


@tool
def get_time(city: str) -> str:
    """Tell the time of a city."""
    return f"It is noon in {city}."


def sse(*events: Any) -> list[bytes]:
    return [*(f"data: {json.dumps(event)}\n\n".encode() for event in events), b"data: [DONE]\n\n"]


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}


def completion(finish: str = "stop", **message: Any) -> list[bytes]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return [json.dumps({"id": "1", "object": "chat.completion", "model": "m", "choices": [choice]}).encode()]


@pytest.mark.parametrize("way", ["invoke", "stream", "v3"])
@pytest.mark.parametrize("interleave", [False, True])
def test_parallel_calls(compatible: Kit, way: str, interleave: bool) -> None:
    calls = [Call("get_weather", {"city": "Rome"}), Call("get_time", {"city": "Paris"})]
    with compatible.serve(Reply(tool_calls=calls, interleave=interleave, chunk_size=3)) as server:
        model = compatible.model(server).bind_tools([get_weather, get_time])
        if way == "invoke":
            message: Any = model.invoke("hi")
        elif way == "stream":
            chunks = list(model.stream("hi"))
            message = chunks[0] + chunks[1:]
        else:
            message = model.stream_events("hi", version="v3").output
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [
        (call.name, call.arguments) for call in calls
    ]
    assert len({call["id"] for call in message.tool_calls}) == 2


def test_streamed_calls_without_an_index(compatible: Kit, replay: ReplayServer) -> None:
    def piece(**fields: Any) -> dict[str, Any]:
        return delta(tool_calls=[fields])

    url = replay.serve_bytes(
        sse(
            piece(id="a", type="function", function={"name": "f", "arguments": '{"x"'}),
            piece(function={"arguments": ": 1}"}),
            piece(id="b", type="function", function={"name": "g", "arguments": '{"y": 2}'}),
            delta("tool_calls"),
        ),
        headers={"content-type": "text/event-stream"},
    )
    chunks = list(compatible.model(_At(url)).stream("hi"))
    message = chunks[0] + chunks[1:]
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [("f", {"x": 1}), ("g", {"y": 2})]


class _At:
    """Stands for a server at this address."""

    def __init__(self, url: str) -> None:
        self.url = url


def test_arguments_that_are_no_json_are_kept(compatible: Kit) -> None:
    with compatible.serve(
        [Reply(tool_calls=[Call("get_weather", '{"city": "Ro', id="call_9")]), Reply("ok")]
    ) as server:
        model = compatible.model(server)
        message = model.invoke("hi")
        assert message.tool_calls == []
        (broken,) = message.invalid_tool_calls
        assert (broken["name"], broken["args"], broken["id"]) == ("get_weather", '{"city": "Ro', "call_9")
        assert "not JSON" in broken["error"]
        model.invoke(["hi", message, {"role": "tool", "content": "broken", "tool_call_id": "call_9"}])
        assert server.last.json["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"city": "Ro'


NAMED = {"type": "function", "function": {"name": "get_time"}}


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("any", "required"),
        ("required", "required"),
        (True, "required"),
        ("auto", "auto"),
        ("none", "none"),
        ("get_time", NAMED),
        ({"type": "function", "function": {"name": "get_time"}}, NAMED),
        ({"type": "tool", "name": "get_time"}, NAMED),
        ({"type": "any"}, "required"),
        (False, None),
        (None, None),
    ],
)
def test_tool_choice_forms(compatible: Kit, choice: Any, sent: Any) -> None:
    with compatible.serve(Reply("ok")) as server:
        compatible.model(server).bind_tools([get_weather, get_time], tool_choice=choice).invoke("hi")
        assert server.last.json.get("tool_choice") == sent


def test_strict_and_parallel_tool_calls_are_sent(compatible: Kit) -> None:
    with compatible.serve(Reply("ok")) as server:
        compatible.model(server).bind_tools([get_weather], strict=True, parallel_tool_calls=False).invoke("hi")
        body = server.last.json
    assert body["parallel_tool_calls"] is False
    assert body["tools"][0]["function"]["strict"] is True
    assert body["tools"][0]["function"]["parameters"]["additionalProperties"] is False


def test_a_model_with_fallbacks_takes_tools_and_a_schema(compatible: Kit) -> None:
    spare = [Reply(tool_calls=[Call("get_time", {"city": "Rome"})]), Reply('{"city": "Rome", "sky": "clear"}')]
    with compatible.serve(Fault(500)) as broken, compatible.serve(spare) as good:
        model: Any = compatible.model(broken).with_fallbacks([compatible.model(good)])
        (call,) = model.bind_tools([get_time]).invoke("hi").tool_calls
        assert call["args"] == {"city": "Rome"}
        assert model.with_structured_output(Weather).invoke("hi") == Weather(city="Rome", sky="clear")
        assert model.get_num_tokens_from_messages([HumanMessage("hello")]) > 0


def test_no_tools_means_no_tool_fields(compatible: Kit) -> None:
    with compatible.serve(Reply("ok")) as server:
        model = compatible.model(server, parallel_tool_calls=True)
        model.bind_tools([], tool_choice="any", parallel_tool_calls=False).invoke("hi")
        assert not {"tools", "tool_choice", "parallel_tool_calls"} & server.last.json.keys()


def test_a_vendors_own_tool_passes_as_it_is(compatible: Kit) -> None:
    vendor = {"type": "web_search", "web_search": {"enable": True}}
    bound: Any = compatible.model(_At("http://127.0.0.1:9/")).bind_tools([vendor, get_weather])
    assert bound.kwargs["tools"][0] == vendor


@pytest.mark.parametrize("vendor", [{"google_search": {}}, {"file_search": {"top_k": 3}}])
def test_geminis_own_tools_in_geminis_form(vendor: dict[str, Any]) -> None:
    kit = KITS["google"]
    with kit.serve(Reply("ok")) as server:
        kit.model(server).bind_tools([vendor]).invoke("hi")
        assert server.last.json["tools"] == [vendor]


def test_anthropics_tool_form_keeps_its_cache_mark(compatible: Kit) -> None:
    form = {
        "name": "color_picker",
        "description": "Pick.",
        "input_schema": {"type": "object", "properties": {}},
        "cache_control": {"type": "ephemeral"},
    }
    bound: Any = compatible.model(_At("http://127.0.0.1:9/")).bind_tools([form])
    (made,) = bound.kwargs["tools"]
    assert made["function"]["name"] == "color_picker"
    assert made["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize("schema", [Weather, WeatherDict, Weather.model_json_schema()], ids=["class", "dict", "schema"])
@pytest.mark.parametrize("method", [None, "json_schema", "function_calling", "json_mode"])
def test_structured_output(kit: Kit, method: Any, schema: Any) -> None:
    with kit.serve() as server:
        chain = kit.model(server).with_structured_output(schema, method=method)
        prompt = "The weather in Rome: sun. Answer in JSON with 'city' and 'sky' as keys."
        answer = chain.invoke(prompt)
        found = answer.model_dump() if isinstance(answer, BaseModel) else answer
        assert isinstance(answer, Weather) is (schema is Weather)
        assert set(found) == {"city", "sky"}


TEXT = {"type": "string"}
BARE = {"type": "object", "properties": {"city": TEXT, "sky": TEXT}, "required": ["city"]}
FORMS: dict[str, dict[str, Any]] = {
    "bare": BARE,
    "titled": {"title": "The weather", "description": "d", **BARE},
    "named": {"name": "weather", "schema": BARE},
    "format": {"type": "json_schema", "json_schema": {"name": "weather", "schema": BARE}},
    "function": {"name": "weather", "description": "d", "parameters": BARE},
    "tool": {"type": "function", "function": {"name": "weather", "parameters": BARE}},
    "flat tool": {"type": "function", "name": "weather", "parameters": BARE},
    "anthropic's tool": {"name": "weather", "input_schema": BARE},
}
CLOSED = {**BARE, "required": ["city", "sky"], "additionalProperties": False}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("strict", [None, True])
def test_forms_of_a_schema(compatible: Kit, method: Any, form: dict[str, Any], strict: bool | None) -> None:
    given = copy.deepcopy(form)
    with compatible.serve() as server:
        answer = (
            compatible.model(server)
            .with_structured_output(form, method=method, strict=strict)
            .invoke("The weather in Rome: sun.")
        )
        body = server.last.json
    sent = body["response_format"]["json_schema"] if method == "json_schema" else body["tools"][0]["function"]
    assert answer["city"] == "Rome"
    assert sent["schema" if method == "json_schema" else "parameters"] == (CLOSED if strict else BARE)
    assert sent["name"] == {"bare": "response", "titled": "The_weather"}.get(_name_of(form), "weather")
    assert form == given


def _name_of(form: dict[str, Any]) -> str:
    return next(name for name, known in FORMS.items() if known == form)


class Tree(BaseModel):
    """Branches, and theirs."""

    name: str
    branches: list[Tree] = []


def test_a_class_that_holds_itself_as_a_tool(compatible: Kit) -> None:
    with compatible.serve(Reply("ok")) as server:
        compatible.model(server).bind_tools([Tree]).invoke("hi")
        function = server.last.json["tools"][0]["function"]
    assert (function["name"], function["description"]) == ("Tree", "Branches, and theirs.")
    assert function["parameters"]["properties"]["branches"]["items"] == {"$ref": "#/$defs/Tree"}
    assert function["parameters"]["$defs"]["Tree"]["required"] == ["name"]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("strict", [None, True])
def test_a_class_that_holds_itself(compatible: Kit, method: Any, strict: bool | None) -> None:
    tree = {"name": "a", "branches": [{"name": "b", "branches": []}]}
    reply = Reply(tool_calls=[Call("Tree", tree)]) if method == "function_calling" else Reply(json.dumps(tree))
    with compatible.serve(reply) as server:
        answer = compatible.model(server).with_structured_output(Tree, method=method, strict=strict).invoke("hi")
        body = server.last.json
    sent = body["response_format"]["json_schema"] if method == "json_schema" else body["tools"][0]["function"]
    schema = sent["schema" if method == "json_schema" else "parameters"]
    assert answer == Tree(name="a", branches=[Tree(name="b")])
    assert (sent["name"], schema["type"]) == ("Tree", "object")
    assert schema["properties"]["branches"]["items"] == {"$ref": "#/$defs/Tree"}
    assert schema["$defs"]["Tree"].get("additionalProperties") is (False if strict else None)


T = TypeVar("T")


class Found(BaseModel, Generic[T]):
    """What was found."""

    city: T


class Titled(BaseModel):
    """What was found."""

    model_config = ConfigDict(title="The city, found")

    city: str


@pytest.mark.parametrize("way", ["invoke", "stream", "astream"])
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("schema", [Found[str], Titled])
async def test_a_class_whose_name_no_vendor_takes(compatible: Kit, schema: Any, method: Any, way: str) -> None:
    with compatible.serve() as server:
        answer = await structured(compatible.model(server).with_structured_output(schema, method=method), way)
    assert type(answer) is schema


def test_a_strict_agent(compatible: Kit) -> None:
    with compatible.serve() as server:
        agent = create_agent(compatible.model(server), [], response_format=ProviderStrategy(Weather, strict=True))
        answer: Any = agent.invoke({"messages": "The weather in Rome: sun."}, LIMIT)
    assert answer["structured_response"].city == "Rome"


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
async def test_structured_output_keeps_the_raw_answer(compatible: Kit, method: Any) -> None:
    with compatible.serve() as server:
        chain = compatible.model(server).with_structured_output(Weather, method=method, include_raw=True)
        answer: Any = await chain.ainvoke("The weather in Rome: sun.")
    assert answer["parsed"].city == "Rome"
    assert answer["parsing_error"] is None
    assert answer["raw"].response_metadata["model_name"] == "test-model"


BAD = {
    "function_calling": [Reply(tool_calls=[Call("Weather", '{"city": "Ro')]), Reply("It is sunny.")],
    "json_schema": [Reply('{"city": "Ro'), Reply('{"city": "Rome"}')],
}


async def structured(model: Any, way: str) -> Any:
    """The last that the model says in its form."""
    if way == "invoke":
        return await model.ainvoke("hi")
    if way == "stream":
        return list(model.stream("hi"))[-1]
    return [said async for said in model.astream("hi")][-1]


@pytest.mark.parametrize("way", ["invoke", "stream", "astream"])
@pytest.mark.parametrize(("method", "reply"), [(method, reply) for method, replies in BAD.items() for reply in replies])
async def test_a_bad_answer_is_a_parsing_error(compatible: Kit, method: Any, reply: Reply, way: str) -> None:
    with compatible.serve(reply) as server:
        model = compatible.model(server)
        raw = await structured(model.with_structured_output(Weather, method=method, include_raw=True), way)
        assert raw["parsed"] is None
        assert isinstance(raw["parsing_error"], ValueError)
        with pytest.raises(ValueError, match=r"sky|JSON|calling"):
            await structured(model.with_structured_output(Weather, method=method), way)


class City(BaseModel):
    """A city."""

    city: str


CUT = '{"city": "Ro'


@pytest.mark.parametrize("schema", [City, City.model_json_schema()], ids=["class", "schema"])
@pytest.mark.parametrize("way", ["invoke", "stream", "astream"])
@pytest.mark.parametrize(
    ("method", "reply"),
    [
        ("json_schema", Reply(CUT, finish="length")),
        ("json_mode", Reply(CUT, finish="length")),
        ("function_calling", Reply(tool_calls=[Call("City", CUT)], finish="length")),
    ],
)
async def test_an_answer_that_was_cut_off_is_none(
    compatible: Kit, way: str, method: Any, reply: Reply, schema: Any
) -> None:
    with compatible.serve(reply) as server:
        with pytest.raises(ValueError, match=r"cut off|not JSON"):
            await structured(compatible.model(server).with_structured_output(schema, method=method), way)


def test_an_answer_that_was_whole_before_it_was_cut_off(compatible: Kit) -> None:
    with compatible.serve(Reply('{"city": "Rome"}   ', finish="length")) as server:
        assert compatible.model(server).with_structured_output(City).invoke("Answer in JSON.") == City(city="Rome")


@pytest.mark.parametrize("schema", [Weather, WeatherDict])
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("options", [{}, {"disable_streaming": True}])
def test_a_stream_ends_with_the_whole_form(compatible: Kit, options: Any, method: Any, schema: Any) -> None:
    with compatible.serve() as server:
        chain = compatible.model(server, **options).with_structured_output(schema, method=method)
        *_, last = chain.stream("The weather in Rome: sun.")
        assert last == chain.invoke("The weather in Rome: sun.")


@pytest.mark.parametrize("schema", [Weather, WeatherDict])
@pytest.mark.parametrize("way", ["invoke", "stream", "astream"])
async def test_tools_are_called_before_an_answer_in_the_form(compatible: Kit, way: str, schema: Any) -> None:
    with compatible.serve(Reply(tool_calls=[Call("get_time", {"city": "Rome"})])) as server:
        model = compatible.model(server).with_structured_output(
            schema, method="json_schema", include_raw=True, tools=[get_time]
        )
        answer = await structured(model, way)
    assert answer["raw"].tool_calls[0]["name"] == "get_time"
    assert answer["parsed"] is answer["parsing_error"] is None


def test_an_unknown_method_is_refused(compatible: Kit) -> None:
    model = compatible.model(_At("http://127.0.0.1:9/"))
    with pytest.raises(ValueError, match="method is json_schema"):
        model.with_structured_output(Weather, method="magic")
    with pytest.raises(ValueError, match="schema is needed"):
        model.with_structured_output(None, method="json_schema")


REFUSAL = "I cannot help with that."


@pytest.fixture
def refusing(replay: ReplayServer) -> tuple[str, str]:
    """Addresses that refuse, whole and in a stream."""
    pieces = [
        delta(role="assistant", content=None),
        delta(refusal=REFUSAL[:8]),
        delta(refusal=REFUSAL[8:]),
        delta("stop"),
    ]
    streamed = replay.serve_bytes(sse(*pieces), headers={"content-type": "text/event-stream"})
    return replay.serve_bytes(completion(content=None, refusal=REFUSAL)), streamed


@pytest.mark.parametrize("version", [None, "v1"])
def test_a_refusal_is_a_block_of_its_own(compatible: Kit, refusing: tuple[str, str], version: str | None) -> None:
    whole = compatible.model(_At(refusing[0]), output_version=version).invoke("hi")
    chunks = list(compatible.model(_At(refusing[1]), output_version=version).stream("hi"))
    for message in (whole, chunks[0] + chunks[1:]):
        (block,) = message.content
        assert (block["type"], block["refusal"]) == ("refusal", REFUSAL)
        assert message.text == ""


@pytest.mark.parametrize("schema", [Weather, WeatherDict])
@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_a_refusal_is_no_structured_output(
    compatible: Kit, refusing: tuple[str, str], method: Any, schema: Any
) -> None:
    model = compatible.model(_At(refusing[0]))
    with pytest.raises(ConnectorContentFilterError, match="cannot help") as caught:
        model.with_structured_output(schema, method=method).invoke("hi")
    with pytest.raises(ConnectorContentFilterError, match="cannot help"):
        list(compatible.model(_At(refusing[1])).with_structured_output(schema, method=method).stream("hi"))
    assert isinstance(caught.value, getattr(langchain_exceptions, "ModelRefusalError", langchain_exceptions.ModelError))
    raw: Any = model.with_structured_output(schema, method=method, include_raw=True).invoke("hi")
    assert isinstance(raw["parsing_error"], ConnectorContentFilterError)


@pytest.mark.parametrize("strategy", [ProviderStrategy, ToolStrategy, None])
def test_agents_structured_answer(kit: Kit, strategy: Any) -> None:
    with kit.serve() as server:
        wanted = Weather if strategy is None else strategy(Weather)
        agent = create_agent(kit.model(server), response_format=wanted)
        state = agent.invoke({"messages": [("user", "The weather in Rome: sun. Answer in JSON.")]}, LIMIT)
        assert isinstance(state["structured_response"], Weather)
        assert server.crashes == []


def test_the_profile_chooses_the_strategy(compatible: Kit) -> None:
    """A vendor with schemas is asked for one; a vendor without gets a tool."""
    from langchain_kits import KITS

    with compatible.serve() as server:
        create_agent(compatible.model(server), response_format=Weather).invoke(
            {"messages": ["Rome: sun, in JSON."]}, LIMIT
        )
        assert server.last.json["response_format"]["type"] == "json_schema"
    with KITS["deepseek"].serve() as server:
        create_agent(KITS["deepseek"].model(server), response_format=Weather).invoke(
            {"messages": ["Rome: sun."]}, LIMIT
        )
        assert [made["function"]["name"] for made in server.requests[0].json["tools"]] == ["Weather"]
