"""A Gemini stream as one JSON array, and a call's arguments in pieces: put together right, however they are cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemini_kit import read, said
from llm_connector import DecodeError, StreamInterruptedError
from llm_connector.protocols.gemini_arguments import StreamedArguments
from llm_connector.protocols.gemini_framing import GeminiFraming, JSONArrayDecoder

# Arguments in pieces


def in_pieces(*pieces: dict[str, Any], name: str = "f") -> list[dict[str, Any]]:
    events = [said({"functionCall": {"name": name, "willContinue": True}, "thoughtSignature": "QQ"})]
    events += [said({"functionCall": {"partialArgs": [piece], "willContinue": True}}) for piece in pieces]
    return [*events, said({"functionCall": {}})]


def test_arguments_that_come_in_pieces() -> None:
    chunks, response = read(
        *in_pieces(
            {"jsonPath": "$.city", "stringValue": "Par", "willContinue": True},
            {"jsonPath": "$.city", "stringValue": "is", "willContinue": True},
            {"jsonPath": "$.city", "stringValue": ""},
            {"jsonPath": "$.days", "numberValue": 3.0},
            {"jsonPath": "$.exact", "boolValue": False},
            {"jsonPath": "$.unit", "nullValue": "NULL_VALUE"},
            {"jsonPath": "$.stops[0].name", "stringValue": "A"},
            {"jsonPath": "$.stops[1]['a.b']", "numberValue": 0.5},
            {"jsonPath": '$.stops[1]["c"]', "stringValue": "d"},
        ),
        *in_pieces({"jsonPath": "$.x", "stringValue": "y"}, name="g"),
        said(finish="STOP"),
    )
    assert [call.name for call in response.tool_calls] == ["f", "g"]
    assert response.tool_calls[0].parse_arguments() == {
        "city": "Paris",
        "days": 3,
        "exact": False,
        "unit": None,
        "stops": [{"name": "A"}, {"a.b": 0.5, "c": "d"}],
    }
    assert response.tool_calls[1].parse_arguments() == {"x": "y"}
    deltas = [delta for chunk in chunks for delta in chunk.tool_calls]
    assert [(delta.index, delta.name) for delta in deltas] == [(0, "f"), (0, None), (1, "g"), (1, None)]
    assert response.message.reasoning is not None
    assert [block["type"] for block in response.message.reasoning.blocks] == ["function_call", "function_call"]
    assert response.message.reasoning.blocks[0]["thoughtSignature"] == "QQ"


def test_a_call_in_pieces_that_nothing_closes() -> None:
    *events, _ = in_pieces({"jsonPath": "$.a", "stringValue": "b"})
    assert read(*events, said(finish="STOP"))[1].tool_calls[0].parse_arguments() == {"a": "b"}
    following = said({"functionCall": {"name": "g", "args": {"c": 1}}}, finish="STOP")
    calls = read(*events, following)[1].tool_calls
    assert [(call.name, call.parse_arguments()) for call in calls] == [("f", {"a": "b"}), ("g", {"c": 1})]


def test_a_signature_that_comes_with_a_later_piece() -> None:
    begun = said({"functionCall": {"name": "f", "willContinue": True}})
    ended = said({"functionCall": {}, "thoughtSignature": "QQ"}, finish="STOP")
    payload = read(begun, ended)[1].message.reasoning
    assert payload is not None
    assert payload.blocks[0]["thoughtSignature"] == "QQ"


def test_a_call_in_one_piece() -> None:
    call = {"functionCall": {"name": "f", "partialArgs": [{"jsonPath": "$.a", "numberValue": 1}]}}
    assert read(said(call, finish="STOP"))[1].tool_calls[0].parse_arguments() == {"a": 1}


values = st.recursive(
    st.one_of(st.text(max_size=5), st.booleans(), st.none(), st.integers(-99, 99)),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.dictionaries(st.text("abc.'\"\\", min_size=1, max_size=3), inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


def leaves(value: Any, path: str) -> list[dict[str, Any]]:
    """A value as the pieces in which it would come."""
    if isinstance(value, dict):
        quoted = {key: key.replace("\\", "\\\\").replace("'", "\\'") for key in value}
        return [leaf for key, item in value.items() for leaf in leaves(item, f"{path}['{quoted[key]}']")]
    if isinstance(value, list):
        return [leaf for at, item in enumerate(value) for leaf in leaves(item, f"{path}[{at}]")]
    if isinstance(value, str):
        return [{"jsonPath": path, "stringValue": letter} for letter in value] or [
            {"jsonPath": path, "stringValue": ""}
        ]
    if isinstance(value, bool):
        return [{"jsonPath": path, "boolValue": value}]
    return [{"jsonPath": path, **({"nullValue": "NULL_VALUE"} if value is None else {"numberValue": float(value)})}]


@settings(deadline=None, max_examples=80)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), values, max_size=3))
def test_any_arguments_in_pieces(arguments: dict[str, Any]) -> None:
    gathered = StreamedArguments()
    for leaf in leaves(arguments, "$"):
        gathered.add([leaf])
    assert json.loads(gathered.text()) == arguments


def test_paths_that_make_no_sense_do_no_harm() -> None:
    gathered = StreamedArguments()
    gathered.add([{"jsonPath": "$", "stringValue": "x"}, {"stringValue": "y"}, {"jsonPath": "$.a", "stringValue": "b"}])
    gathered.add([{"jsonPath": "$.a.c", "numberValue": 1}, {"jsonPath": "$.l[99999999]", "numberValue": 1}])
    parsed = json.loads(gathered.text())
    assert parsed["a"] == "b"
    assert len(parsed["l"]) == 10_001


# The array form


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted(place % (len(data) + 1) for place in places)
    return [data[start:end] for start, end in zip([0, *ends], [*ends, len(data)], strict=True)]


json_values = st.recursive(
    st.one_of(st.text(max_size=6), st.integers(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text('ab{}"\\', max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)
objects = st.lists(st.dictionaries(st.text(max_size=3), json_values, max_size=3), max_size=4)


@settings(deadline=None, max_examples=150)
@given(objects, st.lists(st.integers(0, 10_000), max_size=12), st.sampled_from([None, 1]), st.booleans())
def test_an_array_cut_anywhere(items: list[Any], places: list[int], indent: int | None, ascii_only: bool) -> None:
    data = json.dumps(items, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    for pieces in (cut(data, places), [data[at : at + 1] for at in range(len(data))]):
        framing = GeminiFraming()
        events = [event for piece in pieces for event in framing.feed(piece)]
        assert framing.finish() == []
        assert [json.loads(event.data) for event in events] == items


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 10_000), max_size=12), st.sampled_from([b"", b"\xef\xbb\xbf", b"\r\n \n"]))
def test_both_forms_are_told_apart_however_cut(places: list[int], before: bytes) -> None:
    items = [{"a": "温"}, {"b": 2}]
    array = before + json.dumps(items).encode()
    events = before + b"".join(f"data: {json.dumps(item)}\r\n\r\n".encode() for item in items)
    for data in (array, events):
        framing = GeminiFraming()
        found = [event for piece in cut(data, places) for event in framing.feed(piece)] + framing.finish()
        assert [json.loads(event.data) for event in found] == items


def test_an_array_that_is_cut_off() -> None:
    framing = GeminiFraming()
    first = framing.feed(b'[{"a": 1},\n{"b": "}')
    assert [event.data for event in first] == [b'{"a": 1}']
    assert [event.data for event in framing.finish()] == [b'{"b": "}']
    assert GeminiFraming().finish() == []


def test_an_object_that_is_too_large() -> None:
    framing = JSONArrayDecoder(max_event_bytes=100)
    for _ in range(3):  # objects that come in two pieces, together larger than the limit
        assert framing.feed(b'{"a": "' + b"x" * 50) == []
        assert len(framing.feed(b'"},')) == 1
    with pytest.raises(DecodeError, match="larger"):
        [framing.feed(b'{"a": "' + b"x" * 40) for _ in range(4)]


def test_an_array_stream_that_is_cut_off_has_not_ended() -> None:
    body = json.dumps([said({"text": "a"}), said({"text": "b"}, finish="STOP")]).encode()
    with pytest.raises(StreamInterruptedError) as caught:
        read(tail=body[: len(body) // 2 + 10])
    assert caught.value.partial is not None
    assert caught.value.partial.content == "a"
