"""Answers as hypothesis makes them, sent by a raw server in the pieces that it makes: read by us and by ``httpx``."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llm_connector.deadline import Deadline
from llm_connector.transport.async_connections import AsyncConnections
from llm_connector.transport.connections import Connections
from llm_connector.transport.http_message import HttpRequest
from servers.raw import RawServer

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSED = "refused"
CHUNKED = b"transfer-encoding: chunked\r\n"


class Pieces(RawServer):
    """Says the pieces that it has now to each request, and hangs up."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        super().__init__(self._say)

    def _say(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.recv(65536)
        for piece in self.pieces:
            connection.sendall(piece)
            time.sleep(0.0005)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(2)
        connection.recv(1)


@pytest.fixture(scope="module")
def server() -> Iterator[Pieces]:
    with Pieces() as pieces:
        yield pieces


def request(port: int) -> HttpRequest:
    return HttpRequest("POST", f"http://127.0.0.1:{port}/", {}, b"{}", 2.0)


def ours(port: int) -> Any:
    connections = Connections(None)
    try:
        with contextlib.closing(connections.send(request(port), Deadline(None))) as answer:
            return answer.status, b"".join(answer)
    except httpx.RemoteProtocolError:
        return REFUSED
    finally:
        connections.close()


async def ours_in_asyncio(port: int) -> Any:
    connections = AsyncConnections(None)
    try:
        async with contextlib.aclosing(await connections.send(request(port), Deadline(None))) as answer:
            return answer.status, b"".join([data async for data in answer])
    except httpx.RemoteProtocolError:
        return REFUSED
    finally:
        connections.close()
        await asyncio.sleep(0)


def theirs(port: int) -> Any:
    with httpx.Client(trust_env=False, timeout=2) as client:
        try:
            with client.stream("POST", f"http://127.0.0.1:{port}/", content=b"{}") as answer:
                return answer.status_code, b"".join(answer.iter_raw())
        except httpx.RemoteProtocolError:
            return REFUSED


def pieces_of(data: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(marks)]


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """The header that tells a body's end, and the body."""
    parts = draw(st.lists(st.binary(min_size=1, max_size=30), max_size=4))
    body = b"".join(parts)
    kind = draw(st.sampled_from(["length", "chunks", "end", "both"]))
    if kind == "end":
        return b"", body
    if kind == "length":
        return b"content-length: %d\r\n" % len(body), body
    behind = draw(st.sampled_from([b"", b" ", b";a", b';a="b;c"']))
    trailer = draw(st.sampled_from([b"", b"x-sum: 1\r\n"]))
    chunks = b"".join(b"%x%b\r\n%b\r\n" % (len(part), behind, part) for part in parts)
    return CHUNKED + (b"content-length: 3\r\n" if kind == "both" else b""), chunks + b"0\r\n" + trailer + b"\r\n"


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Right ones."""
    before = draw(
        st.lists(st.sampled_from([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103\r\nlink: a\r\n\r\n"]), max_size=2)
    )
    line = draw(st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.1 200", b"HTTP/1.0 404 Not", b"HTTP/1.1 599 \xe9"]))
    others = draw(
        st.lists(
            st.sampled_from([b"x: y\r\n", b"x-long: a\r\n b\r\n", b"x:\r\n", b"connection: close\r\n"]), max_size=3
        )
    )
    framing, body = draw(bodies())
    return b"".join(before) + line + b"\r\n" + b"".join(others) + framing + b"\r\n" + body


places = st.lists(st.integers(0, 500), max_size=5)
few = settings(max_examples=80, deadline=None)


@few
@given(answers(), places)
def test_right_answers_are_read_alike_in_any_pieces(server: Pieces, data: bytes, at: list[int]) -> None:
    server.pieces = pieces_of(data, at)
    judged = theirs(server.port)
    assert judged != REFUSED
    assert ours(server.port) == judged
    assert asyncio.run(ours_in_asyncio(server.port)) == judged


BROKEN_CHUNKS = b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"\r\n5\r\nhello\r\n"


@few
@given(
    answers(),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 4), st.binary(max_size=4)), min_size=1, max_size=3),
    places,
)
@example(BROKEN_CHUNKS + b"ffffffffffffffff\r\nhello", [(0, 0, b"")], [])
@example(BROKEN_CHUNKS, [(0, 0, b"")], [20])
@example(b"HTTP/1.1 204 No\r\n" + CHUNKED + b"\r\n0\r\n\r\n", [(0, 0, b"")], [])
@example(b"HTTP/1.1 200 OK\r\ncontent-length: 5\xa0\r\n\r\nhello", [(0, 0, b"")], [])
def test_what_is_mangled_is_refused_or_read_alike(
    server: Pieces, data: bytes, changes: list[tuple[int, int, bytes]], at: list[int]
) -> None:
    """We may refuse more; what we take is what ``httpx`` takes, but that we read no trailers and so refuse none."""
    for place, removed, put in changes:
        data = data[:place] + put + data[place + removed :]
    server.pieces = pieces_of(data, at)
    got = ours(server.port)
    assert asyncio.run(ours_in_asyncio(server.port)) == got
    if got != REFUSED:
        judged = theirs(server.port)
        assert judged == got or (judged == REFUSED and CHUNKED in data.lower())
