"""Claude at Amazon: addresses, bodies, signatures, framing and errors."""

from __future__ import annotations

import base64
import itertools
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anthropic_samples import CALL, PICTURE, THOUGHT, TOOL, thought
from llm_connector import (
    AsyncLLMClient,
    AuthenticationError,
    ConfigError,
    ContextLengthError,
    InvalidRequestError,
    LLMClient,
    LLMError,
    Message,
    ModelNotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    StreamInterruptedError,
)
from llm_connector.auth import Unsigned, sign
from llm_connector.errors import DecodeError, UnsupportedError
from llm_connector.protocols.anthropic_bedrock import BedrockFraming
from llm_connector.protocols.wire import WireRequest
from llm_connector.settings import Settings
from oracle import capture, sent
from requests_of import request_of
from servers.bedrock import AnthropicBedrockServer, frame
from servers.script import Call, Fault, Reply

if TYPE_CHECKING:
    from llm_connector.framing import Event

BEDROCK = {"model": "us.anthropic.claude-x-v1:0", "region": "us-east-1"}
PAIR = {"api_key": None, "access_key": "AKIDEXAMPLE", "secret_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-x-v1:0"


class TestBedrockRequests:
    @pytest.mark.parametrize("stream", [False, True])
    def test_as_the_vendors_sdk(self, stream: bool) -> None:
        expected = sent("anthropic_bedrock_v0-invoke" + ("-stream" if stream else ""))
        params = {"tools": [TOOL], "max_tokens": 2048}
        got = request_of("anthropic_bedrock", PICTURE, options=BEDROCK | PAIR, stream=stream, **params)
        assert got.body == expected["body"]
        assert got.url.raw_path.decode() == expected["raw_path"]
        assert got.url.host == "bedrock-runtime.us-east-1.amazonaws.com"
        scope = got.headers["authorization"].split(",")[0].split("/")
        assert scope[0] == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE"
        assert scope[2:] == ["us-east-1", "bedrock", "aws4_request"]
        assert got.headers["accept"] == ("application/vnd.amazon.eventstream" if stream else "application/json")

    def test_a_tool_loop_as_the_vendors_sdk(self) -> None:
        answer = Message.assistant(tool_calls=[CALL], reasoning=thought(THOUGHT, {"type": "tool_use", "id": "toolu_1"}))
        history = [*PICTURE, answer, Message.tool('{"temp_c": 17, "sky": "rain"}', CALL)]
        got = request_of("anthropic_bedrock", history, options=BEDROCK | PAIR, tools=[TOOL], max_tokens=2048)
        assert got.body == sent("anthropic_bedrock_v0-invoke", 1)["body"]

    def test_an_arn_is_one_segment_of_the_path(self) -> None:
        expected = sent("anthropic_bedrock_v0-invoke-arn")
        got = request_of("anthropic_bedrock", "Hi", options=BEDROCK | PAIR | {"model": ARN}, max_tokens=8)
        assert (got.url.raw_path.decode(), got.body) == (expected["raw_path"], expected["body"])

    def test_a_bearer_key(self) -> None:
        expected = sent("anthropic_bedrock_v0-invoke-apikey")["headers"]["authorization"]
        got = request_of("anthropic_bedrock", options=BEDROCK | {"api_key": expected.removeprefix("Bearer ")})
        assert got.headers["authorization"] == expected
        assert "x-amz-date" not in got.headers

    def test_a_session_token_is_sent_and_signed(self) -> None:
        got = request_of("anthropic_bedrock", options=BEDROCK | PAIR | {"session_token": "TOKENEXAMPLE"})
        assert got.headers["x-amz-security-token"] == "TOKENEXAMPLE"
        assert "x-amz-security-token" in got.headers["authorization"]

    def test_betas_stand_in_the_body(self) -> None:
        got = request_of(
            "anthropic_bedrock",
            options=BEDROCK | {"betas": ["one"]},
            extra_headers={"anthropic-beta": "two"},
            extra_body={"anthropic_version": "2026-10-21"},
        )
        assert got.body["anthropic_beta"] == ["one", "two"]
        assert got.body["anthropic_version"] == "2026-10-21"

    @pytest.mark.parametrize(
        ("region", "host"),
        [
            ("eu-west-3", "bedrock-runtime.eu-west-3.amazonaws.com"),
            ("cn-north-1", "bedrock-runtime.cn-north-1.amazonaws.com.cn"),
        ],
    )
    def test_regions(self, region: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert request_of("anthropic_bedrock", options={"model": "m", "region": region}).url.host == host
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        assert request_of("anthropic_bedrock", options={"model": "m"}).url.host == host

    def test_keys_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ConfigError, match="AWS_BEARER_TOKEN_BEDROCK"):
            LLMClient("anthropic_bedrock", "m")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENV")
        with pytest.raises(ConfigError, match="no secret_key, which goes with"):
            request_of("anthropic_bedrock", options={"model": "m", "api_key": None})
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        got = request_of("anthropic_bedrock", options={"model": "m", "api_key": None})
        assert "Credential=AKIDENV/" in got.headers["authorization"]
        monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "b")
        got = request_of("anthropic_bedrock", options={"model": "m", "api_key": None})
        assert got.headers["authorization"] == "Bearer b"

    def test_credentials_given_keep_the_environments_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_BEARER_TOKEN_BEDROCK", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "of-another-account")
        headers = request_of("anthropic_bedrock", options=BEDROCK | PAIR).headers
        assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        assert "x-amz-security-token" not in headers

    def test_the_signed_host_is_the_one_that_is_sent(self) -> None:
        settings = Settings.resolve(
            "anthropic_bedrock", "m", None, None, {name: PAIR[name] for name in ("access_key", "secret_key")}
        )
        wire = WireRequest("/model/m/invoke", b"{}", headers={"content-type": "application/json"})
        urls = ("https://bedrock.test/model/m/invoke", "https://Bedrock.test:443/model/m/invoke")
        plain, spelt = (sign(Unsigned(url, wire, None, settings, 0.0)) for url in urls)
        assert plain == spelt
        assert (
            request_of("anthropic_bedrock", options=BEDROCK | {"base_url": urls[1]}).headers["host"] == "bedrock.test"
        )

    def test_models_are_not_listed_here(self) -> None:
        with LLMClient("anthropic_bedrock", "m", api_key="k") as llm, pytest.raises(UnsupportedError, match="control"):
            llm.models()

    def test_no_secret_is_shown(self) -> None:
        llm = LLMClient(
            "anthropic_bedrock", "m", access_key="AKID", secret_key="very-secret", session_token="hidden-one"
        )
        shown = f"{llm!r} {llm.settings!r}"
        assert "very-secret" not in shown
        assert "hidden-one" not in shown


