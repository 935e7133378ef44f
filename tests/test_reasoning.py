"""Reasoning text, under any name and between tags, however the stream was cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_connector.effort import ReasoningControl
from llm_connector.reasoning import ThinkTagReader, reasoning_text
from llm_connector.types import ChatRequest


def read(pieces: list[str]) -> tuple[str, str]:
    reader = ThinkTagReader()
    parts = [*(reader.feed(piece) for piece in pieces), reader.finish()]
    return "".join(thought for thought, _ in parts), "".join(text for _, text in parts)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("<think>why</think>\n\nbecause", ("why", "because")),
        ("  \n<think>why</think>x", ("why", "x")),
        ("plain", ("", "plain")),
        ("say <think>x</think>", ("", "say <think>x</think>")),
        ("<thin", ("", "<thin")),
        ("<think>cut off</thi", ("cut off</thi", "")),
        ("<think>a < b</think>c", ("a < b", "c")),
        ("<think></think>x", ("", "x")),
        ("<think>a</think>b</think>", ("a", "b</think>")),
        ("</think><think>", ("", "</think><think>")),
        ("   ", ("", "   ")),
        ("", ("", "")),
    ],
)
def test_tags_at_any_cut(answer: str, expected: tuple[str, str]) -> None:
    assert read([answer]) == expected
    assert read(list(answer)) == expected
    for at in range(len(answer)):
        assert read([answer[:at], answer[at:]]) == expected


@given(st.text("<>/think ab", max_size=40), st.lists(st.integers(0, 40), max_size=5))
def test_a_cut_changes_nothing(answer: str, places: list[int]) -> None:
    marks = sorted({0, len(answer), *(place % (len(answer) + 1) for place in places)})
    assert read([answer[a:b] for a, b in itertools.pairwise(marks)]) == read([answer])


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ({"reasoning_content": "a"}, "a"),
        ({"reasoning": "a"}, "a"),
        ({"thinking": "a"}, "a"),
        ({"reasoning": {"effort": "low"}}, ""),
        ({"reasoning": "a", "reasoning_details": [{"text": "a"}]}, "a"),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "a"}, {"summary": "b"}, {"data": "x"}]}, "ab"),
        ({"reasoning_content": None, "content": "x"}, ""),
    ],
)
def test_every_name_of_reasoning(delta: dict, expected: str) -> None:
    assert reasoning_text(delta) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (None, None, None)),
        ({"enable_thinking": False, "reasoning_effort": "high"}, (False, None, None)),
        ({"reasoning_effort": "none"}, (False, None, None)),
        ({"thinking_budget": 0}, (False, None, None)),
        ({"enable_thinking": True}, (True, None, None)),
        ({"reasoning_effort": "low"}, (True, "low", 2048)),
        ({"thinking_budget": 5000}, (True, "medium", 5000)),
    ],
)
def test_three_fields_are_one_control(fields: dict, expected: tuple) -> None:
    control = ReasoningControl.of(ChatRequest(messages="x", **fields))
    assert (control.on, control.as_effort(), control.as_budget()) == expected


@pytest.mark.parametrize(("asked", "sent"), [("minimal", "low"), ("medium", "high"), ("max", "high"), ("low", "low")])
def test_the_nearest_level_that_the_vendor_has(asked: str, sent: str) -> None:
    assert ReasoningControl(on=True, effort=asked).as_effort(("low", "high")) == sent
