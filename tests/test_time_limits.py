"""``timeout`` bounds each silence and ``total_timeout`` the whole, at every step; nothing is read or kept without bound."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from fault_table import CHAT, DELTAS, EVENTS, SSE, TEXT, answer_of
from llm_connector import AsyncLLMClient, ConfigError, LLMClient, RequestTimeoutError
from llm_connector.deadline import Deadline
from llm_connector.errors import LLMError
from llm_connector.transport import asyncio_stream
from llm_connector.transport.pace import Pace
from servers.faults import FaultServer, Plan, chunk, head, whole
from servers.raw import RawServer
from servers.relays import HttpProxy, Relay, Trickle
from transport_kit import (
    RUN,
    SLEEP,
    WAYS,
    black_hole,
    every_way,
    no_new_sockets,
    options,
    outcome,
    outcomes,
    resolve,
    server_context,
    trusted,
    until,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["trusted"]
OPEN_HEAD = head(transfer_encoding="chunked", **SSE)
TOTAL = 0.12
SLACK = 0.6  # seconds; other work on the machine


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    with no_new_sockets():
        yield


def trickle(data: bytes, pause: float = 0.02) -> Plan:
    """Byte by byte."""
    return [step for byte in data for step in (bytes([byte]), pause)]


def late(
    way: str, arguments: dict[str, Any], *, streaming: bool = False, error: type[LLMError] = RequestTimeoutError
) -> Any:
    """The error of a call that must be over within ``TOTAL``."""
    started = time.monotonic()
    got = outcome(way, arguments, streaming=streaming)
    assert time.monotonic() - started < TOTAL + SLACK
    assert type(got) is error, repr(got)
    return got


@every_way
@pytest.mark.parametrize(
    ("streaming", "plan"),
    [
        pytest.param(False, trickle(answer_of(streaming=False)), id="head"),
        pytest.param(True, [OPEN_HEAD, *[chunk(b": wait\n\n"), 0.02] * 100], id="stream"),
        pytest.param(False, [head(content_length=100), *trickle(b" " * 100)], id="body"),
        pytest.param(False, [*[b"HTTP/1.1 102 Processing\r\n\r\n", 0.02] * 100], id="informational answers"),
        pytest.param(True, [5.0], id="silence"),
        pytest.param(False, [head(content_length=100), 5.0], id="silence after the head"),
        pytest.param(True, [OPEN_HEAD, 5.0], id="silence in the stream"),
    ],
)
def test_total_timeout_bounds_an_answer_that_trickles(way: str, streaming: bool, plan: Plan) -> None:
    with FaultServer(plan) as server:
        got = late(way, options(server.port, total_timeout=TOTAL, max_retries=5), streaming=streaming)
        assert len(server.requests) == 1
    assert f"total_timeout={TOTAL}" in str(got)


@every_way
def test_total_timeout_and_timeout_bound_a_slow_connect(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, "many.example", *["127.0.0.1"] * 8)
    with black_hole() as port:
        assert "total_timeout" in str(late(way, options(port, total_timeout=TOTAL)))
        assert "no connection from 127.0.0.1" in str(late(way, options(port, timeout=TOTAL)))
        many = options(port, total_timeout=TOTAL) | {"base_url": f"http://many.example:{port}/v1"}
        assert "total_timeout" in str(late(way, many))


@every_way
@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("limit", ["timeout", "total_timeout"])
def test_a_server_that_stalls_in_the_tls_handshake(way: str, limit: str) -> None:
    with Relay(stalls=True) as server:
        late(way, options(server.port, "https", **{limit: TOTAL}))


@every_way
@pytest.mark.parametrize("limit", ["timeout", "total_timeout"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_stalls(way: str, limit: str, scheme: str) -> None:
    with Relay(stalls=True) as proxy:
        proxied = {"proxy": f"http://127.0.0.1:{proxy.port}", "base_url": f"{scheme}://api.example.com/v1"}
        late(way, options(0) | proxied | {limit: TOTAL})


@every_way
@pytest.mark.usefixtures("trusted")
def test_a_server_that_stalls_behind_a_proxy(way: str) -> None:
    with Relay(stalls=True) as server, HttpProxy(server.port) as proxy:
        proxied = {"proxy": f"http://127.0.0.1:{proxy.port}", "base_url": "https://api.example.com/v1"}
        late(way, options(0, total_timeout=TOTAL) | proxied)


@every_way
@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("limit", ["timeout", "total_timeout"])
@pytest.mark.parametrize("secure_proxy", [False, True])
def test_a_handshake_that_trickles_behind_a_proxy(way: str, limit: str, secure_proxy: bool) -> None:
    context = server_context()
    with (
        FaultServer([whole(CHAT)]) as server,
        Relay(server.port, tls=context) as secure,
        Trickle(secure.port, tls=context if secure_proxy else None) as proxy,
    ):
        there = {"base_url": "https://api.example.com/v1"}
        there["proxy"] = f"{'https' if secure_proxy else 'http'}://127.0.0.1:{proxy.port}"
        late(way, options(0) | there | {limit: TOTAL})


@every_way
@pytest.mark.parametrize(("streaming", "beginning"), [(True, b""), (False, OPEN_HEAD), (False, b"HTTP/1.1 200")])
def test_timeout_bounds_each_silence(way: str, streaming: bool, beginning: bytes) -> None:
    with FaultServer([beginning, 5.0]) as server:
        assert "127.0.0.1" in str(late(way, options(server.port, timeout=TOTAL), streaming=streaming))


@every_way
def test_a_silent_stream_keeps_what_had_arrived(way: str) -> None:
    with FaultServer([OPEN_HEAD + chunk(EVENTS[0]), 5.0]) as server:
        got = late(way, options(server.port, timeout=TOTAL), streaming=True)
    assert got.partial is not None
    assert got.partial.content == DELTAS[0]["content"]
    assert got.partial.finish_reason is None


OPEN_END = answer_of(streaming=True)[: -len(chunk(b""))]  # the vendor's mark of the end, and not HTTP's


@every_way
@pytest.mark.parametrize(
    "rest",
    [
        pytest.param([], id="silence"),
        pytest.param([chunk(b": ping\n\n"), 0.03] * 100, id="pings"),
        pytest.param([chunk(b": ping\n\n" * 5000)] * 20_000, id="a flood"),
        pytest.param(trickle(b"000000" * 20, 0.03), id="a chunk's size in pieces"),
    ],
)
def test_after_its_end_a_stream_is_left_soon_and_complete(
    way: str, rest: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_connector.transport.connections.PATIENCE", 0.2)
    monkeypatch.setattr("llm_connector.transport.async_connections.PATIENCE", 0.2)
    with FaultServer([OPEN_END, *rest, 5.0]) as server:
        started = time.monotonic()
        assert outcomes(way, options(server.port), "a", streaming=True) == [TEXT]
        assert time.monotonic() - started < 0.2 + SLACK


@every_way
def test_the_end_does_not_lengthen_a_timeout(way: str) -> None:
    with FaultServer([OPEN_END, 5.0]) as server:
        started = time.monotonic()
        assert outcome(way, options(server.port, timeout=0.1), streaming=True) == TEXT
        assert time.monotonic() - started < 0.1 + SLACK


@every_way
def test_the_chunks_of_a_stream_that_stays_open_are_not_held_back(way: str) -> None:
    """The caller has the last chunk before the wait for the end of the connection begins."""
    with FaultServer([OPEN_END, 5.0]) as server:
        seen: list[float] = []
        started = time.monotonic()
        if way == "sync":
            with LLMClient(**options(server.port)) as client, client.stream("hi") as stream:
                for got in stream:
                    seen.append(time.monotonic() - started)
                    if got.finish_reason:
                        break
        else:

            async def use() -> None:
                async with AsyncLLMClient(**options(server.port)) as client, client.stream("hi") as stream:
                    async for got in stream:
                        seen.append(time.monotonic() - started)
                        if got.finish_reason:
                            break

            RUN[way](use)
        assert len(seen) >= 1
        assert seen[-1] < SLACK


@every_way
def test_a_server_that_takes_nothing_is_given_up(way: str) -> None:
    done = threading.Event()
    with RawServer(lambda connection: done.wait(5)) as server:
        for limit in ("timeout", "total_timeout"):
            started = time.monotonic()
            got = outcome(way, options(server.port, **{limit: TOTAL}), "x" * 15_000_000)
            assert type(got) is RequestTimeoutError
            assert time.monotonic() - started < TOTAL + 2 * SLACK
        done.set()


@every_way
def test_a_server_that_takes_a_large_request_slowly_is_not_silent(way: str) -> None:
    size = 24_000_000  # far more than the buffers of the two sockets hold

    def serve(connection: socket.socket) -> None:
        taken, pauses = 0, 0
        while taken < size:
            taken += len(connection.recv(1 << 20))
            if pauses < 8 and taken > pauses * 500_000:
                pauses += 1
                time.sleep(0.1)
        connection.sendall(whole(CHAT, connection="close"))

    with RawServer(serve) as server:
        started = time.monotonic()
        assert outcome(way, options(server.port, timeout=0.4), "x" * size) == TEXT
        assert time.monotonic() - started > 0.8  # longer than the timeout, which no silence was


@every_way
def test_total_timeout_bounds_a_request_that_is_taken_slowly(way: str) -> None:
    def serve(connection: socket.socket) -> None:
        while connection.recv(1 << 18):
            time.sleep(0.03)

    with RawServer(serve) as server:
        started = time.monotonic()
        got = outcome(way, options(server.port, total_timeout=0.4), "x" * 20_000_000)  # which takes some 2 s
        assert time.monotonic() - started < 0.4 + 2 * SLACK
    assert "total_timeout" in str(got)


async def test_asyncio_reads_no_more_ahead_than_its_bound() -> None:
    sent = 0

    def serve(connection: socket.socket) -> None:
        nonlocal sent
        while True:
            sent += connection.send(b"x" * 65536)

    most = 0
    with RawServer(serve) as server:
        stream = await asyncio_stream.connect("127.0.0.1", server.port, 1, Pace())
        taken = 0
        while taken < 20_000_000:
            taken += len(await stream.read(65536, 1))
            await asyncio.sleep(0)
            most = max(most, sum(map(len, stream._receiver.pieces)))
        await stream.aclose()
    assert most <= 2 * asyncio_stream.MAX_BUFFERED  # what one read of the loop may add to a full buffer


@pytest.mark.parametrize("way", WAYS)
def test_a_slow_reader_holds_the_server_up(way: str) -> None:
    sent = 0
    event = chunk(b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % (b"x" * 60_000))

    def serve(connection: socket.socket) -> None:
        nonlocal sent
        connection.recv(65536)
        connection.sendall(head(transfer_encoding="chunked", **SSE))
        while sent < 200_000_000:
            connection.sendall(event)
            sent += len(event)

    def at_rest() -> bool:
        before = sent
        time.sleep(0.05)
        return 0 < sent == before

    with RawServer(serve) as server:
        if way == "sync":
            with LLMClient(**options(server.port)) as client, client.stream("hi") as stream:
                next(stream)
                wait_for(at_rest)
        else:

            async def use() -> None:
                async with AsyncLLMClient(**options(server.port)) as client, client.stream("hi") as stream:
                    await anext(stream)
                    sleep = SLEEP[way]
                    for _ in range(20):
                        await sleep(0.01)
                    await until(at_rest, sleep)

            RUN[way](use)
        assert sent < 50_000_000  # what the system's own buffers hold


def test_pace() -> None:
    pace = Pace()
    assert pace.cut(3.0) == 3.0
    deadline = Deadline(1.0)
    pace.begin(deadline)
    assert pace.cut(7.0) == 7.0
    deadline.start()
    assert 0.5 < pace.cut(7.0) <= 1.0
    assert pace.cut(0.25) == 0.25
    pace.begin(Deadline(None))
    assert pace.cut(7.0) == 7.0
    pace.hurry(0.05)
    pace.hurry(9.0)
    assert pace.cut(3.0) <= 0.05
    assert pace.cut(0.001) == 0.001
    time.sleep(0.06)
    with pytest.raises(RequestTimeoutError):
        pace.hurry(9.0)
    pace.begin(Deadline(None))
    assert pace.cut(3.0) == 3.0


@pytest.mark.parametrize("given", [0, -1, float("nan"), float("inf"), True, "5"])
def test_a_time_is_a_number_of_seconds(given: Any) -> None:
    for name in ("timeout", "total_timeout"):
        with pytest.raises(ConfigError, match=name):
            LLMClient(**options(1, **{name: given}))
