"""What a user sees: names, weight, types, and files."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import llm_connector

ROOT = Path(llm_connector.__file__).parent


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_name_is_there_and_sorted() -> None:
    assert llm_connector.__all__ == sorted(llm_connector.__all__)
    for name in llm_connector.__all__:
        assert getattr(llm_connector, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = llm_connector.nothing


def test_the_lazy_names_are_the_declared_ones() -> None:
    assert {*llm_connector._HOME_OF, "__version__"} == set(llm_connector.__all__)


def test_importing_loads_neither_framework_nor_provider() -> None:
    code = """
import sys, llm_connector
from llm_connector import LLMClient, AsyncLLMClient, Message, supported_providers
supported_providers()
heavy = {"langchain_core", "llama_index", "openai", "typer", "xllamacpp", "IPython"}
print(sorted(heavy & {name.split(".")[0] for name in sys.modules}))
print(sorted(name for name in sys.modules if name.startswith("llm_connector.protocols.") and "chat_" not in name))
"""
    heavy, protocols = run(code).splitlines()
    assert heavy == "[]"
    spoken = {row.protocol for row in llm_connector.providers.ROWS}
    assert not spoken & {name.rpartition(".")[2] for name in ast.literal_eval(protocols)}


def test_the_http_library_comes_with_the_first_request() -> None:
    code = """
import sys
from llm_connector import ConnectError, LLMClient, Message
libraries = {"httpx", "httpcore", "anyio", "asyncio", "ssl"}
client = LLMClient("openai_compatible", "m", api_key="k", base_url="http://127.0.0.1:1", max_retries=0)
print(sorted(libraries & sys.modules.keys()))
try:
    client.chat("hi")
except ConnectError:
    print(sorted({"httpx", "asyncio"} & sys.modules.keys()))
"""
    before, after = map(ast.literal_eval, run(code).splitlines())
    assert before == []
    assert "httpx" in after


def test_a_client_loads_its_own_protocol_alone() -> None:
    code = """
import sys
from llm_connector import LLMClient
client = LLMClient("deepseek", "m", api_key="k")
call, request = client._chat_call("hi", {})
print(sorted(name.rpartition(".")[2] for name in sys.modules if name.startswith("llm_connector.protocols.")))
"""
    loaded = ast.literal_eval(run(code))
    others = {row.protocol for row in llm_connector.providers.ROWS} - {"openai_chat"}
    assert "openai_chat" in loaded
    assert not others & set(loaded)


def test_the_core_needs_httpx_and_pydantic_alone() -> None:
    needed = [text for text in importlib.metadata.requires("llm-connector-py") if "extra ==" not in text]
    assert sorted(text.split(">")[0].split("<")[0].strip() for text in needed) == ["httpx", "pydantic"]


USE = '''
from __future__ import annotations

from pydantic import BaseModel

from llm_connector import (
    AsyncLLMClient, ChatChunk, ChatResponse, ImageBlock, LLMClient, LLMError, Message, RateLimitError, Tool, ToolCall,
)


class City(BaseModel):
    name: str


def look(city: str) -> str:
    """Look."""
    return city


def use() -> None:
    with LLMClient("zhipu_openai", "glm", api_key="k", region="intl") as client:
        answer: ChatResponse = client.chat("hi", temperature=0, tools=[look, City, Tool(name="x")])
        text: str = answer.content
        thought: str | None = answer.reasoning_content
        calls: list[ToolCall] = answer.tool_calls
        user = Message.user(["see", ImageBlock.from_url("https://x")])
        history = [user, answer.message, Message.tool(text, calls[0])]
        with client.stream(history) as stream:
            for chunk in stream:
                piece: str = chunk.content
                first: ChatChunk = chunk
        total: int = stream.response().usage.total_tokens  # type: ignore[union-attr]
        try:
            client.models()[0].id.upper()
        except RateLimitError as error:
            wait: float | None = error.retry_after
        except LLMError as error:
            print(error.code)


async def use_async() -> None:
    async with AsyncLLMClient("deepseek", "m") as client:
        answer: ChatResponse = await client.chat([{"role": "user", "content": "hi"}])
        async for chunk in client.stream(answer.content):
            piece: str = chunk.content
        stream = await client.stream("hi")
        whole: ChatResponse = await stream.response()
        vectors: list[list[float]] = (await client.embed(["a"], dimensions=3)).embeddings
        await client.chat(3)
'''


def test_the_types_are_those_of_the_readme(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(USE)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "use.py"]
    done = subprocess.run(mypy, cwd=tmp_path, capture_output=True, text=True, check=False)
    problems = [line for line in done.stdout.splitlines() if "error:" in line]
    assert len(problems) == 1, done.stdout
    assert 'Argument 1 to "chat"' in problems[0]


def test_files_and_functions_stay_short() -> None:
    long_files, lengths = [], []
    for path in [*ROOT.rglob("*.py"), *(ROOT.parent / "integrations").rglob("*.py")]:
        text = path.read_text()
        if len(text.splitlines()) > 450:
            long_files.append(path.name)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lengths.append(node.end_lineno - node.lineno + 1)
    assert not long_files
    lengths.sort()
    assert lengths[len(lengths) // 2] <= 10
    assert lengths[-1] <= 70
