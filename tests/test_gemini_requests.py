"""Gemini requests: equal in meaning to what Google's SDK sends, and to the right address."""

from __future__ import annotations

from typing import Any

import pytest

from gemini_kit import PNG, WEATHER, config_of
from llm_connector import ConfigError, ImageBlock, InvalidRequestError, Message, ToolCall
from oracle import sent
from requests_of import request_of
from servers.gemini_checks import camel

PICTURE = [
    Message.system("You are terse."),
    Message.user(["What is in this picture, and what is the weather in Paris?", ImageBlock.from_bytes(PNG)]),
]
FAKE = {"model": "gemini-x", "api_key": "AIza-fake"}
SDKS = [("google", "v1"), ("google_v1", "v1beta")]


def meaning(body: dict[str, Any]) -> dict[str, Any]:
    """A body without what makes no difference: two spellings, two alphabets of base64, a role of the instructions."""
    body = camel(body)
    for part in (part for content in body["contents"] for part in content["parts"] if "inlineData" in part):
        part["inlineData"]["data"] = part["inlineData"]["data"].replace("-", "+").replace("_", "/")
    body.get("systemInstruction", {}).pop("role", None)
    for tool in body.get("tools", ()):
        for function in tool.get("functionDeclarations", ()):
            if "parameters" in function:  # the SDK's other way to send a schema
                function["parametersJsonSchema"] = lowered(function.pop("parameters"))
    return body


def lowered(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: item.lower() if key == "type" else lowered(item) for key, item in schema.items()}
    return schema


@pytest.mark.parametrize(("vendor", "version"), SDKS)
def test_options_as_googles_sdk_sends_them(vendor: str, version: str) -> None:
    expected = sent(f"{vendor}-generate-options")
    wanted = meaning(expected["body"])
    thinking = wanted["generationConfig"].pop("thinkingConfig")
    got = request_of(
        "google",
        "Hi",
        options={**FAKE, "api_version": version},
        top_p=0.9,
        top_k=5,
        seed=7,
        stop="END",
        tools=[WEATHER],
        tool_choice="get_weather",
        response_format={"type": "object", "properties": {"a": {"type": "string"}}},
        extra_body={"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]},
    )
    assert meaning(got.body) == wanted
    assert got.url.raw_path.decode() == expected["raw_path"]
    assert got.url.host == "generativelanguage.googleapis.com"
    assert got.headers["x-goog-api-key"] == expected["headers"]["x-goog-api-key"]
    assert "authorization" not in got.headers
    assert got.warnings == []
    assert camel(thinking) == config_of("gemini-2.5-pro", thinking_budget=128)[0]["thinkingConfig"]


@pytest.mark.parametrize(("vendor", "version"), SDKS)
def test_a_stream_with_a_picture_and_a_tool(vendor: str, version: str) -> None:
    expected = sent(f"{vendor}-generate-tools-stream")
    got = request_of(
        "google",
        PICTURE,
        options={**FAKE, "api_version": version},
        stream=True,
        temperature=0.2,
        max_tokens=64,
        tools=[WEATHER],
    )
    assert meaning(got.body) == meaning(expected["body"])
    assert got.url.raw_path.decode() == expected["raw_path"]
    assert got.warnings == []


@pytest.mark.parametrize(("vendor", "version"), SDKS)
def test_the_turn_after_a_tool_call(vendor: str, version: str) -> None:
    expected = sent(f"{vendor}-generate-tools", 1)
    block = {"type": "function_call", "id": "call_1", "generated": True, "thoughtSignature": "c2ln"}
    history = [
        *PICTURE,
        Message.assistant(
            tool_calls=[ToolCall(id="call_1", name="get_weather", arguments='{"city": "Paris"}')],
            reasoning_content="Need weather.",
            reasoning={"family": "google", "blocks": [block]},
        ),
        Message.tool({"temp_c": 17, "sky": "rain"}, "call_1"),
    ]
    got = request_of(
        "google",
        history,
        options={**FAKE, "api_version": version},
        temperature=0.2,
        max_tokens=64,
        tools=[WEATHER],
    )
    assert meaning(got.body) == meaning(expected["body"])
    assert got.warnings == []


@pytest.mark.parametrize("vendor", ["google_vertex", "google_vertex_v1"])
def test_vertex_as_googles_sdk_calls_it(vendor: str) -> None:
    expected = sent(f"{vendor}-generate")
    got = request_of(
        "google_vertex",
        [Message.system("You are terse."), Message.user("Hi")],
        options={"model": "gemini-x", "api_key": "ya29.fake", "project": "my-proj", "location": "us-central1"},
        temperature=0.2,
        max_tokens=64,
        tools=[WEATHER],
    )
    assert meaning(got.body) == meaning(expected["body"])
    assert got.url.raw_path.decode() == expected["raw_path"]
    assert got.url.host == "us-central1-aiplatform.googleapis.com"
    assert got.headers["authorization"] == expected["headers"]["authorization"]
    assert "x-goog-api-key" not in got.headers
    assert got.warnings == []


# Addresses


@pytest.mark.parametrize(
    ("base_url", "version", "address"),
    [
        (None, None, "https://generativelanguage.googleapis.com/v1beta/"),
        (None, "v1", "https://generativelanguage.googleapis.com/v1/"),
        (None, "alpha", "https://generativelanguage.googleapis.com/v1alpha/"),
        ("http://proxy.test", None, "http://proxy.test/v1beta/"),
        ("http://proxy.test/google/", "beta", "http://proxy.test/google/v1beta/"),
        ("http://proxy.test/google/v1", "v1beta", "http://proxy.test/google/v1/"),
        ("http://proxy.test/v1beta1/", None, "http://proxy.test/v1beta1/"),
        ("http://proxy.test/v1/gateway", None, "http://proxy.test/v1/gateway/v1beta/"),
    ],
)
def test_the_version_is_added_unless_it_is_there(base_url: str | None, version: str | None, address: str) -> None:
    options = {"model": "g", "base_url": base_url, "api_version": version}
    assert str(request_of("google", options=options).url) == f"{address}models/g:generateContent"


def test_the_version_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "beta")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://proxy.test")
    monkeypatch.setenv("GEMINI_API_KEY", "second")
    sent_now = request_of("google", options={"api_key": None})
    assert str(sent_now.url) == "http://proxy.test/v1beta/models/m:generateContent"
    assert sent_now.headers["x-goog-api-key"] == "second"
    monkeypatch.setenv("GOOGLE_API_KEY", "first")
    assert request_of("google", options={"api_key": None}).headers["x-goog-api-key"] == "first"


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-x", "models/gemini-x"),
        ("models/gemini-x", "models/gemini-x"),
        ("tunedModels/mine-1", "tunedModels/mine-1"),
        ("gemini-x@001", "models/gemini-x%40001"),
        ("a:b", "models/a%3Ab"),
        ("模型", "models/%E6%A8%A1%E5%9E%8B"),
    ],
)
def test_the_name_of_a_model_in_the_path(model: str, path: str) -> None:
    url = request_of("google", options={"model": model}).url
    assert url.raw_path.decode() == f"/v1beta/{path}:generateContent"


