"""Reading Messages answers: bytes in, chunks out, whatever the vendor or a gateway makes of the format."""

from __future__ import annotations

import contextlib
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_connector import ChatRequest, OverloadedError, ServerError, StreamInterruptedError
from llm_connector.errors import BillingError, DecodeError, InvalidRequestError, LLMError
from llm_connector.protocols.anthropic import AnthropicMessages
from llm_connector.protocols.base import StreamReader
from llm_connector.protocols.wire import Answer, Conversation
from llm_connector.settings import Settings

REQUEST = ChatRequest(messages="hi", model="claude-opus-4-1")  # type: ignore[arg-type]


def protocol() -> AnthropicMessages:
    return AnthropicMessages(Settings.resolve("anthropic", None, "k", None, {}))


def start(content: list | None = None, **fields: Any) -> dict:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": content or []}
    usage = {"input_tokens": 10, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 2, "output_tokens": 1}
    return {"type": "message_start", "message": {**message, "stop_reason": None, "usage": usage, **fields}}


def block(index: int, begin: dict, *deltas: dict) -> list[dict]:
    told = [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return [
        {"type": "content_block_start", "index": index, "content_block": begin},
        *told,
        {"type": "content_block_stop", "index": index},
    ]


def text(index: int, *pieces: str) -> list[dict]:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces))


def thinking(index: int, thought: str, signature: str) -> list[dict]:
    return block(
        index,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": thought},
        {"type": "signature_delta", "signature": signature},
    )


def call(index: int, name: str, *pieces: str, **begin: Any) -> list[dict]:
    first = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}, **begin}
    return block(index, first, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces))


def end(reason: str = "end_turn", **usage: int) -> list[dict]:
    told = {"output_tokens": 7, **usage}
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": told}, {"type": "message_stop"}]


def sse(*events: Any, names: bool = True) -> bytes:
    lines = []
    for event in events:
        name = f"event: {event.get('type')}\n" if names else ""
        lines.append(f"{name}data: {json.dumps(event, ensure_ascii=False)}\n\n")
    return "".join(lines).encode()


def read(data: bytes, cuts: list[int] | None = None, request: ChatRequest = REQUEST) -> tuple[StreamReader, list]:
    reader = StreamReader(protocol(), request, [])
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    chunks = [chunk for at, to in itertools.pairwise(edges) for chunk in reader.feed(data[at:to])]
    chunks += reader.finish()
    return reader, chunks


EVENTS = [
    start(),
    {"type": "ping"},
    *thinking(0, "Hm, 天气…", "c2ln=="),
    *text(1, "Let", " me ", "look: \u2028ü👋"),
    *call(2, "look", "", '{"city": "Z', 'ürich"}'),
    *thinking(3, "", "again"),
    *call(4, "look"),
    *end("tool_use", input_tokens=11),
]
KEPT = [
    {"type": "thinking", "thinking": "Hm, 天气…", "signature": "c2ln=="},
    {"type": "text", "length": 16},
    {"type": "tool_use", "id": "toolu_2"},
    {"type": "thinking", "thinking": "", "signature": "again"},
    {"type": "tool_use", "id": "toolu_4"},
]


def test_everything_at_once() -> None:
    reader, chunks = read(sse(*EVENTS))
    response = reader.response()
    assert response.content == "Let me look: \u2028ü👋"
    assert response.reasoning_content == "Hm, 天气…"
    assert [(made.id, made.name, made.arguments) for made in response.tool_calls] == [
        ("toolu_2", "look", '{"city": "Zürich"}'),
        ("toolu_4", "look", "{}"),
    ]
    assert response.message.reasoning is not None
    assert (response.message.reasoning.family, response.message.reasoning.blocks) == ("anthropic", KEPT)
    assert (response.finish_reason, response.raw_finish_reason) == ("tool_calls", "tool_use")
    assert (response.id, response.model) == ("msg_1", "claude-x")
    usage = response.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (16, 7, 23)
    assert (usage.cached_tokens, usage.cache_write_tokens) == (3, 2)
    assert chunks[-2].finish_reason == "tool_calls"
    assert chunks[-1].usage is not None


def test_tool_deltas_carry_a_stable_index_and_the_id_first() -> None:
    _, chunks = read(sse(*EVENTS))
    deltas = [delta for chunk in chunks for delta in chunk.tool_calls]
    assert [(delta.index, delta.id, delta.name, delta.arguments) for delta in deltas] == [
        (0, "toolu_2", "look", ""),
        (0, None, None, '{"city": "Z'),
        (0, None, None, 'ürich"}'),
        (1, "toolu_4", "look", ""),
    ]


