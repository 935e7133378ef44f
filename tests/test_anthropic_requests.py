"""Messages requests: equal in meaning to what anthropic-python sends, right by the vendor's rules, nothing lost."""

from __future__ import annotations

import base64

import pytest
from pydantic import BaseModel

from anthropic_samples import CALL, PICTURE, PNG, THOUGHT, TOOL, thought
from llm_connector import DocumentBlock, ImageBlock, InvalidRequestError, Message, TextBlock, Tool, ToolCall
from llm_connector.errors import UnsupportedError
from llm_connector.types import AudioBlock, Reasoning, VideoBlock
from oracle import sent
from requests_of import Sent, request_of
from servers.anthropic_checks import check_request

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF"
OLD, NEW = "claude-sonnet-4-5", "claude-opus-4-8"


def ask(messages="hi", *, model: str = OLD, check: bool = True, **params) -> Sent:
    """A request, which the vendor's rules must let through."""
    sent_now = request_of("anthropic", messages, options={"model": model, **params.pop("options", {})}, **params)
    if check:
        check_request(sent_now.body)
    return sent_now


def turns(*messages: Message, **params) -> list[dict]:
    return ask(list(messages), **params).body["messages"]


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


class TestTurns:
    def test_instructions_are_joined_and_hoisted(self) -> None:
        got = ask([Message.system("One."), Message(role="developer", content="Two."), Message.user("hi")])
        assert got.body["system"] == "One.\n\nTwo."
        assert got.body["messages"] == [{"role": "user", "content": "hi"}]
        assert got.warnings == []

    def test_instructions_in_the_middle_are_hoisted_with_a_warning(self) -> None:
        got = ask([Message.user("a"), Message.system("Be kind."), Message.user("b")])
        assert got.body["system"] == "Be kind."
        assert got.body["messages"] == [
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
        ]
        assert "moved" in got.warnings[0]

    def test_instructions_alone_become_the_users_message(self) -> None:
        got = ask([Message.system("Say hi.")])
        assert got.body["messages"] == [{"role": "user", "content": "Say hi."}]
        assert "system" not in got.body
        assert got.warnings

    def test_a_conversation_that_the_assistant_begins(self) -> None:
        got = ask([Message.assistant("Welcome!"), Message.user("hi")])
        assert [turn["role"] for turn in got.body["messages"]] == ["user", "assistant", "user"]
        assert got.warnings

    def test_empty_messages_are_left_out_aloud(self) -> None:
        got = ask([Message.user("hi"), Message.assistant(""), Message.user(["  ", "you"])])
        assert got.body["messages"] == [
            {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "you"}]}
        ]
        assert any("empty assistant" in warning for warning in got.warnings)

    def test_nothing_to_say_is_refused(self) -> None:
        with pytest.raises(InvalidRequestError, match="empty"):
            ask([Message.user(" ")])

    def test_blanks_after_a_prefilled_answer_are_taken_off(self) -> None:
        assert turns(Message.user("hi"), Message.assistant("The answer is: "))[-1]["content"] == "The answer is:"

    def test_results_of_parallel_calls_stand_in_one_turn_before_what_the_user_says(self) -> None:
        other = ToolCall(id="toolu_2", name="get_weather", arguments="{}")
        content = turns(
            Message.user("go"),
            Message.assistant("Looking.", tool_calls=[CALL, other]),
            Message.tool({"sky": "rain"}, CALL),
            Message.tool(["see", ImageBlock.from_bytes(PNG)], other, is_error=True),
            Message.user("and?"),
            tools=[TOOL],
        )[-1]["content"]
        assert content[0] == {"type": "tool_result", "tool_use_id": "toolu_1", "content": '{"sky": "rain"}'}
        assert content[1]["is_error"] is True
        assert [part["type"] for part in content[1]["content"]] == ["text", "image"]
        assert content[2] == {"type": "text", "text": "and?"}

    def test_an_empty_result_is_a_result(self) -> None:
        history = [Message.user("go"), Message.assistant(tool_calls=[CALL]), Message.tool("", CALL)]
        assert turns(*history)[-1]["content"] == [{"type": "tool_result", "tool_use_id": "toolu_1"}]

    def test_ids_of_other_vendors_are_made_fit_and_still_match(self) -> None:
        calls = [ToolCall(id=f"functions.f:{n}", name="f") for n in range(2)]
        history = [
            Message.user("go"),
            Message.assistant(tool_calls=calls),
            *(Message.tool("x", call) for call in calls),
        ]
        used, answered = turns(*history)[1:]
        ids = [block["id"] for block in used["content"]]
        assert ids == [block["tool_use_id"] for block in answered["content"]]
        assert len(set(ids)) == 2
        assert turns(*history)[1] == used  # the same each time, for the vendor's cache

    def test_broken_arguments_are_kept_inside_an_object(self) -> None:
        call = ToolCall(id="toolu_1", name="f", arguments='{"a": ')
        got = ask([Message.user("go"), Message.assistant(tool_calls=[call]), Message.tool("x", call)])
        assert got.body["messages"][1]["content"][0]["input"] == {"arguments": '{"a": '}
        assert got.warnings


