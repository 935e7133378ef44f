"""The commands about an Ollama server's models. Talking to one is ``chat -p ollama``."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from llm_connector.cli import options, render
from llm_connector.cli.outcome import errors_shown
from llm_connector.client import LLMClient

app = typer.Typer(no_args_is_help=True, help="An Ollama server's models.")

Name = Annotated[str, typer.Argument(help="Such as qwen3 or qwen3:0.6b.")]


@app.command("list")
def list_models(base_url: options.BaseURL = None, as_json: options.AsJSON = False) -> None:
    """List the models on disk."""
    with errors_shown(as_json=as_json), _client(base_url) as client:
        models = client.ollama.list()
        if as_json:
            render.json_text([_facts(model) for model in models])
        else:
            rows = ([model.name, render.size(model.size), model.modified_at or ""] for model in models)
            render.table(("model", "size", "changed"), rows)


@app.command()
def show(name: Name, base_url: options.BaseURL = None, as_json: options.AsJSON = False) -> None:
    """Tell what the server knows about a model."""
    with errors_shown(as_json=as_json), _client(base_url) as client:
        card = client.ollama.show(name)
        if as_json:
            render.json_text(_facts(card))
        else:
            facts = {"name": card.name, "capabilities": ", ".join(card.capabilities), "context": card.context_length}
            rows = (facts | card.details | {"parameters": card.parameters}).items()
            render.table(("", ""), ([key, render.value(told)] for key, told in rows))


@app.command()
def pull(name: Name, base_url: options.BaseURL = None, as_json: options.AsJSON = False) -> None:
    """Download a model; stopping and pulling again goes on where it was."""
    with errors_shown(as_json=as_json), _client(base_url) as client, client.ollama.pull(name) as steps:
        if as_json:
            for step in steps:
                render.json_text(_facts(step), indent=None)
        else:
            render.download(steps)


@app.command()
def rm(name: Name, base_url: options.BaseURL = None, as_json: options.AsJSON = False) -> None:
    """Delete a model from disk."""
    with errors_shown(as_json=as_json), _client(base_url) as client:
        client.ollama.delete(name)
        if as_json:
            render.json_text({"deleted": name})
        else:
            render.note(f"deleted {name}")


def _client(base_url: str | None) -> LLMClient:
    return LLMClient("ollama", base_url=base_url)


def _facts(value: Any) -> dict[str, Any]:
    facts = dataclasses.asdict(value)
    return {name: told for name, told in facts.items() if name != "raw"}
