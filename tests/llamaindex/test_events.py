"""Token counts, instrumentation events, legacy callbacks: once a call, and with the vendor's numbers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler, TokenCountingHandler
from llama_index.core.callbacks.schema import EventPayload
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler

from llamaindex.kit import WEATHER, Wire, user
from llm_connector.errors import LLMError
from servers.script import Call, Fault, Reply, Use

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNTED = Reply("Hello there.", usage=Use(input=123, output=45))


class Recorder(BaseEventHandler):
    seen: list[Any] = []  # noqa: RUF012 - a pydantic field

    def handle(self, event: Any, **_: Any) -> None:
        self.seen.append(event)

    @property
    def names(self) -> Counter[str]:
        return Counter(type(event).__name__ for event in self.seen)


@pytest.fixture
def events() -> Iterator[Recorder]:
    root, recorder = get_dispatcher(), Recorder()
    root.add_event_handler(recorder)
    yield recorder
    root.event_handlers.remove(recorder)


async def use(llm: Any, how: str) -> Any:
    """One call, in one of the eight ways; the last thing that came."""
    method = getattr(llm, how)
    argument = "hi" if how.endswith("complete") else user("hi")
    result = await method(argument) if how.startswith("a") else method(argument)
    if "stream" not in how:
        return result
    return [chunk async for chunk in result][-1] if how.startswith("a") else list(result)[-1]


EIGHT = [
    "chat",
    "achat",
    "stream_chat",
    "astream_chat",
    "complete",
    "acomplete",
    "stream_complete",
    "astream_complete",
]


@pytest.mark.parametrize("how", EIGHT)
async def test_the_token_counter_agrees_with_the_vendor(wire: Wire, how: str) -> None:
    counter = TokenCountingHandler(tokenizer=str.split)
    with wire.serve(COUNTED) as server:
        last = await use(wire.llm(server, callback_manager=CallbackManager([counter])), how)
    assert counter.prompt_llm_token_count == 123
    assert counter.completion_llm_token_count == 45
    assert len(counter.llm_token_counts) == 1
    assert last.raw["usage"]["total_tokens"] == 168
    assert last.additional_kwargs["prompt_tokens"] == 123
    assert last.additional_kwargs["completion_tokens"] == 45
    assert last.additional_kwargs["total_tokens"] == 168


async def test_a_stream_with_tools_is_counted(wire: Wire) -> None:
    counter = TokenCountingHandler(tokenizer=str.split)
    calls = Reply("", tool_calls=[Call("get_weather", {"city": "Oslo"})], usage=Use(input=50, output=7))
    with wire.serve(calls) as server:
        llm = wire.llm(server, callback_manager=CallbackManager([counter]))
        list(llm.stream_chat_with_tools([WEATHER], "Weather?"))
    assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (50, 7)


async def test_a_vendor_that_counts_nothing_leaves_the_guess_to_llamaindex(compatible: Wire) -> None:
    counter = TokenCountingHandler(tokenizer=str.split)
    body = {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "message": {"content": "one two"}}]}
    body["choices"][0]["finish_reason"] = "stop"
    with compatible.serve(Fault(200, body=body, in_200=True)) as server:
        response = compatible.llm(server, callback_manager=CallbackManager([counter])).chat(user("hi"))
    assert response.raw["usage"] is None
    assert counter.completion_llm_token_count > 0


@pytest.mark.parametrize("how", EIGHT)
async def test_events_come_once_a_call(compatible: Wire, events: Recorder, how: str) -> None:
    family = "Completion" if how.endswith("complete") else "Chat"
    other = "Chat" if family == "Completion" else "Completion"
    with compatible.serve(COUNTED) as server:
        await use(compatible.llm(server), how)
    assert events.names[f"LLM{family}StartEvent"] == 1
    assert events.names[f"LLM{family}EndEvent"] == 1
    assert (events.names[f"LLM{family}InProgressEvent"] > 1) == ("stream" in how)
    assert not any(name.startswith(f"LLM{other}") for name in events.names)


@pytest.mark.parametrize("how", EIGHT)
async def test_legacy_callbacks_come_once_a_call(compatible: Wire, how: str) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    with compatible.serve(COUNTED) as server:
        await use(compatible.llm(server, callback_manager=CallbackManager([debug])), how)
    pairs = debug.get_event_pairs(CBEventType.LLM)
    assert len(pairs) == 1
    payload = pairs[0][1].payload
    assert payload is not None
    assert EventPayload.COMPLETION in payload or EventPayload.RESPONSE in payload


@pytest.mark.parametrize("how", EIGHT)
async def test_failures_are_told_to_callbacks(compatible: Wire, how: str) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    with compatible.serve(Fault(500)) as server, pytest.raises(LLMError):
        await use(compatible.llm(server, callback_manager=CallbackManager([debug])), how)
    payload = debug.get_event_pairs(CBEventType.LLM)[0][1].payload
    assert payload is not None
    assert isinstance(payload[EventPayload.EXCEPTION], LLMError)


async def test_a_stream_that_breaks_is_told_to_callbacks(compatible: Wire, events: Recorder) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    with compatible.serve(Fault(cut_after=3)) as server, pytest.raises(LLMError):
        list(compatible.llm(server, callback_manager=CallbackManager([debug])).stream_chat(user("hi")))
    assert events.names["ExceptionEvent"] == 1
    assert len(debug.get_event_pairs(CBEventType.LLM)) == 1


@pytest.mark.parametrize("how", EIGHT)
async def test_one_span_a_call(compatible: Wire, how: str) -> None:
    from llama_index.core.instrumentation.span_handlers import SimpleSpanHandler

    root, handler = get_dispatcher(), SimpleSpanHandler()
    root.add_span_handler(handler)
    try:
        with compatible.serve(COUNTED) as server:
            await use(compatible.llm(server), how)
    finally:
        root.span_handlers.remove(handler)
    spans = [span.id_.split("-")[0] for span in handler.completed_spans]
    assert spans == [f"ChatConnector.{how}"]


@pytest.mark.parametrize("how", EIGHT)
async def test_the_rate_limiter_is_asked(compatible: Wire, how: str) -> None:
    from llama_index.core.rate_limiter import TokenBucketRateLimiter

    limiter = TokenBucketRateLimiter(requests_per_minute=2)
    with compatible.serve(COUNTED) as server:
        await use(compatible.llm(server, rate_limiter=limiter), how)
    assert limiter._request_tokens < 2


async def test_events_hold_no_secret(wire: Wire, events: Recorder) -> None:
    debug = LlamaDebugHandler(print_trace_on_end=False)
    manager = CallbackManager([debug])
    with wire.serve(COUNTED) as server:
        llm = wire.llm(server, headers={"x-secret": "hush-hush"}, callback_manager=manager)
        for how in EIGHT:
            await use(llm, how)
    shown = " ".join([*(event.model_dump_json() for event in events.seen), *map(str, debug.get_events())])
    shown += str([pair[0].payload for pair in debug.get_event_pairs()])
    assert "hush-hush" not in shown
    assert not any(str(secret) in shown for secret in wire.secrets.values())
    start = next(event for event in events.seen if type(event).__name__ == "LLMChatStartEvent")
    assert start.model_dict["model_name"] == wire.model
    assert start.model_dict["provider"] == wire.provider