class TestReplay:
    HISTORY = (Message.user("go"),)

    def replayed(
        self, blocks: list[dict], text: str = "", calls: tuple[ToolCall, ...] = (CALL,), **params
    ) -> list[dict]:
        answer = Message.assistant(text, tool_calls=list(calls), reasoning=thought(*blocks))
        results = [Message.tool("x", call) for call in calls]
        return turns(Message.user("go"), answer, *results, Message.user("on"), tools=[TOOL], **params)[1]["content"]

    def test_blocks_go_back_byte_for_byte_in_their_places(self) -> None:
        second = ToolCall(id="toolu_2", name="get_weather", arguments="{}")
        more = {"type": "thinking", "thinking": "", "signature": "\u2028é=="}
        blocks = [
            {"type": "redacted_thinking", "data": "xyz"},
            THOUGHT,
            {"type": "text", "length": 3},
            {"type": "tool_use", "id": "toolu_1"},
            more,
            {"type": "text", "length": 4},
            {"type": "tool_use", "id": "toolu_2"},
        ]
        content = self.replayed(blocks, "One Two", (CALL, second))
        assert content == [
            {"type": "redacted_thinking", "data": "xyz"},
            THOUGHT,
            {"type": "text", "text": "One"},
            {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}},
            more,
            {"type": "text", "text": " Two"},
            {"type": "tool_use", "id": "toolu_2", "name": "get_weather", "input": {}},
        ]

    @pytest.mark.parametrize(
        ("text", "calls"),
        [("Edited since.", (CALL,)), ("One", ()), ("One", (CALL.model_copy(update={"id": "other"}),))],
    )
    def test_an_edited_message_begins_with_its_thinking(self, text: str, calls: tuple) -> None:
        blocks = [{"type": "text", "length": 3}, THOUGHT, {"type": "tool_use", "id": "toolu_1"}]
        content = self.replayed(blocks, text, calls)
        assert [block["type"] for block in content] == ["thinking", "text", *("tool_use" for _ in calls)]
        assert content[1]["text"] == text

    def test_blank_text_of_the_vendors_own_is_not_sent_back(self) -> None:
        blocks = [THOUGHT, {"type": "text", "length": 2}, {"type": "tool_use", "id": "toolu_1"}]
        assert [block["type"] for block in self.replayed(blocks, "\n\n")] == ["thinking", "tool_use"]

    def test_unknown_blocks_and_tools_that_the_vendor_ran_survive(self) -> None:
        ran = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
        found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"encrypted_content": "e"}]}
        cited = [{"type": "web_search_result_location", "url": "https://x.test"}]
        blocks = [ran, found, {"type": "text", "length": 4, "citations": cited}, {"type": "compaction", "content": "c"}]
        answer = Message.assistant("Yes.", reasoning=thought(*blocks))
        content = turns(Message.user("go"), answer, Message.user("on"), check=False)[1]["content"]
        assert content == [
            ran,
            found,
            {"type": "text", "text": "Yes.", "citations": cited},
            {"type": "compaction", "content": "c"},
        ]

    def test_a_call_made_by_the_vendors_code_keeps_its_caller(self) -> None:
        caller = {"type": "code_execution_20250825", "tool_id": "srvtoolu_1"}
        content = self.replayed([{"type": "tool_use", "id": "toolu_1", "caller": caller}])
        assert content[0]["caller"] == caller

    @pytest.mark.parametrize("replay", ["never", "with_tool_calls", "always"])
    def test_whether_it_goes_back_is_the_users_choice(self, replay: str) -> None:
        answer = Message.assistant("Hi.", reasoning=thought(THOUGHT))
        content = turns(Message.user("a"), answer, Message.user("b"), options={"reasoning_replay": replay})[1][
            "content"
        ]
        assert content == ([THOUGHT, {"type": "text", "text": "Hi."}] if replay == "always" else "Hi.")

    def test_another_familys_payload_is_dropped_and_the_message_stays_valid(self) -> None:
        foreign = Reasoning(family="google", blocks=[{"anything": 1}])
        answer = Message.assistant("Hi.", reasoning_content="hm", reasoning=foreign)
        assert turns(Message.user("a"), answer, Message.user("b"))[1]["content"] == "Hi."

    def test_thinking_without_a_signature_is_dropped(self) -> None:
        content = self.replayed([{"type": "thinking", "thinking": "x"}, {"type": "tool_use", "id": "toolu_1"}])
        assert [block["type"] for block in content] == ["tool_use"]

    def test_a_cache_mark_on_an_answer_stays_at_its_end(self) -> None:
        mark = {"type": "ephemeral"}
        answer = Message.assistant(
            [TextBlock("Hi.", cache_control=mark)], reasoning=thought(THOUGHT, {"type": "text", "length": 3})
        )
        content = turns(Message.user("a"), answer, Message.user("b"))[1]["content"]
        assert content == [THOUGHT, {"type": "text", "text": "Hi.", "cache_control": mark}]

    def test_foreign_tool_calls_switch_a_budget_off_for_the_loop(self) -> None:
        history = [Message.user("go"), Message.assistant(tool_calls=[CALL]), Message.tool("x", CALL)]
        got = ask(history, tools=[TOOL], thinking_budget=2000)
        assert "thinking" not in got.body
        assert "without it" in got.warnings[0]
        later = [*history, Message.assistant("It rains."), Message.user("on")]
        assert "thinking" in ask(later, tools=[TOOL], thinking_budget=2000).body
        assert "thinking" in ask(history, tools=[TOOL], reasoning_effort="low", model=NEW).body

    def test_a_loop_that_began_with_thinking_keeps_it(self) -> None:
        second = ToolCall(id="toolu_2", name="get_weather")
        history = [
            Message.user("go"),
            Message.assistant(tool_calls=[CALL], reasoning=thought(THOUGHT, {"type": "tool_use", "id": "toolu_1"})),
            Message.tool("x", CALL),
            Message.assistant(tool_calls=[second]),
            Message.tool("y", second),
        ]
        assert ask(history, tools=[TOOL], thinking_budget=2000).body["thinking"]["type"] == "enabled"


