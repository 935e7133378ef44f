"""What tells one provider of the Messages format from another, as fields of its row.

How they act is in ``anthropic``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicDialect:
    """One provider's way of speaking Messages.

    Attributes:
        media: Which of image and document the vendor's models may take.
        files: Whether there is a Files API, so that media may be given by file id.
        json_schema: Whether ``output_config.format`` is there, for the models that take it.
        budgets: Whether ``thinking`` takes ``budget_tokens``; else it is only a switch.
        signed: Whether a thinking block without a signature is refused.
        default_max_tokens: ``max_tokens`` when none is given and the model's own limit is not known.
        models_above: The ending of the base URL that the list of models is not below.
    """

    media: frozenset[str] = frozenset({"image", "document"})
    files: bool = True
    json_schema: bool = True
    budgets: bool = True
    signed: bool = True
    default_max_tokens: int = 4096
    models_above: str = ""
