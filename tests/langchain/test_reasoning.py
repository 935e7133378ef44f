"""Reasoning out and back in again, with its signatures, for every provider; the servers demand it of a tool loop."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.load import dumps, loads
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.tools import tool

from servers.script import Call, Reply

if TYPE_CHECKING:
    from langchain_kits import Kit

THOUGHT = "I need the weather of both, so I ask for Rome first."
ASKS = Reply(reasoning=THOUGHT, tool_calls=[Call("get_weather", {"city": "Rome"})])
ANSWERS = Reply("It is sunny.", reasoning="Now I know.")
QUESTION = HumanMessage("How is the weather in Rome?")
WAYS = ["invoke", "stream", "v1 invoke", "v1 stream", "v3"]


@tool
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"It is sunny in {city}."


def asked(model: Any, way: str, messages: list[Any]) -> AIMessage:
    if way == "v3":
        return model.stream_events(messages, version="v3").output
    if way.endswith("stream"):
        chunks = list(model.stream(messages))
        return chunks[0] + chunks[1:]
    return model.invoke(messages)


def reasoning_blocks(message: AIMessage) -> list[Any]:
    return [block for block in message.content_blocks if block["type"] == "reasoning"]


def model_of(kit: Kit, server: Any, way: str) -> Any:
    return kit.model(server, output_version="v1" if way.startswith("v1") else None, **kit.thinking)


@pytest.mark.parametrize("way", WAYS)
def test_reasoning_comes_out(kit: Kit, way: str) -> None:
    with kit.serve(ANSWERS) as server:
        message = asked(model_of(kit, server, way), way, [QUESTION])
    assert message.additional_kwargs["reasoning_content"] == ANSWERS.reasoning
    assert [block["reasoning"] for block in reasoning_blocks(message)] == [ANSWERS.reasoning]
    assert message.text == ANSWERS.text
    json.dumps(message.additional_kwargs)
    json.dumps(message.response_metadata)


def test_no_reasoning_makes_no_block(kit: Kit) -> None:
    with kit.serve(Reply("Just so.")) as server:
        message = kit.model(server).invoke([QUESTION])
    assert "reasoning_content" not in message.additional_kwargs
    assert reasoning_blocks(message) == []


def kept_as_it_is(messages: list[Any]) -> list[Any]:
    return messages


def kept_as_dicts(messages: list[Any]) -> list[Any]:
    return messages_from_dict(json.loads(json.dumps(messages_to_dict(messages))))


def kept_as_serialised(messages: list[Any]) -> list[Any]:
    return loads(dumps(messages), allowed_objects="messages")


def kept_as_blocks(messages: list[Any]) -> list[Any]:
    """Nothing but the standard blocks, as an application that stores these has it."""
    return [
        AIMessage(content_blocks=json.loads(json.dumps(message.content_blocks)))
        if isinstance(message, (AIMessage, AIMessageChunk))
        else message
        for message in messages
    ]


KEEPING = [kept_as_it_is, kept_as_dicts, kept_as_serialised]
LOOPS = [(way, keep) for way in WAYS for keep in KEEPING] + [
    ("v1 invoke", kept_as_blocks),
    ("v1 stream", kept_as_blocks),
]


@pytest.mark.parametrize(("way", "keep"), LOOPS)
def test_reasoning_goes_back_in_a_tool_loop(kit: Kit, way: str, keep: Any) -> None:
    with kit.serve([ASKS, ASKS, ANSWERS], demand_reasoning=True) as server:
        model = model_of(kit, server, way).bind_tools([get_weather])
        history: list[Any] = [QUESTION]
        for _ in range(2):
            message = asked(model, way, keep(history))
            history += [message, ToolMessage("sunny", tool_call_id=message.tool_calls[0]["id"])]
        assert asked(model, way, keep(history)).text == ANSWERS.text
        assert len(server.requests) == 3


def test_reasoning_goes_back_once(compatible: Kit) -> None:
    """v3 output has it both in ``additional_kwargs`` and in a block."""
    with compatible.serve([ASKS, ANSWERS]) as server:
        model = compatible.model(server)
        message = asked(model, "v3", [QUESTION])
        assert reasoning_blocks(message)
        model.invoke([QUESTION, message, ToolMessage("sunny", tool_call_id=message.tool_calls[0]["id"])])
        sent = server.last.json["messages"][1]
    assert sent["reasoning_content"] == THOUGHT
    assert THOUGHT not in json.dumps({**sent, "reasoning_content": ""})


def turn(**fields: Any) -> list[Any]:
    call = {"name": "get_weather", "args": {"city": "Rome"}, "id": "call_1", "type": "tool_call"}
    return [QUESTION, AIMessage(tool_calls=[call], **fields), ToolMessage("sunny", tool_call_id="call_1")]


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"content": "", "additional_kwargs": {"reasoning_content": "So."}}, "So."),
        ({"content": [{"type": "reasoning", "reasoning": "So."}]}, "So."),
        ({"content": [{"type": "thinking", "thinking": "So.", "signature": "abc"}]}, "So."),
        ({"content": [{"type": "reasoning", "reasoning": "So."}], "response_metadata": {"model_provider": "zhipu"}}, "So."),
        ({"content": "", "additional_kwargs": {"reasoning_content": "So."}, "response_metadata": {"model_provider": "llm-connector-anthropic"}}, "So."),
        ({"content": [{"type": "thinking", "thinking": "So."}], "response_metadata": {"model_provider": "anthropic"}}, None),
        ({"content": [{"type": "reasoning", "reasoning": "So."}], "response_metadata": {"model_provider": "xai"}}, None),
        ({"content": ""}, None),
    ],
)  # fmt: skip
def test_reasoning_of_another_package_stays_behind(compatible: Kit, fields: dict[str, Any], sent: str | None) -> None:
    with compatible.serve(ANSWERS) as server:
        compatible.model(server).invoke(turn(**fields))
        assert server.last.json["messages"][1].get("reasoning_content") == sent


def test_another_family_gets_no_payload(kit: Kit) -> None:
    """A history that another provider signed is accepted, without its signatures."""
    payload = {
        "family": "elsewhere",
        "blocks": [{"type": "thinking", "thinking": "x", "signature": "SIGNED-ELSEWHERE"}],
    }
    with kit.serve(ANSWERS) as server:
        kit.model(server).invoke(turn(content="", additional_kwargs={"llm_connector_reasoning": payload}))
        assert b"SIGNED-ELSEWHERE" not in server.last.body


def test_langchain_anthropics_own_history_keeps_its_signature() -> None:
    from langchain_kits import KITS

    block = {"type": "thinking", "thinking": "So.", "signature": "c2lnbmVk", "index": 0}
    with KITS["anthropic"].serve(ANSWERS) as server:
        model = KITS["anthropic"].model(server, thinking_budget=2000)
        model.bind_tools([get_weather]).invoke(turn(content=[block], response_metadata={"model_provider": "anthropic"}))
        sent = server.last.json["messages"][1]["content"]
    assert sent[0] == {"type": "thinking", "thinking": "So.", "signature": "c2lnbmVk"}


@pytest.mark.parametrize("dialect", ["vllm", "openrouter", "minimax"])
def test_reasoning_under_another_name(compatible: Kit, dialect: str) -> None:
    """``reasoning`` instead of ``reasoning_content``, and ``<think>`` tags where the user says so."""
    from servers.openai_chat import OpenAIChatServer

    with OpenAIChatServer(ANSWERS, dialect=dialect) as server:
        for way in ("invoke", "stream"):
            model = compatible.model(server, **({"think_tags": True} if dialect == "minimax" else {}))
            message = asked(model, way, [QUESTION])
            assert message.additional_kwargs["reasoning_content"].strip() == ANSWERS.reasoning
            assert message.text == ANSWERS.text
