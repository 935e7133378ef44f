"""Gemini answers to chunks: streams and whole answers, however they are cut, and what they tell besides text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gemini_kit import read, said
from llm_connector import (
    AsyncLLMClient,
    ContentFilterError,
    LLMClient,
    OverloadedError,
    ServerError,
    StreamInterruptedError,
)
from servers.gemini import GeminiServer
from servers.script import Call, Fault, Reply, Use

if TYPE_CHECKING:
    from llm_connector.types import ChatResponse

ANSWER = Reply(
    "Paris, 当然。",
    reasoning="The user asks for a capital.",
    tool_calls=[Call("look", {"city": "巴黎"}), Call("look", {"city": "Rome"})],
    usage=Use(20, 30, cached=5, reasoning=7),
)


def client(server: GeminiServer, **options: Any) -> LLMClient:
    return LLMClient(
        "google", "gemini-3-test", **{"api_key": "k", "base_url": server.origin, "max_retries": 0, **options}
    )


def comparable(response: ChatResponse) -> dict[str, Any]:
    facts = response.model_dump(exclude={"id": True, "raw": True, "usage": {"raw"}})
    for choice in facts["choices"]:
        message = choice["message"]
        for call in message["tool_calls"]:
            call["id"] = "call"
        message["reasoning"] = None
    return facts


# Streams


def test_a_stream_folds_to_the_whole_answer() -> None:
    with GeminiServer(ANSWER) as server, client(server) as model:
        whole, stream = model.chat("hi"), model.stream("hi")
        chunks = list(stream)
        assert comparable(whole) == comparable(stream.response())
    assert whole.content == "Paris, 当然。"
    assert whole.reasoning_content == "The user asks for a capital."
    assert [call.parse_arguments() for call in whole.tool_calls] == [{"city": "巴黎"}, {"city": "Rome"}]
    usage = whole.usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (20, 30, 50)
    assert (usage.cached_tokens, usage.reasoning_tokens) == (5, 7)
    *deltas, finish, last = chunks
    assert (finish.finish_reason, finish.raw_finish_reason, last.usage) == ("tool_calls", "STOP", usage.model_copy())
    assert all(chunk.finish_reason is None and chunk.usage is None for chunk in deltas)
    calls = [delta for chunk in chunks for delta in chunk.tool_calls]
    assert [(delta.index, delta.name) for delta in calls] == [(0, "look"), (1, "look")]
    assert all(delta.id for delta in calls)
    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.model for chunk in chunks} == {"gemini-3-test"}


@pytest.mark.parametrize("write_size", [1, 2, 7, 64])
async def test_cut_anywhere_on_the_wire(write_size: int) -> None:
    with GeminiServer(ANSWER, write_size=write_size) as server:
        with client(server) as model:
            whole, streamed = model.chat("hi"), model.stream("hi").response()
        async with AsyncLLMClient("google", "gemini-3-test", api_key="k", base_url=server.origin) as amodel:
            astreamed = await amodel.stream("hi").response()
    assert comparable(whole) == comparable(streamed) == comparable(astreamed)


@pytest.mark.parametrize("write_size", [None, 1, 5])
def test_a_stream_that_comes_as_an_array(write_size: int | None) -> None:
    """A gateway that does not pass ``alt=sse`` on."""

    class Deaf(GeminiServer):
        def generate(self, recorded: Any, match: Any) -> Any:
            recorded.query.pop("alt", None)
            return super().generate(recorded, match)

        generate.is_chat = True  # type: ignore[attr-defined]

    with Deaf(ANSWER, write_size=write_size) as server, client(server) as model:
        stream = model.stream("hi")
        chunks = list(stream)
        assert comparable(stream.response()) == comparable(model.chat("hi"))
    assert sum(bool(chunk.content) for chunk in chunks) > 1  # it was not read as one piece


@pytest.mark.parametrize("polite", [False, True])
@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_stream_that_stops_has_not_ended(polite: bool, after: int) -> None:
    reply = Reply("This is the beginning of a long answer.")
    with GeminiServer(Fault(cut_after=after, polite=polite, reply=reply)) as server, client(server) as model:
        stream = model.stream("hi")
        with pytest.raises(StreamInterruptedError) as caught:
            list(stream)
    partial = caught.value.partial
    assert reply.text.startswith(partial.content)
    assert bool(partial.content) is (after > 0)
    assert partial.finish_reason is None


def test_an_error_in_the_middle_of_a_stream() -> None:
    fault = Fault(503, message="The model is overloaded.", midstream_after=2, reply=Reply("Hello, you"))
    with GeminiServer(fault) as server, client(server) as model, pytest.raises(OverloadedError) as caught:
        list(model.stream("hi"))
    assert caught.value.message == "The model is overloaded."
    assert caught.value.code == "UNAVAILABLE"
    assert caught.value.partial.content == "Hello, you"[:12]


def test_an_error_as_an_event_and_in_a_list() -> None:
    error = {"error": {"code": 500, "message": "boom", "status": "INTERNAL"}}
    for body in (error, [error]):
        with pytest.raises(ServerError, match="boom") as caught:
            read(said({"text": "a"}), body)
        assert caught.value.partial is not None
        assert caught.value.partial.content == "a"


def test_one_object_instead_of_a_stream() -> None:
    body = json.dumps(said({"text": "whole"}, finish="STOP"), indent=1).encode()
    assert read(tail=body)[1].content == "whole"


def test_two_candidates() -> None:
    def part(index: int, text: str, finish: str | None = None) -> dict[str, Any]:
        return said({"text": text}, finish=finish, index=index)["candidates"][0]

    first = {"candidates": [part(0, "a"), part(1, "x")]}
    second = {"candidates": [part(1, "y", "MAX_TOKENS")], "usageMetadata": {"promptTokenCount": 1}}
    third = {"candidates": [part(0, "b", "STOP")], "usageMetadata": {"candidatesTokenCount": 4, "totalTokenCount": 5}}
    chunks, response = read(first, second, third)
    assert [choice.message.text for choice in response.choices] == ["ab", "xy"]
    assert [choice.finish_reason for choice in response.choices] == ["stop", "length"]
    assert [chunk.usage is not None for chunk in chunks[-3:]] == [False, False, True]
    assert response.usage is not None
    assert response.usage.total_tokens == 5
    with pytest.raises(StreamInterruptedError):  # one of them is not over
        read(first, second)


def test_two_candidates_without_numbers() -> None:
    both = {"candidates": [said({"text": text}, finish="STOP")["candidates"][0] for text in "ab"]}
    assert [choice.message.text for choice in read(both)[1].choices] == ["a", "b"]


def test_several_candidates_are_asked_for() -> None:
    with GeminiServer(Reply("Yes")) as server, client(server) as model:
        response = model.chat("hi", n=3)
        assert server.last.json["generationConfig"] == {"candidateCount": 3}
    assert [choice.message.text for choice in response.choices] == ["Yes", "Yes (2)", "Yes (3)"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("LANGUAGE", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("IMAGE_PROHIBITED_CONTENT", "content_filter"),
        ("IMAGE_RECITATION", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
        ("UNEXPECTED_TOOL_CALL", "error"),
        ("TOO_MANY_TOOL_CALLS", "error"),
        ("MISSING_THOUGHT_SIGNATURE", "error"),
        ("MALFORMED_RESPONSE", "error"),
        ("OTHER", "other"),
        ("NO_IMAGE", "other"),
        ("SOMETHING_NEW", "other"),
    ],
)
def test_finish_reasons(raw: str, reason: str) -> None:
    response = read({"candidates": [{"finishReason": raw}]})[1]
    assert (response.finish_reason, response.raw_finish_reason, response.content) == (reason, raw, "")


def test_only_a_stop_becomes_tool_calls() -> None:
    call = {"functionCall": {"name": "f"}}
    assert read(said(call), said(finish="STOP"))[1].finish_reason == "tool_calls"
    assert read(said(call), said(finish="MAX_TOKENS"))[1].finish_reason == "length"


def test_odd_events_are_survived() -> None:
    events = [
        {},
        {"candidates": None, "usageMetadata": None},
        {"candidates": [{"content": None}]},
        {"candidates": [{"content": {"role": "model"}, "finishReason": "FINISH_REASON_UNSPECIFIED"}]},
        said({}, {"text": "a", "new": 1}, {"functionCall": {}}, new={"x": 1}),
        said({"functionCall": {"name": "f", "args": None, "id": ""}}, finish="STOP"),
    ]
    response = read(*events)[1]
    assert response.content == "a"
    assert response.tool_calls[0].arguments == "{}"
    assert response.tool_calls[0].id
    assert response.usage is None


# What it tells besides


def test_usage_is_the_last_of_each_count() -> None:
    first = {"usageMetadata": {"trafficType": "ON_DEMAND"}}
    second = {"usageMetadata": {"promptTokenCount": 9, "thoughtsTokenCount": 3, "totalTokenCount": 12}}
    third = {"usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 2, "toolUsePromptTokenCount": 5}}
    usage = read(first, second, third | said({"text": "a"}, finish="STOP"))[1].usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens) == (15, 5, 3)
    assert usage.raw is not None
    assert usage.raw["trafficType"] == "ON_DEMAND"
    assert read(first, said(finish="STOP"))[1].usage is None


def test_log_probabilities_in_openais_form() -> None:
    token = {"token": "温", "tokenId": 7, "logProbability": -0.5}
    other = {"token": "b", "tokenId": 8, "logProbability": -2}
    result = {"chosenCandidates": [token, other], "topCandidates": [{"candidates": [token, other]}]}
    chunks, response = read(said({"text": "温b"}, finish="STOP", logprobsResult=result))
    assert response.logprobs == [
        {
            "token": "温",
            "logprob": -0.5,
            "bytes": [230, 184, 169],
            "top_logprobs": [
                {"token": "温", "logprob": -0.5, "bytes": [230, 184, 169]},
                {"token": "b", "logprob": -2, "bytes": [98]},
            ],
        },
        {"token": "b", "logprob": -2, "bytes": [98], "top_logprobs": []},
    ]
    assert chunks[0].logprobs == response.logprobs


def test_sources() -> None:
    segment = {"startIndex": 0, "endIndex": 4, "text": "Ruby"}
    grounding = {
        "groundingChunks": [
            {"web": {"uri": "https://a.test", "title": "A"}},
            {"retrievedContext": {"uri": "gs://b/c", "title": "B", "text": "t"}},
        ],
        "groundingSupports": [{"segment": segment, "groundingChunkIndices": [1, 9]}],
    }
    quoted = {"citationSources": [{"startIndex": 1, "endIndex": 2, "uri": "https://c.test", "license": "mit"}]}
    pages = {"urlMetadata": [{"retrievedUrl": "https://d.test", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"}]}
    facts = {"groundingMetadata": grounding, "citationMetadata": quoted, "urlContextMetadata": pages}
    response = read(said({"text": "Ruby"}, **facts), said(finish="STOP", **facts))[1]
    assert response.citations == [
        {"type": "web", "url": "https://a.test", "title": "A"},
        {"type": "retrievedContext", "url": "gs://b/c", "title": "B", "text": "t", "segments": [segment]},
        {"type": "citation", "startIndex": 1, "endIndex": 2, "url": "https://c.test", "license": "mit"},
        {"type": "url_context", "url": "https://d.test", "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"},
    ]
    at_vertex = {"citationMetadata": {"citations": [{"uri": "https://e.test"}]}}
    assert read(said(finish="STOP", **at_vertex))[1].citations == [{"type": "citation", "url": "https://e.test"}]


def test_when_it_was_made() -> None:
    assert read({"createTime": "2026-08-19T14:38:25.648568Z"}, said(finish="STOP"))[1].created == 1787150305
    assert read({"createTime": "yesterday"}, said(finish="STOP"))[1].created is None


def test_the_vendors_own_tools_stay_out_of_the_text() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}
    output = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}
    chunks, response = read(said(code, output, {"text": "one"}, finish="STOP"))
    assert response.content == "one"
    assert response.message.reasoning is not None
    assert [block["part"] for block in response.message.reasoning.blocks] == [code, output]
    assert chunks[0].raw["candidates"][0]["content"]["parts"][0] == code


@pytest.mark.parametrize("stream", [False, True])
def test_structured_output(stream: bool) -> None:
    from pydantic import BaseModel

    class City(BaseModel):
        name: str

    with GeminiServer(Reply('{"name": "Rome"}')) as server, client(server) as model:
        asked = {"response_format": City}
        response = model.stream("hi", **asked).response() if stream else model.chat("hi", **asked)
        assert server.last.json["generationConfig"]["responseJsonSchema"]["required"] == ["name"]
    assert response.parsed == City(name="Rome")


# Blocked prompts

BLOCKED = {
    "promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "Not this."},
    "usageMetadata": {"promptTokenCount": 3},
    "responseId": "r1",
}


@pytest.mark.parametrize("stream", [False, True])
def test_a_blocked_prompt(stream: bool) -> None:
    with GeminiServer(Reply(finish="content_filter")) as server, client(server, max_retries=3) as model:
        with pytest.raises(ContentFilterError, match="blocked") as caught:
            model.stream("hi").response() if stream else model.chat("hi")
        assert len(server.requests) == 1
    assert caught.value.code == "SAFETY"
    assert caught.value.retryable is False


def test_a_prompt_that_is_blocked_late() -> None:
    with pytest.raises(ContentFilterError, match=r"blocked \(SAFETY\): Not this\.") as caught:
        read(said({"text": "a"}), BLOCKED)
    assert caught.value.request_id == "r1"
    assert caught.value.partial is not None
    assert caught.value.partial.content == "a"


def test_feedback_on_a_prompt_that_was_not_blocked() -> None:
    response = read({"promptFeedback": {"safetyRatings": []}}, said({"text": "a"}, finish="STOP") | BLOCKED)[1]
    assert response.content == "a"
