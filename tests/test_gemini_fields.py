"""The fields of a request in Gemini's form: settings, reasoning, the answer's form, tools; and what is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from gemini_kit import WEATHER, config_of
from llm_connector import Message, Tool
from llm_connector.protocols.gemini_models import gate_of
from requests_of import request_of
from servers.gemini_checks import camel, check_request


def test_every_number_is_sent_also_zero() -> None:
    config, warnings = config_of(
        "gemini-2.0-flash",
        temperature=0,
        top_p=0,
        top_k=0,
        seed=0,
        max_tokens=1,
        presence_penalty=0,
        frequency_penalty=0,
        n=2,
        stop=["a", "b"],
    )
    assert config == {
        "temperature": 0,
        "topP": 0,
        "topK": 0,
        "seed": 0,
        "maxOutputTokens": 1,
        "presencePenalty": 0,
        "frequencyPenalty": 0,
        "candidateCount": 2,
        "stopSequences": ["a", "b"],
    }
    assert warnings == []


def test_log_probabilities() -> None:
    assert config_of("gemini-x", logprobs=True)[0] == {"responseLogprobs": True}
    assert config_of("gemini-x", top_logprobs=0)[0] == {"responseLogprobs": True, "logprobs": 0}
    assert config_of("gemini-x", logprobs=True, top_logprobs=3)[0] == {"responseLogprobs": True, "logprobs": 3}
    assert config_of("gemini-x", logprobs=False) == ({}, [])


def test_what_has_no_equivalent_is_told() -> None:
    given = {"user": "u", "logit_bias": {"1": 2}, "metadata": {"k": "v"}, "parallel_tool_calls": False}
    body = request_of("google", **given)
    assert body.body == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    assert [next(name for name in given if name in warning) for warning in body.warnings] == sorted(given)
    assert request_of("google", tools=[WEATHER], parallel_tool_calls=True).warnings == []


def test_vertex_takes_labels() -> None:
    got = request_of("google_vertex", options={"project": "p"}, metadata={"team": "a", "number": 1})
    assert got.body["labels"] == {"team": "a", "number": "1"}
    assert got.warnings == []


def test_too_many_stop_texts_are_told() -> None:
    config, warnings = config_of("gemini-x", stop=list("abcdefg"))
    assert config["stopSequences"] == list("abcde")
    assert "'f', 'g'" in warnings[0]


def test_sampling_that_new_models_ignore_is_told() -> None:
    config, warnings = config_of("gemini-3.8-flash", temperature=0, top_k=1, max_tokens=5)
    assert config == {"temperature": 0, "topK": 1, "maxOutputTokens": 5}
    assert len(warnings) == 2
    assert config_of("gemini-3.5-flash", temperature=0)[1] == []


def test_extra_body_is_merged_last_and_inside() -> None:
    got = request_of(
        "google",
        temperature=0.5,
        max_tokens=9,
        extra_body={"generationConfig": {"temperature": 1, "mediaResolution": "MEDIA_RESOLUTION_LOW"}, "labels": {}},
    )
    assert got.body["generationConfig"] == {
        "temperature": 1,
        "maxOutputTokens": 9,
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
    }
    assert got.body["labels"] == {}


# Reasoning

OFF = {"enable_thinking": False}
ON = {"enable_thinking": True}


@pytest.mark.parametrize(
    ("model", "asked", "thinking", "told"),
    [
        ("gemini-2.5-flash", OFF, {"thinkingBudget": 0}, False),
        ("gemini-2.5-flash", {"reasoning_effort": "none"}, {"thinkingBudget": 0}, False),
        ("gemini-2.5-flash", {"thinking_budget": 0}, {"thinkingBudget": 0}, False),
        ("gemini-2.5-flash", ON, {"includeThoughts": True, "thinkingBudget": -1}, False),
        ("gemini-2.5-flash", {"thinking_budget": 5000}, {"includeThoughts": True, "thinkingBudget": 5000}, False),
        ("gemini-2.5-flash", {"thinking_budget": 99999}, {"includeThoughts": True, "thinkingBudget": 24576}, True),
        ("gemini-2.5-flash", {"reasoning_effort": "low"}, {"includeThoughts": True, "thinkingBudget": 2048}, True),
        ("gemini-2.5-flash-lite", {"thinking_budget": 1}, {"includeThoughts": True, "thinkingBudget": 512}, True),
        ("gemini-2.5-flash-lite-001", OFF, {"thinkingBudget": 0}, False),
        ("gemini-2.5-pro", OFF, {"thinkingBudget": 128}, True),
        ("gemini-2.5-pro", {"reasoning_effort": "max"}, {"includeThoughts": True, "thinkingBudget": 32768}, True),
        ("gemini-3-flash-preview", OFF, {"thinkingLevel": "MINIMAL"}, True),
        (
            "gemini-3-flash-preview",
            {"reasoning_effort": "medium"},
            {"includeThoughts": True, "thinkingLevel": "MEDIUM"},
            False,
        ),
        ("gemini-3.5-flash-lite", OFF, {"thinkingLevel": "MINIMAL"}, True),
        ("gemini-3.8-flash", OFF, {"thinkingLevel": "LOW"}, True),
        (
            "gemini-3.8-flash",
            {"reasoning_effort": "minimal"},
            {"includeThoughts": True, "thinkingLevel": "LOW"},
            True,
        ),
        ("gemini-3-pro-preview", OFF, {"thinkingLevel": "LOW"}, True),
        (
            "gemini-3-pro-preview",
            {"reasoning_effort": "medium"},
            {"includeThoughts": True, "thinkingLevel": "HIGH"},
            True,
        ),
        ("gemini-3-pro-preview", ON, {"includeThoughts": True}, False),
        (
            "gemini-3.1-pro-preview",
            {"reasoning_effort": "medium"},
            {"includeThoughts": True, "thinkingLevel": "MEDIUM"},
            False,
        ),
        ("gemini-3.1-pro-preview", OFF, {"thinkingLevel": "LOW"}, True),
        ("gemini-3.7-flash", {"reasoning_effort": "max"}, {"includeThoughts": True, "thinkingLevel": "HIGH"}, True),
        ("gemini-3-flash", {"thinking_budget": 1500}, {"includeThoughts": True, "thinkingLevel": "LOW"}, True),
        (
            "models/gemini-9-ultra",
            {"reasoning_effort": "xhigh"},
            {"includeThoughts": True, "thinkingLevel": "HIGH"},
            True,
        ),
        ("gemini-2.0-flash", ON, None, True),
        ("gemini-2.0-flash", OFF, None, False),
        ("gemini-2.5-flash-image", {"reasoning_effort": "high"}, None, True),
        ("gemma-3-27b-it", {"thinking_budget": 5}, None, True),
        ("gemini-3-flash", {}, None, False),
    ],
)
def test_reasoning_as_each_model_takes_it(
    model: str, asked: dict[str, Any], thinking: dict[str, Any] | None, told: bool
) -> None:
    config, warnings = config_of(model, **asked)
    assert config.get("thinkingConfig") == thinking
    assert bool(warnings) is told


def test_levels_of_the_pro_models() -> None:
    assert gate_of("gemini-3-pro-preview").levels == ("low", "high")
    assert gate_of("gemini-3.1-pro-preview").levels == ("low", "medium", "high")
    assert gate_of("gemini-3.1-flash-lite").levels == ("minimal", "low", "medium", "high")
    assert gate_of("publishers/google/models/gemini-2.5-pro").thinking == "budget"


def test_budget_and_level_are_never_sent_together() -> None:
    for model in ("gemini-2.5-flash", "gemini-3-flash"):
        config, warnings = config_of(model, thinking_budget=1000, reasoning_effort="high")
        assert len(config["thinkingConfig"].keys() & {"thinkingBudget", "thinkingLevel"}) == 1
        assert warnings


# The form of the answer, and tools


def test_json_without_a_schema() -> None:
    assert config_of("gemini-x", response_format="json_object")[0] == {"responseMimeType": "application/json"}
    assert config_of("gemini-x", response_format="text")[0] == {}


def test_a_form_next_to_tools() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    new = request_of("google", options={"model": "gemini-3-flash"}, tools=[WEATHER], response_format=schema)
    assert new.body["generationConfig"]["responseJsonSchema"] == schema
    assert "systemInstruction" not in new.body
    messages = [Message.system("Be kind."), Message.user("hi")]
    old = request_of("google", messages, options={"model": "gemini-2.5-pro"}, tools=[WEATHER], response_format=schema)
    assert "generationConfig" not in old.body
    first, second = old.body["systemInstruction"]["parts"]
    assert first == {"text": "Be kind."}
    assert '"properties":{"a":{"type":"string"}}' in second["text"]
    assert "put into the prompt" in old.warnings[0]
    check_request(camel(old.body), "gemini-2.5-pro")


def test_json_next_to_tools_of_an_old_model() -> None:
    got = request_of("google", options={"model": "gemini-2.5-pro"}, tools=[WEATHER], response_format="json_object")
    assert "one JSON object" in got.body["systemInstruction"]["parts"][0]["text"]
    assert "generationConfig" not in got.body
    plain = request_of("google", options={"model": "gemini-2.5-pro"}, tools=[WEATHER], response_format="text")
    assert "systemInstruction" not in plain.body
    assert plain.warnings == []


def test_a_cache_mark_on_a_tool_is_told() -> None:
    marked = WEATHER.model_copy(update={"cache_control": {"type": "ephemeral"}})
    got = request_of("google", tools=[marked])
    assert "cache_control" not in str(got.body)
    assert "cache_control" in got.warnings[0]


@pytest.mark.parametrize(
    ("choice", "calling"),
    [
        (None, None),
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ("get_weather", {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}),
    ],
)
def test_tool_choice(choice: str | None, calling: dict[str, Any] | None) -> None:
    body = request_of("google", tools=[WEATHER, Tool(name="now")], tool_choice=choice).body
    check_request(camel(body), "m")
    assert body.get("toolConfig") == (None if calling is None else {"functionCallingConfig": calling})
    assert body["tools"][0]["functionDeclarations"][1] == {"name": "now"}


def test_strict_tools_are_validated() -> None:
    strict = WEATHER.model_copy(update={"strict": True})
    body = request_of("google", tools=[strict]).body
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}


def test_a_schema_with_more_than_properties_is_sent() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    body = request_of("google", tools=[Tool(name="f", parameters=schema)]).body
    assert body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == schema


def test_the_vendors_own_tools() -> None:
    tools = [
        {"type": "google_search"},
        Tool(name="code", vendor={"codeExecution": {}}),
        {"type": "url_context", "x": 1},
    ]
    body = request_of("google", tools=tools).body
    assert body["tools"] == [{"google_search": {}}, {"codeExecution": {}}, {"url_context": {"x": 1}}]
    assert "toolConfig" not in body
    forced = request_of("google", tools=[{"type": "google_search"}], tool_choice="required")
    assert "toolConfig" not in forced.body
    assert "for functions only" in forced.warnings[0]


def test_functions_next_to_the_vendors_own_tools() -> None:
    tools = [WEATHER, {"type": "google_search"}]
    both = request_of("google", options={"model": "gemini-3-flash"}, tools=tools).body
    assert [list(tool) for tool in both["tools"]] == [["functionDeclarations"], ["google_search"]]
    assert both["toolConfig"] == {"includeServerSideToolInvocations": True}
    at_vertex = request_of("google_vertex", options={"model": "gemini-3-flash", "project": "p"}, tools=tools).body
    assert "toolConfig" not in at_vertex
