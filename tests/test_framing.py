"""Bytes to events: the same events wherever the bytes are cut, and the tolerances that vendors need."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_connector.errors import DecodeError
from llm_connector.framing import Event, NDJSONDecoder, SSEDecoder

LINE = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), max_size=30)


def read(decoder, pieces: list[bytes]) -> list[Event]:
    events: list[Event] = []
    for piece in pieces:
        events += decoder.feed(piece)
    return events + decoder.finish()


def cut(body: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({0, len(body), *(place % (len(body) + 1) for place in places)})
    return [body[start:end] for start, end in itertools.pairwise(marks)]


@given(
    st.lists(LINE.filter(bool), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(0, 10_000), max_size=20),
    st.booleans(),
)
def test_any_cut_gives_the_same_events(texts: list[str], newline: str, places: list[int], closed: bool) -> None:
    payloads = [json.dumps({"text": text}, ensure_ascii=False) for text in texts]
    body = "".join(f"event: e{newline}data: {payload}{newline}{newline}" for payload in payloads)
    if not closed:
        body = body[: -len(newline) * 2]
    expected = [Event(payload.encode(), "e") for payload in payloads]
    assert read(SSEDecoder(), cut(body.encode(), places)) == expected
    assert read(SSEDecoder(), [bytes([byte]) for byte in body.encode()]) == expected


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10))
def test_garbage_is_read_the_same_however_it_is_cut(body: bytes, places: list[int]) -> None:
    assert read(SSEDecoder(), cut(body, places)) == read(SSEDecoder(), [body])


FRAGMENTS = (
    b"data: ",
    b"data:",
    b"event: ",
    b"event:e",
    b"id: 1",
    b":HTTP_STATUS/400",
    b"{}",
    b"[",
    b"x",
    b"\n",
    b"\n\n",
)


@given(st.lists(st.sampled_from((*FRAGMENTS, b"\r\n", b"\r", b"data: {}\n\n", b"event: e\ndata: 1\n\n")), max_size=12))
def test_whole_events_are_read_as_their_lines_are(fragments: list[bytes]) -> None:
    """Each byte alone goes line by line; together they take the short ways for events that are all alike."""
    body = b"".join(fragments)
    expected = read(SSEDecoder(), [body[at : at + 1] for at in range(len(body))])
    assert read(SSEDecoder(), [body]) == expected
    assert read(SSEDecoder(), [b": begun\n\n", body]) == expected
    assert read(SSEDecoder(), [b": begun\n\n", *fragments]) == expected


@pytest.mark.parametrize("start", [b"", b"event: e\n", b"data: 1\n"], ids=["whole", "name", "payload"])
@pytest.mark.parametrize("event", [b"data: %d\n\n", b"event: e\ndata: %d\n\n", b"id: %d\ndata: 2\n\n"])
def test_many_events_in_one_read_cost_little(event: bytes, start: bytes) -> None:
    """Also behind an event that the read before had begun: the rest of a read went line by line once."""
    decoder = SSEDecoder()
    decoder.feed(b": begun\n\n" + start)
    taken = []
    decoder._take_line = lambda line, events: (taken.append(line), SSEDecoder._take_line(decoder, line, events))
    read_at_once = decoder.feed(b"".join(event % at for at in range(1000)) + event[:-2])
    assert len(read_at_once) >= 1000
    assert len(taken) < 10


@given(st.lists(st.dictionaries(LINE, LINE), min_size=1), st.lists(st.integers(0, 10_000), max_size=20), st.booleans())
def test_lines_of_json(values: list[dict], places: list[int], closed: bool) -> None:
    body = b"\n".join(json.dumps(value, ensure_ascii=False).encode() for value in values) + b"\n" * closed
    events = read(NDJSONDecoder(), cut(body, places))
    assert [json.loads(event.data) for event in events] == values


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data:{}\n\n", [Event(b"{}")]),  # DashScope writes no space
        (b"data:  x\n\n", [Event(b" x")]),  # one space is dropped, and only one
        (b": keep-alive\n\ndata: 1\n\n", [Event(b"1")]),
        (b":HTTP_STATUS/400\nevent:error\ndata:{}\n\n", [Event(b"{}", "error", 400)]),
        (b"data: a\ndata: b\n\n", [Event(b"a\nb")]),
        (b'data: {"a":\ndata: 1}\n\n', [Event(b'{"a":\n1}')]),
        (b'data: {"a":1}\ndata: {"a":2}\n\n', [Event(b'{"a":1}'), Event(b'{"a":2}')]),
        (b'data: {"a":1}\ndata: [DONE]\n\n', [Event(b'{"a":1}'), Event(b"[DONE]")]),
        (b'{\n  "error": {\n    "code": 1\n  }\n}\n', [Event(b'{\n  "error": {\n    "code": 1\n  }\n}')]),
        (b'data: 1\n\n{"error": {}}', [Event(b"1"), Event(b'{"error": {}}')]),
        (b"\xef\xbb\xbfdata: 1\n\n", [Event(b"1")]),
        (b"id: 7\nretry: 5\ndata: 1\n\n", [Event(b"1")]),
        (b"data: no blank line", [Event(b"no blank line")]),
        ("data: a\u2028b\u0085c\n\n".encode(), [Event("a\u2028b\u0085c".encode())]),
        (b"data\n\n", [Event(b"")]),
        (b"event: ping\n\n", []),
        (b"\n\n\n\r\n", []),
        (b"", []),
    ],
)
def test_what_vendors_send(body: bytes, expected: list[Event]) -> None:
    assert read(SSEDecoder(), [body]) == expected
    assert read(SSEDecoder(), [bytes([byte]) for byte in body]) == expected


def test_a_page_is_kept_as_stray() -> None:
    decoder = SSEDecoder()
    assert read(decoder, [b"<html>\nno json\n</html>"]) == []
    assert b"<html>" in decoder.stray


@pytest.mark.parametrize("decoder", [SSEDecoder(1000), NDJSONDecoder(1000)])
def test_an_event_over_the_limit_is_refused(decoder) -> None:
    with pytest.raises(DecodeError, match="larger than 1000"):
        for _ in range(30):
            decoder.feed(b"data: " + b"x" * 50)


def test_a_long_stream_of_small_events_is_not_refused() -> None:
    decoder = SSEDecoder(1000)
    assert sum(len(decoder.feed(b"data: " + b"x" * 50 + b"\n\n")) for _ in range(1000)) == 1000


def test_many_pieces_of_one_event_cost_linear_time() -> None:
    """A megabyte byte by byte would take minutes if every piece were joined to all before it."""
    decoder = SSEDecoder()
    for _ in range(300_000):
        assert decoder.feed(b"x") == []
    assert decoder.finish() == []
