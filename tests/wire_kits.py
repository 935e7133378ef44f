"""Speaks to each test server in its vendor's own format, without ``llm_connector``, for the servers' own tests."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from servers.anthropic import AnthropicServer, AnthropicVertexServer
from servers.bedrock import AnthropicBedrockServer
from servers.dashscope import DashScopeServer
from servers.gemini import GeminiServer
from servers.hunyuan import HunyuanServer
from servers.ollama import OllamaServer
from servers.openai_chat import OpenAIChatServer
from servers.openai_responses import OpenAIResponsesServer
from servers.zhipu import ZhipuServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servers.base import Server

if TYPE_CHECKING:
    import httpx

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
RESULT = '{"sky": "rain"}'
BEARER = {"authorization": "Bearer abc.def"}
Json = dict[str, Any]


@dataclass
class Said:
    """What an answer says."""

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, Json]] = field(default_factory=list)
    finish: str = ""


@dataclass(frozen=True)
class Kit:
    """How to speak with one server.

    Attributes:
        request: ``(prompt, tool, stream)`` to a body.
        read: A whole answer's JSON to what it says.
        read_stream: A stream's JSON events to what it says.
        again: Body and answer to the body that brings the result of its calls.
        forget: Takes the reasoning out of such a body; ``None`` where the vendor wants none back.
    """

    server: Callable[..., Server]
    path: Callable[[bool], str]
    headers: Json
    request: Callable[[str, bool, bool], Json]
    read: Callable[[Any], Said]
    read_stream: Callable[[list[Any]], Said]
    again: Callable[[Json, Any], Json]
    forget: Callable[[Json], None] | None = None


def events(data: bytes) -> list[Any]:
    """The JSON values of a stream, whatever its framing."""
    if data[:1] == b"\x00":
        return list(_framed(data))
    lines = [re.sub(r"^data: ?", "", line) for line in re.split(r"\r?\n", data.decode())]
    return [json.loads(line) for line in lines if line.startswith("{")]


def _framed(data: bytes) -> Iterator[Any]:
    while data:
        total, head = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:8], "big")
        payload = json.loads(data[12 + head : total - 4])
        yield json.loads(base64.b64decode(payload["bytes"])) if "bytes" in payload else payload
        data = data[total:]


# Chat Completions, and DashScope, which speaks much like it


def _chat_request(prompt: str, tool: bool, stream: bool) -> Json:
    function = {"name": "get_weather", "parameters": SCHEMA}
    body: Json = {"model": "test-model", "messages": [{"role": "user", "content": prompt}]}
    body |= {"tools": [{"type": "function", "function": function}]} if tool else {}
    return body | ({"stream": True} if stream else {})


def _from_message(message: Json, finish: str) -> Said:
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls") or []]
    content = message.get("content") or ""
    content = content if isinstance(content, str) else "".join(part["text"] for part in content)
    parsed = [(name, json.loads(text) if isinstance(text, str) else text) for name, text in calls]
    return Said(content, message.get("reasoning_content") or message.get("thinking") or "", parsed, finish)


def _chat_read(answer: Any) -> Said:
    return _from_message(answer["choices"][0]["message"], answer["choices"][0]["finish_reason"])


def _merged(deltas: list[Json], finish: str) -> Said:
    calls: dict[int, Json] = {}
    for delta in deltas:
        for part in delta.get("tool_calls") or []:
            call = calls.setdefault(part["index"], {"function": {"name": "", "arguments": ""}})
            call["function"]["name"] += part["function"].get("name") or ""
            call["function"]["arguments"] += part["function"].get("arguments") or ""
    content = [delta.get("content") or "" for delta in deltas]
    text = "".join(one if isinstance(one, str) else "".join(part["text"] for part in one) for one in content)
    reasoning = "".join(delta.get("reasoning_content") or "" for delta in deltas)
    message = {"content": text, "reasoning_content": reasoning, "tool_calls": list(calls.values())}
    return _from_message(message, finish)


def _chat_stream(chunks: list[Any]) -> Said:
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    finish = next(choice["finish_reason"] for choice in choices if choice.get("finish_reason"))
    return _merged([choice["delta"] for choice in choices], finish)


def _chat_again(body: Json, answer: Any) -> Json:
    message = answer["choices"][0]["message"] if "choices" in answer else answer["output"]["choices"][0]["message"]
    kept = {name: message[name] for name in ("role", "content", "reasoning_content", "tool_calls") if name in message}
    results = [{"role": "tool", "tool_call_id": call["id"], "content": RESULT} for call in message["tool_calls"]]
    given = body if "messages" in body else body["input"]
    more = {"messages": [*given["messages"], kept, *results]}
    return body | (more if "messages" in body else {"input": more})


def _chat_forget(body: Json) -> None:
    for message in body["messages"]:
        message.pop("reasoning_content", None)


def _chat_kit(server: Callable[..., Server], path: str, forget: Any = _chat_forget) -> Kit:
    return Kit(server, lambda _: path, BEARER, _chat_request, _chat_read, _chat_stream, _chat_again, forget)


def _dashscope_request(prompt: str, tool: bool, stream: bool) -> Json:
    body = _chat_request(prompt, tool, stream=False)
    parameters = {"result_format": "message", **({"tools": body["tools"]} if tool else {})}
    parameters |= {"incremental_output": True} if stream else {}
    return {"model": body["model"], "input": {"messages": body["messages"]}, "parameters": parameters}


def _dashscope_stream(chunks: list[Any]) -> Said:
    choices = [choice for chunk in chunks for choice in chunk["output"]["choices"]]
    return _merged([choice["message"] for choice in choices], choices[-1]["finish_reason"])


# Anthropic


def _anthropic_request(prompt: str, tool: bool, stream: bool) -> Json:
    body: Json = {"model": "claude-test", "max_tokens": 4096, "messages": [{"role": "user", "content": prompt}]}
    body |= {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    body |= {"tools": [{"name": "get_weather", "input_schema": SCHEMA}]} if tool else {}
    return body | ({"stream": True} if stream else {})


def _cloud_request(version: str, prompt: str, tool: bool, stream: bool) -> Json:
    body = _anthropic_request(prompt, tool, stream) | {"anthropic_version": version}
    dropped = {"model", "stream"} if version.startswith("bedrock") else {"model"}
    return {name: value for name, value in body.items() if name not in dropped}


def _anthropic_read(answer: Any) -> Said:
    blocks = answer["content"]
    calls = [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]
    text = "".join(block.get("text", "") for block in blocks)
    return Said(text, "".join(block.get("thinking", "") for block in blocks), calls, answer["stop_reason"])


def _anthropic_stream(chunks: list[Any]) -> Said:
    blocks: dict[int, Json] = {}
    partial: dict[int, str] = {}
    for chunk in chunks:
        if chunk["type"] == "content_block_start":
            blocks[chunk["index"]] = chunk["content_block"]
        elif chunk["type"] == "content_block_delta":
            delta, block = chunk["delta"], blocks[chunk["index"]]
            partial[chunk["index"]] = partial.get(chunk["index"], "") + delta.get("partial_json", "")
            for name in {"text", "thinking"} & delta.keys():
                block[name] += delta[name]
    for index, block in blocks.items():
        if block["type"] == "tool_use":
            block["input"] = json.loads(partial[index] or "{}")
    ending = next(chunk for chunk in chunks if chunk["type"] == "message_delta")
    return _anthropic_read({"content": list(blocks.values()), **ending["delta"]})


def _anthropic_again(body: Json, answer: Any) -> Json:
    used = [block["id"] for block in answer["content"] if block["type"] == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": identity, "content": RESULT} for identity in used]
    told = {"role": "assistant", "content": answer["content"]}
    return body | {"messages": [*body["messages"], told, {"role": "user", "content": results}]}


def _anthropic_forget(body: Json) -> None:
    for message in body["messages"]:
        if isinstance(message["content"], list):
            message["content"] = [block for block in message["content"] if block["type"] != "thinking"]


def _anthropic_kit(server: Callable[..., Server], path: Callable[[bool], str], headers: Json, request: Any) -> Kit:
    return Kit(server, path, headers, request, _anthropic_read, _anthropic_stream, _anthropic_again, _anthropic_forget)


# Gemini


def _gemini_request(prompt: str, tool: bool, stream: bool) -> Json:
    body: Json = {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}
    declared = [{"name": "get_weather", "parametersJsonSchema": SCHEMA}]
    return body | ({"tools": [{"functionDeclarations": declared}]} if tool else {})


def _gemini_stream(chunks: list[Any]) -> Said:
    parts = [part for chunk in chunks for part in chunk["candidates"][0].get("content", {}).get("parts", [])]
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    text = "".join(part.get("text", "") for part in parts if not part.get("thought"))
    thought = "".join(part["text"] for part in parts if part.get("thought"))
    finish = chunks[-1]["candidates"][0]["finishReason"]
    return Said(text, thought, [(call["name"], call.get("args", {})) for call in calls], finish)


def _gemini_again(body: Json, answer: Any) -> Json:
    content = answer["candidates"][0]["content"]
    calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
    responses = [{"functionResponse": {"name": call["name"], "response": json.loads(RESULT)}} for call in calls]
    return body | {"contents": [*body["contents"], content, {"role": "user", "parts": responses}]}


def _gemini_forget(body: Json) -> None:
    for content in body["contents"]:
        for part in content["parts"]:
            part.pop("thoughtSignature", None)


# Ollama


def _ollama_stream(chunks: list[Any]) -> Said:
    message: Json = {"content": "", "thinking": "", "tool_calls": []}
    for chunk in chunks:
        for name, value in chunk["message"].items():
            if name != "role":
                message[name] += value
    return _from_message(message, chunks[-1]["done_reason"])


def _ollama_again(body: Json, answer: Any) -> Json:
    message = answer["message"]
    names = [call["function"]["name"] for call in message["tool_calls"]]
    results = [{"role": "tool", "tool_name": name, "content": RESULT} for name in names]
    return body | {"messages": [*body["messages"], message, *results]}


# Hunyuan


def _hunyuan_request(prompt: str, tool: bool, stream: bool) -> Json:
    function = {"Name": "get_weather", "Parameters": json.dumps(SCHEMA)}
    body: Json = {"Model": "hunyuan-test", "Messages": [{"Role": "user", "Content": prompt}], "Stream": stream}
    return body | ({"Tools": [{"Type": "function", "Function": function}]} if tool else {})


def _hunyuan_read(answer: Any) -> Said:
    choice = answer["Response"]["Choices"][0]
    return _hunyuan_stream([{"Choices": [{"Delta": choice["Message"], "FinishReason": choice["FinishReason"]}]}])


def _hunyuan_stream(chunks: list[Any]) -> Said:
    calls: dict[str, list[str]] = {}
    said = Said(finish=chunks[-1]["Choices"][0]["FinishReason"])
    for delta in (chunk["Choices"][0]["Delta"] for chunk in chunks):
        said.text += delta.get("Content", "")
        said.reasoning += delta.get("ReasoningContent", "")
        for part in delta.get("ToolCalls", []):
            call = calls.setdefault(part["Id"], ["", ""])
            call[0] += part["Function"]["Name"]
            call[1] += part["Function"]["Arguments"]
    said.calls = [(name, json.loads(text)) for name, text in calls.values()]
    return said


def _hunyuan_again(body: Json, answer: Any) -> Json:
    message = answer["Response"]["Choices"][0]["Message"]
    kept = {name: message[name] for name in ("Role", "Content", "ToolCalls")}
    results = [{"Role": "tool", "ToolCallId": call["Id"], "Content": RESULT} for call in message["ToolCalls"]]
    return body | {"Messages": [*body["Messages"], kept, *results]}


HUNYUAN_HEADERS = {
    "x-tc-action": "ChatCompletions",
    "x-tc-version": "2023-09-01",
    "x-tc-timestamp": "1795348800",
    "content-type": "application/json",
    "authorization": "TC3-HMAC-SHA256 Credential=AKIDTEST/2026-11-22/hunyuan/tc3_request, "
    f"SignedHeaders=content-type;host, Signature={'0' * 64}",
}


# Responses


def _responses_request(prompt: str, tool: bool, stream: bool) -> Json:
    body: Json = {"model": "test-model", "input": [{"role": "user", "content": prompt}], "store": False}
    body |= {"tools": [{"type": "function", "name": "get_weather", "parameters": SCHEMA}]} if tool else {}
    return body | {"include": ["reasoning.encrypted_content"], "stream": stream}


def _responses_read(answer: Any) -> Said:
    said = Said(finish=answer["status"])
    for item in answer["output"]:
        said.text += "".join(part["text"] for part in item.get("content", []))
        said.reasoning += "".join(part["text"] for part in item.get("summary", []))
        if item["type"] == "function_call":
            said.calls.append((item["name"], json.loads(item["arguments"])))
    return said


def _responses_stream(chunks: list[Any]) -> Said:
    said = _responses_read(chunks[-1]["response"])
    kinds = {"text": "output_text", "reasoning": "reasoning_summary_text", "calls": "function_call_arguments"}
    told = {
        name: "".join(chunk["delta"] for chunk in chunks if chunk["type"] == f"response.{kind}.delta")
        for name, kind in kinds.items()
    }
    assert told["calls"] == "".join(json.dumps(given, ensure_ascii=False) for _, given in said.calls)
    assert [chunk["sequence_number"] for chunk in chunks] == list(range(len(chunks)))
    return Said(told["text"], told["reasoning"], said.calls, said.finish)


def _responses_again(body: Json, answer: Any) -> Json:
    calls = [item["call_id"] for item in answer["output"] if item["type"] == "function_call"]
    results = [{"type": "function_call_output", "call_id": identity, "output": RESULT} for identity in calls]
    return body | {"input": [*body["input"], *answer["output"], *results]}


def _responses_forget(body: Json) -> None:
    body["input"] = [item for item in body["input"] if item.get("type") != "reasoning"]


_VERTEX = "/projects/p/locations/l/publishers/anthropic/models/claude-test:"
_BEDROCK = "/model/us.anthropic.claude-test-v1%3A0/invoke"
_ANTHROPIC_HEADERS = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
_DASHSCOPE = "/services/aigc/text-generation/generation"

KITS = {
    "openai": _chat_kit(OpenAIChatServer, "/chat/completions", None),
    "deepseek": _chat_kit(lambda *a, **k: OpenAIChatServer(*a, dialect="deepseek", **k), "/chat/completions"),
    "moonshot": _chat_kit(lambda *a, **k: OpenAIChatServer(*a, dialect="moonshot", **k), "/chat/completions"),
    "volcengine": _chat_kit(lambda *a, **k: OpenAIChatServer(*a, dialect="volcengine", **k), "/chat/completions"),
    "aliyun_openai": _chat_kit(lambda *a, **k: OpenAIChatServer(*a, dialect="aliyun", **k), "/chat/completions"),
    "zhipu": _chat_kit(ZhipuServer, "/chat/completions"),
    "dashscope": Kit(
        DashScopeServer, lambda _: _DASHSCOPE, BEARER, _dashscope_request,
        lambda answer: _chat_read(answer["output"]), _dashscope_stream, _chat_again,
    ),
    "anthropic": _anthropic_kit(AnthropicServer, lambda _: "/v1/messages", _ANTHROPIC_HEADERS, _anthropic_request),
    "vertex": _anthropic_kit(
        AnthropicVertexServer, lambda stream: _VERTEX + ("streamRawPredict" if stream else "rawPredict"), BEARER,
        lambda *given: _cloud_request("vertex-2023-10-16", *given),
    ),
    "bedrock": _anthropic_kit(
        AnthropicBedrockServer, lambda stream: _BEDROCK + ("-with-response-stream" if stream else ""), BEARER,
        lambda *given: _cloud_request("bedrock-2023-05-31", *given),
    ),
    "gemini": Kit(
        GeminiServer,
        lambda stream: f"/models/gemini-3-test:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}",
        {"x-goog-api-key": "k"}, _gemini_request, lambda answer: _gemini_stream([answer]),
        _gemini_stream, _gemini_again, _gemini_forget,
    ),
    "ollama": Kit(
        OllamaServer, lambda _: "/api/chat", {}, lambda *given: _chat_request(*given[:2], False) | {"stream": given[2]},
        lambda answer: _from_message(answer["message"], answer["done_reason"]), _ollama_stream, _ollama_again,
    ),
    "hunyuan": Kit(
        HunyuanServer, lambda _: "/", HUNYUAN_HEADERS, _hunyuan_request, _hunyuan_read, _hunyuan_stream, _hunyuan_again
    ),
    "responses": Kit(
        OpenAIResponsesServer, lambda _: "/responses", BEARER, _responses_request, _responses_read, _responses_stream,
        _responses_again, _responses_forget,
    ),
}  # fmt: skip


def send(client: httpx.Client, server: Server, name: str, change: Json) -> httpx.Response:
    """A plain request with a change; ``None`` takes a field away."""
    kit = KITS[name]
    body = {key: value for key, value in (kit.request("say", False, False) | change).items() if value is not None}
    headers = {"content-type": "application/json", **kit.headers}
    return client.post(server.url + kit.path(False), content=json.dumps(body), headers=headers)
