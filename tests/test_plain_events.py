"""The short way through a Chat Completions stream gives what the long one gives, event by event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_connector import StreamInterruptedError
from llm_connector.framing import Event
from llm_connector.jsontext import encode
from llm_connector.protocols import tool_calls
from llm_connector.protocols.openai_stream import ChatDecoder, read_usage
from llm_connector.types import ChatChunk
from pure_readers import protocol_of, read_stream

NOTHING = st.sampled_from([None, "", [], {}])
PIECE = st.fixed_dictionaries(
    {},
    optional={
        "index": st.sampled_from([0, 0, 1, None]),
        "id": st.sampled_from([None, "", "a", "b"]),
        "type": st.just("function"),
        "function": st.fixed_dictionaries(
            {}, optional={"name": st.sampled_from([None, "f"]), "arguments": st.sampled_from([None, "", "x", {"a": 1}])}
        ),
    },
)
DELTA = st.fixed_dictionaries(
    {},
    optional={
        "role": st.just("assistant"),
        "content": st.one_of(NOTHING, st.text(max_size=3), st.just([{"type": "text", "text": "part"}])),
        "reasoning_content": st.one_of(NOTHING, st.text(max_size=3)),
        "reasoning": st.one_of(NOTHING, st.just("thought")),
        "refusal": st.sampled_from([None, "no"]),
        "tool_calls": st.one_of(NOTHING, st.lists(PIECE, max_size=2)),
        "annotations": st.sampled_from([None, [{"url_citation": {"url": "u"}}]]),
        "new_field": st.sampled_from([None, "new"]),
    },
)
CHOICE = st.fixed_dictionaries(
    {},
    optional={
        "index": st.sampled_from([0, 0, 1, None]),
        "delta": st.one_of(DELTA, st.none()),
        "message": DELTA,
        "finish_reason": st.sampled_from([None, "", "null", "stop"]),
        "logprobs": st.sampled_from([None, {"content": [{"token": "t"}]}]),
        "usage": st.sampled_from([None, {"prompt_tokens": 1}]),
    },
)
EVENT = st.fixed_dictionaries(
    {"choices": st.lists(CHOICE, max_size=2)},
    optional={
        "id": st.sampled_from(["i", "", None]),
        "object": st.just("chat.completion.chunk"),
        "model": st.just("m"),
        "created": st.just(1),
        "usage": st.sampled_from([None, {"completion_tokens": 2}]),
        "x_groq": st.sampled_from([None, {"usage": {"completion_tokens": 3}}]),
        "citations": st.sampled_from([None, ["u"]]),
        "search_results": st.sampled_from([None, [{"url": "u"}]]),
    },
)


class LongWay(ChatDecoder):
    """Looks at each event as if there were more in it."""

    def _plain(self, payload: dict[str, Any]) -> None:
        del payload


def told(chunks: Iterable[ChatChunk]) -> list[str]:
    shown = []
    for chunk in chunks:
        chunk.tool_calls = list(chunk.tool_calls)
        shown.append(repr(chunk))
    return shown


def read(decoder: ChatDecoder, events: list[dict[str, Any]]) -> list[Any]:
    steps: list[Any] = []
    for event in events:
        try:
            steps.append(told(decoder.event(Event(encode(event)))))
        except (AttributeError, TypeError) as error:
            steps.append(type(error))
    return [*steps, told(decoder.flush()), told(decoder.ending()), decoder.usage]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EVENT, max_size=6), st.booleans(), st.sampled_from(["", "reasoning_content", "thinking_process"]))
def test_both_ways_give_the_same(events: list[dict[str, Any]], think_tags: bool, reasoning_field: str) -> None:
    protocol = protocol_of("openai_compatible")
    ways = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tool_calls, "new_call_id", lambda: "new")
        for kind in (ChatDecoder, LongWay):
            ways.append(read(kind(protocol, think_tags=think_tags, reasoning_field=reasoning_field), events))
    assert ways[0] == ways[1]


def test_the_short_way_is_taken() -> None:
    decoder = ChatDecoder(protocol_of("openai_compatible"))
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    decoder.event(Event(encode({"choices": [{"delta": {"tool_calls": [call]}}]})))
    more = {"index": 0, "id": None, "function": {"name": None, "arguments": "{"}}
    for delta in ({"content": "a"}, {"role": "assistant", "content": "", "reasoning_content": "b"}):
        assert decoder._plain({"usage": {"total_tokens": 1}, "choices": [{"index": 0, "delta": delta}]}) is not None
    assert decoder._plain({"choices": [{"index": 0, "delta": {"tool_calls": [more]}, "finish_reason": None}]})


@pytest.mark.parametrize(
    ("row", "usage", "event"),
    [
        ("openai_compatible", {"usage": {"prompt_tokens": 4}}, {"choices": [{"index": 0, "delta": {"content": "a"}}]}),
        ("aliyun", {"usage": {"input_tokens": 4}}, {"output": {"choices": [{"message": {"content": "a"}}]}}),
        (
            "google",
            {"usageMetadata": {"promptTokenCount": 4}},
            {"candidates": [{"content": {"parts": [{"text": "a"}]}}]},
        ),
        ("tencent", {"Usage": {"PromptTokens": 4}}, {"Choices": [{"Delta": {"Content": "a"}}]}),
    ],
)
def test_counts_that_come_with_each_text(row: str, usage: dict[str, Any], event: dict[str, Any]) -> None:
    """They are read once, at the end, and told also of a stream that broke off."""
    events = [event | {name: dict.fromkeys(counts, at)} for at in (1, 4) for name, counts in usage.items()]
    body = b"".join(b"data: " + encode(item) + b"\n\n" for item in events)
    with pytest.raises(StreamInterruptedError) as caught:
        read_stream(row, [body])
    assert caught.value.partial.usage.input_tokens == 4
    assert caught.value.partial.usage.raw == next(iter(usage.values()))


@pytest.mark.parametrize("counts", [7, "many", [1]])
def test_counts_that_are_none(counts: Any) -> None:
    decoder = ChatDecoder(protocol_of("openai_compatible"))
    with pytest.raises(TypeError, match="an object"):
        decoder.event(Event(encode({"choices": [], "usage": counts})))


def test_counts_of_an_unknown_form() -> None:
    decoder = ChatDecoder(protocol_of("openai_compatible"))
    decoder.event(Event(encode({"choices": [], "usage": {"prompt_tokens": 3, "prompt_tokens_details": 5}})))
    assert decoder.usage is not None
    assert (decoder.usage.input_tokens, decoder.usage.cached_tokens) == (3, 0)


def test_counts_of_tokens_that_are_written_as_fractions_are_read() -> None:
    given = {"prompt_tokens": 3.0, "completion_tokens": 4.0, "total_tokens": float("inf")}
    usage = read_usage(given)
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (3, 4, 7)
    assert isinstance(usage.input_tokens, int)