CODES = [
    ("ValidationException", 400, "messages: bad", InvalidRequestError, False),
    ("ValidationException", 400, "The provided model identifier is invalid.", ModelNotFoundError, False),
    ("ValidationException", 400, "Input is too long for requested model.", ContextLengthError, False),
    ("AccessDeniedException", 403, "no access", PermissionDeniedError, False),
    ("UnrecognizedClientException", 403, "bad token", AuthenticationError, False),
    ("InvalidSignatureException", 403, "bad signature", AuthenticationError, False),
    ("ExpiredTokenException", 403, "expired", AuthenticationError, False),
    ("ResourceNotFoundException", 404, "nothing", ModelNotFoundError, False),
    ("ThrottlingException", 429, "Too many requests", RateLimitError, True),
    ("ModelNotReadyException", 429, "warming up", RateLimitError, True),
    ("ServiceQuotaExceededException", 400, "quota", RateLimitError, False),
    ("ModelTimeoutException", 408, "slow", RequestTimeoutError, True),
    ("ModelErrorException", 424, "failed", ServerError, True),
    ("ModelStreamErrorException", 424, "failed", ServerError, True),
    ("InternalServerException", 500, "oops", ServerError, True),
    ("ServiceUnavailableException", 503, "busy", OverloadedError, True),
]


