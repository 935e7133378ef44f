"""Messages requests: equal in meaning to what anthropic-python sends, right by the vendor's rules, nothing lost."""

from __future__ import annotations

import pytest

from anthropic_samples import CALL, NEW, OLD, PICTURE, THOUGHT, TOOL, ask, thought
from llm_connector import DocumentBlock, Message, TextBlock
from oracle import sent
from requests_of import request_of


class TestAsTheVendorsSDK:
    @pytest.mark.parametrize("version", ["anthropic", "anthropic_v0"])
    def test_a_picture_with_thinking_and_a_tool_and_its_result(self, version: str) -> None:
        params = {"tools": [TOOL], "thinking_budget": 1024, "max_tokens": 2048, "options": {"model": "claude-x-4-5"}}
        expected = sent(f"{version}-messages-tools", 0)["body"] | {"model": "claude-x-4-5"}
        assert request_of("anthropic", PICTURE, **params).body == expected
        answer = Message.assistant(tool_calls=[CALL], reasoning=thought(THOUGHT, {"type": "tool_use", "id": "toolu_1"}))
        history = [*PICTURE, answer, Message.tool('{"temp_c": 17, "sky": "rain"}', CALL)]
        expected = sent(f"{version}-messages-tools", 1)["body"] | {"model": "claude-x-4-5"}
        assert request_of("anthropic", history, **params).body == expected

    def test_options(self) -> None:
        expected = sent("anthropic_v0-messages-options")
        system = Message.system([TextBlock("You are terse.", cache_control={"type": "ephemeral"})])
        got = request_of(
            "anthropic",
            [system, Message.user("Hi")],
            options={"model": "claude-3-haiku", "api_key": "sk-ant-fake", "betas": ["x-beta"]},
            max_tokens=64,
            tools=[TOOL],
            tool_choice="get_weather",
            parallel_tool_calls=False,
            temperature=0.2,
            top_p=0.9,
            top_k=5,
            stop=["END"],
            user="u1",
        )
        assert got.body == expected["body"] | {"model": "claude-3-haiku"}
        assert got.warnings == []
        for name in ("x-api-key", "anthropic-beta", "anthropic-version", "content-type", "accept"):
            assert got.headers[name] == expected["headers"][name]
        assert "authorization" not in got.headers

    def test_a_stream(self) -> None:
        expected = sent("anthropic_v0-messages-tools-stream")
        got = request_of(
            "anthropic",
            PICTURE,
            options={"model": "claude-x-4-5"},
            stream=True,
            tools=[TOOL],
            max_tokens=expected["body"]["max_tokens"],
            thinking_budget=(expected["body"].get("thinking") or {}).get("budget_tokens"),
        )
        assert got.body == expected["body"] | {"model": "claude-x-4-5"}
        assert got.url.path == expected["path"]

    def test_a_bearer_token(self) -> None:
        expected = sent("anthropic_v0-auth-token")["headers"]
        token = expected["authorization"].removeprefix("Bearer ")
        for options in ({"api_key": token, "auth": "bearer"}, {"api_key": None, "auth_token": token}):
            headers = request_of("anthropic", options=options).headers
            assert headers["authorization"] == expected["authorization"]
            assert "x-api-key" not in headers


class TestAddress:
    @pytest.mark.parametrize(
        "base",
        ["https://x.test/a", "https://x.test/a/", "https://x.test/a/v1", "https://x.test/a/v1/messages"],
    )
    def test_the_path_is_appended_to_whatever_was_given(self, base: str) -> None:
        assert str(ask(options={"base_url": base}).url) == "https://x.test/a/v1/messages"

    def test_version_and_betas_come_from_options_call_and_content(self) -> None:
        message = Message.user(["read", DocumentBlock.from_file_id("file_1")])
        got = ask(
            [message],
            options={"api_version": "2026-10-21", "betas": "one, two"},
            extra_headers={"Anthropic-Beta": "two,three"},
        )
        assert got.headers["anthropic-version"] == "2026-10-21"
        assert got.headers.get_list("anthropic-beta") == ["one,two,three,files-api-2025-04-14"]

    def test_a_key_of_the_call_goes_where_keys_go(self) -> None:
        assert ask(api_key="other").headers["x-api-key"] == "other"


