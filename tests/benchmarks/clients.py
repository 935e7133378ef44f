"""The measured clients, each run as a process of its own: ``clients.py NAME URL``, then a case a line on standard input.

A process each, since what one library leaves in memory makes the garbage collector dearer for the others. Answers are
lines of JSON: CPU and wall seconds, and what the case itself tells.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import resource
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

CALLS = 200
STREAMS, PACED = 1000, 50
MESSAGES = [{"role": "user", "content": "hi"}]


class Client:
    """What is measured of a library: three ways to read an answer. Each gives the texts that it saw."""

    needs = ""

    def __init__(self, url: str) -> None:
        self.url = url

    def stream(self, path: str) -> Callable[[], Iterable[str]]:
        raise NotImplementedError

    def call(self) -> Callable[[], Any]:
        raise NotImplementedError

    def astream(self, path: str) -> Callable[[], AsyncIterator[str]]:
        raise NotImplementedError

    def acall(self) -> Callable[[], Any]:
        raise NotImplementedError


class Ours(Client):
    needs = "llm_connector"

    def _arguments(self, path: str) -> dict[str, str]:
        return {"provider": "openai_compatible", "model": "m", "api_key": "k", "base_url": self.url + path}

    def stream(self, path: str) -> Callable[[], Iterable[str]]:
        from llm_connector import LLMClient

        client = LLMClient(**self._arguments(path))
        return lambda: (chunk.content for chunk in client.stream("hi"))

    def call(self) -> Callable[[], Any]:
        from llm_connector import LLMClient

        client = LLMClient(**self._arguments("/small"))
        return lambda: client.chat("hi").content

    def astream(self, path: str) -> Callable[[], AsyncIterator[str]]:
        from llm_connector import AsyncLLMClient

        client = AsyncLLMClient(**self._arguments(path))

        async def run() -> AsyncIterator[str]:
            async for chunk in client.stream("hi"):
                yield chunk.content

        return run

    def acall(self) -> Callable[[], Any]:
        from llm_connector import AsyncLLMClient

        client = AsyncLLMClient(**self._arguments("/small"))
        return lambda: client.chat("hi")


class ReadingBytes(Client):
    needs = "httpx"

    def stream(self, path: str) -> Callable[[], Iterable[str]]:
        import httpx

        client = httpx.Client()

        def run() -> Iterable[str]:
            with client.stream("POST", f"{self.url}{path}/chat/completions", json={}) as response:
                for _ in response.iter_bytes():
                    yield ""

        return run

    def call(self) -> Callable[[], Any]:
        import httpx

        client, body = httpx.Client(), {"model": "m", "messages": MESSAGES}
        return lambda: client.post(f"{self.url}/small/chat/completions", json=body).json()

    def astream(self, path: str) -> Callable[[], AsyncIterator[str]]:
        import httpx

        client = httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=60)

        async def run() -> AsyncIterator[str]:
            async with client.stream("POST", f"{self.url}{path}/chat/completions", json={}) as response:
                async for data in response.aiter_bytes():
                    yield data.decode()

        return run


class OpenAI(Client):
    needs = "openai"

    def stream(self, path: str) -> Callable[[], Iterable[str]]:
        import openai

        create = openai.OpenAI(api_key="k", base_url=self.url + path).chat.completions.create
        return lambda: (_text(chunk) for chunk in create(model="m", messages=MESSAGES, stream=True))

    def call(self) -> Callable[[], Any]:
        import openai

        create = openai.OpenAI(api_key="k", base_url=self.url + "/small").chat.completions.create
        return lambda: create(model="m", messages=MESSAGES)

    def astream(self, path: str) -> Callable[[], AsyncIterator[str]]:
        import openai

        create = openai.AsyncOpenAI(api_key="k", base_url=self.url + path).chat.completions.create

        async def run() -> AsyncIterator[str]:
            async for chunk in await create(model="m", messages=MESSAGES, stream=True):
                yield _text(chunk)

        return run

    def acall(self) -> Callable[[], Any]:
        import openai

        create = openai.AsyncOpenAI(api_key="k", base_url=self.url + "/small").chat.completions.create
        return lambda: create(model="m", messages=MESSAGES)


class LiteLLM(Client):
    needs = "litellm"

    def _arguments(self, path: str) -> dict[str, Any]:
        return {"model": "openai/m", "messages": MESSAGES, "api_key": "k", "api_base": self.url + path}

    def stream(self, path: str) -> Callable[[], Iterable[str]]:
        import litellm

        return lambda: (_text(chunk) for chunk in litellm.completion(**self._arguments(path), stream=True))

    def call(self) -> Callable[[], Any]:
        import litellm

        return lambda: litellm.completion(**self._arguments("/small"))

    def astream(self, path: str) -> Callable[[], AsyncIterator[str]]:
        import litellm

        async def run() -> AsyncIterator[str]:
            async for chunk in await litellm.acompletion(**self._arguments(path), stream=True):
                yield _text(chunk)

        return run


def _text(chunk: Any) -> str:
    return (chunk.choices[0].delta.content or "") if chunk.choices else ""


class LangChain(Client):
    def model(self, path: str) -> Any:
        raise NotImplementedError

    def stream(self, path: str) -> Callable[[], Iterable[str]]:
        model = self.model(path)
        return lambda: (chunk.content for chunk in model.stream("hi"))

    def call(self) -> Callable[[], Any]:
        model = self.model("/small")
        return lambda: model.invoke("hi")

    def astream(self, path: str) -> Callable[[], AsyncIterator[str]]:
        model = self.model(path)

        async def run() -> AsyncIterator[str]:
            async for chunk in model.astream("hi"):
                yield chunk.content

        return run


class OursInLangChain(LangChain):
    needs = "langchain_core"

    def model(self, path: str) -> Any:
        from langchain_llm_connector import ChatConnector

        return ChatConnector(provider="openai_compatible", model="m", api_key="k", base_url=self.url + path)


class LangChainOpenAI(LangChain):
    needs = "langchain_openai"

    def model(self, path: str) -> Any:
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(model="m", api_key="k", base_url=self.url + path)


class LlamaIndex(Client):
    def model(self, path: str) -> Any:
        raise NotImplementedError

    def stream(self, path: str) -> Callable[[], Iterable[str]]:
        from llama_index.core.llms import ChatMessage

        model = self.model(path)
        return lambda: (chunk.delta for chunk in model.stream_chat([ChatMessage(content="hi")]))

    def call(self) -> Callable[[], Any]:
        from llama_index.core.llms import ChatMessage

        model = self.model("/small")
        return lambda: model.chat([ChatMessage(content="hi")])


class OursInLlamaIndex(LlamaIndex):
    needs = "llama_index.core"

    def model(self, path: str) -> Any:
        from llama_index.llms.llm_connector import ChatConnector

        return ChatConnector(provider="openai_compatible", model="m", api_key="k", base_url=self.url + path)


class OpenAILike(LlamaIndex):
    needs = "llama_index.llms.openai_like"

    def model(self, path: str) -> Any:
        from llama_index.llms.openai_like import OpenAILike

        return OpenAILike(model="m", api_key="k", api_base=self.url + path, is_chat_model=True)


CLIENTS: dict[str, type[Client]] = {
    "ours": Ours,
    "reading bytes (httpx)": ReadingBytes,
    "openai": OpenAI,
    "litellm": LiteLLM,
    "ours in LangChain": OursInLangChain,
    "langchain-openai": LangChainOpenAI,
    "ours in LlamaIndex": OursInLlamaIndex,
    "openai-like": OpenAILike,
}


def installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(CLIENTS[name].needs) is not None
    except ModuleNotFoundError:
        return False


class Cases:
    """The runs of one client, each prepared once and run many times."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._prepared: dict[str, Callable[[], dict[str, float]]] = {}
        self._loop = asyncio.Runner()

    def run(self, case: str) -> dict[str, float]:
        kind, _, size = case.partition(" ")
        run = self._prepared.get(case)
        if run is None:
            run = self._prepared[case] = getattr(self, f"_{kind}")(int(size or 0))
        cpu, wall = time.process_time(), time.perf_counter()
        told = run()
        return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, **told}

    def _chunks(self, size: int) -> Callable[[], dict[str, float]]:
        return self._reading(self._client.stream(f"/chunks/{size}"))

    def _tool(self, size: int) -> Callable[[], dict[str, float]]:
        return self._reading(self._client.stream(f"/tool/{size}"))

    def _reading(self, run: Callable[[], Iterable[str]]) -> Callable[[], dict[str, float]]:
        def read() -> dict[str, float]:
            for _ in run():
                pass
            return {"peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}

        return read

    def _calls(self, _: int) -> Callable[[], dict[str, float]]:
        run = self._client.call()

        def ask() -> dict[str, float]:
            for _ in range(CALLS):
                run()
            return {}

        return ask

    def _achunks(self, size: int) -> Callable[[], dict[str, float]]:
        run = self._client.astream(f"/chunks/{size}")

        async def read() -> dict[str, float]:
            async for _ in run():
                pass
            return {}

        return lambda: self._loop.run(read())

    def _acalls(self, _: int) -> Callable[[], dict[str, float]]:
        run = self._client.acall()

        async def ask() -> dict[str, float]:
            for _ in range(CALLS):
                await run()
            return {}

        return lambda: self._loop.run(ask())

    def _many(self, _: int) -> Callable[[], dict[str, float]]:
        """A thousand streams at once, of chunks that tell when they were sent."""
        run = self._client.astream(f"/paced/{PACED}")

        async def read() -> list[float]:
            lags = []
            async for text in run():
                lags += [time.monotonic() - sent for sent in _times(text)]
            return lags

        async def many() -> dict[str, float]:
            streams = await asyncio.gather(*[read() for _ in range(STREAMS)])
            lags = sorted(lag for stream in streams for lag in stream)
            complete = sum(len(stream) == PACED for stream in streams)
            return {"complete": complete, "lag_p50": lags[len(lags) // 2], "lag_p99": lags[len(lags) * 99 // 100]}

        return lambda: self._loop.run(many())


def _times(text: str) -> list[float]:
    """The moments told in a chunk's text, or in an event that holds one."""
    return [float(part.split("@")[0]) for part in text.split("@at=")[1:]]


def main(name: str, url: str) -> None:
    cases = Cases(CLIENTS[name](url))
    for line in sys.stdin:
        try:
            told = cases.run(line.strip())
        except NotImplementedError:
            told = {}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
