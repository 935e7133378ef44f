"""A row of one's own, registered: known by its name in all three faces, with the quirks of its dialect."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from langchain_llm_connector import ChatConnector
from llama_index.llms.llm_connector import ChatConnector as LlamaIndexConnector
from llm_connector import (
    Capabilities,
    ConfigError,
    LLMClient,
    Message,
    Provider,
    register_provider,
    supported_providers,
)
from llm_connector.protocols.chat_dialect import ChatDialect
from servers.faults import FaultServer, whole

THOUGHT, TEXT = "The user greets.", "Hello!"
WHOLE = whole(
    json.dumps({"choices": [{"message": {"content": TEXT, "thoughts": THOUGHT}, "finish_reason": "stop"}]}).encode()
)
DELTAS = [{"thoughts": THOUGHT[:5]}, {"thoughts": THOUGHT[5:]}, {"content": TEXT}]
EVENTS = [{"choices": [{"index": 0, "delta": delta}]} for delta in DELTAS] + [
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
]
BODY = "".join(f"data: {json.dumps(event)}\n\n" for event in EVENTS) + "data: [DONE]\n\n"
STREAM = whole(BODY.encode(), 200, content_type="text/event-stream")


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setattr("llm_connector.providers._registered", {})
    row = Provider(
        name="acme",
        title="Acme",
        protocol="openai_chat",
        docs="https://acme.test/docs",
        key_env=("ACME_API_KEY",),
        dialect=ChatDialect(reasoning_field="thoughts", unsupported=frozenset({"top_k"})),
        capabilities=Capabilities(images=False),
        aliases=("acme_inc",),
    )
    register_provider(row)
    register_provider(row)  # such as a notebook's cell that runs twice
    return row


@pytest.mark.parametrize("name", ["acme", "acme_inc"])
def test_standalone(acme: Provider, name: str) -> None:
    assert supported_providers()[-1] == "acme"
    with FaultServer([WHOLE], [STREAM], [WHOLE]) as server:
        with LLMClient(name, "m", api_key="k", base_url=server.url) as client:
            answer, streamed = client.chat("hi", top_k=3), client.stream("hi").response()
            client.chat([Message.user("hi"), answer.message, Message.user("again")], extra_body={"x": 1})
        sent = json.loads(server.requests[2][server.requests[2].index(b"{") :])
    assert (
        (answer.content, answer.reasoning_content) == (streamed.content, streamed.reasoning_content) == (TEXT, THOUGHT)
    )
    assert answer.warnings == ["acme: top_k has no equivalent and was not sent"]
    assert "thoughts" not in sent["messages"][1], "a row sends reasoning back when its reasoning_replay says so"


def test_both_frameworks(acme: Provider) -> None:
    with FaultServer([WHOLE], [STREAM], [WHOLE]) as server:
        model = ChatConnector(provider="acme", model="m", api_key="k", base_url=server.url)
        assert model.invoke("hi").additional_kwargs["reasoning_content"] == THOUGHT
        chunks = list(model.stream("hi"))
        assert "".join(chunk.additional_kwargs.get("reasoning_content", "") for chunk in chunks) == THOUGHT
        llama = LlamaIndexConnector(provider="acme", model="m", api_key="k", base_url=server.url)
        assert llama.complete("hi").text == TEXT


def test_what_cannot_be_registered_or_named(acme: Provider) -> None:
    with pytest.raises(ConfigError, match="'zhipu' belongs to a provider of this package"):
        register_provider(Provider(name="zhipu", title="Z", protocol="openai_chat", docs=""))
    for face in (ChatConnector, LlamaIndexConnector):
        with pytest.raises(ConfigError, match=r"register_provider\(row\) once, then give provider='acme'"):
            face(provider=acme, model="m")
