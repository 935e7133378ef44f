"""Streams of DashScope and Hunyuan fold to the whole answer: generated answers, any cut, every way that they stream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_connector import ChatRequest, LLMError, StreamInterruptedError
from llm_connector.call import load_protocol
from llm_connector.protocols.base import Protocol, StreamReader
from llm_connector.protocols.dashscope_stream import Growth
from llm_connector.protocols.hunyuan_names import to_camel
from llm_connector.settings import Settings

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=30)
CALL = st.fixed_dictionaries(
    {"name": st.sampled_from(["f", "g"]), "arguments": st.dictionaries(TEXT, TEXT, max_size=2)}
)
ANSWERS = st.fixed_dictionaries(
    {
        "text": TEXT,
        "reasoning": TEXT,
        "calls": st.lists(CALL, max_size=3),
        "finish": st.sampled_from(["stop", "length"]),
        "counts": st.tuples(st.integers(0, 99), st.integers(1, 99)),
        "size": st.integers(1, 9),
    }
)
CUMULATIVE = {"parameters": {"incremental_output": False}}


def protocol(row: str) -> Protocol:
    keys = {"secret_id": "a", "secret_key": "b"} if row == "tencent" else {}
    return load_protocol(Settings.resolve(row, "m", None if keys else "k", "http://h", keys))


def calls_of(answer: dict) -> list[dict]:
    return [
        {
            "index": at,
            "id": f"c{at}",
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["arguments"], ensure_ascii=False)},
        }
        for at, call in enumerate(answer["calls"])
    ]


def finish_of(answer: dict) -> str:
    return "tool_calls" if answer["calls"] else answer["finish"]


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def deltas(answer: dict, *, repeat_id: bool) -> list[dict]:
    """The messages of a stream of increments, in OpenAI's names."""
    size = answer["size"]
    found: list[dict] = [{"content": "", "reasoning_content": piece} for piece in cut(answer["reasoning"], size)]
    found += [{"content": piece} for piece in cut(answer["text"], size)]
    for call in calls_of(answer):
        first, *more = cut(call["function"]["arguments"], size)
        found.append({"content": "", "tool_calls": [call | {"function": call["function"] | {"arguments": first}}]})
        for piece in more:
            again = {"index": call["index"], "id": call["id"] if repeat_id else "", "type": "function"}
            found.append({"content": "", "tool_calls": [again | {"function": {"name": "", "arguments": piece}}]})
    return found


def snapshots(answer: dict) -> list[dict]:
    """The messages of a stream that repeats itself; its calls have no index."""
    grown: dict[str, Any] = {"content": "", "reasoning_content": ""}
    found = []
    for delta in deltas(answer, repeat_id=False):
        grown["content"] += delta["content"]
        grown["reasoning_content"] += delta.get("reasoning_content", "")
        found.append(dict(grown.items()))
    calls = [{name: value for name, value in call.items() if name != "index"} for call in calls_of(answer)]
    for at in range(len(calls)):
        found.append(grown | {"tool_calls": calls[: at + 1]})
    return found


def dashscope_usage(answer: dict) -> dict:
    given, made = answer["counts"]
    return {"input_tokens": given, "output_tokens": made, "total_tokens": given + made}


def dashscope_frames(messages: list[dict], answer: dict, *, as_list: bool) -> bytes:
    frames = []
    for at, message in enumerate([*messages, {"content": ""}], 1):
        end = finish_of(answer) if at > len(messages) else "null"
        content = [{"text": message["content"]}] if as_list else message["content"]
        choice = {"message": {"role": "assistant", **message, "content": content}, "finish_reason": end}
        value = {"output": {"choices": [choice]}, "usage": dashscope_usage(answer), "request_id": "r"}
        frames.append(f"id:{at}\nevent:result\n:HTTP_STATUS/200\ndata:{json.dumps(value, ensure_ascii=False)}\n\n")
    return "".join(frames).encode()


def dashscope_whole(answer: dict) -> dict:
    message = {"role": "assistant", "content": answer["text"], "reasoning_content": answer["reasoning"]}
    message |= {"tool_calls": calls_of(answer)} if answer["calls"] else {}
    choice = {"message": message, "finish_reason": finish_of(answer)}
    return {"output": {"choices": [choice]}, "usage": dashscope_usage(answer), "request_id": "r"}


def hunyuan_usage(answer: dict) -> dict:
    given, made = answer["counts"]
    return {"PromptTokens": given, "CompletionTokens": made, "TotalTokens": given + made}


