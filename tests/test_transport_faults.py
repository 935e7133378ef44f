"""Every fault of the network has its outcome, sync and async, whole and streamed; the README's table is this one."""

from __future__ import annotations

import json
import socket
import threading
import time

import httpx
import pytest

import llm_connector
from fault_table import CHAT, DELTAS, ROWS, TEXT, TIMEOUT, FaultRow, Outcome, answer_of, body_of
from llm_connector import AsyncLLMClient, ConnectError, LLMClient, LLMError, RateLimitError, RequestTimeoutError
from servers.faults import CLOSE, RESET, FaultServer, chunk, head, whole

KINDS = [pytest.param(False, id="chat"), pytest.param(True, id="stream")]
RETRIES = 1


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_connector.retry._FIRST_WAIT", 0.001)


def arguments(server: FaultServer, row: FaultRow) -> dict:
    return {
        "provider": "openai_compatible",
        "model": "m",
        "api_key": "k",
        "base_url": server.url,
        "timeout": TIMEOUT,
        "max_retries": RETRIES,
        **row.options(),
    }


def ask(client: LLMClient, streaming: bool) -> object:
    return client.stream("hi").response() if streaming else client.chat("hi")


async def aask(client: AsyncLLMClient, streaming: bool) -> object:
    return await client.stream("hi").response() if streaming else await client.chat("hi")


def check(outcome: Outcome, got: object, server: FaultServer, row: FaultRow) -> None:
    if not outcome.error:
        assert not isinstance(got, LLMError), repr(got)
        assert got.content == TEXT
        return
    assert isinstance(got, LLMError), got
    assert type(got).__name__ == outcome.error, repr(got)
    assert got.provider == "openai_compatible"
    assert (got.partial is not None and bool(got.partial.content)) == outcome.partial
    if got.partial is not None:
        assert got.partial.finish_reason is None
        assert TEXT.startswith(got.partial.content)
    assert outcome.caused in {None, isinstance(got.__cause__, httpx.HTTPError)}, repr(got.__cause__)
    assert got.retryable == outcome.retried or outcome.partial or row.options().get("total_timeout")
    if server.plans:
        assert len(server.requests) == 1 + RETRIES * outcome.retried


@pytest.mark.parametrize("streaming", KINDS)
@pytest.mark.parametrize("row", [pytest.param(row, id=row.fault) for row in ROWS])
def test_sync(row: FaultRow, streaming: bool) -> None:
    outcome = row.stream if streaming else row.chat
    with FaultServer(*row.plans(streaming)) as server, LLMClient(**arguments(server, row)) as client:
        if row.warm:
            ask(client, streaming)
        try:
            got = ask(client, streaming)
        except LLMError as error:
            got = error
        check(outcome, got, server, row)


@pytest.mark.parametrize("streaming", KINDS)
@pytest.mark.parametrize("row", [pytest.param(row, id=row.fault) for row in ROWS])
async def test_async(row: FaultRow, streaming: bool) -> None:
    outcome = row.stream if streaming else row.chat
    with FaultServer(*row.plans(streaming)) as server:
        async with AsyncLLMClient(**arguments(server, row)) as client:
            if row.warm:
                await aask(client, streaming)
            try:
                got = await aask(client, streaming)
            except LLMError as error:
                got = error
        check(outcome, got, server, row)


def client_of(server: FaultServer, **options: object) -> LLMClient:
    return LLMClient("openai_compatible", "m", api_key="k", base_url=server.url, **options)


@pytest.mark.parametrize("streaming", KINDS)
def test_a_reset_at_any_byte_never_looks_whole(streaming: bool) -> None:
    answer = answer_of(streaming)
    end = answer.index(b"data: [DONE]") + 12 if streaming else len(answer)  # what comes after the mark is not needed
    for size in range(0, end, 7):
        with (
            FaultServer([answer[:size], CLOSE if size % 2 else RESET]) as server,
            client_of(server, max_retries=0) as client,
            pytest.raises(LLMError) as caught,
        ):
            ask(client, streaming)
        assert caught.value.partial is None or caught.value.partial.finish_reason is None


def test_a_dead_kept_connection_is_no_retry_and_a_fresh_one_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "llm_connector")
    with FaultServer([whole(CHAT)], [CLOSE], [whole(CHAT)], [CLOSE]) as server:
        with client_of(server, max_retries=0) as client:
            assert client.chat("hi").content == client.chat("hi").content == TEXT
            assert (len(server.requests), server.connections) == (3, 2)
            assert server.requests[1] == server.requests[2]
        with client_of(server, max_retries=0) as client, pytest.raises(ConnectError):
            client.chat("hi")
    assert not [record for record in caplog.records if record.name == "llm_connector"]


async def test_an_error_inside_http_200_is_retried_like_its_status_when_a_stream_was_asked_for() -> None:
    limit = whole(json.dumps({"error": {"code": "rate_limit_exceeded", "message": "slow down"}}).encode())
    with FaultServer([limit], [answer_of(True)], [limit], [answer_of(True)]) as server:
        with client_of(server, max_retries=1) as client:
            assert client.stream("hi").response().content == TEXT
        async with AsyncLLMClient("openai_compatible", "m", api_key="k", base_url=server.url, max_retries=1) as client:
            assert (await client.stream("hi").response()).content == TEXT
        assert len(server.requests) == 4


