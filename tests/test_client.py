"""Both clients against a real server: answers, streams, overrides, retries, lifetimes."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

import llm_connector
from llm_connector import (
    AsyncLLMClient,
    AuthenticationError,
    BillingError,
    ChatRequest,
    ConnectError,
    InvalidRequestError,
    LLMClient,
    LLMError,
    Message,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    StreamInterruptedError,
)
from servers.openai_chat import OpenAIChatServer
from servers.script import Call, Fault, Reply, Use

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER = Reply(
    "Paris, of course.",
    reasoning="The user asks for a capital.",
    tool_calls=[Call("look", {"city": "巴黎"}), Call("look", {"city": "Rome"})],
    usage=Use(20, 30, cached=5, reasoning=7),
)


def client(server: OpenAIChatServer, **options) -> LLMClient:
    return LLMClient("openai_compatible", "m", **{"base_url": server.url, "api_key": "k", **options})


def async_client(server: OpenAIChatServer, **options) -> AsyncLLMClient:
    return AsyncLLMClient("openai_compatible", "m", **{"base_url": server.url, "api_key": "k", **options})


def comparable(response) -> dict:
    """What must not differ between two answers to the same question."""
    facts = response.model_dump(exclude={"id", "raw", "created"})
    for choice in facts["choices"]:
        for call in choice["message"]["tool_calls"]:
            call["id"] = "call"
    return facts


def test_a_stream_folds_to_the_whole_answer() -> None:
    with OpenAIChatServer(ANSWER, dialect="deepseek") as server, client(server) as c:
        whole = c.chat("hi")
        stream = c.stream("hi")
        chunks = list(stream)
        folded = stream.response()
    assert whole.content == "Paris, of course."
    assert whole.reasoning_content == "The user asks for a capital."
    assert [call.parse_arguments() for call in whole.tool_calls] == [{"city": "巴黎"}, {"city": "Rome"}]
    assert whole.finish_reason == "tool_calls"
    assert (whole.usage.input_tokens, whole.usage.cached_tokens, whole.usage.reasoning_tokens) == (20, 5, 7)
    assert comparable(folded) == comparable(whole)
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["tool_calls"]
    assert [bool(chunk.usage) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


async def test_the_async_client_says_the_same() -> None:
    with OpenAIChatServer(ANSWER) as server:
        with client(server) as c:
            whole = c.chat("hi")
        async with async_client(server) as c:
            assert comparable(await c.chat("hi")) == comparable(whole)
            stream = await c.stream("hi")
            text = "".join([chunk.content async for chunk in stream])
            assert (text, (await stream.response()).content) == (whole.content, whole.content)
            assert [info.id for info in await c.models()] == server.models
            assert len((await c.embed(["a", "b"])).embeddings) == 2


async def test_an_async_stream_opens_in_three_ways() -> None:
    with OpenAIChatServer(Reply("abc")) as server:
        async with async_client(server) as c:
            awaited = await c.stream("hi")
            async with c.stream("hi") as entered:
                text = [chunk.content async for chunk in entered]
            looped = [chunk.content async for chunk in c.stream("hi")]
            assert (await awaited.response()).content == "".join(text) == "".join(looped) == "abc"
        assert len(server.requests) == 3


def test_a_request_in_every_form() -> None:
    with OpenAIChatServer(Reply("x")) as server, client(server) as c:
        for messages in ("hi", Message.user("hi"), [Message.user("hi")], [{"role": "user", "content": "hi"}]):
            c.chat(messages, temperature=0)
        c.chat(ChatRequest(messages="hi", temperature=0))
        c.chat(ChatRequest(messages="hi", temperature=1, seed=3), temperature=0, seed=None)
        bodies = [request.json for request in server.requests]
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0] == {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0}


def test_overrides_for_one_call() -> None:
    with OpenAIChatServer(Reply("x")) as server, OpenAIChatServer(Reply("y")) as other, client(server) as c:
        answer = c.chat("hi", api_key="k2", base_url=other.url, extra_headers={"X-Trace": "1"}, model="m2")
        assert answer.content == "y"
        c.chat("hi")
        sent, after = other.requests[0], server.requests[0]
    assert (sent.headers["authorization"], sent.headers["x-trace"], sent.json["model"]) == ("Bearer k2", "1", "m2")
    assert (after.headers["authorization"], after.json["model"]) == ("Bearer k", "m")
    assert "x-trace" not in after.headers


def test_headers_are_these_and_no_others() -> None:
    with OpenAIChatServer(Reply("x")) as server, client(server, headers={"x-team": "a"}) as c:
        c.chat("hi")
        names = set(server.requests[0].headers)
    assert names == {
        "host", "accept", "accept-encoding", "authorization", "content-length", "content-type", "user-agent", "x-team",
    }  # fmt: skip


def test_a_key_from_a_function_is_asked_for_each_time_and_again_when_refused() -> None:
    keys = iter(["old", "new", "new"])
    with OpenAIChatServer(Reply("x"), require_key="new") as server, client(server, api_key=lambda: next(keys)) as c:
        assert c.chat("hi").content == "x"
        assert c.chat("hi").content == "x"
        assert [request.headers["authorization"] for request in server.requests] == [
            "Bearer old", "Bearer new", "Bearer new",
        ]  # fmt: skip


async def test_an_async_key_function_is_awaited() -> None:
    async def key() -> str:
        await asyncio.sleep(0)
        return "fresh"

    with OpenAIChatServer(Reply("x"), require_key="fresh") as server:
        async with async_client(server, api_key=key) as c:
            assert (await c.chat("hi")).content == "x"


@pytest.mark.parametrize(
    ("fault", "kind", "requests"),
    [
        (Fault(429, headers={"retry-after-ms": "5"}), RateLimitError, 3),
        (Fault(500, headers={"retry-after": "0"}), ServerError, 3),
        (Fault(429, "insufficient_quota", headers={"retry-after": "0"}), BillingError, 1),
        (Fault(401), AuthenticationError, 1),
        (Fault(400), InvalidRequestError, 1),
        (Fault(500, headers={"x-should-retry": "false"}), ServerError, 1),
        (Fault(400, headers={"x-should-retry": "true", "retry-after": "0"}), InvalidRequestError, 3),
        (Fault(429, "insufficient_quota", headers={"x-should-retry": "true"}), BillingError, 1),
        (Fault(drop=True), ConnectError, 3),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
async def test_retries(fault: Fault, kind: type[LLMError], requests: int, streaming: bool, monkeypatch) -> None:
    monkeypatch.setattr("llm_connector.retry._FIRST_WAIT", 0.001)
    with OpenAIChatServer(fault) as server:
        with client(server) as c, pytest.raises(kind) as caught:
            c.stream("hi") if streaming else c.chat("hi")
        assert len(server.requests) == requests
        async with async_client(server) as c:
            with pytest.raises(kind) as again:
                await (c.stream("hi") if streaming else c.chat("hi"))
        assert len(server.requests) == requests * 2
    assert caught.value.status_code == again.value.status_code == (None if fault.drop else fault.status)
    assert caught.value.provider == again.value.provider == "openai_compatible"
    assert fault.drop == (caught.value.__cause__ is not None)


def test_a_retry_that_helps(caplog) -> None:
    caplog.set_level(logging.INFO, "llm_connector")
    script = [Fault(429, headers={"retry-after": "0"}), Reply("at last")]
    with OpenAIChatServer(script) as server, client(server, api_key="sk-canary") as c:
        assert c.chat("hi").content == "at last"
    assert [record.message for record in caplog.records if record.name == "llm_connector"] == [
        "openai_compatible: RateLimitError, retry 1 in 0.00 s"
    ]
    assert "sk-canary" not in caplog.text


@pytest.mark.parametrize("events", [0, 1, 3])
@pytest.mark.parametrize("polite", [False, True])
async def test_a_stream_cut_short_never_looks_whole(events: int, polite: bool) -> None:
    script = Fault(cut_after=events, polite=polite, reply=Reply("one two three four five six", chunk_size=4))
    with OpenAIChatServer(script) as server:
        with client(server) as c:
            stream, got = c.stream("hi"), []
            with pytest.raises(StreamInterruptedError) as caught:
                got.extend(chunk.content for chunk in stream)
            with pytest.raises(StreamInterruptedError):
                stream.response()
        async with async_client(server) as c:
            with pytest.raises(StreamInterruptedError) as again:
                _ = [chunk async for chunk in c.stream("hi")]
        assert len(server.requests) == 2
    for error in (caught.value, again.value):
        assert error.partial.content == "".join(got)
        assert error.partial.finish_reason is None
        assert polite or isinstance(error.__cause__, httpx.TransportError)


def test_an_error_in_mid_stream_has_the_class_of_its_status() -> None:
    script = Fault(429, "rate_limit_exceeded", midstream_after=3, reply=Reply("one two three", chunk_size=4))
    with OpenAIChatServer(script) as server, client(server) as c:
        with pytest.raises(RateLimitError) as caught:
            list(c.stream("hi"))
        assert len(server.requests) == 1
    assert "one" in caught.value.partial.content


def wait_for(condition: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_leaving_a_loop_closes_the_connection_at_once() -> None:
    with OpenAIChatServer(Reply("x" * 4000, chunk_size=1, pace=0.01)) as server, client(server) as c:
        for chunk in c.stream("hi"):
            if chunk.content:
                break
        wait_for(lambda: server.open_connections == 0)


async def test_cancelling_closes_the_connection() -> None:
    with OpenAIChatServer(Reply("x" * 4000, chunk_size=1, pace=0.01)) as server:
        async with async_client(server) as c:

            async def consume() -> None:
                async for _ in c.stream("hi"):
                    pass

            task = asyncio.create_task(consume())
            while not server.requests:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            wait_for(lambda: server.open_connections == 0)


def test_silence_is_timed_and_length_is_not() -> None:
    slow = Reply("one two three four five six", chunk_size=3, pace=0.1)
    with OpenAIChatServer([slow, Reply("late", delay=1)]) as server, client(server, timeout=0.4, max_retries=0) as c:
        assert c.stream("hi").response().content == slow.text
        with pytest.raises(RequestTimeoutError) as caught:
            c.chat("hi")
    assert isinstance(caught.value.__cause__, httpx.ReadTimeout)


def test_nobody_there() -> None:
    with LLMClient("openai_compatible", "m", base_url="http://127.0.0.1:9", max_retries=0) as c:
        with pytest.raises(ConnectError, match=r"cannot reach 127\.0\.0\.1:9") as caught:
            c.chat("hi")
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


def test_connections_are_used_again() -> None:
    with OpenAIChatServer(Reply("x")) as server, client(server) as c:
        for _ in range(3):
            c.chat("hi")
            list(c.stream("hi"))
        assert server.connections == 1


def test_one_client_for_many_event_loops(recwarn) -> None:
    with OpenAIChatServer(Reply("x")) as server:
        c = async_client(server)

        async def use() -> str:
            await c.stream("hi").response()
            return (await c.chat("hi")).content

        assert [asyncio.run(use()) for _ in range(3)] == ["x"] * 3
        gc.collect()
    assert not recwarn.list


def test_trio() -> None:
    import trio

    with OpenAIChatServer(ANSWER) as server:

        async def use() -> str:
            async with async_client(server) as c:
                await c.chat("hi")
                return (await c.stream("hi").response()).content

        assert trio.run(use) == ANSWER.text


def test_one_client_for_many_threads() -> None:
    with OpenAIChatServer(Reply("x")) as server, client(server) as c:
        results: list[str] = []
        threads = [threading.Thread(target=lambda: results.append(c.chat("hi").content)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == ["x"] * 12


def test_pickling_keeps_everything_but_sockets() -> None:
    with OpenAIChatServer(Reply("x"), require_key="secret-key") as server, client(server, api_key="secret-key") as c:
        c.chat("hi")
        with pickle.loads(pickle.dumps(c)) as copy:
            assert copy.chat("hi").content == "x"


def test_a_users_http_client_is_used_and_not_closed() -> None:
    with OpenAIChatServer(Reply("x")) as server, httpx.Client(headers={"x-mine": "1"}) as mine:
        with client(server, http_client=mine) as c:
            c.chat("hi")
        assert not mine.is_closed


def test_a_forgotten_client_leaves_nothing(recwarn) -> None:
    with OpenAIChatServer(Reply("x")) as server:
        client(server).chat("hi")
        next(iter(client(server).stream("hi")))
        client(server).stream("hi")
        gc.collect()
    assert not recwarn.list


def test_a_redirect_is_not_followed() -> None:
    fault = Fault(302, headers={"location": "https://elsewhere.example/"})
    with OpenAIChatServer(fault) as server, client(server) as c, pytest.raises(InvalidRequestError, match="redirects"):
        c.chat("hi")


def test_a_tool_loop() -> None:
    script = [Reply(tool_calls=[Call("look", {"city": "Rome"}, id="call_1")], reasoning="must look"), Reply("sunny")]
    with OpenAIChatServer(script, dialect="deepseek", demand_reasoning=True) as server, client(server) as c:
        history = [Message.user("weather?")]
        answer = c.chat(history, tools=[{"name": "look", "parameters": {"type": "object", "properties": {}}}])
        history += [answer.message, Message.tool({"sky": "clear"}, answer.tool_calls[0])]
        assert c.chat(history).content == "sunny"
        assistant, result = server.requests[1].json["messages"][1:]
    assert [(call.id, call.name, call.parse_arguments()) for call in answer.tool_calls] == [
        ("call_1", "look", {"city": "Rome"})
    ]
    assert assistant["tool_calls"][0]["id"] == result["tool_call_id"] == "call_1"
    assert assistant["reasoning_content"] == "must look"
    assert result["content"] == '{"sky": "clear"}'


SUBSTITUTIONS = (
    ("AsyncChatStream", "ChatStream"),
    ("AsyncLLMClient", "LLMClient"),
    ("AsyncConnectionPool", "ConnectionPool"),
    ("AsyncGenerator[ChatChunk, None]", "Generator[ChatChunk, None, None]"),
    ("AsyncIterator", "Iterator"),
    ("AsyncOpening", "Opening"),
    ("AsyncOllamaModels", "OllamaModels"),
    ("__aenter__", "__enter__"),
    ("__aexit__", "__exit__"),
    ("__aiter__", "__iter__"),
    ("__anext__", "__next__"),
    ("aclose", "close"),
    ("aread", "read"),
    ("AsyncHttpAnswer", "HttpAnswer"),
    ("anext(", "next("),
    ("asleep", "sleep"),
    ("aresolve", "resolve"),
    ("unopened(", "opened("),
    ("RuntimeError", "ValueError"),
    ("another task", "another thread"),
)


def test_the_sync_client_is_the_async_one_without_async_and_await() -> None:
    folder = Path(llm_connector.__file__).parent
    made, written = (code(folder / name) for name in ("async_client.py", "client.py"))
    made = re.sub(r"\b(async|await) ", "", made)
    for asynchronous, synchronous in SUBSTITUTIONS:
        assert asynchronous in made, f"{asynchronous} is no longer used"
        made = made.replace(asynchronous, synchronous)
    assert words(made) == words(written)


# Only an async stream can be awaited, only a sync one can close at garbage collection, and two docstrings differ.
ONLY_HERE = (
    r'\n    def __(await|del)__.*?\n(?=\n)|\n    """[^"]*?for \S+ code\."""|\n    """An answer as it comes.*?"""'
)


def code(path: Path) -> str:
    """The classes of a file."""
    text = path.read_text()
    return re.sub(ONLY_HERE, "", text[text.index("\nclass ") :], flags=re.DOTALL)


def words(source: str) -> list[str]:
    """The code, whatever its line breaks."""
    return re.sub(r",(?=[)\]])", "", re.sub(r"\s+", "", source)).split("def")
