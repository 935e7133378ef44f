"""How a command ends: exit statuses, and errors told to people or to scripts. What failed is not decided here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from llm_connector.cli import render
from llm_connector.errors import ConfigError, LLMError

FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130  # as a shell counts a program that Ctrl-C ended


def status_of(error: LLMError) -> int:
    """The exit status for an error: wrong use, such as a missing key or extra, is told from a call that failed."""
    return WRONG_USE if isinstance(error, ConfigError) else FAILED


@contextmanager
def errors_shown(*, as_json: bool = False) -> Iterator[None]:
    """Show our errors as one line, or as JSON, and leave with the status that fits."""
    try:
        yield
    except LLMError as error:
        (render.failure_json if as_json else render.failure)(error)
        raise typer.Exit(status_of(error)) from error
    except KeyboardInterrupt as error:
        render.note("interrupted")
        raise typer.Exit(INTERRUPTED) from error
