"""Tools and forms of answers in Messages requests, as far as each model takes them."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from anthropic_samples import NEW, OLD, TOOL, ask
from llm_connector import Message, TextBlock, Tool


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

    def test_a_free_choice_without_tools_is_not_sent(self) -> None:
        got = ask(tool_choice="auto")
        assert "tool_choice" not in got.body
        assert got.warnings == []

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

    def test_what_only_anthropic_knows_of_a_function(self) -> None:
        deferred = {"name": "f", "input_schema": {"type": "object"}, "defer_loading": True}
        programmatic = {
            "name": "g",
            "input_schema": {"type": "object"},
            "allowed_callers": ["code_execution_20250825"],
            "input_examples": [{"a": 1}],
        }
        body = ask(tools=[deferred, programmatic], tool_choice="g").body
        assert body["tools"] == [deferred, programmatic]
        assert body["tool_choice"] == {"type": "tool", "name": "g"}

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

    @pytest.mark.parametrize("inner", [{"$ref": "#/$defs/Nothing"}, {}, True])
    def test_a_schema_with_holes_is_not_native(self, inner: object) -> None:
        got = ask(response_format={"type": "object", "title": "T", "properties": {"a": inner}})
        assert got.body["tool_choice"] == {"type": "tool", "name": "T"}

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
