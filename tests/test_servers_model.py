"""The rule model that answers when a test server has no script."""

from __future__ import annotations

import json
from typing import Any

import pytest

from servers.base import Call, Use
from servers.model import answer
from servers.vectors import embedded
from servers.view import ToolSpec, Turn, View, head, tokens


def view(text: str, *tools: ToolSpec, **facts: Any) -> View:
    return View("m", [Turn("user", text)], list(tools), **facts)


def tool(called: str, /, **properties: Any) -> ToolSpec:
    return ToolSpec(called, schema={"type": "object", "properties": properties, "required": list(properties)})


WEATHER = tool("get_weather", location={"type": "string"})
MAGIC = tool("magic_function", input={"type": "integer", "exclusiveMinimum": -1000})
BARE = tool("magic_function_no_args")
CUSTOMER = tool("unicode_customer", name={"type": "string"})
ADDER = tool("my_adder", a={"type": "integer"}, b={"type": "integer"})


@pytest.mark.parametrize(
    ("asked", "calls"),
    [
        (view("What is the value of magic_function(3)? Use the tool.", MAGIC), [Call("magic_function", {"input": 3})]),
        (view("What is magic_function_no_args()? Use it.", MAGIC, BARE), [Call("magic_function_no_args", {})]),
        (
            view("What is the weather in San Francisco, CA?", WEATHER),
            [Call("get_weather", {"location": "San Francisco, CA"})],
        ),
        (view("北京今天天气怎么样", WEATHER), [Call("get_weather", {"location": "北京"})]),
        (
            view("Create a customer named '你好啊集团' (Hello Group)", CUSTOMER),
            [Call("unicode_customer", {"name": "你好啊集团"})],
        ),
        (
            view("Use magic_function(5) and then get_weather for 'Rome'.", WEATHER, MAGIC),
            [Call("magic_function", {"input": 5}), Call("get_weather", {"location": "Rome"})],
        ),
        (view("What is 3 + 4", ADDER), [Call("my_adder", {"a": 3, "b": 4})]),
        (view("Hello!", MAGIC, WEATHER, choice="required"), [Call("magic_function", {"input": 1})]),
        (view("Hello!", MAGIC, BARE, choice="magic_function_no_args"), [Call("magic_function_no_args", {})]),
        (view("magic_function(3)", MAGIC, choice="none"), []),
        (view("Hello!", MAGIC, WEATHER), []),
    ],
)  # fmt: skip
def test_the_model_calls_the_tool_that_is_asked_for(asked: View, calls: list[Call]) -> None:
    assert list(answer(asked).tool_calls) == calls


JOKE = {
    "type": "object",
    "properties": {"setup": {"type": "string"}, "punchline": {"type": "string"}},
    "required": ["setup"],
}
NESTED = {
    "type": "object",
    "properties": {
        "people": {"type": "array", "items": {"$ref": "#/$defs/Person"}},
        "mood": {"enum": ["sad", "glad"]},
        "day": {"type": "string", "format": "date"},
        "score": {"anyOf": [{"type": "null"}, {"type": "number", "maximum": 5}]},
    },
    "required": ["people", "mood", "day", "score"],
    "$defs": {"Person": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
}


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        (view("Tell me a joke, with its punchline.", schema=JOKE, json=True), {"setup", "punchline"}),
        (view("JSON with 'setup' and 'punchline' keys. Nothing but JSON.", json=True), {"setup", "punchline"}),
        (view("JSON with 'setup' and 'punchline' keys. Nothing but JSON."), {"setup", "punchline"}),
        (view(f"Answer in JSON by this schema: {json.dumps(JOKE)}"), {"setup", "punchline"}),
        (view("Any JSON", json=True), {"answer"}),
    ],
)
def test_the_model_keeps_to_a_schema(asked: View, keys: set[str]) -> None:
    assert json.loads(answer(asked).text).keys() == keys


def test_the_model_fills_nested_schemas_from_the_prompt() -> None:
    told = json.loads(answer(view('"Ann" was glad on 2026-05-01, 9 of 10', schema=NESTED, json=True)).text)
    assert told == {"people": [{"name": "Ann"}], "mood": "glad", "day": "2026-05-01", "score": 5}


def test_the_model_remembers_sees_and_uses_results() -> None:
    named = [Turn("user", "My name is Bob."), Turn("assistant", "Hi"), Turn("user", "What is my name?")]
    assert answer(View("m", named)).text == "Your name is Bob."
    seen = Turn("user", "Describe it.")
    seen.media.update(["image", "image", "document"])
    assert answer(View("m", [seen])).text.startswith("I see 1 document, 2 images.")
    context = "Context is below.\n------\nCats sleep a lot. Dogs bark.\n------\nQuery: Who does bark?\nAnswer: "
    assert answer(view(context)).text == "Dogs bark."


def test_the_model_honours_stop_limit_and_counts() -> None:
    stopped = answer(view("one two three", stop=["two"]))
    assert (stopped.text, stopped.stopped_by) == ("You said: one ", "two")
    cut = answer(view("one two three", max_tokens=3))
    assert (cut.text, cut.finish) == ("You said:", "length")
    assert cut.usage == Use(view("one two three").input_tokens, 3)
    thought = answer(view("one", reasoning=True))
    assert thought.reasoning
    assert thought.counted.reasoning == tokens(thought.reasoning) < thought.counted.output


def test_tokens_and_vectors_are_plausible() -> None:
    assert tokens("Hello, 你好!") == 5
    assert head("Hello, 你好!", 2) == "Hello,"
    near = sum(a * b for a, b in zip(embedded("red cat", 16), embedded("red dog", 16), strict=True))
    far = sum(a * b for a, b in zip(embedded("red cat", 16), embedded("tax law", 16), strict=True))
    assert near > far
    assert embedded("x", 8) == embedded("x", 8)
