"""What comes back: answers, token counts, model lists, embeddings. Pieces of a stream are in ``chunk``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from llm_connector.types.chunk import FinishReason
from llm_connector.types.message import Message
from llm_connector.types.tools import ToolCall


def _notebook() -> Any:
    """How things look in a notebook; loaded by the first that is shown."""
    from llm_connector import notebook  # noqa: PLC0415

    return notebook


class Usage(BaseModel):
    """Token counts, with one meaning whatever the vendor's habit. Two add with ``+``.

    Attributes:
        input_tokens: Prompt tokens, including those read from and written to a cache.
        output_tokens: Answer tokens, including reasoning.
        total_tokens: Their sum, unless the vendor counts more.
        cached_tokens: Prompt tokens read from a cache.
        cache_write_tokens: Prompt tokens written to a cache.
        reasoning_tokens: Answer tokens spent on reasoning.
        raw: The vendor's own object.
    """

    model_config = ConfigDict(defer_build=True, frozen=True)

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    raw: dict[str, Any] | None = None

    def __add__(self, other: Usage) -> Usage:
        """The sum of the counts; ``raw`` is not kept."""
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in _COUNTS})

    def __radd__(self, other: int) -> Usage:
        """Let ``sum()`` start from 0."""
        return self if other == 0 else NotImplemented

    def _repr_markdown_(self) -> str:
        return _notebook().usage_markdown(self)  # type: ignore[no-any-return]


_COUNTS = tuple(name for name in Usage.model_fields if name != "raw")


class Choice(BaseModel):
    """One of the answers when several were asked for with ``n``; ``refusal`` tells that the model would not answer."""

    model_config = ConfigDict(defer_build=True)

    index: int = 0
    message: Message
    finish_reason: FinishReason | None = None
    raw_finish_reason: str | None = None
    logprobs: list[dict[str, Any]] | None = None
    refusal: bool = False


class ChatResponse(BaseModel):
    """An answer.

    Attributes:
        choices: The answers; all the properties below speak of the first.
        usage: Token counts, or ``None`` when the vendor told none.
        id: The vendor's id of the answer.
        model: The model that answered, as the vendor names it; the one asked where the vendor never says.
        provider: The provider's name.
        created: When it was made, in seconds since 1970.
        warnings: Request fields that were changed or not sent, in words.
        citations: Sources told by the vendor, in its own form.
        parsed: The validated object when ``response_format`` was a pydantic class and the answer fits it.
        raw: The vendor's JSON; ``None`` for a folded stream.
    """

    model_config = ConfigDict(defer_build=True)

    choices: list[Choice]
    usage: Usage | None = None
    id: str | None = None
    model: str | None = None
    provider: str | None = None
    created: int | None = None
    warnings: list[str] = Field(default_factory=list)
    citations: list[dict[str, Any]] = Field(default_factory=list)
    parsed: Any = None
    raw: Any = Field(default=None, repr=False)

    @property
    def message(self) -> Message:
        """The assistant's message, ready to append to the history."""
        return self.choices[0].message

    @property
    def content(self) -> str:
        """The visible text."""
        return self.message.text

    @property
    def reasoning_content(self) -> str | None:
        """The reasoning text, or ``None`` when there was none."""
        return self.message.reasoning_content

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The tools that the model asks for."""
        return self.message.tool_calls

    def cost(self, price_list: str | None = None) -> Decimal | None:
        """What the answer costs, in US dollars, by its token counts and a public price list (extra ``prices``).

        Args:
            price_list: A provider's id on models.dev, where the one of ``prices.PRICE_LISTS`` does not fit: another
                region, or a gateway.

        Returns:
            ``None`` when the price or the counts are not known. Discounts and charges for other than tokens are not.

        Raises:
            ConfigError: The extra is not installed.
        """
        from llm_connector.prices import cost  # noqa: PLC0415 - few ask

        return cost(self, price_list)

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why the answer ended; ``None`` only on the partial response of an interrupted stream."""
        return self.choices[0].finish_reason

    @property
    def raw_finish_reason(self) -> str | None:
        """Why the answer ended, in the vendor's words."""
        return self.choices[0].raw_finish_reason

    @property
    def logprobs(self) -> list[dict[str, Any]] | None:
        """Log probabilities of the tokens, in OpenAI's form, when asked for."""
        return self.choices[0].logprobs

    def _repr_markdown_(self) -> str:
        return _notebook().answer_markdown(self)  # type: ignore[no-any-return]


class ModelInfo(BaseModel):
    """A model that the provider lists.

    Attributes:
        id: The name to give as ``model=``.
        context_window: The largest prompt plus answer in tokens, when the vendor tells it.
        max_output_tokens: The longest answer in tokens, when the vendor tells it.
        raw: The vendor's entry.
    """

    model_config = ConfigDict(defer_build=True, frozen=True)

    id: str
    context_window: int | None = None
    max_output_tokens: int | None = None
    raw: dict[str, Any] = Field(default_factory=dict, repr=False)


class ModelList(list[ModelInfo]):
    """A list of models that a notebook shows as a table."""

    def _repr_html_(self) -> str:
        return _notebook().models_html(self)  # type: ignore[no-any-return]


class EmbeddingResponse(BaseModel):
    """Vectors, in the order of the inputs.

    Attributes:
        embeddings: One vector an input.
        usage: Token counts over all batches, when the vendor tells them.
        model: The model that answered.
        warnings: What was changed or not sent, in words.
    """

    model_config = ConfigDict(defer_build=True)

    embeddings: list[list[float]]
    usage: Usage | None = None
    model: str | None = None
    warnings: list[str] = Field(default_factory=list)
