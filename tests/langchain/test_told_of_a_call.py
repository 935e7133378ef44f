"""What callbacks and caches are told of a call is what was asked, also after the model was changed or copied."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from langchain_llm_connector import ChatConnector
from servers.script import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_kits import Kit


class Listener(BaseCallbackHandler):
    """Keeps what it was told at the start of the last call."""

    def on_chat_model_start(self, serialized: Any, messages: Any, *, metadata: Any = None, **told: Any) -> None:
        self.metadata = {name: value for name, value in metadata.items() if name.startswith("ls_")}
        self.parameters = told["invocation_params"]


def told(model: Any, **call: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The trace's own facts, and the parameters that it and a cache are given."""
    listener = Listener()
    model.invoke("hi", {"callbacks": [listener]}, **call)
    return listener.metadata, listener.parameters


CHANGED = {"temperature": 0, "max_tokens": 5, "model": "other", "stop": ["x"]}


def changed(model: ChatConnector, fields: dict[str, Any]) -> ChatConnector:
    for name, value in fields.items():
        setattr(model, name, value)
    return model


def facts(model: str = "test-model", **more: Any) -> dict[str, Any]:
    return {
        "ls_provider": "openai_compatible",
        "ls_model_type": "chat",
        "ls_model_name": model,
        "ls_integration": "langchain_chat_model",
        **more,
    }


def test_of_a_plain_call(compatible: Kit) -> None:
    with compatible.serve(Reply("ok")) as server:
        metadata, parameters = told(compatible.model(server))
        address = server.url
    assert metadata == facts()
    assert parameters == {
        "provider": "openai_compatible",
        "model": "test-model",
        "base_url": address,
        "_type": "chat-llm-connector",
        "stop": None,
    }


CHANGES: dict[str, Callable[[ChatConnector], Any]] = {
    "set": lambda model: changed(model, CHANGED),
    "copied": lambda model: model.model_copy(update=CHANGED),
    "bound": lambda model: model.bind(**CHANGED),
    "more fields": lambda model: changed(model, {"model_kwargs": CHANGED}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_of_a_changed_model(compatible: Kit, change: Any) -> None:
    with compatible.serve(Reply("ok")) as server:
        model = compatible.model(server)
        told(model)
        metadata, parameters = told(change(model))
        body = server.last.json
    assert metadata == facts("other", ls_temperature=0, ls_max_tokens=5, ls_stop=["x"])
    assert {name: parameters[name] for name in ("model", "temperature", "max_tokens")} == {
        "model": "other",
        "temperature": 0,
        "max_tokens": 5,
    }
    assert (body["model"], body["temperature"], body["stop"]) == ("other", 0, ["x"])


def test_a_call_goes_before_all(compatible: Kit) -> None:
    with compatible.serve(Reply("ok")) as server:
        model = compatible.model(server, temperature=1, stop=["a"], model_kwargs={"max_tokens": 5})
        metadata, parameters = told(model, temperature=None, stop=["b"], max_tokens=6)
    assert metadata == facts(ls_max_tokens=6, ls_stop=["b"])
    assert (parameters["temperature"], parameters["stop"], parameters["max_tokens"]) == (None, ["b"], 6)


def test_lists_and_dicts_changed_in_place_count(compatible: Kit) -> None:
    with compatible.serve(Reply("ok")) as server:
        model = compatible.model(server, stop=["a"], extra_body={"a": 1}, default_headers={"x-one": "1"})
        told(model)
        model.stop.append("b")
        model.extra_body["b"] = 2
        model.model_kwargs["seed"] = 3
        model.default_headers["x-one"] = "2"
        metadata, parameters = told(model)
        body = server.last.json
    assert metadata["ls_stop"] == body["stop"] == ["a", "b"]
    assert parameters["extra_body"] == {"a": 1, "b": 2}
    assert parameters["seed"] == body["seed"] == 3
    assert server.last.headers["x-one"] == "2"


def test_options_changed_in_place_count() -> None:
    model = ChatConnector(provider="zhipu", model="m", api_key="id.secret", region="cn")
    home = model._identifying_params
    model.provider_options["region"] = "intl"
    abroad = model._identifying_params
    assert (home["region"], abroad["region"]) == ("cn", "intl")
    assert home["base_url"] != abroad["base_url"]
    assert model._sync() is model._sync()
    client = model._sync()
    model.provider_options["region"] = "cn"
    assert model._sync() is not client


def test_async_clients_follow_changes(compatible: Kit) -> None:
    with compatible.serve(Reply("one")) as first, compatible.serve(Reply("two")) as second:
        model = compatible.model(first)

        async def ask() -> str:
            before = (await model.ainvoke("hi")).text
            model.base_url = second.url
            return before + (await model.ainvoke("hi")).text

        assert asyncio.run(ask()) == "onetwo"


def test_a_subclass_may_tell_its_own(compatible: Kit) -> None:
    class Telling(ChatConnector):
        def dict(self, **_: Any) -> Any:
            return {"own": 1}

        def asdict(self) -> Any:
            return {"newer": 2}

    class Newer(ChatConnector):
        def asdict(self) -> Any:
            return {**super().asdict(), "newer": 2}

    with compatible.serve(Reply("ok")) as server:
        options = {"provider": "openai_compatible", "model": "m", "api_key": "k", "base_url": server.url}
        assert told(Telling(**options))[1] == {"own": 1, "stop": None}
        assert told(Newer(**options))[1]["newer"] == 2