class TestBedrockAnswers:
    def client(self, server: AnthropicBedrockServer, **options: Any) -> LLMClient:
        return LLMClient("anthropic_bedrock", **{**BEDROCK, "base_url": server.url, "max_retries": 0, **options})

    @pytest.mark.parametrize("write_size", [None, 1, 50])
    @pytest.mark.parametrize("streamed", [False, True])
    def test_a_signed_tool_loop(self, streamed: bool, write_size: int | None) -> None:
        plan = [Reply("Wait.", "Hm.", [Call("get_weather", {"city": "Zürich"})]), Reply("Rain.")]
        signed = {"access_key": PAIR["access_key"], "secret_key": PAIR["secret_key"]}
        with (
            AnthropicBedrockServer(plan, demand_reasoning=True, write_size=write_size, **signed) as server,
            self.client(server, **PAIR, session_token="T", model=f"{ARN[:-2]}:0") as llm,
        ):
            ask = (lambda *a, **k: llm.stream(*a, **k).response()) if streamed else llm.chat
            first = ask("Weather?", tools=[TOOL], enable_thinking=True)
            assert first.reasoning_content == "Hm."
            history = [Message.user("Weather?"), first.message, Message.tool("rain", first.tool_calls[0])]
            assert ask(history, tools=[TOOL], enable_thinking=True).content == "Rain."

    def test_each_attempt_is_signed_again(self) -> None:
        signed = {"access_key": PAIR["access_key"], "secret_key": PAIR["secret_key"]}
        with AnthropicBedrockServer([Fault(503), Reply("ok")], **signed) as server:
            with self.client(server, **PAIR, max_retries=1) as llm:
                assert llm.stream("hi").response().content == "ok"
            assert len(server.requests) == 2

    async def test_async_with_a_bearer_key(self) -> None:
        with AnthropicBedrockServer(Reply("ok"), require_key="k") as server:
            async with AsyncLLMClient("anthropic_bedrock", **BEDROCK, api_key="k", base_url=server.url) as llm:
                assert (await llm.stream("hi").response()).content == "ok"
                assert (await llm.chat("hi")).content == "ok"

    @pytest.mark.parametrize(("code", "status", "message", "expected", "retryable"), CODES)
    def test_errors(self, code: str, status: int, message: str, expected: type, retryable: bool) -> None:
        for fault in (Fault(status, code, message), Fault(status, code, message, midstream_after=3)):
            with (
                AnthropicBedrockServer(fault) as server,
                self.client(server, api_key="k") as llm,
                pytest.raises(LLMError) as caught,
            ):
                llm.stream("hi").response()
            assert type(caught.value) is expected
            assert (caught.value.retryable, caught.value.message) == (retryable, message)
            if fault.midstream_after is None:
                assert caught.value.request_id is not None
            else:
                assert caught.value.partial is not None

    @pytest.mark.parametrize("status", [400, 403, 404, 429])
    def test_as_the_vendors_sdk_types_them(self, status: int) -> None:
        seen = capture(f"anthropic_bedrock-error-{status}")
        reply = seen["replies"][0]
        fault = Fault(status, reply["headers"]["x-amzn-ErrorType"].partition(":")[0], body=reply["body"])
        with (
            AnthropicBedrockServer(fault) as server,
            self.client(server, api_key="k") as llm,
            pytest.raises(LLMError) as caught,
        ):
            llm.chat("hi")
        theirs = seen["sdk_error"]["type"].removeprefix("anthropic.")
        ours = {
            "BadRequestError": InvalidRequestError,
            "PermissionDeniedError": PermissionDeniedError,
            "NotFoundError": ModelNotFoundError,
            "RateLimitError": RateLimitError,
        }
        assert isinstance(caught.value, ours[theirs])

    def test_the_captured_stream_reads_right(self, replay) -> None:
        body = base64.b64decode(capture("anthropic_bedrock_v0-invoke-stream")["replies"][0]["body"])
        url = replay.serve_bytes([body[at : at + 13] for at in range(0, len(body), 13)])
        with LLMClient("anthropic_bedrock", **BEDROCK, api_key="k", base_url=url) as llm:
            response = llm.stream("hi").response()
        assert (response.content, response.reasoning_content) == ("Checking.", "Need weather.")
        assert response.tool_calls[0].parse_arguments() == {"city": "Paris"}

    @pytest.mark.parametrize("after", range(1, 7))
    def test_a_stream_that_breaks_off(self, after: int) -> None:
        fault = Fault(cut_after=after, polite=True, reply=Reply("Hello"))
        with (
            AnthropicBedrockServer(fault) as server,
            self.client(server, api_key="k") as llm,
            pytest.raises(StreamInterruptedError),
        ):
            llm.stream("hi").response()


