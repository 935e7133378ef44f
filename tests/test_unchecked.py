"""Models that are made without validation are what validation would have made of the same values."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from pydantic import BaseModel

from llm_connector.collect import Collector
from llm_connector.protocols.openai_stream import read_usage
from llm_connector.types import ChatChunk, ChatResponse, Choice, Message, ToolCallDelta, Usage

USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "prompt_tokens_details": {"cached_tokens": 2}}


def collected(*chunks: ChatChunk, **facts: Any) -> ChatResponse:
    collector = Collector("openai", "openai")
    for chunk in chunks:
        collector.add(chunk)
    return collector.response(**facts)


def validated(model: BaseModel) -> BaseModel:
    """The same model by its constructor, of what was given."""
    return type(model)(**{name: getattr(model, name) for name in model.model_fields_set})


TEXT = ChatChunk("a", "b", id="i", model="m", reasoning=[{"type": "t"}], citations=[{"url": "u"}])
CALL = ChatChunk(tool_calls=[ToolCallDelta(0, "c", "f", "{}")], refusal=True)
END = (ChatChunk(finish_reason="stop", raw_finish_reason="end"), ChatChunk(usage=read_usage(USAGE)))
LIKELY = ChatChunk("a", logprobs=[{"token": "a"}])
RESPONSES = {
    "nothing": collected(),
    "stream": collected(TEXT, *END, created=1, warnings=["w"]),
    "whole": collected(TEXT, CALL, *END, created=1, warnings=[], raw={"id": "i"}),
    "logprobs": collected(LIKELY, *END),
    "two": collected(TEXT, ChatChunk("x", index=1), *END),
}
MODELS = {
    **{f"{name} response": response for name, response in RESPONSES.items()},
    **{f"{name} choice": response.choices[-1] for name, response in RESPONSES.items()},
    **{f"{name} message": response.message for name, response in RESPONSES.items()},
    "usage": read_usage(USAGE),
    "no usage": read_usage({"total_tokens": True}),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_both_ways_make_the_same(model: BaseModel) -> None:
    other = validated(model)
    assert model == other
    assert (repr(model), list(model.__dict__)) == (repr(other), list(other.__dict__))
    assert model.model_fields_set == other.model_fields_set
    assert model.model_dump_json(exclude_unset=True) == other.model_dump_json(exclude_unset=True)
    assert model.model_dump_json(warnings="error") == other.model_dump_json()
    assert pickle.loads(pickle.dumps(model)) == model.model_copy() == other
    assert [type(value) for value in model.__dict__.values()] == [type(value) for value in other.__dict__.values()]


@pytest.mark.parametrize("kind", [Message, Choice, ChatResponse, Usage])
def test_no_field_is_forgotten(kind: type[BaseModel]) -> None:
    """Nor has the class what such a model would lack."""
    model = next(model for model in MODELS.values() if type(model) is kind)
    assert list(model.__dict__) == list(kind.model_fields)
    assert not kind.__private_attributes__
    assert kind.model_config.get("extra") in {"forbid", None}


def test_a_partial_response_stays_as_it_was() -> None:
    collector, warnings = Collector(), ["w"]
    collector.add(ChatChunk("a", citations=[{"url": "u"}]))
    before = collector.response(warnings=warnings)
    collector.add(ChatChunk("b", citations=[{"url": "v"}]))
    before.warnings.append("x")
    before.citations[0]["url"] = "changed"
    assert (before.content, len(before.citations), warnings) == ("a", 1, ["w"])
    assert collector.response().citations == [{"url": "u"}, {"url": "v"}]


@pytest.mark.parametrize("logprobs", [["none"], [7]])
def test_what_a_vendor_tells_is_still_looked_at(logprobs: list[Any]) -> None:
    with pytest.raises(ValueError, match="logprobs"):
        collected(ChatChunk("a", logprobs=logprobs))