def hunyuan_frames(answer: dict, *, index: bool, done: bool) -> bytes:
    frames = []
    messages = deltas(answer, repeat_id=True)
    for at, message in enumerate([*messages, {"content": ""}], 1):
        delta = to_camel({"role": "assistant", **message})
        for call in delta.get("ToolCalls", []):
            if not index:
                del call["Index"]
        choice = {"Delta": delta, "FinishReason": finish_of(answer) if at > len(messages) else ""}
        value = {"Id": "r", "Choices": [choice], "Usage": hunyuan_usage(answer)}
        frames.append(f"data: {json.dumps(value, ensure_ascii=False)}\n\n")
    return ("".join(frames) + ("data: [DONE]\n\n" if done else "")).encode()


def hunyuan_whole(answer: dict) -> dict:
    message = {"role": "assistant", "content": answer["text"], "reasoning_content": answer["reasoning"]}
    message |= {"tool_calls": calls_of(answer)} if answer["calls"] else {}
    choice = {"Message": to_camel(message), "FinishReason": finish_of(answer)}
    return {"Response": {"Id": "r", "Choices": [choice], "Usage": hunyuan_usage(answer)}}


def feed(row: str, body: bytes, cuts: list[int], extra: dict | None = None) -> tuple[Any, list]:
    reader = StreamReader(protocol(row), ChatRequest(messages="hi", model="m", extra_body=extra), [])
    places = sorted({place % (len(body) + 1) for place in cuts})
    chunks = []
    for start, end in zip([0, *places], [*places, len(body)], strict=True):
        chunks += reader.feed(body[start:end])
    chunks += reader.finish()
    return reader.response(), chunks


def comparable(response: Any) -> dict:
    return response.model_dump(exclude={"raw"})


def check(row: str, whole: dict, body: bytes, cuts: list[int], extra: dict | None = None) -> None:
    expected = protocol(row).read_whole(whole, ChatRequest(messages="hi", model="m"), [])
    response, chunks = feed(row, body, cuts, extra)
    assert comparable(response) == comparable(expected)
    assert "".join(chunk.content for chunk in chunks) == expected.content
    assert [bool(chunk.finish_reason) for chunk in chunks[-2:]] == [True, False]
    assert chunks[-1].usage is not None


CUTS = st.lists(st.integers(0, 5000), max_size=12)


@settings(max_examples=150, deadline=None)
@given(answer=ANSWERS, cuts=CUTS, as_list=st.booleans())
def test_dashscope_increments(answer: dict, cuts: list[int], as_list: bool) -> None:
    body = dashscope_frames(deltas(answer, repeat_id=False), answer, as_list=as_list)
    check("aliyun", dashscope_whole(answer), body, cuts)


@settings(max_examples=150, deadline=None)
@given(answer=ANSWERS, cuts=CUTS, as_list=st.booleans())
def test_dashscope_repetitions(answer: dict, cuts: list[int], as_list: bool) -> None:
    body = dashscope_frames(snapshots(answer), answer, as_list=as_list)
    check("aliyun", dashscope_whole(answer), body, cuts, CUMULATIVE)


@settings(max_examples=150, deadline=None)
@given(answer=ANSWERS, cuts=CUTS, index=st.booleans(), done=st.booleans())
def test_hunyuan(answer: dict, cuts: list[int], index: bool, done: bool) -> None:
    check("tencent", hunyuan_whole(answer), hunyuan_frames(answer, index=index, done=done), cuts)


@settings(max_examples=100, deadline=None)
@given(answer=ANSWERS, row=st.sampled_from(["aliyun", "tencent"]), data=st.data())
def test_a_stream_cut_short_never_looks_complete(answer: dict, row: str, data: Any) -> None:
    if row == "aliyun":
        body = dashscope_frames(deltas(answer, repeat_id=False), answer, as_list=False)
    else:
        body = hunyuan_frames(answer, index=True, done=False)
    last = body.rindex(b"data:")
    place = data.draw(st.integers(0, last))
    with pytest.raises(LLMError) as caught:
        feed(row, body[:place], [])
    assert isinstance(caught.value, StreamInterruptedError)
    assert caught.value.partial.finish_reason is None
    assert answer["text"].startswith(caught.value.partial.content)


@given(st.lists(TEXT, max_size=6))
def test_growth_gives_each_piece_once(pieces: list[str]) -> None:
    growth, grown, got = Growth(), "", ""
    for piece in pieces:
        grown += piece
        got += growth.new("key", grown)
    assert got == grown
