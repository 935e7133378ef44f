"""Spans as an exporter gets them: the convention's names, the counts, errors, and no content unless asked for."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import types
from typing import TYPE_CHECKING

import pytest

from llm_connector import (
    AsyncLLMClient,
    BillingError,
    ChatRequest,
    LLMClient,
    Message,
    ServerError,
    StreamInterruptedError,
)
from llm_connector.observer import NOBODY, observer_of_chat, observer_of_embedding
from llm_connector.settings import Settings
from servers.openai_chat import OpenAIChatServer
from servers.script import Call, Fault, Reply, Use

pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

if TYPE_CHECKING:
    from collections.abc import Iterator

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
SECRET_WORDS = "the-secret-words"
BREAKS = [({"midstream_after": 3}, ServerError), ({"cut_after": 3}, StreamInterruptedError)]
ANSWER = Reply("Paris.", reasoning="Hm.", usage=Use(20, 30, cached=5, reasoning=7))


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)  # the public setter works once a process
    yield exporter
    provider.shutdown()


def client(server: OpenAIChatServer, **options) -> LLMClient:
    return LLMClient("openai_compatible", "m", **{"base_url": server.url, "api_key": "k", "max_retries": 0, **options})


def attributes(exporter: InMemorySpanExporter) -> dict:
    (span,) = exporter.get_finished_spans()
    return dict(span.attributes)


def test_the_names_and_values_of_a_chat(exporter: InMemorySpanExporter) -> None:
    with OpenAIChatServer(ANSWER) as server, client(server) as c:
        c.chat("hi", temperature=0, max_tokens=50, stop=["x"], seed=3, top_p=0.5, presence_penalty=0.1, n=2)
        port = int(server.url.split(":")[2].split("/")[0])
    (span,) = exporter.get_finished_spans()
    found = dict(span.attributes)
    assert found.pop("gen_ai.response.id").startswith("chatcmpl-")
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai_compatible",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.request.stop_sequences": ("x",),
        "gen_ai.request.seed": 3,
        "gen_ai.request.top_p": 0.5,
        "gen_ai.request.presence_penalty": 0.1,
        "gen_ai.request.choice.count": 2,
        "gen_ai.response.model": "m",
        "gen_ai.response.finish_reasons": ("stop", "stop"),
        "gen_ai.usage.input_tokens": 20,
        "gen_ai.usage.output_tokens": 30,
        "gen_ai.usage.cache_read.input_tokens": 5,
        "gen_ai.usage.reasoning.output_tokens": 7,
        "server.address": "127.0.0.1",
        "server.port": port,
    }
    assert (span.name, span.kind, span.status.status_code) == ("chat m", trace.SpanKind.CLIENT, trace.StatusCode.UNSET)
    assert span.instrumentation_scope.name == "llm_connector"


def test_the_names_are_those_of_the_conventions(exporter: InMemorySpanExporter) -> None:
    names = pytest.importorskip("opentelemetry.semconv._incubating.attributes.gen_ai_attributes")
    known = {value for value in vars(names).values() if isinstance(value, str)}
    with OpenAIChatServer(ANSWER) as server, client(server) as c:
        list(c.stream("hi, in json", frequency_penalty=1, response_format="json_object"))
    used = {name for name in attributes(exporter) if name.startswith("gen_ai.")}
    assert {"gen_ai.request.stream", "gen_ai.output.type", "gen_ai.request.frequency_penalty"} <= used <= known


def test_a_stream_is_one_span_until_its_end(exporter: InMemorySpanExporter) -> None:
    with (
        OpenAIChatServer(Reply("Paris, of course.", usage=Use(2, 3), delay=0.1, pace=0.02)) as server,
        client(server) as c,
    ):
        stream = c.stream("hi")
        next(stream)
        assert not exporter.get_finished_spans()
        list(stream)
    found = attributes(exporter)
    (span,) = exporter.get_finished_spans()
    assert found["gen_ai.request.stream"] is True
    assert (found["gen_ai.usage.input_tokens"], found["gen_ai.usage.output_tokens"]) == (2, 3)
    assert found["gen_ai.response.finish_reasons"] == ("stop",)
    assert 0.1 <= found["gen_ai.response.time_to_first_chunk"] < (span.end_time - span.start_time) / 1e9


async def test_the_async_client_traces_the_same(exporter: InMemorySpanExporter) -> None:
    tracer = trace.get_tracer("test")
    with OpenAIChatServer(ANSWER) as server:
        async with AsyncLLMClient("openai_compatible", "m", base_url=server.url, api_key="k") as c:
            with tracer.start_as_current_span("parent") as parent:
                await asyncio.gather(c.chat("hi"), (await c.stream("hi")).response())
                await c.embed(["a", "b"], dimensions=4)
    spans = [span for span in exporter.get_finished_spans() if span.name != "parent"]
    assert sorted(span.name for span in spans) == ["chat m", "chat m", "embeddings m"]
    assert {span.parent.span_id for span in spans} == {parent.get_span_context().span_id}
    (embedding,) = [dict(span.attributes) for span in spans if span.name == "embeddings m"]
    assert embedding["gen_ai.embeddings.dimension.count"] == 4
    assert embedding["gen_ai.usage.input_tokens"] > 0


def test_retries_are_one_span_and_errors_are_told_without_content(exporter: InMemorySpanExporter) -> None:
    again = Fault(503, headers={"retry-after": "0"})
    with OpenAIChatServer([again, ANSWER]) as server, client(server, max_retries=1) as c:
        c.chat("hi")
    assert "error.type" not in attributes(exporter)
    exporter.clear()
    with OpenAIChatServer(Fault(402, message=SECRET_WORDS)) as server, client(server) as c:
        with pytest.raises(BillingError):
            c.chat("hi")
        with pytest.raises(BillingError):
            c.stream("hi")
    for span in exporter.get_finished_spans():
        assert span.attributes["error.type"] == "BillingError"
        assert span.status.status_code is trace.StatusCode.ERROR
        assert "status_code 402" in span.status.description
        assert SECRET_WORDS not in span.to_json()
    assert len(exporter.get_finished_spans()) == 2


@pytest.mark.parametrize(("fault", "kind"), BREAKS)
def test_a_stream_that_breaks_tells_the_error_and_what_came(exporter: InMemorySpanExporter, fault, kind) -> None:
    with OpenAIChatServer(Fault(500, **fault)) as server, client(server) as c, pytest.raises(kind):
        list(c.stream("hi"))
    found = attributes(exporter)
    assert found["error.type"] == kind.__name__
    assert found["gen_ai.response.model"] == "m"
    assert "gen_ai.response.finish_reasons" not in found


def test_a_stream_left_early_or_never_read_ends_its_span(exporter: InMemorySpanExporter) -> None:
    with OpenAIChatServer(Reply("a b c d e f g h")) as server, client(server) as c:
        for _ in c.stream("hi"):
            break
        assert len(exporter.get_finished_spans()) == 1
        with c.stream("hi"):
            pass
        assert len(exporter.get_finished_spans()) == 2
    assert all("error.type" not in span.attributes for span in exporter.get_finished_spans())


HISTORY = [Message.system("Be brief."), Message.user(SECRET_WORDS)]


def look(city: str) -> str:
    """Look."""
    return city


def test_content_is_recorded_when_asked_for_and_not_else(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = Reply("Done.", reasoning=SECRET_WORDS, tool_calls=[Call("look", {"city": SECRET_WORDS}, id="c1")])
    with OpenAIChatServer(reply, dialect="deepseek") as server, client(server) as c:
        c.chat(HISTORY, tools=[look])
        (span,) = exporter.get_finished_spans()
        assert SECRET_WORDS not in span.to_json()
        assert "Done." not in span.to_json()
        exporter.clear()
        monkeypatch.setenv(CAPTURE, "true")
        answer = c.stream(HISTORY, tools=[look]).response()
    found = attributes(exporter)
    assert json.loads(found["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be brief."}]
    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": SECRET_WORDS}]}
    ]
    call = {"type": "tool_call", "id": "c1", "name": "look", "arguments": answer.tool_calls[0].arguments}
    parts = [{"type": "reasoning", "content": SECRET_WORDS}, {"type": "text", "content": "Done."}, call]
    said = {"role": "assistant", "parts": parts, "finish_reason": "tool_call"}
    assert json.loads(found["gen_ai.output.messages"]) == [said]
    assert json.loads(found["gen_ai.tool.definitions"])[0]["name"] == "look"


def test_keys_are_in_no_span(exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CAPTURE, "true")
    with OpenAIChatServer([ANSWER, Fault(401)]) as server, client(server, api_key="canary-123") as c:
        c.chat("hi")
        with pytest.raises(Exception, match="401"):
            c.chat("hi", api_key="canary-456", extra_headers={"x": "canary-789"})
    assert len(exporter.get_finished_spans()) == 2
    assert not any("canary" in span.to_json() for span in exporter.get_finished_spans())


def test_nothing_is_imported_where_opentelemetry_is_not_used() -> None:
    code = """
import sys
from llm_connector import LLMClient, MockProvider
LLMClient(**MockProvider(["x"]).client_arguments()).chat("hi")
print([name for name in sys.modules if name.startswith("opentelemetry") or "tracing" in name])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_a_provider_of_traces_nothing_is_recorded_or_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "opentelemetry"), OpenAIChatServer(ANSWER) as server, client(server) as c:
        assert c.chat("hi").content == "Paris."
        assert c.stream("hi").response().content == "Paris."
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


def test_without_a_provider_of_traces_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """LangChain imports OpenTelemetry for everybody."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    settings = Settings.resolve("openai_compatible", "m", "k", "http://127.0.0.1:9", {})
    assert observer_of_chat(settings, ChatRequest(messages="hi"), stream=True) is NOBODY
    assert observer_of_embedding(settings, "m", None) is NOBODY


def test_an_import_of_opentelemetry_that_is_under_way_is_not_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", types.ModuleType("opentelemetry.trace"))
    settings = Settings.resolve("openai_compatible", "m", "k", "http://127.0.0.1:9", {})
    assert observer_of_chat(settings, ChatRequest(messages="hi"), stream=True) is NOBODY
