"""The options that several commands share, with what a shell completes them to."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from llm_connector.providers import supported_providers


def complete_provider(incomplete: str) -> list[str]:
    """The providers' names that begin so."""
    return [name for name in supported_providers() if name.startswith(incomplete)]


PROVIDER: Any = typer.Option(
    "--provider", "-p", help="A name from the command 'providers'.", autocompletion=complete_provider
)
A_PROVIDER: Any = typer.Argument(help="A provider's name.", autocompletion=complete_provider)
ProviderName = Annotated[str, PROVIDER]
ModelName = Annotated[str | None, typer.Option("--model", "-m", help="The model; some providers have a default.")]
BaseURL = Annotated[str | None, typer.Option("--base-url", help="Another address of the API.")]
AsJSON = Annotated[bool, typer.Option("--json", help="Give JSON for a script; errors are JSON on standard error.")]
