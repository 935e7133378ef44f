"""Each vendor's server in its own format: answers, streams, tool loops, refusals. Faults and scripts are elsewhere."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from servers.base import Call, Fault, Reply, Server, Use
from wire_kits import KITS, Kit, Said, events

if TYPE_CHECKING:
    from collections.abc import Iterator

FULL = Reply(
    "Ich prüfe das. 好的",
    "Two cities, two calls: 两个城市",
    [Call("get_weather", {"city": "Zürich"}), Call("get_weather", {})],
    usage=Use(100, 50, cached=30, cache_write=20, reasoning=10),
    chunk_size=3,
)
CALLED = {"ollama": "stop", "gemini": "STOP", "responses": "completed"}
CALLED |= dict.fromkeys(("anthropic", "vertex", "bedrock"), "tool_use")
KEY_HEADERS = {"authorization", "x-api-key", "x-goog-api-key"}
HIDDEN = {"openai"}  # shows no reasoning


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def post(client: httpx.Client, kit: Kit, server: Server, body: Any, *, stream: bool = False) -> httpx.Response:
    headers = {"content-type": "application/json", **kit.headers}
    if stream and "parameters" in body:
        headers["x-dashscope-sse"] = "enable"
    return client.post(server.url + kit.path(stream), content=json.dumps(body), headers=headers)


def expected(name: str) -> Said:
    reasoning = "" if name in HIDDEN else FULL.reasoning
    calls = [("get_weather", {"city": "Zürich"}), ("get_weather", {})]
    return Said(FULL.text, reasoning, calls, CALLED.get(name, "tool_calls"))


@pytest.mark.parametrize("name", KITS)
def test_an_answer_and_a_stream_say_the_same(client: httpx.Client, name: str) -> None:
    kit = KITS[name]
    with kit.server(FULL, write_size=7) as server:
        whole = post(client, kit, server, kit.request("weather?", True, False))
        stream = post(client, kit, server, kit.request("weather?", True, True), stream=True)
    assert whole.status_code == stream.status_code == 200, whole.text
    assert kit.read(whole.json()) == expected(name)
    assert kit.read_stream(events(stream.content)) == expected(name)


@pytest.mark.parametrize("name", KITS)
def test_a_tool_loop_is_accepted_and_answered_from_its_result(client: httpx.Client, name: str) -> None:
    kit = KITS[name]
    with kit.server() as server:
        body = kit.request("What is the weather in Paris?", True, False)
        asked = post(client, kit, server, body)
        assert kit.read(asked.json()).calls == [("get_weather", {"city": "Paris"})]
        told = post(client, kit, server, kit.again(body, asked.json()))
    assert told.status_code == 200, told.text
    assert "rain" in kit.read(told.json()).text


@pytest.mark.parametrize("name", [name for name, kit in KITS.items() if kit.forget is not None])
def test_a_history_that_lost_its_reasoning_is_refused_when_that_is_demanded(client: httpx.Client, name: str) -> None:
    kit = KITS[name]
    assert kit.forget is not None
    with kit.server([FULL, Reply("done")], demand_reasoning=True) as server:
        body = kit.request("weather?", True, False)
        loop = kit.again(body, post(client, kit, server, body).json())
        lost = copy.deepcopy(loop)
        kit.forget(lost)
        assert post(client, kit, server, lost).status_code == 400
        kept = post(client, kit, server, loop)
    assert kept.status_code == 200, kept.text
    assert kit.read(kept.json()).text == "done"


@pytest.mark.parametrize("name", [name for name in KITS if name != "ollama"])  # it takes any order of messages
def test_a_tool_result_without_its_call_is_refused(client: httpx.Client, name: str) -> None:
    kit = KITS[name]
    with kit.server(FULL) as server:
        body = kit.request("weather?", True, False)
        loop = kit.again(body, post(client, kit, server, body).json())
        turns = loop.get("messages") or loop.get("Messages") or loop.get("contents") or loop.get("input")
        turns = turns["messages"] if isinstance(turns, dict) else turns
        del turns[1 : len(turns) - 1]
        refused = post(client, kit, server, loop)
    assert_refused(name, refused)


@pytest.mark.parametrize("name", KITS)
def test_an_unknown_field_is_refused_in_the_vendors_words(client: httpx.Client, name: str) -> None:
    kit = KITS[name]
    with kit.server() as server:
        assert_refused(name, post(client, kit, server, kit.request("Hi", False, False) | {"tempratur": 1}))
        broken = client.post(
            server.url + kit.path(False), content=b"{", headers={"content-type": "application/json", **kit.headers}
        )
        assert_refused(name, broken)


def assert_refused(name: str, response: httpx.Response) -> None:
    body = response.json()
    if name == "hunyuan":
        assert response.status_code == 200
        assert body["Response"]["Error"].keys() == {"Code", "Message"}
        return
    assert response.status_code == 400, response.text
    told = {"dashscope": ("code", "message"), "bedrock": ("message",)}.get(name, ("error",))
    assert all(body[key] for key in told)


@pytest.mark.parametrize("name", [name for name in KITS if name != "ollama"])
def test_a_key_is_needed_and_may_be_given(client: httpx.Client, name: str) -> None:
    kit = KITS[name]
    wanted = {"secret_key": "s"} if name == "hunyuan" else {"require_key": "other.key"}
    body = kit.request("Hi", False, False)
    with kit.server() as server, kit.server(**wanted) as strict:
        headers = {key: text for key, text in kit.headers.items() if key not in KEY_HEADERS}
        missing = client.post(server.url + kit.path(False), json=body, headers=headers)
        wrong = post(client, kit, strict, body)
    if name == "hunyuan":
        assert all(one.json()["Response"]["Error"]["Code"].startswith("AuthFailure") for one in (missing, wrong))
    else:
        assert missing.status_code in {401, 403}
        assert wrong.status_code in {400, 401, 403}


@pytest.mark.parametrize("name", KITS)
def test_a_failure_in_a_stream_comes_after_what_was_said(client: httpx.Client, name: str) -> None:
    kit = KITS[name]
    fault = Fault(500, message="it broke", midstream_after=3, reply=Reply("abcdef", chunk_size=1))
    with kit.server(fault) as server:
        stream = post(client, kit, server, kit.request("Hi", False, True), stream=True)
        whole = post(client, kit, server, kit.request("Hi", False, False))
    assert stream.status_code == 200
    assert "it broke" in stream.content.decode(errors="replace")
    assert "it broke" in whole.text
    assert whole.status_code == (200 if name == "hunyuan" else 500)


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("openai", lambda body: _openai_usage(body["usage"])),
        ("deepseek", lambda body: (body["usage"]["prompt_tokens"], 50, body["usage"]["prompt_cache_hit_tokens"], 10)),
        ("moonshot", lambda body: (body["usage"]["prompt_tokens"], 50, body["usage"]["cached_tokens"], 10)),
        (
            "anthropic",  # the input excludes what was cached and what was written to the cache
            lambda body: (
                body["usage"]["input_tokens"] + 30 + 20,
                body["usage"]["output_tokens"],
                body["usage"]["cache_read_input_tokens"],
                body["usage"]["output_tokens_details"]["thinking_tokens"],
            ),
        ),
        (
            "gemini",  # the candidates exclude the thoughts
            lambda body: (
                body["usageMetadata"]["promptTokenCount"],
                body["usageMetadata"]["candidatesTokenCount"] + 10,
                body["usageMetadata"]["cachedContentTokenCount"],
                body["usageMetadata"]["thoughtsTokenCount"],
            ),
        ),
        ("ollama", lambda body: (body["prompt_eval_count"], body["eval_count"], 30, 10)),
    ],
)
def test_usage_is_counted_as_the_vendor_counts(client: httpx.Client, name: str, reads: Any) -> None:
    kit = KITS[name]
    with kit.server(FULL) as server:
        answer = post(client, kit, server, kit.request("Hi", False, False)).json()
    assert reads(answer) == (100, 50, 30, 10)


def _openai_usage(usage: Any) -> tuple[int, int, int, int]:
    details = usage["prompt_tokens_details"], usage["completion_tokens_details"]
    return (
        usage["prompt_tokens"],
        usage["completion_tokens"],
        details[0]["cached_tokens"],
        details[1]["reasoning_tokens"],
    )