class TestMedia:
    def test_pictures(self) -> None:
        blocks = [ImageBlock.from_url("https://x.test/a.png"), ImageBlock.from_bytes(PNG), ImageBlock.from_file_id("f")]
        got = ask([Message.user(blocks)])
        sources = [part["source"] for part in got.body["messages"][0]["content"]]
        assert sources[0] == {"type": "url", "url": "https://x.test/a.png"}
        assert sources[1] == {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}
        assert sources[2] == {"type": "file", "file_id": "f"}

    def test_documents(self) -> None:
        blocks = [
            DocumentBlock.from_bytes(PDF, title="T", context="C", citations=True),
            DocumentBlock.from_bytes("héllo".encode(), "text/markdown", name="a.md"),
            DocumentBlock.from_url("https://x.test/a.pdf", cache_control={"type": "ephemeral"}),
        ]
        parts = ask([Message.user(blocks)]).body["messages"][0]["content"]
        assert parts[0] == {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(PDF).decode()},
            "title": "T",
            "context": "C",
            "citations": {"enabled": True},
        }
        assert parts[1]["source"] == {"type": "text", "media_type": "text/plain", "data": "héllo"}
        assert parts[1]["title"] == "a.md"
        assert parts[2]["cache_control"] == {"type": "ephemeral"}

    @pytest.mark.parametrize(
        "block",
        [
            AudioBlock.from_bytes(b"RIFF", "audio/wav"),
            VideoBlock.from_url("https://x.test/a.mp4"),
            ImageBlock.from_bytes(b"BM", "image/bmp"),
            ImageBlock.from_url("gs://bucket/a.png"),
            DocumentBlock.from_bytes(b"PK", "application/zip"),
        ],
    )
    def test_what_the_vendor_cannot_take_is_refused_before_sending(self, block) -> None:
        with pytest.raises(UnsupportedError):
            ask([Message.user(["see", block])])

    @pytest.mark.parametrize("role", ["assistant", "system"])
    def test_media_in_other_roles_is_refused(self, role: str) -> None:
        with pytest.raises(UnsupportedError, match=role):
            ask([Message.user("a"), Message(role=role, content=[ImageBlock.from_bytes(PNG)]), Message.user("b")])

    def test_longcat_takes_text_only(self) -> None:
        with pytest.raises(UnsupportedError, match="takes text"):
            request_of("longcat_anthropic", [Message.user([ImageBlock.from_bytes(PNG)])])

    def test_detail_is_reported(self) -> None:
        assert "detail" in ask([Message.user([ImageBlock.from_bytes(PNG, detail="low")])]).warnings[0]


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


