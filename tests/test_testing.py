"""The mock provider that users get, through the clients and both frameworks, without a socket."""

from __future__ import annotations

import pytest

from llm_connector import AsyncLLMClient, LLMClient, RateLimitError, ServerError, ToolCall, Usage
from llm_connector.testing import MockProvider, MockReply

CALL = ToolCall(id="c1", name="look", arguments='{"city": "Rome"}')
FULL = MockReply(content="Sunny in Rome.", reasoning_content="I must look.", tool_calls=[CALL])


async def test_answers_and_streams() -> None:
    mock = MockProvider([FULL])
    with LLMClient(**mock.client_arguments()) as client:
        whole, folded = client.chat("hi"), client.stream("hi").response()
    async with AsyncLLMClient(**mock.async_client_arguments()) as client:
        streamed = await client.stream("hi").response()
        assert (await client.chat("hi")).content == FULL.content
    for response in (whole, folded, streamed):
        assert (response.content, response.reasoning_content) == (FULL.content, FULL.reasoning_content)
        assert response.tool_calls == [CALL]
        assert response.finish_reason == "tool_calls"
        assert response.usage.output_tokens == 6
    assert [request["messages"] for request in mock.requests] == [[{"role": "user", "content": "hi"}]] * 4


def test_every_token_count_is_told_whole_and_streamed() -> None:
    usage = Usage(
        input_tokens=100,
        output_tokens=50,
        total_tokens=150,
        cached_tokens=40,
        cache_write_tokens=10,
        reasoning_tokens=20,
    )
    mock = MockProvider([MockReply(content="x", usage=usage)])
    with LLMClient(**mock.client_arguments()) as client:
        for response in (client.chat("hi"), client.stream("hi").response()):
            assert response.usage.model_copy(update={"raw": None}) == usage


def test_the_script_runs_in_order_and_errors_are_real() -> None:
    mock = MockProvider(
        [RateLimitError("slow down", retry_after=0), "second", MockReply(content="x" * 30, fail_after=2)]
    )
    with LLMClient(**mock.client_arguments()) as client:
        assert client.chat("hi").content == "second"
        with pytest.raises(ServerError, match="scripted failure") as caught:
            list(client.stream("hi"))
    assert caught.value.partial.content == "x" * 16
    assert len(mock.requests) == 3


async def test_in_langchain() -> None:
    from langchain_llm_connector import ChatConnector

    model = ChatConnector(**MockProvider([FULL]).langchain_arguments())
    assert model.invoke("hi").tool_calls[0]["args"] == {"city": "Rome"}
    assert "".join([chunk.text async for chunk in model.astream("hi")]) == FULL.content


async def test_in_llama_index() -> None:
    from llama_index.llms.llm_connector import ChatConnector

    model = ChatConnector(**MockProvider(["Hello."]).llama_index_arguments())
    assert model.complete("hi").text == "Hello."
    assert (await model.acomplete("hi")).text == "Hello."