class TestThinking:
    @pytest.mark.parametrize(
        ("model", "params", "expected"),
        [
            (OLD, {"reasoning_effort": "low"}, {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
            (OLD, {"enable_thinking": True}, {"thinking": {"type": "enabled", "budget_tokens": 8192}}),
            (OLD, {"thinking_budget": 5}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
            (OLD, {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
            (NEW, {"enable_thinking": True}, {"thinking": {"type": "adaptive", "display": "summarized"}}),
            (NEW, {"enable_thinking": False}, {"thinking": {"type": "disabled"}}),
            (
                NEW,
                {"reasoning_effort": "minimal"},
                {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "low"}},
            ),
            (
                NEW,
                {"thinking_budget": 20000},
                {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "xhigh"}},
            ),
            (
                "claude-opus-4-6",
                {"reasoning_effort": "xhigh"},
                {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
            ),
            (
                "claude-opus-4-6",
                {"reasoning_effort": "high", "thinking_budget": 3000},
                {"thinking": {"type": "enabled", "budget_tokens": 3000}, "output_config": {"effort": "high"}},
            ),
            ("claude-opus-5-5", {"enable_thinking": False}, {"output_config": {"effort": "low"}}),
            ("claude-sonnet-5-5", {"enable_thinking": False}, {"thinking": {"type": "between_tools"}}),
            ("claude-3-haiku", {"reasoning_effort": "high"}, {}),
            ("claude-3-haiku", {"enable_thinking": False}, {}),
            (OLD, {}, {}),
            ("claude-opus-5", {}, {}),
        ],
    )
    def test_what_is_asked_becomes_what_the_model_takes(self, model: str, params: dict, expected: dict) -> None:
        body = ask(model=model, stream=True, check="5-5" not in model, **params).body
        assert {name: body[name] for name in ("thinking", "output_config") if name in body} == expected

    @pytest.mark.parametrize(
        ("model", "params", "told"),
        [
            (OLD, {"reasoning_effort": "low"}, "thinking_budget 2048"),
            (OLD, {"thinking_budget": 5}, "sent as 1024"),
            (NEW, {"thinking_budget": 20000}, "reasoning_effort 'xhigh'"),
            (NEW, {"reasoning_effort": "minimal"}, "sent as 'low'"),
            ("claude-3-haiku", {"reasoning_effort": "low"}, "does not reason"),
            ("claude-opus-5-5", {"enable_thinking": False}, "cannot be told not to reason"),
            ("claude-sonnet-5-5", {"reasoning_effort": "none"}, "between tool calls"),
        ],
    )
    def test_conversions_are_told(self, model: str, params: dict, told: str) -> None:
        warnings = ask(model=model, check=False, **params).warnings
        assert len(warnings) == 1
        assert told in warnings[0]

    @pytest.mark.parametrize("model", [OLD, NEW])
    def test_what_needs_no_conversion_is_not_told(self, model: str) -> None:
        params = {"thinking_budget": 4000} if model == OLD else {"reasoning_effort": "high"}
        assert ask(model=model, **params).warnings == []

    def test_longcat_has_a_switch(self) -> None:
        got = request_of("longcat_anthropic", options={"model": "LongCat-2.0"}, reasoning_effort="high")
        assert got.body["thinking"] == {"type": "enabled"}
        assert "switch" in got.warnings[0]
        assert got.body["max_tokens"] == 32_768
        assert got.headers["authorization"] == "Bearer k"
        assert str(got.url) == "https://api.longcat.chat/anthropic/v1/messages"
        off = request_of("longcat_anthropic", options={"model": "LongCat-2.0"}, enable_thinking=False)
        assert off.body["thinking"] == {"type": "disabled"}


class TestMaxTokens:
    @pytest.mark.parametrize(
        ("model", "stream", "expected"),
        [
            (OLD, True, 64_000),
            (OLD, False, 21_333),
            ("claude-3-haiku", False, 4096),
            ("claude-opus-5", True, 128_000),
            ("unheard-of", True, 4096),
        ],
    )
    def test_the_default_is_the_models_limit(self, model: str, stream: bool, expected: int) -> None:
        assert ask(model=model, stream=stream).body["max_tokens"] == expected

    def test_it_is_raised_above_the_budget_aloud(self) -> None:
        got = ask(thinking_budget=2000, max_tokens=500)
        assert got.body["max_tokens"] == 2500
        assert got.body["thinking"]["budget_tokens"] == 2000
        assert "sent as 2500" in got.warnings[0]

    def test_a_limit_above_the_budget_is_left_alone(self) -> None:
        got = ask(thinking_budget=2000, max_tokens=2001)
        assert (got.body["max_tokens"], got.warnings) == (2001, [])

    def test_the_default_is_raised_too(self) -> None:
        assert ask(thinking_budget=40_000).body["max_tokens"] == 44_096

    def test_a_budget_beyond_the_model_leaves_room_for_an_answer(self) -> None:
        got = ask(thinking_budget=100_000, stream=True)
        assert got.body["max_tokens"] == 64_000
        assert got.body["thinking"]["budget_tokens"] == 64_000 - 4096
        assert "leave an answer room" in got.warnings[0]

    def test_one_is_one(self) -> None:
        assert ask(max_tokens=1).body["max_tokens"] == 1


class TestSampling:
    def test_zero_is_sent(self) -> None:
        assert ask(temperature=0).body["temperature"] == 0
        assert ask(top_p=0).body["top_p"] == 0

    @pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
    def test_newer_models_are_spared_it(self, name: str) -> None:
        got = ask(model=NEW, **{name: 1})
        assert name not in got.body
        assert name in got.warnings[0]

    def test_a_version_that_refuses_it_is_spared_it(self) -> None:
        got = ask(temperature=0.5, options={"api_version": "2026-10-21"})
        assert "temperature" not in got.body
        assert "version" in got.warnings[0]

    def test_one_of_two(self) -> None:
        got = ask(temperature=0.5, top_p=0.9)
        assert (got.body["temperature"], "top_p" in got.body, len(got.warnings)) == (0.5, False, 1)

    def test_thinking_takes_only_the_defaults(self) -> None:
        got = ask(thinking_budget=2000, temperature=0.5, top_p=0.5, top_k=3)
        assert not {"temperature", "top_p", "top_k"} & got.body.keys()
        assert len(got.warnings) == 3
        kept = ask(thinking_budget=2000, top_p=0.99)
        assert kept.body["top_p"] == 0.99
        assert ask(thinking_budget=2000, temperature=1).body["temperature"] == 1

    def test_a_temperature_beyond_the_range_is_moved_aloud(self) -> None:
        got = ask(temperature=1.7)
        assert got.body["temperature"] == 1
        assert "outside" in got.warnings[0]


class TestOtherFields:
    def test_what_has_no_equivalent_is_told_once_each(self) -> None:
        got = ask(seed=0, presence_penalty=0.0, frequency_penalty=0.1, logit_bias={"1": 1}, logprobs=True, n=2)
        told = " ".join(got.warnings)
        for name in ("seed", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "n "):
            assert f" {name}" in told
        assert len(got.warnings) == 6

    def test_one_answer_is_what_one_gets(self) -> None:
        assert ask(n=1).warnings == []

    def test_metadata(self) -> None:
        got = ask(metadata={"user_id": "u", "team": "t"})
        assert got.body["metadata"] == {"user_id": "u"}
        assert "team" in got.warnings[0]
        assert ask(metadata={"user_id": "u"}, user="v").body["metadata"] == {"user_id": "v"}

    def test_blank_stops_are_told(self) -> None:
        got = ask(stop=["\n", "END"])
        assert got.body["stop_sequences"] == ["END"]
        assert got.warnings

    def test_the_users_own_json_comes_last(self) -> None:
        got = ask(extra_body={"service_tier": "standard_only", "max_tokens": 7})
        assert (got.body["service_tier"], got.body["max_tokens"]) == ("standard_only", 7)
