"""Loops, threads, notebooks, and an installation without LlamaIndex."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.base import BaseLLM

from llama_index.embeddings.llm_connector import ConnectorEmbedding
from llamaindex.kit import ADD, KEY, Wire, user
from llm_connector import ConfigError, UnsupportedError
from servers.openai_chat import OpenAIChatServer
from servers.script import Reply

ROOT = Path(__file__).parents[2]


def test_one_object_in_several_event_loops(wire: Wire) -> None:
    with wire.serve(Reply("Hello.")) as server:
        llm = wire.llm(server)

        async def use() -> str:
            assert [chunk async for chunk in await llm.astream_chat(user("hi"))]
            return str((await llm.achat(user("hi"))).message.content)

        assert [asyncio.run(use()) for _ in range(3)] == ["Hello."] * 3
        assert len(server.requests) == 6, "nothing was tried again"


async def test_sync_calls_work_inside_a_running_loop(wire: Wire) -> None:
    """As in a notebook."""
    with wire.serve(Reply("Hello.")) as server:
        llm = wire.llm(server)
        assert llm.chat(user("hi")).message.content == "Hello."
        assert list(llm.stream_chat(user("hi")))[-1].message.content == "Hello."
        assert llm.complete("hi").text == "Hello."
        assert llm.chat_with_tools([ADD], "hi").message.content == "Hello."


def test_many_threads(wire: Wire) -> None:
    with wire.serve(Reply("Hello.")) as server:
        llm = wire.llm(server)
        found: list[Any] = []
        threads = [
            threading.Thread(target=lambda: found.append(list(llm.stream_chat(user("hi")))[-1].message.content))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == ["Hello."] * 8


async def test_many_tasks_at_once(wire: Wire) -> None:
    with wire.serve(Reply("Hello.", delay=0.1)) as server:
        llm = wire.llm(server)
        started = asyncio.get_running_loop().time()
        answers = await asyncio.gather(*[llm.achat(user("hi")) for _ in range(8)])
        assert [answer.message.content for answer in answers] == ["Hello."] * 8
        assert asyncio.get_running_loop().time() - started < 0.7


async def test_async_calls_leave_the_loop_free(compatible: Wire) -> None:
    with compatible.serve(Reply("word " * 20, chunk_size=5, pace=0.02)) as server:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        assert [chunk async for chunk in await compatible.llm(server).astream_chat(user("hi"))]
        ticking.cancel()
        assert ticks > 10


async def test_http_clients_of_ones_own_are_used_and_left_open(compatible: Wire) -> None:
    async with httpx.AsyncClient(headers={"x-mine": "async"}) as asynchronous:
        with httpx.Client(headers={"x-mine": "sync"}) as sync, compatible.serve() as server:
            llm = compatible.llm(server, http_client=sync, async_http_client=asynchronous)
            llm.chat(user("hi"))
            await llm.achat(user("hi"))
            assert not sync.is_closed
            assert not asynchronous.is_closed
        assert llm.http_client is sync


def test_the_namespace_is_shared() -> None:
    for folder in ("llama_index", "llama_index/llms", "llama_index/embeddings"):
        assert not (ROOT / "integrations" / folder / "__init__.py").exists()


@pytest.mark.parametrize("kind", ["llms", "embeddings"])
def test_without_llamaindex_the_import_says_what_to_install(kind: str, tmp_path: Path) -> None:
    code = f"""
import sys
from importlib.abc import MetaPathFinder
class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "llama_index.core":
            raise ModuleNotFoundError(name)
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "integrations")!r}]
import llama_index
llama_index.__path__ = [{str(ROOT / "integrations" / "llama_index")!r}]
try:
    import llama_index.{kind}.llm_connector
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert 'pip install ".[llama-index]"' in done.stdout


# Embeddings


def test_embeddings_serialise_without_secrets() -> None:
    import pickle

    with OpenAIChatServer(require_key=KEY) as server:
        model = ConnectorEmbedding("openai_compatible", "m", api_key=KEY, base_url=server.url, dimensions=3)
        vector = model.get_text_embedding("hi")
        assert len(vector) == 3
        assert KEY not in repr(model) + model.to_json() + str(model.to_payload())
        again = ConnectorEmbedding.from_dict(model.to_dict(), api_key=KEY)
        assert again.get_text_embedding("hi") == vector
        assert pickle.loads(pickle.dumps(model)).get_text_embedding("hi") == vector
        assert (again.model_name, again.dimensions) == ("m", 3)


def test_embeddings_in_several_loops() -> None:
    with OpenAIChatServer() as server:
        model = ConnectorEmbedding("openai_compatible", model_name="m", api_key=KEY, base_url=server.url)
        vectors = [asyncio.run(model.aget_text_embedding_batch(["a", "b"])) for _ in range(3)]
        assert vectors[0] == vectors[1] == vectors[2]


def test_embeddings_say_what_is_missing() -> None:
    with pytest.raises(ConfigError, match="model="):
        ConnectorEmbedding("openai_compatible", api_key=KEY, base_url="http://127.0.0.1:9")
    with pytest.raises(UnsupportedError):
        ConnectorEmbedding("anthropic", "m", api_key=KEY).get_text_embedding("hi")
    assert not issubclass(ConnectorEmbedding, BaseLLM)
