"""Responses events and answers to chunks, in the odd shapes that servers send them in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_connector import (
    BillingError,
    ChatRequest,
    ContentFilterError,
    DecodeError,
    InvalidRequestError,
    LLMError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
)
from llm_connector.call import load_protocol
from llm_connector.protocols.base import StreamReader
from llm_connector.settings import Settings

USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 17,
}
CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "gpt-x", "created_at": 1.5, "error": None}}
REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "encrypted_content": "gAAA",
    "summary": [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}],
}
ANNOTATION = {"type": "url_citation", "url": "https://h.example", "title": "t", "start_index": 0, "end_index": 2}
LOGPROBS = [{"token": "Hi", "logprob": -0.1, "top_logprobs": []}]
MESSAGE = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "phase": "final_answer",
    "status": "completed",
    "content": [
        {"type": "output_text", "text": "Hi é", "annotations": [ANNOTATION], "logprobs": LOGPROBS},
        {"type": "refusal", "refusal": " no"},
    ],
}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"a":"ü"}'}
CUSTOM = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2", "name": "patch", "input": "*** {not json"}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
OUTPUT = [REASONING, SEARCH, MESSAGE, CALL, CUSTOM]
BLOCKS = [
    REASONING,
    SEARCH,
    {
        "type": "message",
        "id": "msg_1",
        "phase": "final_answer",
        "parts": [["output_text", 4], ["refusal", 3]],
    },
    {"type": "function_call", "id": "fc_1", "call_id": "call_1"},
    {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_2"},
]


def response(output: list | None, **fields: Any) -> dict:
    told = {} if output is None else {"output": output}
    base = {"id": "resp_1", "object": "response", "model": "gpt-x", "created_at": 1, "status": "completed"}
    return {**base, "error": None, "incomplete_details": None, **told, "usage": USAGE, **fields}


def completed(output: list | None = None, **fields: Any) -> dict:
    return {"type": "response.completed", "response": response(output, **fields)}


def text_events(item: str, index: int, name: str, number: str, text: str, size: int = 2) -> list[dict]:
    place = {"item_id": item, "output_index": index, number: 0}
    return [{"type": name, **place, "delta": text[at : at + size]} for at in range(0, len(text), size)]


def events(*, deltas: bool = True, wholes: bool = True) -> list[dict]:
    """The events of ``OUTPUT``, with or without its deltas, and with or without the texts that repeat them."""
    found: list[dict] = [CREATED]
    for index, item in enumerate(OUTPUT):
        place = {"item_id": item["id"], "output_index": index}
        empty = {"summary": [], "content": [], "arguments": "", "input": ""}
        begun = {name: empty.get(name, value) for name, value in item.items()} | {"encrypted_content": "early"}
        found.append({"type": "response.output_item.added", "output_index": index, "item": begun})
        for name, fields, told in PARTS.get(item["type"], lambda _: [])(item):
            (text,) = told.values()
            pieces = [text[at : at + 2] for at in range(0, len(text), 2)] if deltas else []
            found += [{"type": f"{name}.delta", **place, **fields, "delta": piece} for piece in pieces]
            if wholes:
                found.append({"type": f"{name}.done", **place, **fields, **told})
        found.append({"type": "response.output_item.done", "output_index": index, "item": item})
    return found


PARTS = {
    "reasoning": lambda item: [
        ("response.reasoning_summary_text", {"summary_index": number}, {"text": part["text"]})
        for number, part in enumerate(item["summary"])
    ],
    "message": lambda item: [
        ("response.output_text", {"content_index": 0}, {"text": "Hi é"}),
        ("response.refusal", {"content_index": 1}, {"refusal": " no"}),
    ],
    "function_call": lambda item: [("response.function_call_arguments", {}, {"arguments": item["arguments"]})],
    "custom_tool_call": lambda item: [("response.custom_tool_call_input", {}, {"input": item["input"]})],
}


def reader_of(**params: Any) -> StreamReader:
    protocol = load_protocol(Settings.resolve("openai_responses", "gpt-x", "k", None, {}))
    return StreamReader(protocol, ChatRequest(messages="hi", **params), [])


def wire(found: list[dict]) -> bytes:
    return b"".join(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode() for event in found)


def read(found: list[dict], tail: bytes = b""):
    reader = reader_of()
    chunks = [*reader.feed(wire(found) + tail), *reader.finish()]
    return reader.response(), chunks


def whole(payload: dict):
    protocol = load_protocol(Settings.resolve("openai_responses", "gpt-x", "k", None, {}))
    return protocol.read_whole(payload, ChatRequest(messages="hi"), [])


def check(answer) -> None:
    assert answer.content == "Hi é no"
    assert answer.reasoning_content == "One.Two."
    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == [
        ("call_1", "f", '{"a":"ü"}'),
        ("call_2", "patch", "*** {not json"),
    ]
    assert answer.message.reasoning.blocks == BLOCKS
    assert answer.message.reasoning.family == "openai_responses"
    assert answer.citations == [ANNOTATION]
    assert answer.logprobs == LOGPROBS
    assert (answer.finish_reason, answer.raw_finish_reason) == ("tool_calls", "completed")
    assert (answer.id, answer.model, answer.created) == ("resp_1", "gpt-x", 1)
    usage = answer.usage
    assert (usage.input_tokens, usage.cached_tokens, usage.cache_write_tokens) == (10, 4, 2)
    assert (usage.output_tokens, usage.reasoning_tokens, usage.total_tokens) == (7, 5, 17)


def test_a_whole_answer() -> None:
    check(whole(response(OUTPUT)))


@pytest.mark.parametrize(
    ("deltas", "wholes", "output"),
    [
        (True, True, OUTPUT),
        (True, True, []),
        (True, True, None),
        (True, False, OUTPUT),
        (False, True, None),
        (False, False, []),
    ],
)
def test_every_way_of_telling_the_same(deltas: bool, wholes: bool, output: list | None) -> None:
    answer, chunks = read([*events(deltas=deltas, wholes=wholes), completed(output)])
    check(answer)
    assert chunks[-2].finish_reason == "tool_calls"
    assert chunks[-1].usage is not None
    calls = [delta for chunk in chunks for delta in chunk.tool_calls]
    assert [(delta.index, delta.id, delta.name) for delta in calls if delta.id] == [
        (0, "call_1", "f"),
        (1, "call_2", "patch"),
    ]


def test_an_answer_in_its_last_event_alone_and_a_json_body_instead_of_events() -> None:
    check(read([completed(OUTPUT)])[0])
    reader = reader_of()
    list(reader.feed(json.dumps(response(OUTPUT)).encode()))
    list(reader.finish())
    check(reader.response())


@given(cuts=st.lists(st.integers(0, 6000), max_size=12))
def test_any_cut_reads_the_same(cuts: list[int]) -> None:
    data = wire([*events(), completed(OUTPUT)])
    places = sorted({min(cut, len(data)) for cut in cuts})
    reader = reader_of()
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        list(reader.feed(data[start:end]))
    list(reader.finish())
    check(reader.response())


def test_ids_that_change_with_every_event_are_joined_by_place() -> None:
    found = [*events(), completed(OUTPUT)]
    for number, event in enumerate(found):
        if "item_id" in event:
            event["item_id"] = f"random-{number}"
        if "item" in event:
            event["item"] = {**event["item"], "id": f"random-{number}"}
    answer, _ = read(found)
    assert (answer.content, answer.reasoning_content) == ("Hi é no", "One.Two.")
    assert [call.id for call in answer.tool_calls] == ["call_1", "call_2"]


def test_events_without_places_are_joined_by_ids_and_without_those_by_order() -> None:
    for dropped in ({"output_index"}, {"output_index", "item_id"}):
        found = [{key: value for key, value in event.items() if key not in dropped} for event in events()]
        answer, _ = read([*found, completed([])])
        assert (answer.content, answer.reasoning_content) == ("Hi é no", "One.Two.")
        assert [call.arguments for call in answer.tool_calls] == ['{"a":"ü"}', "*** {not json"]


def test_interleaved_calls() -> None:
    calls = [{**CALL, "id": f"fc_{at}", "call_id": f"call_{at}", "arguments": f'{{"n":{at}}}'} for at in (0, 1)]
    found: list[dict] = [CREATED]
    for index, call in enumerate(calls):
        found.append({"type": "response.output_item.added", "output_index": index, "item": {**call, "arguments": ""}})
    for at in range(0, 7, 2):
        for index, call in enumerate(calls):
            delta = {"output_index": index, "delta": call["arguments"][at : at + 2]}
            found.append({"type": "response.function_call_arguments.delta", **delta})
    answer, _ = read([*found, completed([])])
    assert [(call.id, call.arguments) for call in answer.tool_calls] == [("call_0", '{"n":0}'), ("call_1", '{"n":1}')]


def test_reasoning_text_of_open_models() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm so"}]}
    found = text_events("rs_1", 0, "response.reasoning_text.delta", "content_index", "hm so")
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    for answer in (read([CREATED, *found, done, completed([item])])[0], whole(response([item]))):
        assert answer.reasoning_content == "hm so"
        assert answer.message.reasoning.blocks == [item]


def test_annotations_of_a_stream_come_once() -> None:
    added = {"type": "response.output_text.annotation.added", "output_index": 0, "annotation": ANNOTATION}
    second = {**ANNOTATION, "url": "https://other.example"}
    part = {"type": "output_text", "text": "Hi", "annotations": [ANNOTATION, second]}
    done = {"type": "response.output_item.done", "output_index": 0, "item": {**MESSAGE, "content": [part]}}
    answer, chunks = read([CREATED, added, done, completed([])])
    assert answer.citations == [ANNOTATION, second]
    assert [chunk.citations for chunk in chunks if chunk.citations] == [[ANNOTATION], [second]]


def test_log_probabilities_of_deltas_come_once() -> None:
    deltas = text_events("msg_1", 0, "response.output_text.delta", "content_index", "Hi é", 4)
    deltas[0]["logprobs"] = LOGPROBS
    done = {"type": "response.output_item.done", "output_index": 0, "item": MESSAGE}
    assert read([CREATED, *deltas, done, completed([])])[0].logprobs == LOGPROBS


@pytest.mark.parametrize(
    ("status", "reason", "finish", "raw"),
    [
        ("completed", None, "stop", "completed"),
        ("incomplete", "max_output_tokens", "length", "max_output_tokens"),
        ("incomplete", "content_filter", "content_filter", "content_filter"),
        ("incomplete", "steered", "other", "steered"),
        ("incomplete", None, "other", "incomplete"),
        ("cancelled", None, "other", "cancelled"),
    ],
)
def test_finish_reasons(status: str, reason: str | None, finish: str, raw: str) -> None:
    fields = {"status": status, "incomplete_details": reason and {"reason": reason}}
    answers = [
        whole(response([MESSAGE], **fields)),
        read([{"type": f"response.{status}", "response": response([MESSAGE], **fields)}])[0],
    ]
    for answer in answers:
        assert (answer.finish_reason, answer.raw_finish_reason) == (finish, raw)
        assert answer.content == "Hi é no"


def test_unknown_events_and_nothing_in_known_ones_are_survived() -> None:
    odd = [
        {"type": "response.mcp_call.in_progress", "output_index": 0},
        {"type": "response.output_text.delta", "output_index": 2, "delta": None},
        {"type": "response.output_item.done", "output_index": 9, "item": {}},
        {"type": "response.output_text.annotation.added", "annotation": None},
        {"type": "response.content_part.added", "part": {"type": "output_text", "text": "Hi é"}},
        {"type": "keepalive"},
        {},
    ]
    check(read([CREATED, *odd, *events(), completed(OUTPUT)])[0])


def test_done_is_an_end_too_but_nothing_is_not() -> None:
    answer, _ = read(events(), b"data: [DONE]\n\n")
    assert answer.finish_reason == "tool_calls"
    assert read([*events(), completed(OUTPUT)], b"data: [DONE]\n\n")[0].usage is not None
    with pytest.raises(StreamInterruptedError) as caught:
        read(events())
    assert caught.value.partial is not None
    assert (caught.value.partial.content, caught.value.partial.finish_reason) == ("Hi é no", None)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"type": "error", "code": "rate_limit_exceeded", "message": "slow", "param": None}, RateLimitError),
        ({"type": "error", "error": {"code": "server_error", "message": "slow"}}, ServerError),
        ({"type": "error", "message": "slow"}, ServerError),
        ({"error": "slow"}, ServerError),
        ({"error": {"message": "slow", "type": "invalid_request_error"}}, InvalidRequestError),
        (
            {
                "type": "response.failed",
                "response": response([], status="failed", error={"code": "server_error", "message": "slow"}),
            },
            ServerError,
        ),
        (
            {"type": "response.failed", "response": {"error": {"code": "insufficient_quota", "message": "slow"}}},
            BillingError,
        ),
        (
            {"type": "response.failed", "response": {"error": {"code": "bio_policy", "message": "slow"}}},
            ContentFilterError,
        ),
    ],
)
def test_errors_of_a_stream(event: dict, kind: type[LLMError]) -> None:
    begun = text_events("msg_1", 0, "response.output_text.delta", "content_index", "Hi")
    with pytest.raises(LLMError, match="slow") as caught:
        read([CREATED, *begun, event])
    assert type(caught.value) is kind
    assert caught.value.partial is not None
    assert caught.value.partial.content == "Hi"


def test_a_failure_without_a_reason_is_an_error_too() -> None:
    with pytest.raises(ServerError):
        read([CREATED, {"type": "response.failed", "response": {"status": "failed", "error": None}}])


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "response.output_item.done", "output_index": 0, "item": 5},
        {"type": "response.output_item.done", "output_index": 0, "item": {"type": "message", "content": 5}},
        {"type": "response.completed", "response": {"output": 5}},
        {"type": []},
    ],
)
def test_an_event_of_another_shape_is_our_error(odd: dict) -> None:
    with pytest.raises(DecodeError):
        read([CREATED, odd])


def test_an_event_that_is_no_object_is_passed_over() -> None:
    check(read([CREATED, [], *events(), completed(OUTPUT)])[0])