@pytest.mark.parametrize("row", ["google", "google_vertex"])
@pytest.mark.parametrize(
    "model", ["../x", "a/../b", "m?key=1", "m&x", "m#x", "m\r\nHost: x", "m\n", "/m", "m/", "a//b", "m%2e%2e", "m\x00"]
)
def test_what_cannot_be_a_name_is_refused(row: str, model: str) -> None:
    options = {"model": model, "project": "p"} if row == "google_vertex" else {"model": model}
    with pytest.raises(InvalidRequestError, match="not the name of a model"):
        request_of(row, options=options)


@pytest.mark.parametrize(
    ("location", "host"),
    [
        (None, "aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
    ],
)
def test_the_host_of_a_location(location: str | None, host: str) -> None:
    got = request_of("google_vertex", options={"project": "p", "location": location})
    assert got.url.host == host
    assert f"/v1beta1/projects/p/locations/{location or 'global'}/" in got.url.path


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-x", "projects/p/locations/global/publishers/google/models/gemini-x"),
        ("models/gemini-x", "projects/p/locations/global/publishers/google/models/gemini-x"),
        ("meta/llama-4", "projects/p/locations/global/publishers/meta/models/llama-4"),
        ("publishers/google/models/gemini-x", "projects/p/locations/global/publishers/google/models/gemini-x"),
        ("endpoints/123", "projects/p/locations/global/endpoints/123"),
        ("projects/q/locations/l/endpoints/1", "projects/q/locations/l/endpoints/1"),
    ],
)
def test_the_name_of_a_model_at_vertex(model: str, path: str) -> None:
    url = request_of("google_vertex", options={"project": "p", "model": model}).url
    assert url.raw_path.decode() == f"/v1beta1/{path}:generateContent"


def test_vertex_needs_a_project() -> None:
    with pytest.raises(ConfigError, match="GOOGLE_CLOUD_PROJECT"):
        request_of("google_vertex")


def test_vertex_takes_its_place_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p:1")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "us-east5")
    got = request_of("google_vertex", options={"api_key": lambda: "fresh"})
    assert got.url.raw_path.decode().startswith("/v1beta1/projects/p%3A1/locations/us-east5/publishers/google/models/m")
    assert got.headers["authorization"] == "Bearer fresh"