class TestTools:
    @pytest.mark.parametrize(
        ("choice", "parallel", "expected"),
        [
            (None, None, None),
            (None, True, None),
            (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
            ("auto", None, {"type": "auto"}),
            ("required", None, {"type": "any"}),
            ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
            ("none", False, {"type": "none"}),
            ("get_weather", None, {"type": "tool", "name": "get_weather"}),
        ],
    )
    def test_choices(self, choice: str | None, parallel: bool | None, expected: dict | None) -> None:
        got = ask(tools=[TOOL], tool_choice=choice, parallel_tool_calls=parallel)
        assert got.body.get("tool_choice") == expected
        assert got.warnings == []

    @pytest.mark.parametrize("choice", ["required", "get_weather"])
    @pytest.mark.parametrize("model", [OLD, NEW])
    def test_thinking_forbids_forcing(self, model: str, choice: str) -> None:
        got = ask(model=model, tools=[TOOL], tool_choice=choice, parallel_tool_calls=False, enable_thinking=True)
        assert got.body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
        assert "reasoning" in got.warnings[0]

    def test_a_model_that_thinks_unasked_stops_for_a_forced_tool(self) -> None:
        got = ask(model="claude-opus-5", tools=[TOOL], tool_choice="required")
        assert got.body["thinking"] == {"type": "disabled"}
        assert got.body["tool_choice"] == {"type": "any"}
        assert got.warnings

    @pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1"])
    def test_the_newest_cannot_be_forced(self, model: str) -> None:
        got = ask(model=model, tools=[TOOL], tool_choice="required")
        assert got.body["tool_choice"] == {"type": "auto"}
        assert "thinking" not in got.body
        assert got.warnings

    def test_a_choice_without_tools_is_told(self) -> None:
        got = ask(tool_choice="required")
        assert "tool_choice" not in got.body
        assert got.warnings
        assert ask(tool_choice="auto").warnings == []

    def test_tools(self) -> None:
        search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
        cached = Tool(name="f", cache_control={"type": "ephemeral"})
        tools = ask(tools=[search, cached, TOOL]).body["tools"]
        assert tools[0] == search
        assert tools[1] == {
            "name": "f",
            "input_schema": {"type": "object", "properties": {}},
            "cache_control": {"type": "ephemeral"},
        }
        assert tools[2]["description"] == "Current weather for a city"

    def test_a_schema_without_a_type_gets_one(self) -> None:
        tools = ask(tools=[Tool(name="f", parameters={"properties": {}})]).body["tools"]
        assert tools[0]["input_schema"] == {"type": "object", "properties": {}}

    def test_strict_where_the_model_has_it(self) -> None:
        tool = {"type": "function", "function": {**TOOL["function"], "strict": True}}
        wire = ask(tools=[tool]).body["tools"][0]
        assert wire["strict"] is True
        assert wire["input_schema"]["additionalProperties"] is False
        got = ask(tools=[tool], model="claude-opus-4-1")
        assert "strict" not in got.body["tools"][0]
        assert "strict" in got.warnings[0]


class Town(BaseModel):
    """A town."""

    name: str
    people: int = 0


class Bag(BaseModel):
    """Free keys."""

    items: dict[str, int]


class Tree(BaseModel):
    """Holds its own kind."""

    children: list[Tree] = []


class TestFormat:
    def test_native_where_the_model_has_it(self) -> None:
        got = ask(response_format=Town, reasoning_effort="high", model=NEW, tools=[TOOL])
        config = got.body["output_config"]
        assert config["effort"] == "high"
        assert config["format"]["type"] == "json_schema"
        assert config["format"]["schema"]["additionalProperties"] is False
        assert config["format"]["schema"]["required"] == ["name"]
        assert got.warnings == []

    def test_a_forced_tool_on_older_models(self) -> None:
        got = ask(response_format=Town, model="claude-3-5-haiku-latest")
        assert got.body["tools"][0]["name"] == "Town"
        assert got.body["tools"][0]["input_schema"]["properties"].keys() == {"name", "people"}
        assert got.body["tool_choice"] == {"type": "tool", "name": "Town"}
        assert "forced tool" in got.warnings[0]

    @pytest.mark.parametrize(
        "params",
        [
            {"thinking_budget": 2000, "model": "claude-opus-4-1"},
            {"tools": [TOOL], "model": "claude-opus-4-1"},
            {"extra_body": {"thinking": {"type": "enabled", "budget_tokens": 1024}}, "model": "claude-opus-4-1"},
            {"response_format": {"type": "array", "items": {"type": "object", "additionalProperties": True}}},
            {"response_format": "json_object"},
            {"response_format": Bag, "model": "claude-opus-5"},
        ],
    )
    def test_the_prompt_where_a_tool_cannot_be_forced(self, params: dict) -> None:
        got = ask([Message.system("Terse."), Message.user("hi")], **{"response_format": Town, **params})
        assert got.body["system"].startswith("Terse.\n\nAnswer with ")
        assert "tool_choice" not in got.body
        assert "format" not in got.body.get("output_config", {})
        assert any("prompt" in warning for warning in got.warnings)

    def test_an_instruction_joins_blocks(self) -> None:
        system = Message.system([TextBlock("Terse.", cache_control={"type": "ephemeral"})])
        got = ask([system, Message.user("hi")], response_format="json_object")
        assert [block["type"] for block in got.body["system"]] == ["text", "text"]

    @pytest.mark.parametrize("schema", [Bag, Tree])
    def test_what_the_grammar_cannot_hold_goes_by_tool(self, schema: type[BaseModel]) -> None:
        got = ask(response_format=schema)
        assert got.body["tool_choice"] == {"type": "tool", "name": schema.__name__}

    def test_text_is_what_one_gets(self) -> None:
        assert ask(response_format="text").warnings == []

    def test_constraints_that_the_grammar_lacks_are_put_in_words(self) -> None:
        schema = {
            "type": "object",
            "properties": {
                "n": {"type": "integer", "minimum": 1, "maximum": 3, "description": "How many."},
                "when": {"type": "string", "format": "date"},
                "code": {"type": "string", "pattern": "^a", "format": "odd"},
                "many": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 4},
                "either": {"oneOf": [{"type": "string"}, {"$ref": "#/$defs/P"}]},
                "minimum": {"type": "string"},
            },
            "$defs": {"P": {"type": "object", "properties": {"format": {"type": "string"}}}},
        }
        got = ask(response_format=schema).body["output_config"]["format"]["schema"]
        properties = got["properties"]
        assert properties["n"] == {"type": "integer", "description": "How many. (minimum: 1; maximum: 3)"}
        assert properties["when"] == {"type": "string", "format": "date"}
        assert properties["code"] == {"type": "string", "description": "(pattern: ^a; format: odd)"}
        assert properties["many"]["minItems"] == 1
        assert "maxItems: 4" in properties["many"]["description"]
        assert properties["either"] == {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/P"}]}
        assert properties["minimum"] == {"type": "string"}
        assert got["$defs"]["P"]["additionalProperties"] is False
