"""Draws answers, tables and errors in a terminal. What is asked of a provider is in ``app``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from llm_connector.errors import LLMError
    from llm_connector.ollama import PullProgress
    from llm_connector.types import ChatChunk, ModelInfo, Usage

# Of ASCII and its neighbour; by them a text could write to the clipboard, or over what stands above it.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

console = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)


def stream_answer(chunks: Iterable[ChatChunk]) -> Usage | None:
    """Print an answer as it comes, reasoning dimmed and in a terminal alone; give the token counts."""
    usage, thinking = None, False
    for chunk in chunks:
        if chunk.reasoning_content and console.is_terminal:
            console.print(_harmless(chunk.reasoning_content, "dim italic"), end="")
            thinking = True
        if chunk.content:
            if thinking:
                console.print("\n")
                thinking = False
            console.print(_harmless(chunk.content), end="")
        usage = chunk.usage or usage
    console.print()
    return usage


def _harmless(said: str, style: str = "", where: Console = console) -> Text:
    """What others said, as it is; without what steers a terminal where it is shown in one."""
    return Text(_CONTROLS.sub("", said) if where.is_terminal else said, style)


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
    errors.print(_harmless(f"{type(error).__name__}: {error}", "red", errors))


def failure_json(error: LLMError) -> None:
    """Print an error for a script, to the error stream."""
    names = ("message", "provider", "status_code", "code", "request_id", "retry_after", "retryable")
    facts = {"type": type(error).__name__} | {name: getattr(error, name) for name in names}
    _write_json(sys.stderr, {"error": facts}, indent=None)


def json_text(found: Any, indent: int | None = 2) -> None:
    """Print a value as JSON."""
    _write_json(sys.stdout, found, indent)


def _write_json(stream: TextIO, found: Any, indent: int | None) -> None:
    """Write a value in the characters that the stream takes; nothing is lost, for JSON can spell the others."""
    all_taken = (stream.encoding or "").lower().startswith("utf")
    stream.write(json.dumps(found, ensure_ascii=not all_taken, indent=indent, default=str) + "\n")


def note(text: str) -> None:
    """Say something by the way, to the error stream."""
    errors.print(Text(text, style="dim"))


def warning(text: str) -> None:
    """Print a warning, to the error stream."""
    errors.print(Text(text, style="yellow"))


def value(found: Any) -> str:
    """A value of a table's cell."""
    if found is None:
        return ""
    return {True: "yes", False: "no"}[found] if isinstance(found, bool) else str(found)


def size(count: int | None) -> str:
    """A number of bytes, for people."""
    return "" if count is None else decimal(count)


def download(steps: Iterable[PullProgress]) -> None:
    """Draw a download: a bar for each layer, the other steps as lines."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=errors) as bars:
        layers: dict[str, Any] = {}
        for step in steps:
            if step.digest is None:
                bars.console.print(Text(step.status, style="dim"))
                continue
            if step.digest not in layers:
                layers[step.digest] = bars.add_task(step.digest.removeprefix("sha256:")[:12], total=step.total)
            bars.update(layers[step.digest], completed=step.completed or 0, total=step.total)
