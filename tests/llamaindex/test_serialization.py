"""Dumps, pickles and copies: they rebuild an object that sends the same request, and show no secret."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.llms import ChatMessage

from llama_index.llms.llm_connector import ChatConnector
from llamaindex.kit import ADD, WEATHER, WIRES, Wire, user
from servers.script import Call, Reply

if TYPE_CHECKING:
    from llama_index.core.memory import Memory

FIELDS: dict[str, Any] = {"temperature": 0.3, "max_tokens": 50, "headers": {"x-secret": "hush-hush"}}


def _sent(llm: ChatConnector, server: Any) -> tuple[str, bytes]:
    llm.chat(user("hi"))
    return server.last.path, server.last.body


def test_no_secret_in_any_text(wire: Wire) -> None:
    with wire.serve() as server:
        llm = wire.llm(server, proxy=None, **FIELDS)
        llm.chat(user("hi"))
        texts = [repr(llm), str(llm), llm.to_json(), str(llm.to_dict()), llm.model_dump_json(), str(llm.to_payload())]
        for text in texts:
            assert "hush-hush" not in text
            assert not any(str(secret) in text for secret in wire.secrets.values())


def test_no_secret_of_the_arguments_for_all_calls_in_any_text(compatible: Wire) -> None:
    """Headers and a key are fields of a request as well, so they may come with the other ones."""
    with compatible.serve() as server:
        given = {"extra_headers": {"x-secret": "hush-hush"}, "api_key": "hush-hush-key", "seed": 7}
        llm = compatible.llm(server, additional_kwargs=given)
        llm.chat(user("hi"))
        assert server.last.headers["x-secret"] == "hush-hush"
        assert server.last.headers["authorization"] == "Bearer hush-hush-key"
        assert server.last.json["seed"] == 7
        assert "hush-hush" not in repr(llm) + llm.to_json() + str(llm.to_dict()) + llm.model_dump_json()
        assert given.keys() == {"extra_headers", "api_key", "seed"}


def test_no_login_of_the_address_in_any_text() -> None:
    there = "http://me:hush-hush@127.0.0.1:9/v1"
    llm = ChatConnector(provider="openai_compatible", model="m", base_url=there)
    texts = [repr(llm), str(llm), llm.to_json(), str(llm.to_dict()), llm.model_dump_json(), str(llm.to_payload())]
    assert not any("hush-hush" in text for text in texts)
    assert llm.to_dict()["base_url"] == "http://127.0.0.1:9/v1"
    assert pickle.loads(pickle.dumps(llm)).base_url == llm.model_copy().base_url == there


def test_a_dict_and_the_secrets_rebuild_it(wire: Wire) -> None:
    with wire.serve() as server:
        llm = wire.llm(server, **FIELDS)
        told = llm.to_dict()
        json.dumps(told)
        again = ChatConnector.from_dict(told, **wire.secrets, headers=FIELDS["headers"])
        assert _sent(again, server) == _sent(llm, server)
        assert server.last.headers["x-secret"] == "hush-hush"
        again = ChatConnector.from_json(llm.to_json(), **wire.secrets)
        assert _sent(again, server) == _sent(llm, server)


def test_pickle_after_use(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    with wire.serve() as server, caplog.at_level(logging.WARNING):
        llm = wire.llm(server, **FIELDS)
        llm.chat(user("hi"))
        list(llm.stream_chat(user("hi")))
        again = pickle.loads(pickle.dumps(llm))
        assert _sent(again, server) == _sent(llm, server)
        assert server.last.headers["x-secret"] == "hush-hush"
        assert caplog.records == []  # LlamaIndex warns when it leaves something out


async def test_pickle_after_async_use(wire: Wire) -> None:
    with wire.serve() as server:
        llm = wire.llm(server)
        await llm.achat(user("hi"))
        again = pickle.loads(pickle.dumps(llm))
        assert (await again.achat(user("hi"))).message.content


def test_copies(compatible: Wire) -> None:
    with compatible.serve() as server:
        llm = compatible.llm(server)
        llm.chat(user("hi"))
        for made in (copy.copy(llm), copy.deepcopy(llm), llm.model_copy(update={"temperature": 0.9})):
            assert made.chat(user("hi")).message.content
        assert server.last.json["temperature"] == 0.9
        assert llm.temperature is None


def test_options_of_the_row_survive() -> None:
    llm = ChatConnector("tencent", "m", secret_id="AKIDx", secret_key="hush", region="ap-guangzhou")
    assert llm.provider_options == {"region": "ap-guangzhou"}
    again = ChatConnector.from_dict(llm.to_dict(), secret_id="AKIDx", secret_key="hush")
    assert (again.provider_options, again.secret_options) == (llm.provider_options, llm.secret_options)
    assert "hush" not in repr(llm) + llm.to_json()
    pickled = pickle.loads(pickle.dumps(llm))
    assert pickled.secret_options == llm.secret_options


def test_the_json_schema_can_be_made() -> None:
    assert ChatConnector.model_json_schema()["properties"]["class_name"]["default"] == "llm_connector_llm"


def test_a_callable_key_is_asked_at_each_request(compatible: Wire) -> None:
    keys = iter(["first", "second"])
    with compatible.serve() as server:
        llm = compatible.llm(server, api_key=lambda: next(keys))
        llm.chat(user("hi"))
        llm.chat(user("hi"))
        assert [one.headers["authorization"] for one in server.requests] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("streamed", [False, True])
def test_messages_survive_json(wire: Wire, streamed: bool) -> None:
    """A chat store keeps messages as JSON; the vendor accepts them afterwards, reasoning and signature included."""
    script = [
        Reply(
            "Both.",
            reasoning="I need tools.",
            tool_calls=[Call("get_weather", {"city": "Oslo"}), Call("add", {"a": 1, "b": 2})],
        ),
        Reply("Done."),
    ]
    with wire.serve(script, demand_reasoning=True) as server:
        llm = wire.llm(server, **wire.thinking)
        ask = {"tools": [WEATHER, ADD], "user_msg": "Weather?", "allow_parallel_tool_calls": True}
        response = list(llm.stream_chat_with_tools(**ask))[-1] if streamed else llm.chat_with_tools(**ask)
        message = ChatMessage.model_validate_json(response.message.model_dump_json())
        assert message == response.message
        restored = response.model_copy(update={"message": message})
        calls = llm.get_tool_calls_from_response(restored)
        assert [call.tool_name for call in calls] == ["get_weather", "add"]
        results = [
            ChatMessage(role="tool", content="ok", additional_kwargs={"tool_call_id": call.tool_id}) for call in calls
        ]
        again = llm.chat_with_tools([WEATHER, ADD], chat_history=[*user("Weather?"), message, *results])
        assert again.message.content == "Done."


async def test_messages_survive_the_sql_memory(memory: Memory) -> None:
    """``SimpleChatStore`` fails under pydantic 2.14 for any message (2026-11), so the SQL memory is the one to keep."""
    wire = WIRES["anthropic"]
    with wire.serve(Reply("Hi.", reasoning="Think.")) as server:
        message = (await wire.llm(server, **wire.thinking).achat(user("hi"))).message
    await memory.aput_messages([*user("hi"), message])
    assert (await memory.aget_all())[-1] == message