@given(st.lists(st.integers(0, 10_000), max_size=30))
def test_cuts_change_nothing(cuts: list[int]) -> None:
    data = sse(*EVENTS)
    assert read(data, cuts)[0].response() == read(data)[0].response()


@pytest.mark.parametrize("size", range(1, len(EVENTS)))
def test_every_shorter_stream_is_broken(size: int) -> None:
    with pytest.raises(StreamInterruptedError) as caught:
        read(sse(*EVENTS[:size]))
    assert caught.value.partial is not None
    assert caught.value.partial.finish_reason is None


def test_a_whole_answer_gives_the_same_response() -> None:
    streamed = read(sse(*EVENTS))[0].response()
    whole = {
        **start()["message"],
        "content": [
            KEPT[0],
            {"type": "text", "text": "Let me look: \u2028ü👋"},
            {"type": "tool_use", "id": "toolu_2", "name": "look", "input": {"city": "Zürich"}},
            KEPT[3],
            {"type": "tool_use", "id": "toolu_4", "name": "look", "input": {}},
        ],
        "stop_reason": "tool_use",
    }
    whole["usage"] = {**whole["usage"], "input_tokens": 11, "output_tokens": 7}
    response = protocol().read_whole(whole, REQUEST, [])
    assert response.model_copy(update={"raw": None}) == streamed
    reader, _ = read(json.dumps(whole).encode())  # and where a gateway does not stream at all
    assert reader.response() == streamed


def test_plain_answers_keep_nothing() -> None:
    response = read(sse(start(), *text(0, "Hi"), *call(1, "f"), *end("tool_use")))[0].response()
    assert response.message.reasoning is None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("compaction", "other"),
        ("something_new", "other"),
    ],
)
def test_finish_reasons(raw: str, reason: str) -> None:
    response = read(sse(start(), *text(0, "x"), *end(raw)))[0].response()
    assert (response.finish_reason, response.raw_finish_reason) == (reason, raw)


