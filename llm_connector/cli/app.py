"""The commands. How things are drawn is in ``render``, a conversation in ``conversation``, Ollama's in ``ollama``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from llm_connector import LLMClient, Message
from llm_connector.cli import conversation, options, render
from llm_connector.cli.attachments import block_of
from llm_connector.cli.checking import check_provider, key_is_set, key_variables
from llm_connector.cli.ollama import app as ollama_app
from llm_connector.cli.outcome import errors_shown, status_of
from llm_connector.provider import Provider
from llm_connector.providers import ROWS
from llm_connector.version import __version__

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="Talk to any language model. Exit status: 0 done, 1 the call failed, 2 wrong use, 130 interrupted.",
)
app.add_typer(ollama_app, name="ollama")


def _tell_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"llm-connector-py {__version__}\n")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Tell it.")] = False,
) -> None:
    """Options that go before any command; the help of all is above."""
    del version  # told before anything else is read


@app.command()
def chat(
    prompt: Annotated[str | None, typer.Argument(help="What to ask. Without it, a conversation begins.")] = None,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Pictures, sound, films, PDF or text to send along.")
    ] = None,
    provider: options.ProviderName = "local",
    model: options.ModelName = None,
    base_url: options.BaseURL = None,
    effort: Annotated[str | None, typer.Option("--reasoning", help="none, minimal, low, medium, high …")] = None,
    system: Annotated[str | None, typer.Option("--system", help="Instructions for the model.")] = None,
    as_json: options.AsJSON = False,
) -> None:
    """Ask once, or talk. What is piped in goes after the prompt, or is the prompt."""
    piped = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read().strip()
    text = "\n\n".join(part for part in (prompt, piped) if part)
    params = {} if effort is None else {"reasoning_effort": effort}
    with errors_shown(as_json=as_json), LLMClient(provider, model, base_url=base_url) as client:
        history = [] if system is None else [Message.system(system)]
        blocks = [block_of(path) for path in files or []]
        talk = conversation.Conversation(client, params, history, blocks)
        if text:
            talk.ask_once(text, as_json=as_json)
        elif as_json or not sys.stdin.isatty():
            raise typer.BadParameter("give a prompt, or pipe one in")
        else:
            talk.run()


@app.command()
def providers(as_json: options.AsJSON = False) -> None:
    """List the providers: protocol, key variables, and whether one is set."""
    if as_json:
        facts = [(row, key_variables(row)) for row in ROWS]
        render.json_text(
            [
                {"name": row.name, "protocol": row.protocol, "key_variables": names, "key_set": key_is_set(names)}
                for row, names in facts
            ]
        )
    else:
        render.table(("provider", "protocol", "key variable", "set"), (_cells(row) for row in ROWS))


def _cells(row: Provider) -> list[str]:
    variables = key_variables(row)
    if not variables:
        return [row.name, row.protocol, "none needed", ""]
    return [row.name, row.protocol, ", ".join(variables), "yes" if key_is_set(variables) else "no"]


@app.command()
def models(
    provider: Annotated[str | None, options.A_PROVIDER] = None,
    named: Annotated[str | None, options.PROVIDER] = None,
    base_url: options.BaseURL = None,
    as_json: options.AsJSON = False,
) -> None:
    """List a provider's models."""
    name = provider or named
    if name is None or (provider and named):
        raise typer.BadParameter("name one provider: models PROVIDER, or models -p PROVIDER")
    with errors_shown(as_json=as_json), LLMClient(name, base_url=base_url) as client:
        found = client.models()
        if as_json:
            render.json_text([model.model_dump(mode="json", exclude={"raw"}) for model in found])
        else:
            render.models_table(found)


@app.command()
def check(
    provider: Annotated[str, options.A_PROVIDER],
    model: options.ModelName = None,
    base_url: options.BaseURL = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for an answer.")] = 30,
    as_json: options.AsJSON = False,
) -> None:
    """Is the key set, does the endpoint answer, how long does it take? With a model, a tiny chat is tried too."""
    with errors_shown(as_json=as_json):
        facts, error = check_provider(provider, model, base_url, timeout)
    if as_json:
        render.json_text(facts)
    else:
        render.table(("check", ""), ([name, render.value(told)] for name, told in facts.items()))
    if error is not None:
        raise typer.Exit(status_of(error))


@app.command()
def demo() -> None:
    """Ask the local model through the client, a LangChain chain and a LlamaIndex query engine. No key needed."""
    from llm_connector.cli.demo import run

    with errors_shown():
        run()
