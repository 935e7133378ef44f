"""The servers against what the vendors' own clients send, and the answers those clients could read.

The captures are not in the repository: without them these tests are skipped. Behaviour of the servers that needs no
capture is in ``test_servers.py``.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from servers.anthropic import AnthropicServer, AnthropicVertexServer
from servers.azure import AzureOpenAIServer
from servers.base import Call, Fault, Reply, Server, Use
from servers.bedrock import AnthropicBedrockServer
from servers.dashscope import DashScopeServer
from servers.gemini import GeminiServer, GoogleVertexServer
from servers.hunyuan import HunyuanServer
from servers.ollama import OllamaServer
from servers.openai_chat import OpenAIChatServer
from servers.openai_responses import OpenAIResponsesServer
from servers.zhipu import ZhipuServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ORACLE = Path(__file__).parents[2] / "shared" / "oracle"
FILES = sorted(ORACLE.glob("*.json")) if ORACLE.is_dir() else []
pytestmark = pytest.mark.skipif(not FILES, reason="no captures beside the repository")

FAMILIES: dict[str, Callable[..., Server]] = {
    "openai": OpenAIResponsesServer,
    "azure": AzureOpenAIServer,
    "volcengine": lambda script: OpenAIResponsesServer(script, dialect="volcengine"),
    "anthropic": AnthropicServer,
    "anthropic_vertex": AnthropicVertexServer,
    "anthropic_bedrock": AnthropicBedrockServer,
    "google": GeminiServer,
    "google_vertex": GoogleVertexServer,
    "aliyun": DashScopeServer,
    "tencent": HunyuanServer,
    "zai": ZhipuServer,
    "zhipuai": ZhipuServer,
    "ollama": lambda script: OllamaServer(script, models=["m:latest"]),
}
ELSEWHERE = {  # cases whose requests go to another surface than their vendor's own
    "aliyun_v2-chat-openai": lambda script: OpenAIChatServer(script, dialect="aliyun"),
    "azure-models": AzureOpenAIServer,
}
NOT_SERVED = {  # endpoints that the servers leave out, and a form that only Aliyun's copy of Anthropic takes
    "aliyun_v2-chat-anthropic",
    "ollama-create",
    "ollama-generate",
    "ollama-push",
}
HOP = {"host", "content-length", "connection", "accept-encoding", "transfer-encoding"}


def family(path: Path) -> str:
    return re.sub(r"_v\d$", "", path.stem.partition("-")[0])


def served(*, failing: bool) -> list[Path]:
    paths = [path for path in FILES if family(path) in FAMILIES and path.stem not in NOT_SERVED]
    return [path for path in paths if failing == ("error" in path.stem)]


def server_for(path: Path, script: Any) -> Server:
    return ELSEWHERE.get(path.stem, FAMILIES[family(path)])(script)


def send(server: Server, request: dict[str, Any]) -> httpx.Response:
    body = request.get("body_raw") or (json.dumps(request["body"]) if request["body"] is not None else "")
    headers = {name: text for name, text in request["headers"].items() if name not in HOP}
    path = request["raw_path"]
    if isinstance(server, GeminiServer) and not isinstance(server, GoogleVertexServer):
        path = re.sub(r"^/v1(beta)?/", "/v1beta/", path)
    with httpx.Client(trust_env=False) as client:
        return client.request(request["method"], server.origin + path, headers=headers, content=body.encode())


def planned(reply: dict[str, Any]) -> Reply:
    """The scripted answer that should look like a captured one."""
    text = json.dumps(reply, ensure_ascii=False)
    if "body" in reply and isinstance(reply["body"], str):
        text = "".join(json.dumps(event) for event in values(base64.b64decode(reply["body"])))
    calls = [Call("get_weather", {"city": "Paris"}, "call_abc123")] if "get_weather" in text else []
    said = next((words for words in ("A white pixel; 17 C and rain.", "Checking.", "Hello", "Hi") if words in text), "")
    thought = "Need weather." if re.search(r"Need|Let me", text) else ""
    finish = "content_filter" if "blockReason" in text else None
    signature = "c2ln" if "c2ln" in text else None
    return Reply(said, thought, calls, usage=Use(20, 9, cached=4, reasoning=3), signature=signature, finish=finish)


def frames(data: bytes) -> Iterator[bytes]:
    while data:
        total, head = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
        yield data[12 + head : total - 4]
        data = data[total:]


def values(data: bytes | str) -> list[Any]:
    """Every JSON value of an answer: one, or the events of a stream."""
    if isinstance(data, bytes) and data[:2] == b"\x00\x00":
        payloads = [json.loads(payload) for payload in frames(data)]
        return [json.loads(base64.b64decode(one["bytes"])) if "bytes" in one else one for one in payloads]
    text = data.decode() if isinstance(data, bytes) else data
    try:
        return [json.loads(text)]
    except ValueError:
        lines = [re.sub(r"^data: ?", "", line) for line in re.split(r"\r?\n", text)]
        return [json.loads(line) for line in lines if line.startswith("{")]


def keys(value: Any, path: str = "") -> set[str]:
    """The paths of all keys, whatever the place in a list; arguments and the like are opaque."""
    if isinstance(value, list):
        return {key for item in value for key in keys(item, path)}
    if not isinstance(value, dict) or path.endswith((".input", ".args", ".arguments", ".model_info")):
        return set()
    return {key for name, inner in value.items() for key in {f"{path}.{name}"} | keys(inner, f"{path}.{name}")}


def captured(reply: dict[str, Any]) -> list[Any]:
    for name in ("sse", "lines"):
        if name in reply:
            return [value for event in reply[name] for value in values(event)]
    body = reply["body"]
    return values(base64.b64decode(body)) if isinstance(body, str) else [body]


# What the captures show and the servers do not tell, with the reason.
UNTOLD = {
    r"openai|azure": r"reasoning_content",  # the vendor's Chat Completions never shows reasoning
    r"anthropic": r"^$",
    r"ollama": r"\.thinking$|\.tool_calls|\.response$",  # not asked for in those requests
}


@pytest.mark.parametrize("path", served(failing=False), ids=lambda path: path.stem)
def test_a_vendors_client_is_answered_in_its_own_format(path: Path) -> None:
    capture = json.loads(path.read_text())
    pairs = list(zip(capture["requests"], capture["replies"], strict=False))
    assert pairs
    for request, reply in pairs:
        with server_for(path, planned(reply)) as server:
            response = send(server, request)
            assert response.status_code == 200, response.text
            told = keys(values(response.content))
            missing = {key for key in keys(captured(reply)) - told if not untold(path, key)}
            assert not missing, response.text


def untold(path: Path, key: str) -> bool:
    return any(re.match(who, family(path)) and re.search(what, key) for who, what in UNTOLD.items())


def fault_of(path: Path, capture: dict[str, Any]) -> Fault:
    """The scripted fault that should look like a captured error."""
    reply = capture["replies"][0]
    body = (
        values(base64.b64decode(reply["body"]))[-1]
        if "eventstream" in str(reply.get("headers"))
        else captured(reply)[-1]
    )
    text = next(find(body, ("message", "Message", "Msg")), body.get("error", ""))
    code = path.stem.partition("-error-")[2]
    midstream = code == "midstream" or "sse" in reply or "lines" in reply
    code = re.sub(r"^\d{3}-?", "", code)
    told = next(find(body, ("code", "Code", "type")), None)
    status = reply.get("status", 500)
    if midstream:
        return Fault(MIDSTREAM.get(family(path), 500), str(told or ""), text, midstream_after=1)
    headers = {"retry-after": "3"} if "retryDelay" in json.dumps(body) else {}
    return Fault(status, code, text, headers=headers)


MIDSTREAM = {"anthropic": 529, "anthropic_vertex": 529, "anthropic_bedrock": 429, "aliyun": 400}


def find(value: Any, names: tuple[str, ...]) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from find(item, names)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in names and isinstance(inner, str | int):
                yield inner
            yield from find(inner, names)


@pytest.mark.parametrize("path", served(failing=True), ids=lambda path: path.stem)
def test_a_failure_is_told_in_the_vendors_format(path: Path) -> None:
    capture = json.loads(path.read_text())
    expected = captured(capture["replies"][0])[-1]
    with server_for(path, fault_of(path, capture)) as server:
        response = send(server, capture["requests"][0])
    told = values(response.content)[-1]
    assert response.status_code == capture["replies"][0].get("status", 200)
    assert keys(expected) <= keys(told), response.text
    for names in (("message", "Message", "Msg"), ("code", "Code", "type"), ("status",)):
        assert list(find(expected, names))[:1] == list(find(told, names))[:1], response.text