class TestOddities:
    def test_no_event_names(self) -> None:
        assert read(sse(*EVENTS, names=False))[0].response() == read(sse(*EVENTS))[0].response()

    def test_done_after_the_end_or_in_its_place(self) -> None:
        done = b"event: data\ndata: [DONE]\n\n"
        expected = read(sse(*EVENTS))[0].response()
        assert read(sse(*EVENTS) + done)[0].response() == expected
        assert read(sse(*EVENTS[:-1]) + done)[0].response() == expected
        with pytest.raises(StreamInterruptedError):
            read(sse(*EVENTS[:-2]) + done)

    def test_the_beginning_repeated(self) -> None:
        repeated = [start(), *EVENTS[:5], start(), *EVENTS[5:]]
        assert read(sse(*repeated))[0].response() == read(sse(*EVENTS))[0].response()

    def test_another_answers_beginning(self) -> None:
        with pytest.raises(StreamInterruptedError, match="another answer") as caught:
            read(sse(start(), *text(0, "Hi"), start(id="msg_2")))
        assert caught.value.partial is not None
        assert caught.value.partial.content == "Hi"

    def test_no_blank_line_at_the_end_and_crlf(self) -> None:
        data = sse(*EVENTS).rstrip(b"\n").replace(b"\n", b"\r\n")
        assert read(data)[0].response() == read(sse(*EVENTS))[0].response()

    def test_talk_after_the_end(self) -> None:
        assert read(sse(*EVENTS, {"type": "ping", "cost": "0"}, *text(9, "more")))[0].response().content[-1] == "👋"

    def test_unknown_events_blocks_and_deltas(self) -> None:
        new = {"type": "hologram", "data": "x"}
        events = [
            start(),
            {"type": "weather_report"},
            {"no": "type"},
            *block(0, new, {"type": "hologram_delta", "data": "y", "depth": 3}, {"type": "odd"}),
            *block(1, {"type": "text", "text": "H"}, {"type": "text_delta", "text": "i"}, {"type": "odd_delta"}),
            *end(),
        ]
        response = read(sse(*events))[0].response()
        assert response.content == "Hi"
        assert response.message.reasoning is not None
        assert response.message.reasoning.blocks == [
            {"type": "hologram", "data": "xy", "depth": 3},
            {"type": "text", "length": 2},
        ]

    def test_blocks_that_nobody_opened_or_closed(self) -> None:
        events = [
            start(),
            {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
            {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hi"}},
            {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{"}},
            {"type": "content_block_stop", "index": 7},
            *end(),
        ]
        response = read(sse(*events))[0].response()
        assert response.content == "Hi"
        assert response.message.reasoning is not None
        assert response.message.reasoning.blocks[0] == {"type": "thinking", "thinking": "hm", "signature": "s"}

    def test_nulls_everywhere(self) -> None:
        events = [
            {"type": "message_start", "message": None},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": None}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": None}},
            {"type": "content_block_delta", "index": 0, "delta": None},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": None},
            {"type": "message_stop"},
        ]
        response = read(sse(*events))[0].response()
        assert (response.content, response.usage, response.finish_reason) == ("", None, "stop")

    def test_a_call_whole_at_its_start(self) -> None:
        events = [start(), *call(0, "f", input={"a": 1}), *call(1, "g", id=None, input={}), *end("tool_use")]
        first, second = read(sse(*events))[0].response().tool_calls
        assert json.loads(first.arguments) == {"a": 1}
        assert second.id.startswith("call_")

    def test_the_placeholder_of_a_calls_input_is_not_its_arguments(self) -> None:
        events = [start(), *call(0, "f", '{"a": 2}', input={"a": 1}), *end("tool_use")]
        assert read(sse(*events))[0].response().tool_calls[0].arguments == '{"a": 2}'

    def test_a_deferred_call_stands_in_the_beginning(self) -> None:
        caller = {"type": "code_execution_20250825", "tool_id": "srvtoolu_1"}
        content = [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}, "caller": caller}]
        data = sse(start(content, stop_reason="tool_use"), {"type": "message_stop"})
        response = read(data)[0].response()
        assert response.tool_calls[0].parse_arguments() == {"a": 1}
        assert response.finish_reason == "tool_calls"
        assert response.message.reasoning is not None
        assert response.message.reasoning.blocks == [{"type": "tool_use", "id": "toolu_1", "caller": caller}]

    def test_tools_that_the_vendor_runs_are_no_calls_and_are_kept(self) -> None:
        ran = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
        found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"url": "https://x.test"}]}
        citation = {"type": "web_search_result_location", "url": "https://x.test", "encrypted_index": "e"}
        events = [
            start(),
            *text(0, "Searching."),
            *block(
                1,
                ran,
                {"type": "input_json_delta", "partial_json": '{"query":'},
                {"type": "input_json_delta", "partial_json": ' "x"}'},
            ),
            *block(2, found),
            *block(
                3,
                {"type": "text", "text": "", "citations": []},
                {"type": "citations_delta", "citation": citation},
                {"type": "text_delta", "text": "Found."},
            ),
            *end(),
        ]
        response = read(sse(*events))[0].response()
        assert (response.content, response.tool_calls, response.citations) == ("Searching.Found.", [], [citation])
        assert response.message.reasoning is not None
        assert response.message.reasoning.blocks == [
            {"type": "text", "length": 10},
            {**ran, "input": {"query": "x"}},
            found,
            {"type": "text", "length": 6, "citations": [citation]},
        ]

    def test_a_block_opened_again_closes_the_one_before(self) -> None:
        begun = {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "hm"}}
        response = read(sse(start(), begun, *text(0, "Hi"), *end()))[0].response()
        assert (response.reasoning_content, response.content) == ("hm", "Hi")

    def test_input_of_a_vendors_tool_cut_at_the_limit(self) -> None:
        ran = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
        cut = block(0, ran, {"type": "input_json_delta", "partial_json": '{"query":'})
        response = read(sse(start(), *cut, *end("max_tokens")))[0].response()
        assert response.message.reasoning is not None
        assert response.message.reasoning.blocks == [{**ran, "input": {"arguments": '{"query":'}}]

    def test_arguments_cut_at_the_limit_are_kept_as_they_are(self) -> None:
        response = read(sse(start(), *call(0, "f", '{"a": "b'), *end("max_tokens")))[0].response()
        assert response.tool_calls[0].arguments == '{"a": "b'
        assert response.finish_reason == "length"


