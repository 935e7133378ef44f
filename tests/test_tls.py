"""TLS with certificates of a test authority, in every way to call: answers, streams, refusals, ends and breaks."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from fault_table import CHAT, TEXT, answer_of, begun
from llm_connector import AsyncLLMClient, ConnectError, InvalidRequestError, LLMClient, LLMError, StreamInterruptedError
from servers.faults import CLOSE, RESET, FaultServer, whole
from servers.raw import RawServer
from servers.relays import HttpProxy, Relay
from transport_kit import (
    ENDLESS,
    RUN,
    SLEEP,
    every_way,
    no_new_sockets,
    options,
    outcome,
    outcomes,
    server_context,
    trusted,
    until,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["trusted"]
pytestmark = pytest.mark.usefixtures("trusted")
both = pytest.mark.parametrize("streaming", [False, True], ids=["chat", "stream"])


@every_way
@both
def test_answers_come_over_one_handshake(way: str, streaming: bool) -> None:
    with no_new_sockets(), FaultServer([answer_of(streaming)]) as server:
        with Relay(server.port, tls=server_context()) as secure:
            assert outcomes(way, options(secure.port, "https"), "a", "b", streaming=streaming) == [TEXT, TEXT]
            assert secure.connections == 1


@every_way
def test_large_bodies_pass_in_both_directions(way: str) -> None:
    large = "x" * 5_000_000
    answer = whole(CHAT.replace(TEXT.encode(), large.encode()))
    with FaultServer([answer]) as server, Relay(server.port, tls=server_context()) as secure:
        assert outcome(way, options(secure.port, "https"), large) == large
        assert secure.received > len(large)


@every_way
@pytest.mark.parametrize("status", [413, 401])
def test_a_refusal_before_all_was_read_is_heard(way: str, status: int) -> None:
    refusal = whole(b'{"error":{"message":"not like this"}}', status, connection="close")
    context, done = server_context(), threading.Event()

    def serve(connection: Any) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(1000)
            secure.sendall(refusal)
            while secure.recv(1 << 16):  # as servers do that linger; a reset over TLS may well lose the answer
                pass

    with RawServer(serve) as server:
        got = outcome(way, options(server.port, "https"), "x" * 5_000_000)
        done.set()
    assert isinstance(got, LLMError)
    assert "not like this" in str(got), repr(got)


@every_way
@pytest.mark.parametrize("fault", ["unknown authority", "another name"])
def test_a_certificate_that_is_not_right_is_told_and_not_asked_twice(way: str, fault: str) -> None:
    if fault == "unknown authority":
        context = server_context(authority=trustme.CA())
    else:
        context = server_context("www.example.org")
    with no_new_sockets(), FaultServer([whole(CHAT)]) as server, Relay(server.port, tls=context) as secure:
        got = outcome(way, options(secure.port, "https", max_retries=2))
        assert secure.connections == 1
        assert server.requests == []
    assert type(got) is ConnectError
    assert not got.retryable
    assert "certificate verify failed" in str(got)
    assert ("SSL_CERT_FILE" in str(got)) == (fault == "unknown authority")
    assert "canary" not in str(got)


@every_way
def test_a_server_without_tls(way: str) -> None:
    def serve(connection: Any) -> None:
        connection.recv(1000)
        connection.sendall(whole(b"plain text", 400))

    with no_new_sockets(), RawServer(serve) as server:
        got = outcome(way, options(server.port, "https"))
    assert type(got) is ConnectError, repr(got)
    assert "SSL" in str(got)
    assert got.retryable


@every_way
@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_an_end_in_the_handshake(way: str, end: str) -> None:
    with no_new_sockets(), RawServer(lambda connection: connection.recv(1000 if end == CLOSE else 1)) as server:
        assert type(outcome(way, options(server.port, "https"))) is ConnectError


@every_way
@both
@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_an_end_without_the_farewell_of_tls_is_no_end_of_an_answer(way: str, streaming: bool, end: str) -> None:
    with no_new_sockets(), FaultServer([begun(streaming), 0.02, end]) as server:
        with Relay(server.port, tls=server_context()) as secure:
            got = outcome(way, options(secure.port, "https"), streaming=streaming)
    assert type(got) is (StreamInterruptedError if streaming else ConnectError), repr(got)
    assert not streaming or TEXT.startswith(got.partial.content)


@every_way
def test_a_kept_connection_that_dies_under_the_request_is_replaced_once(way: str) -> None:
    with no_new_sockets(), FaultServer([whole(CHAT)], [CLOSE], [whole(CHAT)]) as server:
        with Relay(server.port, tls=server_context()) as secure:
            assert outcomes(way, options(secure.port, "https"), "a", "b") == [TEXT, TEXT]
            assert (secure.connections, len(server.requests)) == (2, 3)


@every_way
@pytest.mark.parametrize("left_by", ["break", "close", "client"])
def test_leaving_a_stream_closes_its_connection_at_once(way: str, left_by: str) -> None:
    with no_new_sockets(), FaultServer(ENDLESS) as server, Relay(server.port, tls=server_context()) as secure:
        arguments = options(secure.port, "https")
        if way == "sync":
            leave(LLMClient(**arguments), left_by, lambda: wait_for(lambda: secure.open == 0))
        else:
            RUN[way](lambda: aleave(AsyncLLMClient(**arguments), left_by, way, secure))
        assert secure.connections == 1


def leave(client: LLMClient, left_by: str, closed: Any) -> None:
    stream = client.stream("hi")
    for _ in stream:
        if left_by == "break":
            break
        (stream if left_by == "close" else client).close()
        break
    del _
    if left_by == "break":
        del stream
    closed()
    client.close()


async def aleave(client: AsyncLLMClient, left_by: str, way: str, secure: Relay) -> None:
    async with client.stream("hi") as stream:
        async for _ in stream:
            if left_by == "close":
                await stream.aclose()
            if left_by == "client":
                await client.aclose()
            break
    await until(lambda: secure.open == 0, SLEEP[way])
    await client.aclose()


@every_way
def test_a_tunnel_through_a_proxy_with_tls_of_its_own(way: str) -> None:
    with no_new_sockets(), FaultServer([whole(CHAT)]) as server, Relay(server.port, tls=server_context()) as secure:
        with HttpProxy(secure.port, tls=server_context()) as proxy:
            arguments = options(0, proxy=f"https://me:pw@localhost:{proxy.port}")
            arguments["base_url"] = "https://api.example.com/v1"
            assert outcomes(way, arguments, "a", "b") == [TEXT, TEXT]
            assert (proxy.connections, secure.connections, len(server.requests)) == (1, 1, 2)
        assert proxy.heard[0].startswith(b"CONNECT api.example.com:443 HTTP/1.1\r\n")
        assert b"canary" not in proxy.heard[0]


SCRIPT = """
import asyncio, sys
from llm_connector import AsyncLLMClient, LLMClient, ConnectError

