"""What a Gemini answer leaves to be sent back: signatures byte for byte, on the same parts, in order."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_connector import AsyncLLMClient, ImageBlock, InvalidRequestError, LLMClient, Message, ToolCall
from llm_connector.protocols.gemini_messages import SKIP_SIGNATURE
from llm_connector.settings import Settings
from requests_of import request_of
from servers.gemini import GeminiServer, GoogleVertexServer
from servers.script import Call, Reply


def look(city: str) -> str:
    """Look at a city."""
    return f"{city} is there"


def client(server: GeminiServer, model: str = "gemini-3-test", **options: Any) -> LLMClient:
    return LLMClient("google", model, api_key="k", base_url=server.origin, max_retries=0, **options)


def read(parts: list[dict[str, Any]], *more: list[dict[str, Any]], row: str = "google") -> Message:
    """The message that a stream of these events, or a whole answer, leaves."""
    from llm_connector.protocols.gemini import Gemini
    from llm_connector.types import ChatRequest

    request = ChatRequest(messages="hi", model="m")
    protocol = Gemini(Settings.resolve(row, "m", "k", None, {}))
    reader = protocol.stream(request)
    next(reader)
    try:
        reader.send(None)
    except StopIteration as stop:
        reader = stop.value
    events = [parts, *more]
    for at, event in enumerate(events):
        candidate = {"content": {"role": "model", "parts": event}}
        if at == len(events) - 1:
            candidate["finishReason"] = "STOP"
        list(reader.feed(b"data: " + json.dumps({"candidates": [candidate]}).encode() + b"\r\n\r\n"))
    list(reader.finish())
    return reader.response().message


def sent_again(message: Message, model: str = "gemini-2.5-pro", row: str = "google", **options: Any) -> Any:
    """The parts that go out when the message is part of the history."""
    history = [Message.user("x"), message, *(Message.tool("r", call) for call in message.tool_calls)]
    if not message.tool_calls:
        history.append(Message.user("y"))
    given_options = {"model": model, **({"project": "p"} if row == "google_vertex" else {}), **options}
    contents = request_of(row, history, options=given_options).body["contents"]
    return contents[1]["parts"]


@pytest.mark.parametrize("call_ids", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_demands_signatures_takes_the_history(call_ids: bool, stream: bool) -> None:
    calls = [Call("look", {"city": "巴黎"}), Call("look", {"city": "Rome"})]
    script = [Reply("Wait.", reasoning="Both.", tool_calls=calls), Reply("More.", tool_calls=calls[:1]), Reply("Done.")]
    with GeminiServer(script, call_ids=call_ids, demand_reasoning=True) as server, client(server) as model:
        history: list[Message] = [Message.user("Where?")]
        while True:
            asked = {"tools": [look], "reasoning_effort": "high"}
            response = model.stream(history, **asked).response() if stream else model.chat(history, **asked)
            history.append(response.message)
            if not response.tool_calls:
                break
            assert response.finish_reason == "tool_calls"
            history += [Message.tool(look(**call.parse_arguments()), call) for call in response.tool_calls]
        assert response.content == "Done."
        parts = [content["parts"] for content in server.last.json["contents"]]
        called = [part["functionCall"] for content in parts for part in content if "functionCall" in part]
        answered = [part["functionResponse"] for content in parts for part in content if "functionResponse" in part]
        assert [call.get("id") for call in called] == [result.get("id") for result in answered]
        assert all(("id" in call) is call_ids for call in called)
        assert [result["response"]["output"] for result in answered] == [
            "巴黎 is there",
            "Rome is there",
            "巴黎 is there",
        ]
        assert SKIP_SIGNATURE not in server.last.body.decode()


async def test_the_same_with_the_async_client() -> None:
    script = [Reply(reasoning="Hm.", tool_calls=[Call("look", {"city": "Rome"})]), Reply("Done.", reasoning="So.")]
    with GeminiServer(script, demand_reasoning=True) as server:
        async with AsyncLLMClient("google", "gemini-3-test", api_key="k", base_url=server.origin) as model:
            first = await model.stream("Where?", tools=[look]).response()
            history = [Message.user("Where?"), first.message, Message.tool("there", first.tool_calls[0])]
            second = await model.chat([*history], tools=[look])
        assert (first.reasoning_content, second.content) == ("Hm.", "Done.")


def test_losing_the_signature_is_what_that_server_refuses() -> None:
    with GeminiServer(Reply(tool_calls=[Call("look", {"city": "Rome"})]), demand_reasoning=True) as server:
        with client(server) as model:
            message = model.chat("Where?", tools=[look]).message
        wrong = message.model_copy(
            update={"tool_calls": [call.with_arguments({"city": "Oslo"}) for call in message.tool_calls]}
        )
        with client(server) as model, pytest.raises(InvalidRequestError, match="signature is not valid"):
            model.chat([Message.user("x"), wrong, Message.tool("r", message.tool_calls[0])], tools=[look])


def test_a_foreign_history_is_taken_too() -> None:
    history = [
        Message.user("Where?"),
        Message.assistant(
            "Wait.",
            tool_calls=[ToolCall(id="a", name="look"), ToolCall(id="b", name="look")],
            reasoning_content="Foreign thought.",
            reasoning={"family": "anthropic", "blocks": [{"type": "thinking", "thinking": "x", "signature": "s"}]},
        ),
        Message.tool("1", "a"),
        Message.tool("2", "b"),
    ]
    with GeminiServer(Reply("Fine."), demand_reasoning=True) as server, client(server) as model:
        assert model.chat(history, tools=[look]).content == "Fine."
        parts = server.last.json["contents"][1]["parts"]
    assert parts == [
        {"text": "Wait."},
        {"functionCall": {"name": "look", "args": {}, "id": "a"}, "thoughtSignature": SKIP_SIGNATURE},
        {"functionCall": {"name": "look", "args": {}, "id": "b"}},
    ]
    old = request_of("google", history, options={"model": "gemini-2.5-flash"}).body["contents"][1]["parts"]
    assert old == [{"text": "Wait."}, *[{"functionCall": {"name": "look", "args": {}}}] * 2]


def test_signatures_of_vertex_are_not_those_of_the_developer_api() -> None:
    message = read([{"functionCall": {"name": "f"}, "thoughtSignature": "c2ln"}])
    assert sent_again(message, "gemini-3-flash")[0]["thoughtSignature"] == "c2ln"
    assert sent_again(message, "gemini-3-flash", row="google_vertex")[0]["thoughtSignature"] == SKIP_SIGNATURE


def test_vertex_takes_its_own_history() -> None:
    script = [Reply(tool_calls=[Call("look", {"city": "Rome"})]), Reply("Done.")]
    with GoogleVertexServer(script, demand_reasoning=True) as server:
        options = {"api_key": "ya29", "base_url": server.origin, "project": "p"}
        with LLMClient("google_vertex", "gemini-3-test", **options) as model:
            first = model.chat("Where?", tools=[look])
            history = [Message.user("Where?"), first.message, Message.tool("there", first.tool_calls[0])]
            assert model.chat(history, tools=[look]).content == "Done."
        assert server.last.headers["authorization"] == "Bearer ya29"
        assert first.message.reasoning is not None
        assert first.message.reasoning.family == "google_vertex"


# The order of parts

SIGNED_TEXT = [
    [{"text": "Let me "}],
    [{"text": "look."}],
    [{"text": "", "thoughtSignature": "QUJD"}],
]


def test_a_signature_on_an_empty_last_part() -> None:
    message = read(*SIGNED_TEXT)
    assert message.content == "Let me look."
    assert sent_again(message) == [{"text": "Let me look."}, {"text": "", "thoughtSignature": "QUJD"}]


def test_a_signature_without_a_text_at_all() -> None:
    message = read([{"text": "a"}], [{"thoughtSignature": "QUJD"}])
    assert sent_again(message) == [{"text": "a"}, {"text": "", "thoughtSignature": "QUJD"}]


def test_every_kind_of_part_goes_back_where_it_was() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "print(1)", "id": "x"}, "thoughtSignature": "Q09E"}
    output = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n", "id": "x"}}
    picture = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}, "thoughtSignature": "SU1H"}
    parts = [
        {"text": "Thinking…", "thought": True},
        {"text": "signed", "thought": True, "thoughtSignature": "VEhP"},
        {"text": "前"},
        code,
        output,
        {"text": "mid", "thoughtSignature": "TUlE"},
        {"functionCall": {"name": "f", "args": {"n": 1.5}, "id": "v1"}, "thoughtSignature": "Q0FM"},
        {"functionCall": {"name": "g"}},
        {"toolCall": {"toolType": "GOOGLE_SEARCH", "id": "t"}},
        picture,
        {"text": "end"},
    ]
    whole, streamed = read(parts), read(*([part] for part in parts))
    assert whole.text == streamed.text == "前midend"
    assert whole.reasoning_content == "Thinking…signed"
    expected = copy.deepcopy(parts[1:])
    expected[6]["functionCall"]["args"] = {}
    assert sent_again(whole) == sent_again(streamed) == expected


def test_plain_text_leaves_no_payload() -> None:
    assert read([{"text": "a"}, {"text": "t", "thought": True}], [{"text": "b"}]).reasoning is None


part_values = st.one_of(
    st.builds(lambda text: {"text": text}, st.text(min_size=1, max_size=4)),
    st.builds(
        lambda text, mark: {"text": text, "thoughtSignature": mark}, st.text(max_size=3), st.text("AB", min_size=1)
    ),
    st.builds(
        lambda text, mark: {"text": text, "thought": True, "thoughtSignature": mark},
        st.text(max_size=3),
        st.text("AB", min_size=1),
    ),
    st.builds(lambda code: {"executableCode": {"code": code}}, st.text(max_size=3)),
    st.builds(
        lambda number, mark: {
            "functionCall": {"name": "f", "args": {"n": number}},
            **({"thoughtSignature": mark} if mark else {}),
        },
        st.integers(),
        st.text("AB"),
    ),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(part_values, max_size=3), min_size=1, max_size=5))
def test_any_order_of_parts_goes_back(events: list[list[dict[str, Any]]]) -> None:
    message = read(*events)
    expected: list[dict[str, Any]] = []
    for part in (part for event in events for part in event):
        plain = set(part) == {"text"}
        if plain and expected and set(expected[-1]) == {"text"}:
            expected[-1] = {"text": expected[-1]["text"] + part["text"]}
        else:
            expected.append(part)
    if expected:
        assert sent_again(message) == expected


# A history that was changed


def payload_of(message: Message) -> Any:
    assert message.reasoning is not None
    return message.reasoning


def test_a_shortened_text_keeps_the_signatures_of_calls() -> None:
    message = read(
        [
            {"text": "A long text."},
            {"executableCode": {"code": "1"}},
            {"functionCall": {"name": "f"}, "thoughtSignature": "QQ"},
        ]
    )
    changed = message.model_copy(update={"content": "Short"})
    assert sent_again(changed) == [
        {"executableCode": {"code": "1"}},
        {"text": "Short"},
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "QQ"},
    ]


def test_a_picture_put_into_the_answer() -> None:
    message = read([{"text": "Here."}, {"functionCall": {"name": "f"}, "thoughtSignature": "QQ"}])
    picture = ImageBlock.from_url("https://x.test/a.png")
    changed = message.model_copy(update={"content": [picture]})
    assert sent_again(changed) == [
        {"fileData": {"mimeType": "image/png", "fileUri": "https://x.test/a.png"}},
        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "QQ"},
    ]


def test_a_call_taken_out_or_put_in() -> None:
    message = read([{"functionCall": {"name": "f"}, "thoughtSignature": "QQ"}, {"functionCall": {"name": "g"}}])
    first, second = message.tool_calls
    fewer = message.model_copy(update={"tool_calls": [second]})
    assert sent_again(fewer) == [{"functionCall": {"name": "g", "args": {}}}]
    assert sent_again(fewer, "gemini-3-flash") == [
        {"functionCall": {"name": "g", "args": {}}, "thoughtSignature": SKIP_SIGNATURE}
    ]
    more = message.model_copy(update={"tool_calls": [first, second, ToolCall(id="z", name="h")]})
    assert [part["functionCall"]["name"] for part in sent_again(more)] == ["f", "g", "h"]
    assert sent_again(more)[0]["thoughtSignature"] == "QQ"


def test_replay_can_be_switched_off() -> None:
    message = read(
        [{"text": "a", "thoughtSignature": "QQ"}, {"functionCall": {"name": "f"}, "thoughtSignature": "QUI"}]
    )
    kept = sent_again(message, "gemini-3-flash", reasoning_replay="with_tool_calls")
    assert [part["thoughtSignature"] for part in kept] == ["QQ", "QUI"]
    never = sent_again(message, "gemini-3-flash", reasoning_replay="never")
    assert never == [{"text": "a"}, {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": SKIP_SIGNATURE}]
    text_only = read([{"text": "a", "thoughtSignature": "QQ"}])
    assert sent_again(text_only, reasoning_replay="with_tool_calls") == [{"text": "a"}]


def test_the_payload_survives_json() -> None:
    message = read(*SIGNED_TEXT[:2], [{"functionCall": {"name": "f"}, "thoughtSignature": "QUJD"}])
    again = Message.model_validate(json.loads(message.model_dump_json()))
    assert sent_again(again) == sent_again(message)
    assert payload_of(again) == payload_of(message)