def chunk(event: dict, **more: Any) -> bytes:
    payload = {"bytes": base64.b64encode(json.dumps(event).encode()).decode(), "p": "abc", **more}
    return frame({":event-type": "chunk", ":message-type": "event"}, payload)


class TestBedrockFraming:
    BODY = b"".join(
        [
            chunk({"type": "ping"}),
            frame({":event-type": "initial-response", ":message-type": "event"}, {}),
            chunk({"type": "text", "ü": "天"}),
            frame({":message-type": "exception", ":exception-type": "throttlingException"}, {"message": "slow"}),
            frame({":message-type": "error", ":error-code": "InternalFailure", ":error-message": "oops"}, {}),
            frame(
                {":message-type": "exception", ":exception-type": "modelStreamErrorException"},
                {"originalStatusCode": 500, "originalMessage": "inner"},
            ),
        ]
    )

    @given(st.lists(st.integers(0, 2000), max_size=20))
    def test_events_however_cut(self, cuts: list[int]) -> None:
        framing = BedrockFraming()
        edges = [0, *sorted(cut % (len(self.BODY) + 1) for cut in cuts), len(self.BODY)]
        events: list[Event] = []
        for at, to in itertools.pairwise(edges):
            events += framing.feed(self.BODY[at:to])
        events += framing.finish()
        told = [json.loads(event.data) for event in events]
        assert told[:2] == [{"type": "ping"}, {"type": "text", "ü": "天"}]
        assert [event["error"]["code"] for event in told[2:]] == [
            "throttlingException",
            "InternalFailure",
            "modelStreamErrorException",
        ]
        assert [event["error"]["message"] for event in told[2:]] == ["slow", "oops", "inner"]

    def test_a_broken_frame(self) -> None:
        broken = bytearray(self.BODY)
        broken[40] ^= 1
        with pytest.raises(DecodeError):
            BedrockFraming().feed(bytes(broken))

    def test_a_frame_cut_off(self) -> None:
        framing = BedrockFraming()
        framing.feed(self.BODY[:-3])
        with pytest.raises(DecodeError):
            framing.finish()

    def test_no_base64(self) -> None:
        payload = frame({":event-type": "chunk", ":message-type": "event"}, {"bytes": "!!"})
        with pytest.raises(DecodeError):
            BedrockFraming().feed(payload)

    @pytest.mark.parametrize("body", [b'{"message": "Too many"}', b'data: {"message": "Too many"}\n\n'])
    def test_text_in_place_of_frames(self, body: bytes) -> None:
        framing = BedrockFraming()
        events = [event for at in range(len(body)) for event in framing.feed(body[at : at + 1])] + framing.finish()
        assert [json.loads(event.data) for event in events] == [{"message": "Too many"}]

    def test_the_frames_checksum_is_that_of_the_format(self) -> None:
        first = chunk({"type": "ping"})
        assert int.from_bytes(first[-4:], "big") == zlib.crc32(first[:-4])
