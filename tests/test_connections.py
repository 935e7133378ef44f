"""Connections of the package's own: what leaves in one packet, what is used again, what a dead one does."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from typing import Any

import httpx
import pytest

from fault_table import CHAT, TEXT, answer_of
from llm_connector import (
    AuthenticationError,
    ConfigError,
    ConnectError,
    InvalidRequestError,
    LLMClient,
    LLMError,
)
from llm_connector.transport.asyncio_connect import connected_socket
from llm_connector.transport.idle import MAX_IDLE, Idle
from servers.faults import CLOSE, RESET, FaultServer, closed_port, whole
from servers.raw import RawServer
from transport_kit import (
    ASYNC_WAYS,
    IMPOSSIBLE,
    black_hole,
    every_way,
    no_new_sockets,
    options,
    outcome,
    outcomes,
    resolve,
    wait_for,
)

LARGE = "x" * 5_000_000


@every_way
def test_head_and_body_of_a_small_request_leave_in_one_packet(way: str) -> None:
    packets: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        while packet := connection.recv(1 << 20):
            packets.append(packet)
            connection.sendall(whole(CHAT))

    with RawServer(serve) as server:
        assert outcomes(way, options(server.port), "one", "two") == [TEXT, TEXT]
    assert len(packets) == 2
    for packet, word in zip(packets, ("one", "two"), strict=True):
        assert packet.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
        assert json.loads(packet.partition(b"\r\n\r\n")[2])["messages"][0]["content"] == word


@every_way
def test_a_large_request_arrives_whole(way: str) -> None:
    with FaultServer([whole(CHAT)]) as server:
        assert outcomes(way, options(server.port), LARGE, "small", LARGE) == [TEXT] * 3
        bodies = [json.loads(request[request.index(b"{") :]) for request in server.requests]
        assert server.connections == 1
    assert [body["messages"][0]["content"] for body in bodies] == [LARGE, "small", LARGE]


@every_way
@pytest.mark.parametrize(("status", "kind"), [(413, InvalidRequestError), (401, AuthenticationError)])
@pytest.mark.parametrize("again", [False, True], ids=["new", "reused"])
def test_a_server_that_refuses_before_it_has_read_all_is_heard(
    way: str, status: int, kind: type[LLMError], again: bool
) -> None:
    served = 0

    def serve(connection: socket.socket) -> None:
        nonlocal served
        if again:
            connection.recv(1 << 20)
            connection.sendall(whole(CHAT))
        connection.recv(1000)
        served += 1
        connection.sendall(whole(b'{"error":{"message":"not like this"}}', status, connection="close"))

    with RawServer(serve) as server, no_new_sockets():
        *before, last = outcomes(way, options(server.port), *(["small"] if again else []), LARGE)
    assert before == [TEXT] * again
    assert type(last) is kind, repr(last)
    assert "not like this" in str(last)
    assert served == 1


@every_way
def test_a_server_that_stops_reading_after_its_last_word_is_heard_at_once(way: str) -> None:
    done = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(whole(b"{}", 413, connection="close"))
        connection.shutdown(socket.SHUT_WR)
        while way != "asyncio" and connection.recv(1 << 20):  # only asyncio listens while it writes
            pass
        done.wait(5)

    with RawServer(serve) as server:
        started = time.monotonic()
        assert isinstance(outcome(way, options(server.port), LARGE), InvalidRequestError)
        assert time.monotonic() - started < 3
        done.set()


@every_way
def test_a_connection_that_was_closed_while_idle_is_noticed_before_sending(way: str) -> None:
    with FaultServer([whole(CHAT), CLOSE]) as server:
        closing = {**options(server.port), "api_key": lambda: _when(lambda: not server._open)}
        assert outcomes(way, closing, "one", "two", "three") == [TEXT] * 3
        assert (len(server.requests), server.connections) == (3, 3)


def _when(condition: Any) -> str:
    wait_for(condition)
    time.sleep(0.005)  # until the FIN is here
    return "k"


@every_way
@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_one_that_dies_under_the_request_is_replaced_once(way: str, end: str) -> None:
    with FaultServer([whole(CHAT)], [end], [whole(CHAT)]) as server, no_new_sockets():
        assert outcomes(way, options(server.port), "one", "two") == [TEXT, TEXT]
        assert (len(server.requests), server.connections) == (3, 2)
        assert server.requests[1] == server.requests[2]


@every_way
@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_one_that_dies_in_the_answers_head_is_not(way: str, end: str) -> None:
    for beginning in (b"HTTP/1.", answer_of(streaming=False)[:30], b"\r\n"):
        with FaultServer([whole(CHAT)], [beginning, 0.02, end]) as server, no_new_sockets():
            _, last = outcomes(way, options(server.port), "one", "two")
            assert type(last) is ConnectError, repr(last)
            assert len(server.requests) == 2


def test_when_all_kept_connections_are_dead_the_request_goes_out_twice_at_most() -> None:
    plans = [[answer_of(streaming=True)]] * 5 + [[CLOSE]]
    with FaultServer(*plans) as server, LLMClient(**options(server.port)) as client:
        streams = [client.stream("hi") for _ in range(5)]
        assert [stream.response().content for stream in streams] == [TEXT] * 5
        assert server.connections == 5
        with pytest.raises(ConnectError):
            client.chat("hi")
        assert (len(server.requests), server.connections) == (7, 6)


class Kept:
    """A connection that waits, and knows whether it has ended."""

    def __init__(self, ended: bool = False) -> None:
        self.ended = ended

    def has_expired(self) -> bool:
        return self.ended


def test_the_last_used_connection_is_used_next_and_ended_ones_are_given_up() -> None:
    idle: Idle[Kept] = Idle(None)
    first, second, third = Kept(), Kept(), Kept()
    assert [idle.give("a", kept) for kept in (first, second, third)] == [None] * 3
    third.ended = True
    assert idle.take("a") == (second, [third])
    assert idle.take("b") == (None, [])
    assert idle.take("a") == (first, [])
    assert idle.take("a") == (None, [])


def test_the_oldest_connection_goes_when_it_has_ended_or_there_are_too_many() -> None:
    idle: Idle[Kept] = Idle(None)
    oldest = Kept()
    kept = [oldest, *(Kept() for _ in range(MAX_IDLE - 1))]
    assert [idle.give("a", one) for one in kept] == [None] * MAX_IDLE
    assert idle.give("a", Kept()) is oldest
    kept[1].ended = True
    assert idle.take("a")[0] is not None
    assert idle.give("a", Kept()) is kept[1]
    assert idle.give("a", Kept()) is None


def test_no_more_connections_than_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_connector.transport.idle.MAX_IDLE", 3)
    with FaultServer([answer_of(streaming=True)]) as server, LLMClient(**options(server.port)) as client:
        streams = [client.stream("hi") for _ in range(10)]
        assert [stream.response().content for stream in streams] == [TEXT] * 10
        wait_for(lambda: len(server._open) == 3)
        assert client.stream("hi").response().content == TEXT
        assert server.connections == 10


@every_way
def test_a_connection_that_was_idle_for_too_long_is_closed_and_replaced(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm_connector.transport.connections.IDLE_SECONDS", 0.05)
    monkeypatch.setattr("llm_connector.transport.async_connections.IDLE_SECONDS", 0.05)
    with FaultServer([whole(CHAT)]) as server:
        slow = {**options(server.port), "api_key": lambda: time.sleep(0.1) or "k"}
        assert outcomes(way, slow, "one", "two") == [TEXT, TEXT]
        assert server.connections == 2


@every_way
def test_each_address_has_connections_of_its_own(way: str) -> None:
    with FaultServer([whole(CHAT)]) as one, FaultServer([whole(CHAT)]) as other:
        assert outcomes(way, options(one.port), "a", "b") == [TEXT, TEXT]
        assert outcome(way, options(other.port)) == TEXT
        assert (one.connections, other.connections) == (1, 1)


@every_way
def test_a_name_with_two_addresses_of_which_one_answers(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, "both.example", "::1", "127.0.0.1")
    with FaultServer([whole(CHAT)]) as server:
        started = time.monotonic()
        there = options(server.port) | {"base_url": f"http://both.example:{server.port}/v1"}
        assert outcome(way, there) == TEXT
        assert time.monotonic() - started < 1
    nowhere = options(0) | {"base_url": f"http://both.example:{closed_port()}/v1"}
    with no_new_sockets():
        assert type(outcome(way, nowhere)) is ConnectError


@every_way
@pytest.mark.parametrize("host", IMPOSSIBLE)
def test_a_host_that_can_be_none_is_told(way: str, host: str) -> None:
    got = outcome(way, options(0, max_retries=2) | {"base_url": f"http://{host}/v1"})
    assert type(got) is ConfigError, repr(got)
    assert "host" in str(got)


@pytest.mark.parametrize("host", IMPOSSIBLE)
def test_a_host_that_can_be_none_is_told_to_who_brings_an_http_client(host: str) -> None:
    with httpx.Client() as given:
        got = outcome("sync", options(0, http_client=given) | {"base_url": f"http://{host}/v1"})
    assert type(got) is ConfigError, repr(got)


@pytest.mark.parametrize("way", ASYNC_WAYS)
def test_an_address_that_hangs_holds_up_the_next_for_a_moment_only(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with black_hole() as hole, FaultServer([whole(CHAT)]) as server, no_new_sockets():
        resolve(monkeypatch, "both.example", f"127.0.0.1:{hole}", "127.0.0.1")
        started = time.monotonic()
        assert outcome(way, options(0) | {"base_url": f"http://both.example:{server.port}/v1"}) == TEXT
        assert 0.2 < time.monotonic() - started < 1


async def test_the_attempt_that_comes_second_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with black_hole() as hole, FaultServer([whole(CHAT)]) as server:
        resolve(monkeypatch, "both.example", f"127.0.0.1:{hole}", "127.0.0.1")
        connected = await connected_socket("both.example", server.port)
        await asyncio.sleep(0.01)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert connected.getpeername()[1] == server.port
        connected.close()


@every_way
def test_a_host_that_is_not_known(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, "nowhere.example")
    got = outcome(way, options(0) | {"base_url": "http://nowhere.example/v1"})
    assert type(got) is ConnectError, repr(got)
    assert "cannot reach nowhere.example: " in str(got)
    assert "not known" in str(got)
