"""The commands. How things are drawn is in ``render``; the demonstration is in ``demo``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from llm_connector import LLMClient, LLMError
from llm_connector.cli import render
from llm_connector.providers import ROWS

app = typer.Typer(no_args_is_help=True, pretty_exceptions_show_locals=False, help="Talk to any language model.")

ProviderName = Annotated[str, typer.Option("--provider", "-p", help="A name from the command 'providers'.")]
ModelName = Annotated[str | None, typer.Option("--model", "-m", help="The model; some providers have a default.")]
BaseURL = Annotated[str | None, typer.Option("--base-url", help="Another address of the API.")]


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show our errors as one line and leave with status 1."""
    try:
        yield
    except LLMError as error:
        render.failure(error)
        raise typer.Exit(1) from error


@app.command()
def chat(
    prompt: Annotated[str, typer.Argument(help="What to ask.")],
    provider: ProviderName = "local",
    model: ModelName = None,
    base_url: BaseURL = None,
    effort: Annotated[str | None, typer.Option("--reasoning", help="none, minimal, low, medium, high …")] = None,
) -> None:
    """Ask once; the answer is printed as it comes."""
    params = {} if effort is None else {"reasoning_effort": effort}
    with (
        errors_shown(),
        LLMClient(provider, model, base_url=base_url) as client,
        client.stream(prompt, **params) as stream,
    ):
        usage = render.stream_answer(stream)
        for warning in stream.warnings:
            render.errors.print(warning, style="yellow")
    render.usage_line(usage)


@app.command()
def providers() -> None:
    """List the providers: protocol, key variable, and whether it is set."""
    render.table(("provider", "protocol", "key variable", "set"), (_provider_row(row.name) for row in ROWS))


def _provider_row(name: str) -> list[str]:
    row = next(row for row in ROWS if row.name == name)
    variables = [*row.key_env, *(env for option in row.options if option.secret for env in option.env)]
    if not variables:
        return [row.name, row.protocol, "none needed", ""]
    is_set = any(os.environ.get(variable) for variable in variables)
    return [row.name, row.protocol, ", ".join(variables), "yes" if is_set else "no"]


@app.command()
def models(provider: ProviderName, base_url: BaseURL = None) -> None:
    """List a provider's models."""
    with errors_shown(), LLMClient(provider, base_url=base_url) as client:
        render.models_table(client.models())


@app.command()
def demo() -> None:
    """Ask the local model through the client, a LangChain chain and a LlamaIndex query engine. No key needed."""
    from llm_connector.cli.demo import run

    with errors_shown():
        run()
