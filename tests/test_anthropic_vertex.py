"""Claude at Google: addresses, bodies, tokens and errors."""

from __future__ import annotations

from typing import Any

import pytest

from anthropic_samples import PICTURE, TOOL
from llm_connector import (
    AsyncLLMClient,
    AuthenticationError,
    ConfigError,
    DocumentBlock,
    InvalidRequestError,
    LLMClient,
    LLMError,
    Message,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from llm_connector.errors import UnsupportedError
from oracle import sent
from requests_of import request_of
from servers.anthropic import AnthropicVertexServer
from servers.script import Fault, Reply

VERTEX = {"model": "claude-x@20250101", "project": "my-proj", "location": "us-east5", "api_key": "ya29.fake"}


class TestVertexRequests:
    @pytest.mark.parametrize("stream", [False, True])
    def test_as_the_vendors_sdk(self, stream: bool) -> None:
        expected = sent("anthropic_vertex_v0-messages" + ("-stream" if stream else ""))
        params = {"tools": [TOOL], "max_tokens": expected["body"]["max_tokens"]}
        got = request_of("anthropic_vertex", PICTURE, options=VERTEX, stream=stream, **params)
        assert got.body == expected["body"]
        assert got.url.raw_path.decode() == expected["raw_path"]
        assert got.url.host == "us-east5-aiplatform.googleapis.com"
        assert got.headers["authorization"] == expected["headers"]["authorization"]
        assert "anthropic-version" not in got.headers

    @pytest.mark.parametrize(
        ("location", "host"),
        [
            ("global", "aiplatform.googleapis.com"),
            ("us", "aiplatform.us.rep.googleapis.com"),
            ("eu", "aiplatform.eu.rep.googleapis.com"),
            ("asia-east1", "asia-east1-aiplatform.googleapis.com"),
        ],
    )
    def test_hosts(self, location: str, host: str) -> None:
        got = request_of("anthropic_vertex", options=VERTEX | {"location": location})
        assert got.url.host == host
        assert f"/v1/projects/my-proj/locations/{location}/" in got.url.path

    def test_version_and_betas(self) -> None:
        options = VERTEX | {"api_version": "2026-10-21", "betas": ["b"], "model": "claude-sonnet-4@x"}
        got = request_of("anthropic_vertex", options=options, temperature=0.1)
        assert got.body["anthropic_version"] == "2026-10-21"
        assert "temperature" not in got.body
        assert got.headers["anthropic-beta"] == "b"
        older = request_of("anthropic_vertex", options=VERTEX | {"model": "claude-sonnet-4@x"}, temperature=0.1)
        assert (older.body["anthropic_version"], older.body["temperature"]) == ("vertex-2023-10-16", 0.1)

    def test_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ANTHROPIC_VERTEX_PROJECT_ID", "env-proj")
        monkeypatch.setenv("CLOUD_ML_REGION", "us-east5")
        got = request_of("anthropic_vertex", options={"model": "m"})
        assert "/projects/env-proj/locations/us-east5/" in got.url.path

    def test_what_is_missing_or_wrong_is_told(self) -> None:
        with pytest.raises(ConfigError, match="project="):
            request_of("anthropic_vertex", options={"model": "m"})
        with pytest.raises(ConfigError, match="location"):
            LLMClient("anthropic_vertex", "m", api_key="k", location="evil.test/")
        with LLMClient("anthropic_vertex", "m", api_key="k") as llm, pytest.raises(UnsupportedError):
            llm.models()

    def test_there_is_no_files_api(self) -> None:
        with pytest.raises(UnsupportedError, match="file id"):
            request_of("anthropic_vertex", [Message.user([DocumentBlock.from_file_id("f")])], options=VERTEX)


class TestVertexAnswers:
    def client(self, server: AnthropicVertexServer, **options: Any) -> LLMClient:
        return LLMClient("anthropic_vertex", **{**VERTEX, "base_url": server.url, "max_retries": 0, **options})

    @pytest.mark.parametrize("streamed", [False, True])
    def test_a_turn(self, streamed: bool) -> None:
        with AnthropicVertexServer(Reply("Hello", "Hm.")) as server, self.client(server) as llm:
            response = llm.stream("hi").response() if streamed else llm.chat("hi")
            assert (response.content, response.reasoning_content) == ("Hello", "Hm.")
            assert response.message.reasoning is not None
            assert response.message.reasoning.family == "anthropic"

    @pytest.mark.parametrize("wrap", [lambda body: body, lambda body: [body]])
    @pytest.mark.parametrize(
        ("code", "status", "message", "expected"),
        [
            (400, "INVALID_ARGUMENT", "bad", InvalidRequestError),
            (401, "UNAUTHENTICATED", "bad token", AuthenticationError),
            (403, "PERMISSION_DENIED", "not yours", PermissionDeniedError),
            (404, "NOT_FOUND", "Publisher Model `x` was not found", ModelNotFoundError),
            (429, "RESOURCE_EXHAUSTED", "Quota exceeded", RateLimitError),
            (500, "INTERNAL", "oops", ServerError),
            (503, "UNAVAILABLE", "busy", OverloadedError),
        ],
    )
    def test_googles_errors(self, code: int, status: str, message: str, expected: type, wrap: Any) -> None:
        body = wrap({"error": {"code": code, "message": message, "status": status}})
        for fault in (Fault(code, body=body), Fault(200, body=body, in_200=True)):
            with AnthropicVertexServer(fault) as server, self.client(server) as llm, pytest.raises(LLMError) as caught:
                llm.chat("hi")
            assert type(caught.value) is expected
            assert caught.value.message == message

    def test_a_token_that_ran_out_is_asked_for_once_more(self) -> None:
        tokens = iter(["old", "new", "new"])
        with AnthropicVertexServer(Reply("ok"), require_key="new") as server:
            with self.client(server, api_key=lambda: next(tokens)) as llm:
                assert llm.chat("hi").content == "ok"
            assert len(server.requests) == 2

    async def test_async(self) -> None:
        async def token() -> str:
            return "fresh"

        with AnthropicVertexServer(Reply("ok"), require_key="fresh") as server:
            async with AsyncLLMClient(
                "anthropic_vertex", **{**VERTEX, "api_key": token, "base_url": server.url}
            ) as llm:
                assert (await llm.stream("hi").response()).content == "ok"
