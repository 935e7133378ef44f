"""What the tests of connections share: one call in each of the three ways to make it, and what is left afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import ssl
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trustme

from fault_table import EVENTS, SSE
from llm_connector import AsyncLLMClient, LLMClient, LLMError
from llm_connector.transport import options as connecting
from llm_connector.transport import route
from servers.faults import Plan, chunk, head

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

TESTS = Path(__file__).parent
WAYS = ("sync", "asyncio", "trio")
every_way = pytest.mark.parametrize("way", WAYS)
ASYNC_WAYS = ("asyncio", "trio")
IMPOSSIBLE = (".example.com", "a..b", "a" * 70 + ".com", "xn--a.com", ".".join(["a" * 60] * 5))  # hosts
SLEEP: dict[str, Callable[[float], Awaitable[object]]] = {"asyncio": asyncio.sleep, "trio": trio.sleep}
ENDLESS: Plan = [head(transfer_encoding="chunked", **SSE), *[chunk(EVENTS[0]), 0.01] * 2000]
RUN: dict[str, Callable[..., Any]] = {"asyncio": lambda use: asyncio.run(use()), "trio": trio.run}


def options(port: int, scheme: str = "http", **others: Any) -> dict[str, Any]:
    """Arguments for a client of the server at a port."""
    return {
        "provider": "openai_compatible",
        "model": "m",
        "api_key": "sk-canary",
        "base_url": f"{scheme}://127.0.0.1:{port}/v1",
        "max_retries": 0,
        **others,
    }


def outcomes(way: str, arguments: dict[str, Any], *questions: Any, streaming: bool = False) -> list[Any]:
    """What one client gives for questions after one another: a text, or an error of this package."""
    if way == "sync":
        with LLMClient(**arguments) as client:
            return [_asked(client, question, streaming) for question in questions]

    async def use() -> list[Any]:
        async with AsyncLLMClient(**arguments) as client:
            return [await _aasked(client, question, streaming) for question in questions]

    return RUN[way](use)


def outcome(way: str, arguments: dict[str, Any], question: Any = "hi", *, streaming: bool = False) -> Any:
    """The same for one question."""
    return outcomes(way, arguments, question, streaming=streaming)[0]


def _asked(client: LLMClient, question: Any, streaming: bool) -> Any:
    try:
        answer = client.stream(question).response() if streaming else client.chat(question)
    except LLMError as error:
        return error
    return answer.content


async def _aasked(client: AsyncLLMClient, question: Any, streaming: bool) -> Any:
    try:
        answer = await client.stream(question).response() if streaming else await client.chat(question)
    except LLMError as error:
        return error
    return answer.content


def wait_for(condition: Callable[[], object], seconds: float = 5) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def open_sockets() -> set[str]:
    """The sockets of this process, where the system tells them."""
    folder = Path("/proc/self/fd")
    found = set()
    for name in os.listdir(folder) if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            found.add(os.readlink(folder / name))
    return {name for name in found if name.startswith("socket")}


@contextlib.contextmanager
def no_new_sockets() -> Iterator[None]:
    """No socket that was opened inside is open afterwards."""
    before = open_sockets()
    yield
    if not open_sockets() <= before:
        gc.collect()
        wait_for(lambda: open_sockets() <= before)


def run_script(script: str, *arguments: str, seconds: float = 30) -> str:
    """What a script says that runs in a process of its own, where every warning is an error."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, cwd=TESTS, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@contextlib.contextmanager
def running_script(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A script that runs in a process of its own, and waits to be told that it may end."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TESTS) as process:
        yield process
        process.communicate("end\n", timeout=10)
    assert process.returncode == 0


async def until(condition: Callable[[], object], sleep: Callable[[float], Awaitable[object]]) -> None:
    """``wait_for`` inside an event loop."""
    for _ in range(2500):
        if condition():
            return
        await sleep(0.002)
    pytest.fail("it did not happen")


def resolve(monkeypatch: pytest.MonkeyPatch, name: str, *addresses: str) -> None:
    """From now on a name has these addresses, or none, whatever resolves names here; each may have a port of its own."""
    real = socket.getaddrinfo

    def resolved(host: Any, port: Any, *arguments: Any, **named: Any) -> list[Any]:
        if host not in {name, name.encode()}:
            return real(host, port, *arguments, **named)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        (one,) = real("127.0.0.1", port, *arguments, **named)
        return [_as_resolved(address, one) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)


def _as_resolved(address: str, one: Any) -> Any:
    if address.startswith("::"):
        return (socket.AF_INET6, *one[1:4], (address, one[4][1], 0, 0))
    host, _, port = address.partition(":")
    return (*one[:4], (host, int(port or one[4][1])))


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """A port at which connections are neither accepted nor refused: as many wait as the system lets wait."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(20):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0.1)
            try:
                waiting.connect(listener.getsockname())
            except TimeoutError:
                yield listener.getsockname()[1]
                return
        pytest.skip("this system accepts any number of connections by itself")


AUTHORITY = trustme.CA()


def server_context(*names: str, authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    """TLS for a server with these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1", "localhost", "api.example.com"))).configure_cert(context)
    return context


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Clients trust ``AUTHORITY``, and nobody else."""
    file = tmp_path / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    for cache in (connecting.tls_context, route.proxy):
        cache.cache_clear()
    yield file
    for cache in (connecting.tls_context, route.proxy):
        cache.cache_clear()
