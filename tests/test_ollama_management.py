"""``client.ollama`` against a server that keeps its models in memory, through both clients."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import llm_connector
from llm_connector import AsyncLLMClient, ConfigError, LLMClient, ModelNotFoundError, StreamInterruptedError
from llm_connector.ollama import PullProgress
from oracle import capture, sent
from servers.ollama import OllamaServer

if TYPE_CHECKING:
    from servers.replay import ReplayServer


def client(server: OllamaServer) -> LLMClient:
    return LLMClient("ollama", base_url=server.url, max_retries=0)


def test_a_models_life() -> None:
    with OllamaServer() as server, client(server) as c:
        models = c.ollama
        assert models.version() == "0.13.5"
        assert [model.name for model in models.list()] == server.models
        assert not models.exists("phi4")
        steps = list(models.pull("phi4"))
        assert steps[-1].status == "success"
        assert models.exists("phi4")
        models.copy("phi4", "mine")
        assert "mine:latest" in [model.name for model in models.list()]
        models.delete("phi4")
        assert not models.exists("phi4")
        with pytest.raises(ModelNotFoundError, match="phi4"):
            models.delete("phi4")


async def test_a_models_life_async() -> None:
    with OllamaServer() as server:
        async with AsyncLLMClient("ollama", base_url=server.url) as c:
            models = c.ollama
            assert await models.version() == "0.13.5"
            assert not await models.exists("phi4")
            steps = [step.status async for step in models.pull("phi4")]
            assert steps[-1] == "success"
            assert await models.exists("phi4")
            await models.copy("phi4", "mine")
            await models.delete("phi4")
            assert [model.name for model in await models.list()] == server.models
            assert await models.ps() == []
            assert (await models.show("mine")).capabilities
            with pytest.raises(ModelNotFoundError):
                async for _ in models.pull("missing-model"):
                    pass
            async with models.pull("again") as pull:
                assert (await anext(pull)).status == "pulling manifest"


def test_what_is_told_of_models() -> None:
    with OllamaServer() as server, client(server) as c:
        model = c.ollama.list()[0]
        assert (model.name, model.size, model.details["quantization_level"]) == ("qwen3:latest", 1_000_000, "Q4_0")
        assert model.raw["digest"] == model.digest
        assert c.ollama.ps() == []
        c.chat("hi", model="qwen3")
        running = c.ollama.ps()[0]
        assert (running.name, running.context_length, running.size_vram) == ("qwen3:latest", 4096, 0)
        assert running.expires_at == "2026-11-22T12:05:00Z"
        card = c.ollama.show("qwen3")
        assert (card.name, card.context_length, card.license) == ("qwen3", 8192, "Test licence")
        assert "tools" in card.capabilities
        assert card.system is None
        assert "Test licence" not in repr(card)


def test_the_steps_of_a_download() -> None:
    with OllamaServer(write_size=5) as server, client(server) as c:
        steps = list(c.ollama.pull("phi4"))
    assert [step.status for step in steps if step.digest is None] == [
        "pulling manifest",
        "verifying sha256 digest",
        "writing manifest",
        "success",
    ]
    layers = [step for step in steps if step.digest is not None]
    assert [step.completed for step in layers] == [None, 250, 500, 1000]
    assert [step.fraction for step in layers] == [0.0, 0.25, 0.5, 1.0]
    assert steps[0].fraction is None


def test_nothing_is_sent_until_a_download_is_looked_at_and_leaving_it_closes_the_connection() -> None:
    with OllamaServer() as server, client(server) as c:
        pull = c.ollama.pull("phi4")
        assert server.requests == []
        with pull:
            for step in pull:
                assert isinstance(step, PullProgress)
                break
        assert next(pull, None) is None
        assert c.ollama.version()


def test_an_error_line_after_http_200_is_an_error() -> None:
    with OllamaServer() as server, client(server) as c:
        pull = c.ollama.pull("missing-model")
        assert next(pull).status == "pulling manifest"
        with pytest.raises(ModelNotFoundError, match="file does not exist"):
            next(pull)


@pytest.mark.parametrize("body", [b'{"status":"pulling manifest"}\n', b'{"status":"pulling manifest"}\n{"stat', b""])
def test_a_download_that_stops_is_interrupted(body: bytes, replay: ReplayServer) -> None:
    url = replay.serve_bytes([body])
    with LLMClient("ollama", base_url=url) as c, pytest.raises(StreamInterruptedError, match="pull again"):
        list(c.ollama.pull("m"))


def test_the_captured_lines_of_the_vendors_sdk(replay: ReplayServer) -> None:
    for name, statuses in (
        ("ollama-pull-stream", ["pulling manifest", "pulling abc", "success"]),
        ("ollama-pull-stream-error", ["pulling manifest"]),
    ):
        lines = capture(name)["replies"][0]["lines"]
        data = "\n".join(lines).encode()
        with LLMClient("ollama", base_url=replay.serve_bytes([data[at : at + 1] for at in range(len(data))])) as c:
            seen = []
            try:
                seen += [step.status for step in c.ollama.pull("m")]
            except ModelNotFoundError:
                assert name.endswith("error")
                continue
            assert seen == statuses


def test_requests_are_those_of_the_vendors_sdk() -> None:
    with OllamaServer(models=["m:latest"]) as server, client(server) as c:
        asks = {
            "ollama-list": c.ollama.list,
            "ollama-ps": c.ollama.ps,
            "ollama-show": lambda: c.ollama.show("m"),
            "ollama-copy": lambda: c.ollama.copy("m", "n"),
            "ollama-pull-stream": lambda: list(c.ollama.pull("m")),
            "ollama-embed": lambda: c.embed(["a"], model="m"),
            "ollama-delete": lambda: c.ollama.delete("m"),
        }
        for name, ask in asks.items():
            expected = sent(name)
            ask()
            got = server.last
            body = json.loads(got.body) if got.body else None
            assert (got.method, got.path, body) == (expected["method"], expected["path"], expected["body"]), name


@pytest.mark.parametrize("kind", [LLMClient, AsyncLLMClient])
def test_other_providers_have_no_such_thing(kind: type) -> None:
    client = kind("openai", api_key="k")
    with pytest.raises(ConfigError, match=r"only .* 'ollama' has \.ollama; this one's is 'openai'"):
        _ = client.ollama
    assert not hasattr(client, "ollama")


def test_a_closed_client_refuses() -> None:
    with LLMClient("ollama") as client:
        models = client.ollama
    with pytest.raises(ConfigError, match="closed"):
        models.list()


def test_the_sync_classes_are_the_async_ones_without_async_and_await() -> None:
    text = (Path(llm_connector.__file__).parent / "ollama.py").read_text()
    start, middle = text.index("class AsyncPull"), text.index("class Pull")
    made, written = text[start:middle], text[middle:]
    made = re.sub(r"\b(async|await) ", "", made)
    substitutions = (
        ("AsyncOllamaModels", "OllamaModels"),
        ("AsyncPull", "Pull"),
        ("AsyncLLMClient", "LLMClient"),
        ("AsyncGenerator[PullProgress, None]", "Generator[PullProgress, None, None]"),
        ("AsyncIterator", "Iterator"),
        ("__aenter__", "__enter__"),
        ("__aexit__", "__exit__"),
        ("__aiter__", "__iter__"),
        ("__anext__", "__next__"),
        ("aclose", "close"),
        ("anext(", "next("),
        ("areadable(", "readable("),
        ("AsyncHttpAnswer", "HttpAnswer"),
    )
    for asynchronous, synchronous in substitutions:
        assert asynchronous in made
        made = made.replace(asynchronous, synchronous)
    assert made.split() == written.split()
