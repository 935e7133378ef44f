"""Draws answers, tables and errors in a terminal. What is asked of a provider is in ``app``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from llm_connector.types import ChatChunk, ModelInfo, Usage

console = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)


def stream_answer(chunks: Iterable[ChatChunk], *, show_reasoning: bool = True) -> Usage | None:
    """Print an answer as it comes, reasoning dimmed; give the token counts."""
    usage, thinking = None, False
    for chunk in chunks:
        if chunk.reasoning_content and show_reasoning:
            console.print(Text(chunk.reasoning_content, style="dim italic"), end="")
            thinking = True
        if chunk.content:
            if thinking:
                console.print("\n")
                thinking = False
            console.print(Text(chunk.content), end="")
        usage = chunk.usage or usage
    console.print()
    return usage


def usage_line(usage: Usage | None) -> None:
    """Print token counts on one dimmed line, to the error stream so that pipes get the answer alone."""
    if usage is None:
        return
    parts = [f"{usage.input_tokens} in", f"{usage.output_tokens} out"]
    if usage.cached_tokens:
        parts.append(f"{usage.cached_tokens} cached")
    if usage.reasoning_tokens:
        parts.append(f"{usage.reasoning_tokens} reasoning")
    errors.print(Text(f"tokens: {', '.join(parts)}", style="dim"))


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table."""
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    console.print(drawn)


def models_table(models: list[ModelInfo]) -> None:
    """Print a list of models."""
    table(
        ("model", "context", "output"),
        ([model.id, _number(model.context_window), _number(model.max_output_tokens)] for model in models),
    )


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def step(text: str) -> None:
    """Say what comes next."""
    console.print()
    console.rule(Text(text, style="bold"), align="left")


def failure(error: Exception) -> None:
    """Print an error."""
    errors.print(Text(f"{type(error).__name__}: {error}", style="red"))