class TestErrors:
    def broken(self, data: bytes) -> LLMError:
        with pytest.raises(LLMError) as caught:
            read(sse(start(), *text(0, "Hi")) + data)
        assert caught.value.partial is not None
        assert caught.value.partial.content == "Hi"
        return caught.value

    def test_the_vendors_event(self) -> None:
        error = self.broken(sse({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}))
        assert isinstance(error, OverloadedError)
        assert (error.code, error.retryable) == ("overloaded_error", True)
        assert error.partial is not None
        assert error.partial.usage is not None

    @pytest.mark.parametrize(
        "data",
        [
            b'event: error\ndata: {"message": "it broke"}\n\n',
            b'data: {"type": "error", "message": "it broke"}\n\n',
            b'data: {"message": "it broke"}\n\n',
            b'data: {"error": "it broke"}\n\n',
            b"event: error\ndata: it broke\n\n",
            b'\n{"error": {"message": "it broke", "code": 500}}\n',
        ],
    )
    def test_gateways_flat_bodies(self, data: bytes) -> None:
        error = self.broken(data)
        assert isinstance(error, ServerError)
        assert "it broke" in error.message

    def test_broken_json(self) -> None:
        assert isinstance(self.broken(b"data: {nonsense\n\n"), DecodeError)

    @pytest.mark.parametrize(
        ("kind", "message", "expected"),
        [
            ("invalid_request_error", "Your credit balance is too low to access the API.", BillingError),
            ("invalid_request_error", "max_tokens: maximum context is nothing", InvalidRequestError),
        ],
    )
    def test_classes_are_those_of_the_status(self, kind: str, message: str, expected: type) -> None:
        error = self.broken(sse({"type": "error", "error": {"type": kind, "message": message}}))
        assert type(error) is expected


class TestAnswerTool:
    REQUEST = ChatRequest(
        messages="hi",  # type: ignore[arg-type]
        model="claude-opus-4-1",
        response_format={"type": "object", "title": "Town", "properties": {"a": {"type": "integer"}}},  # type: ignore[arg-type]
    )

    def test_its_arguments_are_the_content(self) -> None:
        data = sse(start(), *call(0, "Town", '{"a"', ": 1}"), *end("tool_use"))
        reader, chunks = read(data, request=self.REQUEST)
        assert [chunk.content for chunk in chunks if chunk.content] == ['{"a"', ": 1}"]
        response = reader.response()
        assert (response.content, response.tool_calls, response.finish_reason) == ('{"a": 1}', [], "stop")
        assert response.raw_finish_reason == "tool_use"

    def test_whole(self) -> None:
        message = start([{"type": "tool_use", "id": "t", "name": "Town", "input": {"a": 1}}], stop_reason="tool_use")
        response = protocol().read_whole(message["message"], self.REQUEST, [])
        assert (response.content, response.finish_reason) == ('{"a": 1}', "stop")

    def test_a_cut_answer_is_cut(self) -> None:
        response = read(sse(start(), *call(0, "Town", '{"a'), *end("max_tokens")), request=self.REQUEST)[0].response()
        assert (response.content, response.finish_reason) == ('{"a', "length")


def paths(value: Any, path: tuple = ()) -> list[tuple]:
    """The way to every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, item in inner for deeper in paths(item, (*path, key)))]


def changed(value: Any, path: tuple, by: Any) -> Any:
    """The same JSON value with another one at that place."""
    if not path:
        return by
    copy = value.copy()
    copy[path[0]] = changed(value[path[0]], path[1:], by)
    return copy


RICH = [*EVENTS[:-2], *block(5, {"type": "web_search_tool_result", "content": [{"url": "u"}]}), *EVENTS[-2:]]
ODD = st.sampled_from([None, 0, -1, 2.5, True, "", "odd", [], ["odd"], {}, {"odd": 1}])


@given(st.sampled_from(paths(RICH)[1:]), ODD)
def test_whatever_is_misshapen_only_our_errors_come_out(path: tuple, odd: Any) -> None:
    events = changed(RICH, path, odd)
    with contextlib.suppress(LLMError):
        read("".join(f"data: {json.dumps(event)}\n\n" for event in events).encode())[0].response()


@given(st.sampled_from(paths(start([{"type": "text", "text": "x", "citations": [{"a": 1}]}, KEPT[0]]))), ODD)
def test_a_misshapen_whole_answer_gives_only_our_errors(path: tuple, odd: Any) -> None:
    payload = changed(start([{"type": "text", "text": "x", "citations": [{"a": 1}]}, KEPT[0]]), path, odd)
    answer = payload.get("message") if isinstance(payload, dict) else payload
    with contextlib.suppress(LLMError):
        conversation = Conversation(protocol().chat(REQUEST))
        conversation.answer(Answer(200, {}, json.dumps(answer).encode()))
