"""Folding a stream equals the whole answer: generated answers, any cut, every way that servers stream."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_connector import ChatRequest, LLMError, StreamInterruptedError
from llm_connector.call import load_protocol
from llm_connector.protocols.base import Protocol, StreamReader
from llm_connector.settings import Settings

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=40)
CALL = st.fixed_dictionaries(
    {"name": st.sampled_from(["f", "g"]), "arguments": st.dictionaries(TEXT, TEXT, max_size=3)}
)
ANSWERS = st.fixed_dictionaries(
    {
        "text": TEXT,
        "reasoning": TEXT,
        "calls": st.lists(CALL, max_size=3),
        "finish": st.sampled_from(["stop", "length", "content_filter"]),
        "counts": st.tuples(st.integers(0, 99), st.integers(1, 99)),
    }
)


def protocol() -> Protocol:
    return load_protocol(Settings.resolve("openai_compatible", "m", "k", "http://h", {}))


def calls_of(answer: dict) -> list[dict]:
    return [
        {
            "index": at,
            "id": f"c{at}",
            "type": "function",
            "function": call | {"arguments": json.dumps(call["arguments"])},
        }
        for at, call in enumerate(answer["calls"])
    ]


def usage_of(answer: dict) -> dict:
    prompt, completion = answer["counts"]
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def whole(answer: dict) -> dict:
    message = {"role": "assistant", "content": answer["text"], "reasoning_content": answer["reasoning"]}
    if answer["calls"]:
        message["tool_calls"] = calls_of(answer)
    choice = {"index": 0, "message": message, "finish_reason": answer["finish"]}
    return {
        "id": "a",
        "object": "chat.completion",
        "model": "m",
        "created": 5,
        "choices": [choice],
        "usage": usage_of(answer),
    }


class Writer:
    """Streams an answer in one of the ways that servers do, chosen by hypothesis."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data
        self._events: list[Any] = []

    def pieces(self, text: str) -> list[str]:
        marks = sorted({0, len(text), *self._data.draw(st.lists(st.integers(0, len(text)), max_size=4))})
        return [text[start:end] for start, end in itertools.pairwise(marks)]

    def delta(self, delta: dict, **choice: Any) -> None:
        self._events.append(self._event([{"index": 0, "delta": delta, **choice}]))

    def _event(self, choices: list, **extra: Any) -> dict:
        return {"id": "a", "object": "chat.completion.chunk", "model": "m", "created": 5, "choices": choices, **extra}

    def write(self, answer: dict) -> bytes:
        for piece in self.pieces(answer["reasoning"]):
            self.delta({"reasoning_content": piece, "content": self._data.draw(st.sampled_from([None, ""]))})
        for piece in self.pieces(answer["text"]):
            self.delta({"content": piece})
        fragments = [fragment for call in calls_of(answer) for fragment in self._fragments(call)]
        for fragment in fragments:
            self.delta({"tool_calls": [fragment]})
        self._close(answer)
        newline = self._data.draw(st.sampled_from(["\n", "\r\n"]))
        done = self._data.draw(st.sampled_from([f"data: [DONE]{newline}{newline}", f"data:[DONE]{newline}", ""]))
        body = "".join(f"data: {json.dumps(event, ensure_ascii=False)}{newline}{newline}" for event in self._events)
        return (body + done).encode()

    def _fragments(self, call: dict) -> list[dict]:
        style = self._data.draw(st.sampled_from(["openai", "empty ids", "repeated ids", "no index", "whole"]))
        if style == "whole":
            return [call]
        rest = {"openai": {"index": call["index"]}, "empty ids": {"index": call["index"], "id": ""}}
        rest |= {"repeated ids": {"index": 0, "id": call["id"]}, "no index": {}}
        first = {**call, "function": {"name": call["function"]["name"], "arguments": ""}}
        if style == "no index":
            del first["index"]
        pieces = self.pieces(call["function"]["arguments"])
        return [first, *({**rest[style], "function": {"arguments": piece}} for piece in pieces)]

    def _close(self, answer: dict) -> None:
        usage, place = (
            usage_of(answer),
            self._data.draw(st.sampled_from(["own chunk", "finish chunk", "choice", "all"])),
        )
        if place == "all":
            self._events = [event | {"usage": {**usage, "completion_tokens": 0}} for event in self._events]
        self.delta({}, finish_reason=answer["finish"], **({"usage": usage} if place == "choice" else {}))
        if place in {"finish chunk", "all"}:
            self._events[-1]["usage"] = usage
        if place == "own chunk":
            self._events.append(self._event([], usage=usage))


