"""Whole answers: chat, complete, and what arrives at the vendor."""

from __future__ import annotations

import copy

import pytest
from llama_index.core.llms import ChatMessage, TextBlock

from llama_index.llms.llm_connector.reasoning import PAYLOAD
from llamaindex.kit import Wire, user
from llm_connector import InvalidRequestError
from servers.script import Reply


async def test_chat(wire: Wire) -> None:
    with wire.serve(Reply("Hello there.")) as server:
        llm = wire.llm(server)
        for response in (llm.chat(user("hi")), await llm.achat(user("hi"))):
            assert response.message.role == "assistant"
            assert response.message.content == "Hello there."
            assert response.message.blocks == [TextBlock(text="Hello there.")]
            assert response.message.additional_kwargs.keys() <= {PAYLOAD}  # only what must be sent back
            assert isinstance(response.raw, dict)


async def test_complete(wire: Wire) -> None:
    with wire.serve(Reply("Hello there.")) as server:
        llm = wire.llm(server)
        for completion in (llm.complete("hi"), await llm.acomplete("hi")):
            assert completion.text == "Hello there."
            assert server.last.view is not None
            assert [turn.role for turn in server.last.view.turns] == ["user"]


def test_roles_reach_the_vendor(wire: Wire) -> None:
    history = [
        ChatMessage(role="system", content="Be brief."),
        ChatMessage(role="user", content="One"),
        ChatMessage(role="assistant", content="Two"),
        ChatMessage(role="user", content="Three"),
    ]
    with wire.serve() as server:
        wire.llm(server).chat(history)
        assert server.last.view is not None
        said = [(turn.role, turn.text) for turn in server.last.view.turns]
        assert said == [("system", "Be brief."), ("user", "One"), ("assistant", "Two"), ("user", "Three")]


@pytest.mark.parametrize(
    ("role", "wanted"), [("chatbot", "assistant"), ("model", "assistant"), ("developer", "system")]
)
def test_roles_of_other_vendors(compatible: Wire, role: str, wanted: str) -> None:
    with compatible.serve() as server:
        compatible.llm(server).chat([ChatMessage(role=role, content="x"), *user("hi")])
        assert server.last.json["messages"][0] == {"role": wanted, "content": "x"}


def test_several_text_blocks(wire: Wire) -> None:
    with wire.serve() as server:
        wire.llm(server).chat([ChatMessage(role="user", blocks=[TextBlock(text="One"), TextBlock(text="two")])])
        assert server.last.view is not None
        text = server.last.view.last_user.text
        assert text.index("One") < text.index("two")


def test_keyword_arguments_win_for_one_call(compatible: Wire) -> None:
    with compatible.serve() as server:
        llm = compatible.llm(server, temperature=0.5, max_tokens=50)
        llm.chat(user("hi"), temperature=0, model="another")
        assert (server.last.json["temperature"], server.last.json["model"]) == (0, "another")
        assert server.last.json["max_tokens"] == 50
        llm.chat(user("hi"))
        assert (server.last.json["temperature"], server.last.json["model"]) == (0.5, "test-model")
        llm.chat(user("hi"), temperature=None)
        assert "temperature" not in server.last.json


def test_a_misspelt_argument_is_refused_before_sending(compatible: Wire) -> None:
    with compatible.serve() as server:
        with pytest.raises(InvalidRequestError, match="temprature"):
            compatible.llm(server).chat(user("hi"), temprature=1)
        assert server.requests == []


def test_arguments_are_not_changed(wire: Wire) -> None:
    history = [
        ChatMessage(role="system", content="Be brief.", additional_kwargs={"session_id": "s1"}),
        ChatMessage(role="user", blocks=[TextBlock(text="One"), TextBlock(text="two")]),
    ]
    before = copy.deepcopy(history)
    with wire.serve() as server:
        llm = wire.llm(server)
        llm.chat(history)
        list(llm.stream_chat(history))
        assert history == before


def test_unknown_additional_kwargs_stay_here(wire: Wire) -> None:
    """LlamaIndex's ``Memory`` puts a session id there."""
    with wire.serve() as server:
        wire.llm(server).chat([ChatMessage(role="user", content="hi", additional_kwargs={"session_id": "sess-42"})])
        assert b"sess-42" not in server.last.body


def test_a_tool_choice_of_none_is_not_given(compatible: Wire) -> None:
    with compatible.serve() as server:
        compatible.llm(server).chat(user("hi"), tool_choice=None, tools=None)
        assert not {"tools", "tool_choice"} & server.last.json.keys()


def test_warnings_reach_the_caller() -> None:
    from llamaindex.kit import WIRES

    wire = WIRES["anthropic"]
    with wire.serve() as server:
        response = wire.llm(server).chat(user("hi"), seed=1)
        assert "seed" in response.additional_kwargs["warnings"][0]


def test_log_probabilities() -> None:
    from servers.openai_chat import OpenAIChatServer

    with OpenAIChatServer(Reply("Hello")) as server:
        from llamaindex.kit import WIRES

        llm = WIRES["openai_compatible"].llm(server, logprobs=True, top_logprobs=1)
        assert llm.chat(user("hi")).logprobs[0][0].logprob == -0.25
        streamed = [chunk.logprobs for chunk in llm.stream_chat(user("hi"))]
        assert streamed[0][0][0].token == "Hello"
