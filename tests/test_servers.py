"""What every test server shares: its life, what it records, scripts and faults.

The rule model is in ``test_servers_model.py``, the vendors' formats in ``test_servers_protocols.py``.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from servers.assets import AssetServer
from servers.base import Fault, Recorded, Reply
from servers.openai_chat import OpenAIChatServer

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = {"authorization": "Bearer k"}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, headers=KEY) as client:
        yield client


def ask(text: str = "Hello", **fields: Any) -> dict[str, Any]:
    return {"model": "gpt-x", "messages": [{"role": "user", "content": text}], **fields}


def chat(client: httpx.Client, server: OpenAIChatServer, **fields: Any) -> httpx.Response:
    return client.post(f"{server.url}/chat/completions", json=ask(**fields))


def deltas(response: httpx.Response) -> str:
    events = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event.get("choices", []))


# Life


def test_a_server_starts_and_stops_in_milliseconds_and_leaves_no_thread(client: httpx.Client) -> None:
    before = set(threading.enumerate())
    began = time.monotonic()
    with OpenAIChatServer() as server:
        started = time.monotonic() - began
        chat(client, server)  # this connection is kept alive, and must not hold up the end
        port = int(server.origin.rpartition(":")[2])
        ending = time.monotonic()
    assert started < 0.5
    assert time.monotonic() - ending < 2
    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        pass


def test_a_server_that_waits_is_stopped_at_once() -> None:
    with OpenAIChatServer(Reply("late", delay=60)) as server, ThreadPoolExecutor() as pool:
        answered = pool.submit(httpx.post, f"{server.url}/chat/completions", json=ask(), headers=KEY, timeout=60)
        while not server.requests:
            time.sleep(0.005)
        server.stop()
        with pytest.raises(httpx.TransportError):
            answered.result(5).raise_for_status()


def test_connections_are_kept_and_counted(client: httpx.Client) -> None:
    with OpenAIChatServer() as server:
        for _ in range(3):
            chat(client, server)
        assert server.connections == 1
        assert len(server.requests) == 3


def test_a_bug_of_a_server_reaches_the_test(client: httpx.Client) -> None:
    def answering(_body: Any, _recorded: Recorded) -> Reply:
        raise ZeroDivisionError

    with pytest.raises(RuntimeError, match="ZeroDivisionError"), OpenAIChatServer(answering) as server:
        assert chat(client, server).status_code == 500


def test_many_callers_at_once() -> None:
    with OpenAIChatServer() as server, httpx.Client(headers=KEY, trust_env=False) as client:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda at: chat(client, server, text=f"number {at}").json(), range(40)))
        said = [one["choices"][0]["message"]["content"] for one in answers]
        assert said == [f"You said: number {at}" for at in range(40)]
        assert len({one["id"] for one in answers}) == 40


def test_a_request_is_recorded_as_it_came(client: httpx.Client) -> None:
    with OpenAIChatServer() as server:
        response = client.post(f"{server.url}/chat/completions?a=1&b=", content=json.dumps(ask("你好")), headers={
            "content-type": "application/json", "X-Trace": "T"})  # fmt: skip
        recorded = server.last
    assert response.status_code == 200
    assert (recorded.method, recorded.path, recorded.query) == ("POST", "/v1/chat/completions", {"a": "1", "b": ""})
    assert recorded.headers["x-trace"] == "T"
    assert recorded.json == ask("你好")
    assert recorded.body == json.dumps(ask("你好")).encode()
    assert recorded.view is not None
    assert recorded.view.last_user.text == "你好"
    assert recorded.delivered


# Scripts


def test_a_script_is_used_in_order_and_its_last_item_repeats(client: httpx.Client) -> None:
    with OpenAIChatServer([Fault(429), Reply("one"), Reply("two")]) as server:
        answers = [chat(client, server) for _ in range(4)]
    assert [one.status_code for one in answers] == [429, 200, 200, 200]
    assert [one.json()["choices"][0]["message"]["content"] for one in answers[1:]] == ["one", "two", "two"]


def test_a_planned_fault_meets_any_request_but_a_reply_waits_for_a_chat(client: httpx.Client) -> None:
    with OpenAIChatServer([Fault(503), Reply("said")]) as server:
        assert client.get(f"{server.url}/models").status_code == 503
        assert client.get(f"{server.url}/models").status_code == 200
        assert chat(client, server).json()["choices"][0]["message"]["content"] == "said"


def test_a_script_may_be_a_function(client: httpx.Client) -> None:
    def answering(body: dict[str, Any], recorded: Recorded) -> Reply | Fault | None:
        if recorded.headers["user-agent"].startswith("curl"):
            return Fault(403)
        return Reply(f"seed {body['seed']}") if "seed" in body else None

    with OpenAIChatServer(answering) as server:
        assert chat(client, server, seed=0).json()["choices"][0]["message"]["content"] == "seed 0"
        assert chat(client, server).json()["choices"][0]["message"]["content"].startswith("Hello")


def test_a_request_that_is_refused_uses_up_nothing(client: httpx.Client) -> None:
    with OpenAIChatServer([Reply("first"), Reply("second")]) as server:
        assert chat(client, server, temperature=9).status_code == 400
        assert chat(client, server).json()["choices"][0]["message"]["content"] == "first"


# Faults


def test_a_fault_has_its_status_headers_and_message(client: httpx.Client) -> None:
    with OpenAIChatServer(Fault(429, "rate_limit_exceeded", "slow down", {"retry-after": "7"})) as server:
        response = chat(client, server)
    assert response.headers["retry-after"] == "7"
    assert response.json()["error"]["code"] == "rate_limit_exceeded"
    assert response.json()["error"]["message"] == "slow down"


def test_a_fault_may_have_a_body_of_its_own_and_come_with_200(client: httpx.Client) -> None:
    with OpenAIChatServer([Fault(502, body="<html>bad gateway"), Fault(500, in_200=True)]) as server:
        gateway, hidden = chat(client, server), chat(client, server)
    assert (gateway.status_code, gateway.text) == (502, "<html>bad gateway")
    assert hidden.status_code == 200
    assert "error" in hidden.json()


@pytest.mark.parametrize("stream", [False, True])
def test_a_connection_can_be_dropped_before_any_answer(client: httpx.Client, stream: bool) -> None:
    with OpenAIChatServer(Fault(drop=True)) as server, pytest.raises(httpx.RemoteProtocolError):
        chat(client, server, stream=stream)


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_can_be_cut(client: httpx.Client, stream: bool) -> None:
    with OpenAIChatServer(Fault(cut_after=3)) as server, pytest.raises(httpx.RemoteProtocolError):
        chat(client, server, stream=stream)


def test_a_stream_can_end_politely_without_its_mark(client: httpx.Client) -> None:
    with OpenAIChatServer(Fault(cut_after=3, polite=True, reply=Reply("abcdefghij", chunk_size=2))) as server:
        response = chat(client, server, stream=True)
    assert deltas(response) == "abcd"
    assert "[DONE]" not in response.text
    assert 'finish_reason":"stop' not in response.text


def test_a_stream_can_fail_in_the_middle(client: httpx.Client) -> None:
    fault = Fault(500, message="gone", midstream_after=2, reply=Reply("abcdefghij", chunk_size=2))
    with OpenAIChatServer(fault) as server:
        response = chat(client, server, stream=True)
        whole = chat(client, server)
    assert deltas(response) == "ab"
    assert '"message":"gone"' in response.text.splitlines()[-2]
    assert whole.status_code == 500


def test_events_can_be_cut_anywhere(client: httpx.Client) -> None:
    with (
        OpenAIChatServer(Reply("héllo 你好"), write_size=1) as server,
        client.stream("POST", f"{server.url}/chat/completions", json=ask(stream=True)) as response,
    ):
        raw = list(response.iter_raw())
    assert "你好" in b"".join(raw).decode()
    assert len(raw) > 3


def test_delay_and_pace_are_kept(client: httpx.Client) -> None:
    with OpenAIChatServer(Reply("abcd", delay=0.05, pace=0.02, chunk_size=1)) as server:
        began = time.monotonic()
        chat(client, server, stream=True)
        assert time.monotonic() - began > 0.05 + 4 * 0.02


def test_a_caller_that_leaves_is_noticed() -> None:
    with OpenAIChatServer(Reply("word " * 40_000, pace=0.001)) as server:
        with (
            httpx.Client(headers=KEY, trust_env=False) as client,
            client.stream("POST", f"{server.url}/chat/completions", json=ask(stream=True)) as response,
        ):
            next(response.iter_bytes())
        time.sleep(0.05)
        assert not server.last.delivered


# Files


@pytest.mark.parametrize(("name", "magic"), [("a.png", b"\x89PNG"), ("b/c.pdf", b"%PDF"), ("d.wav", b"RIFF")])
def test_assets_are_real_files(client: httpx.Client, name: str, magic: bytes) -> None:
    with AssetServer() as server:
        response = client.get(f"{server.url}/{name}")
    assert response.content.startswith(magic)
    assert len(response.content) == int(response.headers["content-length"])
