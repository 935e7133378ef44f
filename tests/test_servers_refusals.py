"""What each vendor refuses and what it takes, a line a case. Paging, signatures and the like are tested elsewhere."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from servers import assets
from wire_kits import KITS, SCHEMA, send

if TYPE_CHECKING:
    from collections.abc import Iterator

PNG = base64.b64encode(assets.png()).decode()
PDF = base64.b64encode(assets.pdf()).decode()
WAV = base64.b64encode(assets.wav()).decode()


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def message(*parts: Any, role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": list(parts)}]}


def image(url: str) -> dict[str, Any]:
    return message({"type": "image_url", "image_url": {"url": url}})


def block(**source: Any) -> dict[str, Any]:
    return message({"type": source.pop("block", "image"), "source": source})


def contents(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": list(parts)}], **more}


def parameters(**given: Any) -> dict[str, Any]:
    return {"parameters": given}


TOOL = {"type": "function", "function": {"name": "f", "parameters": SCHEMA}}
FILE = {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "a.pdf"}
BOTH = {"thinkingBudget": 1, "thinkingLevel": "LOW"}
NAMED = {"name": "n", "schema": SCHEMA}
CLOSED = SCHEMA | {"additionalProperties": False}
AS_JSON = {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}
TENCENT_IMAGE = {"Type": "image_url", "ImageUrl": {"Url": "https://h/p"}}

# name of the kit, a change of a plain request that the vendor refuses
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("openai", {"messages": []}),
    ("openai", {"model": ""}),
    ("openai", {"temperature": 2.5}),
    ("openai", {"max_tokens": 0}),
    ("openai", {"stop": ["a", "b", "c", "d", "e"]}),
    ("openai", {"max_tokens": 5, "max_completion_tokens": 5}),
    ("openai", {"stream_options": {"include_usage": True}}),
    ("openai", {"tool_choice": "auto"}),
    ("openai", {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}),
    ("openai", {"tools": [{"name": "f", "parameters": SCHEMA}]}),
    ("openai", {"tools": [{"type": "function", "function": {"name": "f", "strict": True, "parameters": SCHEMA}}]}),
    ("openai", {"response_format": {"type": "json_object"}}),
    ("openai", {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}}),
    ("openai", {"model": "gpt-5", "max_tokens": 5}),
    ("openai", {"model": "o4-mini", "temperature": 0}),
    ("openai", {"messages": [{"role": "assistant", "content": "hi", "reasoning_content": "x"}]}),
    ("openai", image("data:image/png;base64,!!!")),
    ("openai", image(f"data:image/jpeg;base64,{PNG}")),
    ("openai", image(PNG)),
    ("openai", message({"type": "input_audio", "input_audio": {"data": WAV, "format": "audio/wav"}})),
    ("openai", message({"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}"}})),
    ("deepseek", image(f"data:image/png;base64,{PNG}")),
    ("deepseek", {"seed": 1}),
    ("deepseek", {"messages": [{"role": "developer", "content": "x"}]}),
    ("moonshot", image("https://host/picture.png")),
    ("volcengine", {"seed": 1}),
    ("zhipu", {"temperature": 1.0}),
    ("zhipu", {"stop": "one"}),
    ("zhipu", {"tools": [TOOL], "tool_choice": "required"}),
    ("zhipu", {"stream_options": {"include_usage": True}, "stream": True}),
    ("zhipu", image(f"data:image/png;base64,{PNG}")),
    ("anthropic", {"max_tokens": None}),
    ("anthropic", {"temperature": 0.5}),
    ("anthropic", {"thinking": {"type": "enabled", "budget_tokens": 4096}}),
    ("anthropic", {"model": "claude-opus-5", "thinking": {"type": "adaptive"}, "temperature": 0}),
    ("anthropic", {"model": "claude-opus-5"}),
    ("anthropic", {"messages": [{"role": "system", "content": "x"}]}),
    ("anthropic", {"messages": [{"role": "assistant", "content": "x"}]}),
    ("anthropic", {"messages": [{"role": "user", "content": ""}]}),
    ("anthropic", message({"type": "text", "text": ""})),
    ("anthropic", message({"type": "text", "text": "x", "signature": "y"})),
    ("anthropic", block(type="base64", media_type="image/bmp", data=PNG)),
    ("anthropic", block(type="base64", media_type="image/png", data="data:image/png;base64," + PNG)),
    ("anthropic", block(type="url", url=f"data:image/png;base64,{PNG}")),
    ("anthropic", block(block="document", type="base64", media_type="application/pdf", data=PNG)),
    ("anthropic", {"tools": [TOOL]}),
    ("anthropic", {"tool_choice": {"type": "auto"}}),
    ("anthropic", {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}),
    ("anthropic", {"stop_sequences": [" "]}),
    ("gemini", {"contents": []}),
    ("gemini", {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}),
    ("gemini", contents({"text": ""})),
    ("gemini", contents({"text": "x", "inlineData": {"mimeType": "image/png", "data": PNG}})),
    ("gemini", contents({"inlineData": {"mimeType": "image/png", "data": "!"}})),
    ("gemini", contents({"inlineData": {"mimeType": "image/gif", "data": PNG}})),
    ("gemini", contents({"text": "x"}, generationConfig={"max_tokens": 5})),
    ("gemini", contents({"text": "x"}, generationConfig={"responseJsonSchema": SCHEMA})),
    ("gemini", contents({"text": "x"}, generationConfig={"stopSequences": list("abcdef")})),
    ("gemini", contents({"text": "x"}, generationConfig={"thinkingConfig": BOTH})),
    ("gemini", contents({"text": "x"}, tools=[{"functionDeclarations": [{"name": "f", "parameters": {"$ref": "#"}}]}])),
    ("gemini", contents({"text": "x"}, toolConfig={"functionCallingConfig": {"mode": "ANY"}})),
    ("dashscope", parameters(temperature=2)),
    ("dashscope", parameters(frequency_penalty=1)),
    ("dashscope", parameters(tools=[TOOL], tool_choice="required")),
    ("dashscope", {"model": "qwen3-8b"}),
    ("dashscope", {"model": "qwen-vl-plus"}),
    ("dashscope", {"input": message({"text": "x"})}),
    ("ollama", {"options": {"max_tokens": 5}}),
    ("ollama", {"options": {"num_predict": 1.5}}),
    ("ollama", {"format": "yaml"}),
    ("ollama", {"think": "hard"}),
    ("ollama", {"messages": [{"role": "user", "content": "x", "images": [f"data:image/png;base64,{PNG}"]}]}),
    ("ollama", {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}),
    ("ollama", {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]}),
    ("hunyuan", {"Temperature": 3}),
    ("hunyuan", {"Seed": 0}),
    ("hunyuan", {"Tools": [{"Type": "function", "Function": {"Name": "f", "Parameters": SCHEMA}}]}),
    ("hunyuan", {"Messages": [{"Role": "user", "Content": "x", "Contents": []}]}),
    ("hunyuan", {"Messages": [{"Role": "user", "Content": "x"}, {"Role": "system", "Content": "x"}]}),
    ("responses", {"input": []}),
    ("responses", {"stop": ["x"]}),
    ("responses", {"tools": [TOOL]}),
    ("responses", {"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}),
    ("responses", {"text": {"format": {"type": "json_schema", "schema": SCHEMA}}}),
    ("responses", {"include": ["reasoning"]}),
    ("responses", {"model": "gpt-5", "temperature": 0}),
]  # fmt: skip

ACCEPTED: list[tuple[str, dict[str, Any], str]] = [
    ("openai", image(f"data:image/png;base64,{PNG}"), "I see 1 image."),
    ("openai", image("https://host/picture.png"), "I see 1 image."),
    ("openai", message({"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}), "I see 1 audio."),
    ("openai", message({"type": "file", "file": FILE}), "I see 1 document."),
    ("moonshot", image(f"data:image/png;base64,{PNG}"), "I see 1 image."),
    ("zhipu", image(PNG), "I see 1 image."),
    ("anthropic", block(type="base64", media_type="image/png", data=PNG), "I see 1 image."),
    ("anthropic", block(block="document", type="base64", media_type="application/pdf", data=PDF), "I see 1 document."),
    ("gemini", contents({"inlineData": {"mimeType": "audio/wav", "data": WAV}}), "I see 1 audio."),
    ("gemini", contents({"inline_data": {"mime_type": "application/pdf", "data": PDF}}), "I see 1 document."),
    ("ollama", {"messages": [{"role": "user", "content": "x", "images": [PNG, PNG]}]}, "I see 2 images."),
    ("hunyuan", {"Messages": [{"Role": "user", "Contents": [TENCENT_IMAGE]}]}, "I see 1 image."),
    ("responses", {"input": message({"type": "input_file", **FILE})["messages"]}, "I see 1 document."),
    ("openai", {"response_format": {"type": "json_schema", "json_schema": NAMED}}, '{"city": '),
    ("anthropic", {"output_config": {"format": {"type": "json_schema", "schema": CLOSED}}}, '{"city": '),
    ("gemini", contents({"text": "x"}, generationConfig=AS_JSON), '{"city": '),
    ("ollama", {"format": SCHEMA}, '{"city": '),
    ("dashscope", parameters(response_format={"type": "json_object"}, result_format="message"), '{"answer": '),
    ("responses", {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}}, '{"city": '),
    ("openai", {"stop": "You"}, ""),
    ("openai", {"temperature": 0, "seed": 0, "max_tokens": 1}, "You"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change"), REFUSED)
def test_what_the_vendor_refuses_is_refused(client: httpx.Client, name: str, change: dict[str, Any]) -> None:
    with KITS[name].server() as server:
        assert send(client, server, name, {}).is_success
        response = send(client, server, name, change)
    assert "Error" in response.json()["Response"] if name == "hunyuan" else response.status_code == 400, response.text


@pytest.mark.parametrize(("name", "change", "said"), ACCEPTED)
def test_what_the_vendor_takes_is_taken(client: httpx.Client, name: str, change: dict[str, Any], said: str) -> None:
    with KITS[name].server() as server:
        response = send(client, server, name, change)
    assert response.status_code == 200, response.text
    assert KITS[name].read(response.json()).text.startswith(said)