def test_a_whole_answer_where_a_stream_was_asked_for() -> None:
    with FaultServer([whole(CHAT)]) as server, client_of(server) as client:
        assert client.stream("hi").response().content == TEXT


def test_half_an_answer_on_a_kept_connection_is_not_sent_again_in_secret() -> None:
    with FaultServer([whole(CHAT)], [b"HTTP/1.1 200 OK\r\nx: " + b"y" * 50 + b"\x00\r\n\r\n", CLOSE]) as server:
        with client_of(server, max_retries=0) as client:
            client.chat("hi")
            with pytest.raises(ConnectError):
                client.chat("hi")
        assert len(server.requests) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_takes_no_key_along_whatever_the_http_client_likes(status: int) -> None:
    with FaultServer([whole(CHAT)]) as other:
        with FaultServer([whole(b"", status, location=other.url + "/chat/completions")]) as server:
            with (
                httpx.Client(follow_redirects=True) as mine,
                client_of(server, http_client=mine) as client,
                pytest.raises(LLMError, match="redirects to"),
            ):
                client.chat("hi")
            async with httpx.AsyncClient(follow_redirects=True) as mine:
                client = AsyncLLMClient("openai_compatible", "m", api_key="k", base_url=server.url, http_client=mine)
                with pytest.raises(LLMError, match="redirects to"):
                    await client.chat("hi")
        assert other.connections == 0


def test_a_proxy_that_refuses_says_why() -> None:
    with FaultServer([whole(b"", 407)]) as proxy:
        address = f"http://me:canary@127.0.0.1:{proxy.port}"
        with (
            LLMClient("deepseek", "m", api_key="k", proxy=address, max_retries=0) as client,
            pytest.raises(ConnectError, match="407") as caught,
        ):
            client.chat("hi")
        assert proxy.requests[0].startswith(b"CONNECT api.deepseek.com:443")
        assert b"authorization: bearer" not in proxy.requests[0].lower()
    assert "canary" not in repr(caught.value)


def test_a_whole_answer_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_connector.transport.reading.MAX_ANSWER_BYTES", 100_000)
    endless = [head(transfer_encoding="chunked"), *[chunk(b" " * 65536)] * 50]
    with (
        FaultServer(endless) as server,
        client_of(server, max_retries=0) as client,
        pytest.raises(llm_connector.DecodeError, match="larger than 100000 bytes"),
    ):
        client.chat("hi")


def test_what_is_kept_of_an_error_body_has_a_limit() -> None:
    body = json.dumps({"error": {"message": "no" * 50_000, "code": "bad"}}).encode()
    with FaultServer([whole(body, 400)]) as server, client_of(server) as client, pytest.raises(LLMError) as caught:
        client.chat("hi")
    assert caught.value.code == "bad"
    assert len(str(caught.value)) < 5000
    assert len(str(caught.value.raw)) < 5000


async def test_total_timeout_counts_waits_and_attempts() -> None:
    with FaultServer([whole(b"{}", 429, retry_after="0.3")]) as server:
        with client_of(server, max_retries=100, total_timeout=0.7) as client, pytest.raises(RateLimitError):
            client.chat("hi")
        assert 2 <= len(server.requests) <= 3
        async with AsyncLLMClient(
            "openai_compatible", "m", base_url=server.url, max_retries=100, total_timeout=0.7
        ) as client:
            with pytest.raises(RateLimitError):
                await client.chat("hi")
        assert 4 <= len(server.requests) <= 6


async def test_total_timeout_ends_a_trickle_and_a_silence() -> None:
    trickle = [head(transfer_encoding="chunked"), *[0.05, chunk(b" ")] * 60]
    silence = [head(transfer_encoding="chunked"), 0.25, chunk(b" "), 2.0]
    for plan in (trickle, silence):
        with FaultServer(plan) as server:
            start = time.monotonic()
            with client_of(server, total_timeout=0.4) as client, pytest.raises(RequestTimeoutError, match="total_time"):
                client.chat("hi")
            async with AsyncLLMClient("openai_compatible", "m", base_url=server.url, total_timeout=0.4) as client:
                with pytest.raises(RequestTimeoutError, match=r"total_timeout=0\.4"):
                    await client.chat("hi")
            assert time.monotonic() - start < 1.5


def test_a_call_within_its_total_time_leaves_no_thread() -> None:
    with FaultServer([answer_of(streaming=True)]) as server, client_of(server, total_timeout=30) as client:
        assert client.stream("hi").response().content == TEXT
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join(2)
                assert not thread.is_alive()


def test_the_fault_server_gives_a_right_answer_when_told_so() -> None:
    assert "".join(delta["content"] for delta in DELTAS) == TEXT
    with (
        FaultServer([answer_of(streaming=True)]) as server,
        socket.create_connection(("127.0.0.1", server.port)) as raw,
    ):
        raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert raw.recv(10) == b"HTTP/1.1 2"
    assert body_of(streaming=False) == CHAT
