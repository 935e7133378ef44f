"""A conversation as Messages turns: roles, results of tools, media, and the vendor's own blocks sent back."""

from __future__ import annotations

import base64

import pytest

from anthropic_samples import CALL, NEW, PNG, THOUGHT, TOOL, ask, thought, turns
from llm_connector import DocumentBlock, ImageBlock, InvalidRequestError, Message, TextBlock, ToolCall
from llm_connector.errors import UnsupportedError
from llm_connector.types import AudioBlock, Reasoning, VideoBlock
from requests_of import request_of

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF"


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

    def test_names_are_told_but_those_of_tools(self) -> None:
        got = ask([Message.user("go", name="ann"), Message.assistant(tool_calls=[CALL]), Message.tool("x", CALL)])
        assert [warning for warning in got.warnings if "name" in warning] == got.warnings
        assert len(got.warnings) == 1

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
