"""Anthropic through both clients over real sockets: tool loops, errors, retries, models, forms of answers."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from llm_connector import (
    AsyncLLMClient,
    AuthenticationError,
    BillingError,
    ConfigError,
    ContentFilterError,
    ContextLengthError,
    InvalidRequestError,
    LLMClient,
    LLMError,
    Message,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    StreamInterruptedError,
)
from oracle import capture
from servers.anthropic import AnthropicServer
from servers.script import Call, Fault, Reply, Use

MODELS = ["claude-sonnet-4-5", "claude-opus-4-8"]
USE = Use(50, 40, cached=20, cache_write=10, reasoning=7)


def get_weather(city: str) -> str:
    """Current weather for a city.

    Args:
        city: The city.
    """
    return f"{city}: rain"


def client(server: AnthropicServer, model: str = "claude-sonnet-4-5", **options) -> LLMClient:
    return LLMClient("anthropic", model, **{"api_key": "k", "base_url": server.url, "max_retries": 0, **options})


def thoughtful() -> list[Reply]:
    calls = [Call("get_weather", {"city": "Zürich"}), Call("get_weather", {"city": "東京"})]
    return [
        Reply("Let me see.", "I need the weather.", calls, redacted="xyz", interleave=True, usage=USE),
        Reply("", "One more.", [Call("get_weather", {"city": "Oslo"})]),
        Reply("Rain everywhere.", "Done."),
    ]


@pytest.mark.parametrize("write_size", [None, 1, 7])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_loop_with_thinking(model: str, streamed: bool, write_size: int | None) -> None:
    with AnthropicServer(thoughtful(), demand_reasoning=True, write_size=write_size) as server:
        history = [Message.user("Weather?")]
        with client(server, model) as llm:
            while True:
                params = {"tools": [get_weather], "enable_thinking": True}
                response = llm.stream(history, **params).response() if streamed else llm.chat(history, **params)
                history.append(response.message)
                if not response.tool_calls:
                    break
                history += [Message.tool(get_weather(**call.parse_arguments()), call) for call in response.tool_calls]
        assert response.content == "Rain everywhere."
        assert len(server.requests) == 3
        assert [part["type"] for part in server.last.json["messages"][1]["content"]] == [
            "redacted_thinking",
            "thinking",
            "text",
            "tool_use",
            "thinking",
            "tool_use",
        ]


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_folds_to_the_whole_answer(model: str) -> None:
    with AnthropicServer(thoughtful()[:1]) as server, client(server, model) as llm:
        whole = llm.chat("Weather?", tools=[get_weather], enable_thinking=True)
        chunks = list(stream := llm.stream("Weather?", tools=[get_weather], enable_thinking=True))
    folded = stream.response()
    different = {"id": None, "raw": None}
    calls = [(call.name, call.arguments) for call in whole.tool_calls]
    assert calls == [(call.name, call.arguments) for call in folded.tool_calls]
    assert whole.content == folded.content
    assert whole.reasoning_content == folded.reasoning_content == "I need the weather."
    assert whole.usage == folded.usage
    assert whole.finish_reason == folded.finish_reason == "tool_calls"
    assert whole.warnings == folded.warnings
    assert different.keys() <= type(whole).model_fields.keys()
    assert chunks[-1].usage is not None
    assert whole.usage is not None
    counts = whole.usage.model_dump(exclude={"raw", "total_tokens"})
    assert counts == {
        "input_tokens": 50,
        "output_tokens": 40,
        "cached_tokens": 20,
        "cache_write_tokens": 10,
        "reasoning_tokens": 7,
    }


async def test_async_stream_and_chat() -> None:
    with AnthropicServer([Reply("Hello", "Hm."), Reply("Hello", "Hm.")], write_size=3) as server:
        async with AsyncLLMClient("anthropic", "claude-opus-4-8", api_key="k", base_url=server.url) as llm:
            whole = await llm.chat("hi", enable_thinking=True)
            folded = await llm.stream("hi", enable_thinking=True).response()
        assert (
            (whole.content, whole.reasoning_content) == (folded.content, folded.reasoning_content) == ("Hello", "Hm.")
        )


def test_history_of_another_provider_is_accepted_with_a_budget() -> None:
    answer = Message.assistant(
        reasoning_content="I think.", tool_calls=[{"id": "functions.f:0", "name": "get_weather", "arguments": "{}"}]
    )
    history = [Message.user("Weather?"), answer, Message.tool("rain", "functions.f:0")]
    with AnthropicServer([Reply("Rain.")], demand_reasoning=True) as server, client(server) as llm:
        response = llm.chat(history, tools=[get_weather], thinking_budget=2000)
        assert response.content == "Rain."
        assert any("without it" in warning for warning in response.warnings)


@pytest.mark.parametrize("names", [True, False])
def test_a_gateway_without_event_names(names: bool) -> None:
    with AnthropicServer([Reply("Hello", "Hm.")], event_names=names) as server, client(server) as llm:
        assert llm.stream("hi").response().content == "Hello"


class TestAuth:
    @pytest.mark.parametrize(
        ("server_auth", "options"),
        [
            ("x-api-key", {"api_key": "secret"}),
            ("bearer", {"api_key": "secret", "auth": "bearer"}),
            ("bearer", {"api_key": None, "auth_token": "secret"}),
            ("x-api-key", {"api_key": lambda: "secret"}),
        ],
    )
    def test_where_the_key_goes(self, server_auth: str, options: dict) -> None:
        with AnthropicServer([Reply("ok")], auth=server_auth, require_key="secret") as server:
            with client(server, **options) as llm:
                assert llm.chat("hi").content == "ok"
            sent = server.last.headers
            assert ("x-api-key" in sent) is (server_auth == "x-api-key")
            assert ("authorization" in sent) is (server_auth == "bearer")
            assert sent["anthropic-version"] == "2023-06-01"

    def test_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ConfigError, match="ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN"):
            LLMClient("anthropic", "m")
        monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token")
        with AnthropicServer([Reply("ok")]) as server:
            monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
            with LLMClient("anthropic", "claude-opus-4-8") as llm:
                llm.chat("hi")
            assert server.last.headers["authorization"] == "Bearer token"
            monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
            with LLMClient("anthropic", "claude-opus-4-8") as llm:
                llm.chat("hi")
            assert server.last.headers["x-api-key"] == "key"
            assert "authorization" not in server.last.headers
            with LLMClient("anthropic", "claude-opus-4-8", auth_token="given") as llm:
                llm.chat("hi")
            assert server.last.headers["authorization"] == "Bearer given"

    def test_no_secret_is_shown(self) -> None:
        llm = LLMClient("anthropic", "m", auth_token="very-secret-token")
        assert "very-secret" not in f"{llm!r} {llm.settings!r}"


ERRORS = [
    (400, "", "max_tokens: must be at least 1", InvalidRequestError, False),
    (400, "", "prompt is too long: 210000 tokens > 200000 maximum", ContextLengthError, False),
    (400, "", "input length and `max_tokens` exceed context limit: 5 + 6 > 10", ContextLengthError, False),
    (400, "", "Your credit balance is too low to access the Anthropic API.", BillingError, False),
    (400, "", "You have reached your specified API usage limits.", BillingError, False),
    (400, "", "Output blocked by content filtering policy", ContentFilterError, False),
    (401, "", "invalid x-api-key", AuthenticationError, False),
    (402, "", "billing", BillingError, False),
    (403, "", "not allowed", PermissionDeniedError, False),
    (404, "", "model: claude-none", ModelNotFoundError, False),
    (404, "", "Not Found", InvalidRequestError, False),
    (408, "", "slow", RequestTimeoutError, True),
    (409, "", "conflict", ServerError, True),
    (413, "", "Request exceeds the maximum allowed number of bytes.", InvalidRequestError, False),
    (429, "", "slow down", RateLimitError, True),
    (500, "", "Internal server error", ServerError, True),
    (502, "", "bad gateway", ServerError, True),
    (504, "", "timeout", RequestTimeoutError, True),
    (529, "", "Overloaded", OverloadedError, True),
]

TOLD_WITHOUT_STATUS = [row for row in ERRORS if row[0] not in {408, 502} and row[3] is not ContentFilterError]


class TestErrors:
    @pytest.mark.parametrize(("status", "code", "message", "expected", "retryable"), ERRORS)
    @pytest.mark.parametrize("streamed", [False, True])
    def test_status(
        self, status: int, code: str, message: str, expected: type, retryable: bool, streamed: bool
    ) -> None:
        with AnthropicServer(Fault(status, code, message)) as server, client(server) as llm:
            with pytest.raises(LLMError) as caught:
                (llm.stream if streamed else llm.chat)("hi")
            error = caught.value
        assert type(error) is expected
        assert (error.status_code, error.retryable, error.message) == (status, retryable, message)
        assert error.request_id is not None
        assert error.provider == "anthropic"

    @pytest.mark.parametrize(("status", "code", "message", "expected", "retryable"), TOLD_WITHOUT_STATUS)
    def test_the_same_class_in_200_and_in_mid_stream(
        self, status: int, code: str, message: str, expected: type, retryable: bool
    ) -> None:
        with (
            AnthropicServer([Fault(status, code, message, in_200=True)]) as server,
            client(server) as llm,
            pytest.raises(LLMError) as caught,
        ):
            llm.chat("hi")
        assert type(caught.value) is expected
        with (
            AnthropicServer([Fault(status, code, message, midstream_after=4)]) as server,
            client(server) as llm,
            pytest.raises(LLMError) as caught,
        ):
            llm.stream("hi").response()
        assert type(caught.value) is expected
        assert caught.value.retryable is retryable
        assert caught.value.partial is not None

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 529])
    def test_as_the_vendors_sdk_types_them(self, status: int) -> None:
        seen = capture(f"anthropic-error-{status}")
        reply = seen["replies"][0]
        with (
            AnthropicServer(Fault(status, body=reply["body"])) as server,
            client(server) as llm,
            pytest.raises(LLMError) as caught,
        ):
            llm.chat("hi")
        theirs = seen["sdk_error"]["type"].removeprefix("anthropic.")
        ours = {
            "BadRequestError": InvalidRequestError,
            "AuthenticationError": AuthenticationError,
            "PermissionDeniedError": PermissionDeniedError,
            "NotFoundError": InvalidRequestError,
            "ContentTooLargeError": InvalidRequestError,
            "RateLimitError": RateLimitError,
            "InternalServerError": ServerError,
            "OverloadedError": OverloadedError,
        }[theirs]
        assert isinstance(caught.value, ours), theirs

    def test_retry_after_is_obeyed(self) -> None:
        plan = [Fault(429, headers={"retry-after": "0.01"}), Reply("ok")]
        with AnthropicServer(plan) as server, client(server, max_retries=1) as llm:
            assert llm.chat("hi").content == "ok"
            assert len(server.requests) == 2

    @pytest.mark.parametrize("polite", [True, False])
    @pytest.mark.parametrize("after", range(1, 12))
    def test_a_stream_that_breaks_off(self, after: int, polite: bool) -> None:
        fault = Fault(cut_after=after, polite=polite, reply=Reply("A long answer", "Because", chunk_size=4))
        with AnthropicServer(fault) as server, client(server) as llm, pytest.raises(StreamInterruptedError) as caught:
            llm.stream("hi").response()
        assert caught.value.partial is not None
        assert caught.value.partial.finish_reason is None
        assert "A long answer".startswith(caught.value.partial.content)


class TestModels:
    def test_all_pages(self) -> None:
        names = [f"claude-{number}" for number in range(7)]
        with AnthropicServer(models=names, page_size=3) as server, client(server) as llm:
            found = llm.models()
            assert [model.id for model in found] == names
            assert (found[0].context_window, found[0].max_output_tokens) == (200_000, 64_000)
            assert [request.query.get("after_id") for request in server.requests] == [None, "claude-2", "claude-5"]
            assert server.last.headers["anthropic-version"] == "2023-06-01"

    async def test_async(self) -> None:
        with AnthropicServer(models=["a", "b"], page_size=1) as server:
            async with AsyncLLMClient("anthropic", api_key="k", base_url=server.url) as llm:
                assert [model.id for model in await llm.models()] == ["a", "b"]

    def test_longcat_lists_them_above_its_base(self) -> None:
        with (
            AnthropicServer(models=["LongCat-2.0"]) as server,
            LLMClient("longcat_anthropic", api_key="k", base_url=f"{server.url}/anthropic") as llm,
        ):
            assert [model.id for model in llm.models()] == ["LongCat-2.0"]


class Town(BaseModel):
    """A town."""

    name: str
    people: int


class TestForms:
    @pytest.mark.parametrize("model", ["claude-opus-4-8", "claude-haiku-4-5"])
    @pytest.mark.parametrize("streamed", [False, True])
    def test_native(self, model: str, streamed: bool) -> None:
        with AnthropicServer(Reply('{"name": "Bern", "people": 5}')) as server, client(server, model) as llm:
            ask = (lambda *a, **k: llm.stream(*a, **k).response()) if streamed else llm.chat
            response = ask("Bern?", response_format=Town)
            assert response.parsed == Town(name="Bern", people=5)
            assert response.warnings == []
            assert "tools" not in server.last.json

    @pytest.mark.parametrize("streamed", [False, True])
    def test_by_a_forced_tool(self, streamed: bool) -> None:
        reply = Reply(tool_calls=[Call("Town", {"name": "Bern", "people": 5})])
        with AnthropicServer(reply) as server, client(server, "claude-3-5-haiku-latest") as llm:
            ask = (lambda *a, **k: llm.stream(*a, **k).response()) if streamed else llm.chat
            response = ask("Bern?", response_format=Town)
            assert response.parsed == Town(name="Bern", people=5)
            assert (response.tool_calls, response.finish_reason) == ([], "stop")
            assert len(response.warnings) == 1
            again = llm.chat([Message.user("Bern?"), response.message, Message.user("And?")])
            assert server.last.json["messages"][1] == {"role": "assistant", "content": response.content}
            assert again.tool_calls  # without the form a call of that name is a call

    def test_by_the_prompt(self) -> None:
        with AnthropicServer(Reply('{"name": "Bern", "people": 5}')) as server:
            with client(server, "claude-opus-4-1") as llm:
                response = llm.chat("Bern?", response_format=Town, thinking_budget=1024)
            assert response.parsed == Town(name="Bern", people=5)
            assert "people" in server.last.json["system"]
