"""Answers of HTTP/1.1, read the same wherever the network cut them; the HTTP library's own reader (h11) is the judge."""

from __future__ import annotations

import itertools
import time
from typing import NamedTuple

import h11
import httpcore
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_connector.transport.http1 import MAX_EXTENSION_BYTES, MAX_HEAD_BYTES, AnswerReader, request_head


class Reading(NamedTuple):
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    ended: bool
    reusable: bool
    refused: bool


def read(pieces: list[bytes], method: str = "POST", *, closed: bool = True) -> Reading:
    """What our reader says of the bytes, and of the connection's end behind them."""
    reader, body, refused = AnswerReader(method), b"", False
    try:
        for piece in filter(None, pieces):
            body += reader.feed(piece)
        if closed and not reader.ended:
            reader.feed(b"")
    except httpcore.RemoteProtocolError:
        refused = True
    return Reading(reader.status, tuple(reader.headers.items()), body, reader.ended, reader.reusable, refused)


def judged(data: bytes, method: str = "POST") -> Reading:
    """The same by h11."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
    target = "h:1" if method == "CONNECT" else "/"
    connection.send(h11.Request(method=method, target=target, headers=[("host", "h"), ("content-length", "0")]))
    connection.send(h11.EndOfMessage())
    status, headers, body, ended, refused = 0, {}, b"", False, False
    try:
        for piece in (data, b""):
            if ended or not (piece or connection.their_state is not h11.DONE):
                break
            connection.receive_data(piece)
            while (event := connection.next_event()) is not h11.NEED_DATA and event is not h11.PAUSED:
                if isinstance(event, h11.Response):
                    status = event.status_code
                    for name, value in event.headers:
                        key, text = name.decode(), value.decode("latin-1")
                        headers[key] = f"{headers[key]}, {text}" if key in headers else text
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    ended = True
                    break
                elif isinstance(event, h11.ConnectionClosed):
                    break
    except h11.RemoteProtocolError:
        refused = True
    reusable = ended and connection.their_state is h11.DONE and not connection.trailing_data[0]
    return Reading(status, tuple(headers.items()), body, ended, reusable, refused)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(marks)]


def answer(*headers: str, body: bytes = b"", status: str = "200 OK", version: str = "1.1") -> bytes:
    return "\r\n".join([f"HTTP/{version} {status}", *headers, "", ""]).encode("latin-1") + body


CHUNKED = "Transfer-Encoding: chunked"
HELLO = b"5\r\nhello\r\n"
GOOD = {
    "a length": (answer("Content-Length: 5", body=b"hello"), 200, b"hello", True),
    "no body": (answer("content-length: 0"), 200, b"", True),
    "a length told twice": (answer("content-length: 5", "content-length: 5, 5", body=b"hello"), 200, b"hello", True),
    "more than the length": (answer("content-length: 5", body=b"hello, you"), 200, b"hello", False),
    "until the end": (answer("server: old", "connection: close", body=b"hello"), 200, b"hello", False),
    "of the year 1996": (answer("content-length: 5", body=b"hello", version="1.0"), 200, b"hello", False),
    "to be closed": (answer("connection: close", "content-length: 5", body=b"hello"), 200, b"hello", False),
    "to be closed, among others": (
        answer("connection: X-Name , CLOSE", "content-length: 5", body=b"hello"), 200, b"hello", False,
    ),
    "to be closed, behind a tab": (
        answer("connection: x-name,\tclose", "content-length: 5", body=b"hello"), 200, b"hello", False,
    ),
    "chunks": (answer(CHUNKED, body=HELLO + b"A\r\n, and more\r\n0\r\n\r\n".replace(b"A", b"a")), 200, b"hello, and more", True),
    "chunks beat a length": (answer("content-length: 1", CHUNKED, body=HELLO + b"0\r\n\r\n"), 200, b"hello", False),
    "zeros before a size": (answer(CHUNKED, body=b"0005\r\nhello\r\n000\r\n\r\n"), 200, b"hello", True),
    "extensions": (answer(CHUNKED, body=b'5;a=b; c="d"\r\nhello\r\n0;z\r\n\r\n'), 200, b"hello", True),
    "blanks behind a size": (answer(CHUNKED, body=b"5  \r\nhello\r\n0\t\r\n\r\n"), 200, b"hello", True),
    "a trailer": (answer(CHUNKED, body=HELLO + b"0\r\nx-sum: 1\r\nx-more: 2\r\n\r\n"), 200, b"hello", True),
    "more than the last chunk": (answer(CHUNKED, body=HELLO + b"0\r\n\r\nHTTP/1.1 200"), 200, b"hello", False),
    "chunks that hold chunks": (answer(CHUNKED, body=b"a\r\n0\r\n\r\n5\r\nab\r\n0\r\n\r\n"), 200, b"0\r\n\r\n5\r\nab", True),
    "no content": (answer(status="204 No Content"), 204, b"", True),
    "no content of no length": (answer("content-length: 0", status="204 No Content"), 204, b"", True),
    "no content of a length": (answer("content-length: 5", status="204 No Content"), 204, b"", False),
    "no content in chunks": (answer(CHUNKED, status="204 No Content"), 204, b"", False),
    "not modified": (answer("content-length: 99", status="304 Not Modified"), 304, b"", True),
    "announced": (
        answer(status="100 Continue") + answer("link: </x>", status="103 Early Hints") + answer("content-length: 0"),
        200, b"", True,
    ),
    "no reason": (answer("content-length: 0", status="200"), 200, b"", True),
    "a reason in another language": (answer("content-length: 0", status="404 Non trouv\xe9"), 404, b"", True),
    "folded": (answer("x-long: one", "\t two", "content-length: 0"), 200, b"", True),
    "line feeds alone": (b"HTTP/1.1 200 OK\ncontent-length: 5\n\nhello", 200, b"hello", True),
}  # fmt: skip
DOUBTFUL = {"chunks beat a length", "no content of a length", "no content in chunks"}  # h11 uses the connection again
BAD = {
    "nothing": b"",
    "another protocol": b"SSH-2.0-OpenSSH_9\r\n",
    "a bare page": b"<html>not found</html>",
    "HTTP/2": b"HTTP/2 200 OK\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a status too long": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a blank before the colon": answer("content-length : 5", body=b"hello"),
    "no colon": answer("content-length 5", body=b"hello"),
    "no name": answer(": 5", body=b"hello"),
    "folded at the beginning": answer(" content-length: 5", body=b"hello"),
    "a zero byte": answer("x: a\0b", "content-length: 5", body=b"hello"),
    "a return in a value": answer("x: a\rb", "content-length: 5", body=b"hello"),
    "two lengths": answer("content-length: 5", "content-length: 6", body=b"hello!"),
    "a negative length": answer("content-length: -5", body=b"hello"),
    "a length with a sign": answer("content-length: +5", body=b"hello"),
    "a length of other digits": answer("content-length: 5\xb2", body=b"hello"),
    "a length with a blank of another kind": answer("content-length: 5\xa0", body=b"hello"),
    "a length with a separator": answer("content-length: 5\x1f", body=b"hello"),
    "no length": answer("content-length:", body=b"hello"),
    "a length beyond all": answer("content-length: 99999999999999999999", body=b"hello"),
    "a coding": answer("transfer-encoding: gzip", body=b"hello"),
    "two codings": answer("transfer-encoding: gzip, chunked", body=HELLO),
    "chunked twice": answer(CHUNKED, CHUNKED, body=HELLO),
    "another protocol from here on": answer("upgrade: websocket", status="101 Switching Protocols"),
    "a size in another system": answer(CHUNKED, body=b"0x5\r\nhello\r\n0\r\n\r\n"),
    "a size with a sign": answer(CHUNKED, body=b"+5\r\nhello\r\n0\r\n\r\n"),
    "a size with a line": answer(CHUNKED, body=b"1_0\r\nhello, hello, hell\r\n0\r\n\r\n"),
    "no size": answer(CHUNKED, body=b"\r\nhello\r\n0\r\n\r\n"),
    "a size beyond all": answer(CHUNKED, body=b"f" * 17 + b"\r\nhello"),
    "a size beyond all memory": answer(CHUNKED, body=b"7" + b"f" * 15 + b"\r\nhello"),
    "a size at the end of all memory": answer(CHUNKED, body=b"f" * 15 + b"\r\nhello"),
    "a chunk longer than told": answer(CHUNKED, body=b"5\r\nhello!\r\n0\r\n\r\n"),
    "a line feed alone behind a size": answer(CHUNKED, body=b"5\nhello\r\n0\r\n\r\n"),
    "a line feed alone behind a chunk": answer(CHUNKED, body=b"5\r\nhello\n0\r\n\r\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_answers(name: str) -> None:
    data, status, body, reusable = GOOD[name]
    got = read([data])
    assert (got.status, got.body, got.ended, got.reusable, got.refused) == (status, body, True, reusable, False)
    judge = judged(data)
    assert (judge.status, judge.body, judge.ended) == (status, body, True)
    assert judge.reusable == (reusable or name in DOUBTFUL)
    assert _without_length(judge) == _without_length(got)
    assert read([bytes([byte]) for byte in data])[:5] == got[:5]
    for place in range(len(data)):
        assert read([data[:place], data[place:]])[:5] == got[:5]


def _without_length(reading: Reading) -> dict[str, str]:
    """The judge tells a length once that came twice."""
    return {name: value for name, value in reading.headers if name != "content-length"}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_answer_is_refused(name: str) -> None:
    assert read([BAD[name]]).refused
    assert judged(BAD[name]).refused or name in {"nothing", "a status too long", "a length beyond all", "HTTP/2"}
    assert read([bytes([byte]) for byte in BAD[name]]).refused


@pytest.mark.parametrize(
    "name", sorted(set(GOOD) - {"until the end", "more than the length", "more than the last chunk"})
)
def test_what_breaks_off_is_refused(name: str) -> None:
    """But not before: what came is given."""
    data, _, body, _ = GOOD[name]
    for size in range(len(data)):
        got = read([data[:size]])
        assert got.refused, data[:size]
        assert body.startswith(got.body)
        assert not read([data[:size]], closed=False).refused


def test_what_came_before_a_fault_is_given_first() -> None:
    reader = AnswerReader()
    assert reader.feed(answer(CHUNKED, body=HELLO + b"5\r\n, you\r\nzzz\r\n")) == b"hello, you"
    for _ in range(2):
        with pytest.raises(httpcore.RemoteProtocolError):
            reader.feed(b"0\r\n\r\n")
    assert not reader.reusable


def test_what_is_not_http_is_told_at_once_and_not_when_it_ends() -> None:
    with pytest.raises(httpcore.RemoteProtocolError):
        AnswerReader().feed(b"\x15\x03\x01\x00\x02\x02")
    reader = AnswerReader()
    reader.feed(answer(CHUNKED, body=HELLO))
    with pytest.raises(httpcore.RemoteProtocolError):
        reader.feed(b"hello")


@pytest.mark.parametrize("piece", [1000, MAX_HEAD_BYTES * 2])
@pytest.mark.parametrize(
    "data",
    [
        answer("x: " + "a" * MAX_HEAD_BYTES),
        answer(status="100 Continue") * (MAX_HEAD_BYTES // 20),
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * MAX_HEAD_BYTES,
        answer(CHUNKED, body=b"5;" + b"a" * (MAX_EXTENSION_BYTES + 1)),
        answer(CHUNKED, body=b"5;" + b"a" * (MAX_EXTENSION_BYTES + 1) + b"\r\nhello\r\n0\r\n\r\n"),
        answer(CHUNKED, body=b"0\r\n" + b"x: y\r\n" * (MAX_HEAD_BYTES // 5)),
    ],
    ids=["head", "announcements", "unfinished head", "extension", "whole extension", "trailer"],
)  # fmt: skip
def test_what_stands_beside_a_body_has_limits(data: bytes, piece: int) -> None:
    pieces = [data[start : start + piece] for start in range(0, len(data), piece)]
    assert read(pieces, closed=False).refused


def test_a_trailer_costs_the_same_wherever_it_is_cut() -> None:
    """A byte at a time, one that is held and searched as a whole took four seconds."""
    data = answer(CHUNKED, body=HELLO + b"0\r\n" + b"x: y\r\n" * 10_000 + b"\r\n")
    started = time.process_time()
    assert read([data[at : at + 1] for at in range(len(data))]).ended
    assert time.process_time() - started < 1


def test_the_answer_to_a_tunnel_has_no_body() -> None:
    got = read([answer("content-length: 5")], "CONNECT")
    assert (got.status, got.body, got.ended) == (200, b"", True)


def test_the_head_of_a_request() -> None:
    written = request_head("POST", "/v1/chat?a=b", [("host", "h:1"), ("x-empty", "")])
    server = h11.Connection(h11.SERVER)
    server.receive_data(written)
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target) == (b"POST", b"/v1/chat?a=b")
    assert list(request.headers) == [(b"host", b"h:1"), (b"x-empty", b"")]


places = st.lists(st.integers(0, 5000), max_size=12)
bodies = st.lists(st.binary(max_size=40), max_size=6)


@given(bodies, places, st.sampled_from(["chunks", "length", "end"]), st.sampled_from(["", ";a=b", " "]))
def test_any_cut_gives_the_same_answer(pieces: list[bytes], at: list[int], kind: str, behind: str) -> None:
    body = b"".join(pieces)
    if kind == "chunks":
        chunks = b"".join(b"%x%b\r\n%b\r\n" % (len(piece), behind.encode(), piece) for piece in pieces if piece)
        data = answer(CHUNKED, body=chunks + b"0\r\n\r\n")
    else:
        data = answer(*([f"content-length: {len(body)}"] if kind == "length" else []), body=body)
    got = read(cut(data, at))
    assert got[2:] == (body, True, kind != "end", False)
    assert got == judged(data)._replace(reusable=got.reusable)


@given(
    st.sampled_from([data for data, *_ in GOOD.values()]),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 3), st.binary(max_size=4)), min_size=1, max_size=3),
    places,
)
@example(answer(CHUNKED, body=HELLO + b"0\r\n\r\n"), [(47, 0, b"\r\n0\r\n")], [])
def test_a_mangled_answer_is_never_read_as_what_it_is_not(
    data: bytes, changes: list[tuple[int, int, bytes]], at: list[int]
) -> None:
    """We may refuse more than the judge, and never find another body, another status or another end."""
    for place, removed, put in changes:
        data = data[:place] + put + data[place + removed :]
    got, whole = read(cut(data, at)), read([data])
    assert (got[:4], got.refused) == (whole[:4], whole.refused)
    judge = judged(data)
    if got.ended:
        assert (judge.status, judge.body) == (got.status, got.body)
        assert judge.ended or judge.refused  # a trailer that is none: the body was complete
        assert _without_length(judge) == _without_length(got)
    elif got.status:
        assert judge.status in {got.status, 0}
