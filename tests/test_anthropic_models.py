"""What each Claude takes, told from its name in any cloud's spelling."""

from __future__ import annotations

import pytest

from llm_connector.protocols.anthropic_models import gates_of

BUDGET = ("claude-3-7-sonnet-20250219", "claude-sonnet-4-20250514", "claude-opus-4-1-20250805", "claude-haiku-4-5")
EITHER = ("claude-opus-4-6", "claude-sonnet-4-6", "us.anthropic.claude-opus-4-6-v1", "claude-opus-4.6")
ADAPTIVE = ("claude-opus-4-7", "claude-opus-4-8", "claude-sonnet-5", "claude-opus-5", "claude-fable-5", "claude-x")
NEWEST = ("claude-opus-5-5", "claude-fable-5-1", "claude-mythos-5-2", "claude-opus-6", "claude-sonnet-7-20280101")
NONE = (
    "claude-3-5-sonnet-20241022",
    "claude-3-haiku-20240307",
    "claude-2.1",
    "anthropic.claude-v2:1",
    "claude-instant-1.2",
)


@pytest.mark.parametrize("model", BUDGET)
def test_older_models_think_with_a_budget(model: str) -> None:
    gates = gates_of(model)
    assert (gates.thinking, gates.off, gates.thinks_unasked, gates.forced_tools) == ("budget", "disabled", False, True)
    assert gates.sampling != "none"


@pytest.mark.parametrize("model", EITHER)
def test_4_6_thinks_both_ways(model: str) -> None:
    gates = gates_of(model)
    assert gates.thinking == "either"
    assert gates.sampling == "one"
    assert "xhigh" not in gates.efforts
    assert gates.max_output == 128_000


@pytest.mark.parametrize("model", [*ADAPTIVE, *NEWEST])
def test_newer_models_only_think_adaptively_and_refuse_sampling(model: str) -> None:
    gates = gates_of(model)
    assert (gates.thinking, gates.sampling, gates.max_output, gates.json_schema) == ("adaptive", "none", 128_000, True)


@pytest.mark.parametrize("model", NONE)
def test_the_first_models_do_not_think(model: str) -> None:
    gates = gates_of(model)
    assert (gates.thinking, gates.sampling, gates.json_schema) == ("none", "free", False)


@pytest.mark.parametrize(
    ("model", "off", "forced"),
    [
        ("claude-opus-4-8", "disabled", True),
        ("claude-opus-5", "disabled", True),
        ("claude-haiku-5-5", "disabled", True),
        ("claude-sonnet-5-5", "between_tools", False),
        ("claude-opus-5-5", None, False),
        ("claude-fable-5", None, False),
        ("claude-fable-5-1", None, False),
        ("claude-newname-9", None, False),
    ],
)
def test_how_thinking_is_switched_off_and_whether_tools_can_be_forced(
    model: str, off: str | None, forced: bool
) -> None:
    gates = gates_of(model)
    assert (gates.off, gates.forced_tools) == (off, forced)


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("claude-3-haiku-20240307", 4096),
        ("claude-3-opus@20240229", 4096),
        ("claude-3-5-haiku-latest", 8192),
        ("claude-3-7-sonnet@20250219", 64_000),
        ("claude-sonnet-4-0", 64_000),
        ("claude-opus-4-20250514", 32_000),
        ("claude-opus-4-1", 32_000),
        ("anthropic.claude-opus-4-5-20251101-v1:0", 64_000),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0", 64_000),
        ("anthropic/claude-sonnet-4.5", 64_000),
        ("qwen-plus", None),
    ],
)
def test_the_longest_answer(model: str, most: int | None) -> None:
    assert gates_of(model).max_output == most


@pytest.mark.parametrize("model", ["LongCat-2.0", "MiniMax-M2.7", "gpt-5"])
def test_other_vendors_models_take_what_the_format_has(model: str) -> None:
    gates = gates_of(model)
    assert (gates.thinking, gates.sampling, gates.json_schema, gates.forced_tools) == ("budget", "free", False, True)


def test_a_date_is_no_version() -> None:
    assert gates_of("claude-sonnet-4-20250514") == gates_of("claude-sonnet-4")
    assert gates_of("claude-opus-4-1-20250805") == gates_of("claude-opus-4-1")


@pytest.mark.parametrize(("model", "native"), [("claude-opus-4-1", False), ("claude-haiku-4-5", True)])
def test_schemas_are_native_from_4_5_on(model: str, native: bool) -> None:
    assert gates_of(model).json_schema is native