def ask(url):
    arguments = {"provider": "openai_compatible", "model": "m", "base_url": url, "max_retries": 0}
    async def aask():
        async with AsyncLLMClient(**arguments) as client:
            return (await client.chat("hi")).content
    try:
        with LLMClient(**arguments) as client:
            print(client.chat("hi").content)
        print(asyncio.run(aask()))
    except ConnectError as error:
        print(error)

ask(sys.argv[1])
"""


@every_way
@pytest.mark.parametrize("tunnel", [False, True], ids=["direct", "behind a proxy with TLS"])
def test_a_record_behind_an_answer_is_not_the_next_answer(way: str, tunnel: bool) -> None:
    """Two records in one packet: who decrypts by itself has taken both off the socket when it gives the first."""
    context, connections = server_context(), 0

    def serve(connection: socket.socket) -> None:
        nonlocal connections
        connections += 1
        came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = context.wrap_bio(came, goes, server_side=True)

        def do(step: Callable[[], Any]) -> Any:
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    connection.sendall(goes.read())
                    came.write(connection.recv(65536) or b"\0")

        do(secure.do_handshake)
        while do(lambda: secure.read(65536)):
            for answer in (whole(CHAT), whole(CHAT.replace(b"blue", b"green"))):
                secure.write(answer)
            connection.sendall(goes.read())

    with RawServer(serve) as server, HttpProxy(server.port, tls=context) as proxy:
        there = {"base_url": "https://api.example.com/v1", "proxy": f"https://127.0.0.1:{proxy.port}"}
        arguments = options(server.port, "https") | (there if tunnel else {})
        assert outcomes(way, arguments, "a", "b", "c") == [TEXT] * 3
        assert connections == 3


def test_the_environment_names_the_authority(trusted: Path) -> None:
    with FaultServer([whole(CHAT)]) as server, Relay(server.port, tls=server_context()) as secure:
        command = [sys.executable, "-W", "error", "-c", SCRIPT, f"https://localhost:{secure.port}/v1"]
        without = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
        told = [
            subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=environment)
            for environment in (without | {"SSL_CERT_FILE": str(trusted)}, without)
        ]
    assert [one.stderr for one in told] == ["", ""]
    assert told[0].stdout.splitlines() == [TEXT, TEXT]
    assert "certificate verify failed" in told[1].stdout


def test_nothing_is_left_to_the_garbage_collector(recwarn: pytest.WarningsRecorder) -> None:
    with no_new_sockets(), FaultServer([answer_of(streaming=True)]) as server:
        with Relay(server.port, tls=server_context()) as secure:

            async def use() -> None:
                client = AsyncLLMClient(**options(secure.port, "https"))
                assert (await client.stream("hi").response()).content == TEXT
                await client.stream("hi")

            asyncio.run(use())
            client = LLMClient(**options(secure.port, "https"))
            assert client.stream("hi").response().content == TEXT
            client.stream("hi")
            del client
            gc.collect()
    assert not recwarn.list


def test_a_refused_certificate_leaves_the_client_usable() -> None:
    with FaultServer([whole(CHAT)]) as server, Relay(server.port, tls=server_context()) as secure:
        with Relay(server.port, tls=server_context("www.example.org")) as wrong:
            with LLMClient(**options(secure.port, "https")) as client:
                assert client.chat("hi").content == TEXT
                with pytest.raises(ConnectError):
                    client.chat("hi", base_url=f"https://127.0.0.1:{wrong.port}/v1")
                with pytest.raises(InvalidRequestError):
                    client.chat([])
                assert client.chat("hi").content == TEXT
        assert secure.connections == 1