def cut(body: bytes, data: st.DataObject) -> list[bytes]:
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=8))
    marks = sorted({0, len(body), *places})
    return [body[start:end] for start, end in itertools.pairwise(marks)]


def read(pieces: list[bytes]) -> tuple[StreamReader, list]:
    reader = StreamReader(protocol(), ChatRequest(messages="x", model="m"), [])
    chunks = [chunk for piece in pieces for chunk in reader.feed(piece)]
    return reader, [*chunks, *reader.finish()]


@settings(max_examples=150, deadline=None)
@given(ANSWERS, st.data())
def test_folding_a_stream_equals_the_whole_answer(answer: dict, data: st.DataObject) -> None:
    expected = protocol().read_whole(whole(answer), ChatRequest(messages="x", model="m"), [])
    reader, chunks = read(cut(Writer(data).write(answer), data))
    assert reader.response().model_dump(exclude={"raw"}) == expected.model_dump(exclude={"raw"})
    assert_in_order(chunks, len(answer["calls"]))


def assert_in_order(chunks: list, calls: int) -> None:
    kinds = ["usage" if chunk.usage else "finish" if chunk.finish_reason else "delta" for chunk in chunks]
    assert kinds == ["delta"] * (len(kinds) - 2) + ["finish", "usage"]
    seen: set[int] = set()
    for delta in (delta for chunk in chunks for delta in chunk.tool_calls):
        assert (delta.index in seen) == (delta.id is None) == (delta.name is None)
        seen.add(delta.index)
    assert seen == set(range(calls))


@settings(max_examples=100, deadline=None)
@given(ANSWERS, st.data())
def test_a_stream_cut_before_its_end_never_looks_whole(answer: dict, data: st.DataObject) -> None:
    body = Writer(data).write(answer)
    before_the_end = body.index(b'"finish_reason"')
    short = body[: data.draw(st.integers(0, before_the_end))]
    with pytest.raises(StreamInterruptedError) as caught:
        read(cut(short, data))
    partial = caught.value.partial
    assert partial.finish_reason is None
    assert answer["text"].startswith(partial.content)
    assert answer["reasoning"].startswith(partial.reasoning_content or "")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.binary(max_size=60)
        | st.sampled_from(
            [
                b'data: {"choices":[{"delta":{"content":1}}]}\n\n',
                b"data: null\n\n",
                b'data: {"choices":3}\n\n',
                b'data: {"choices":[null]}\n\n',
                b'data: {"choices":[{"delta":{"tool_calls":[{"index":"a","function":3}]}}]}\n\n',
                b'data: {"error":"x"}\n\n',
            ]
        ),
        max_size=6,
    )
)
def test_only_our_errors_come_out_of_garbage(pieces: list[bytes]) -> None:
    try:
        read(pieces)
    except LLMError:
        return
    assert b"[DONE]" in b"".join(pieces)  # the mark of the end alone makes a complete answer, of nothing


def test_several_choices_are_kept_apart() -> None:
    events = [
        {
            "id": "a",
            "object": "x",
            "choices": [{"index": 1, "delta": {"content": "b1"}}, {"index": 0, "delta": {"content": "a1"}}],
        },
        {"id": "a", "object": "x", "choices": [{"index": 0, "delta": {"content": "a2"}, "finish_reason": "stop"}]},
        {"id": "a", "object": "x", "choices": [{"index": 1, "delta": {}, "finish_reason": "length"}]},
    ]
    reader, chunks = read([f"data: {json.dumps(event)}\n\n".encode() for event in events])
    response = reader.response()
    assert [(choice.message.content, choice.finish_reason) for choice in response.choices] == [
        ("a1a2", "stop"),
        ("b1", "length"),
    ]
    assert {chunk.index for chunk in chunks} == {0, 1}
