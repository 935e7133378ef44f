"""Each failure is our class and LangChain's, by invoke and by stream, sync and async."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core import exceptions as theirs

import llm_connector as ours
from langchain_llm_connector.errors import as_model_error
from servers.script import Fault, Reply

if TYPE_CHECKING:
    from langchain_kits import Kit

FAULTS: list[Any] = [
    (Fault(400), ours.InvalidRequestError, theirs.ModelInvalidRequestError, False),
    (Fault(401), ours.AuthenticationError, theirs.ModelAuthenticationError, False),
    (Fault(403), ours.PermissionDeniedError, theirs.ModelPermissionDeniedError, False),
    (Fault(404, "model_not_found", "The model `x` does not exist"), ours.ModelNotFoundError, theirs.ModelNotFoundError, False),
    (Fault(429), ours.RateLimitError, theirs.ModelRateLimitError, True),
    (Fault(429, "insufficient_quota"), ours.BillingError, theirs.ModelError, False),
    (Fault(500), ours.ServerError, theirs.ModelAPIError, True),
    (Fault(503), ours.OverloadedError, theirs.ModelAPIError, True),
    (Fault(400, "context_length_exceeded", "maximum context length is 8"), ours.ContextLengthError, theirs.ContextOverflowError, False),
    (Fault(400, "content_filter"), ours.ContentFilterError, theirs.ModelInvalidRequestError, False),
    (Fault(drop=True), ours.ConnectError, theirs.ModelConnectionError, True),
]  # fmt: skip


async def raised(model: Any, way: str) -> BaseException:
    async def ask() -> None:
        if way == "invoke":
            model.invoke("hi")
        elif way == "stream":
            list(model.stream("hi"))
        elif way == "ainvoke":
            await model.ainvoke("hi")
        else:
            _ = [chunk async for chunk in model.astream("hi")]

    with pytest.raises(ours.LLMError) as caught:
        await ask()
    return caught.value


@pytest.mark.parametrize("way", ["invoke", "stream", "ainvoke", "astream"])
@pytest.mark.parametrize(("fault", "our_class", "their_class", "retryable"), FAULTS)
async def test_errors_are_of_both(
    compatible: Kit, way: str, fault: Fault, our_class: Any, their_class: Any, retryable: bool
) -> None:
    with compatible.serve(fault) as server:
        error: Any = await raised(compatible.model(server), way)
    assert isinstance(error, our_class)
    assert isinstance(error, their_class)
    assert error.is_retryable is retryable
    if not fault.drop:
        assert error.response.status_code == fault.status == error.status_code
        assert error.response.json() == error.raw
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.is_retryable) == (type(error), str(error), retryable)


@pytest.mark.parametrize("way", ["invoke", "astream"])
async def test_timeout(compatible: Kit, way: str) -> None:
    with compatible.serve(Reply("late", delay=2)) as server:
        error: Any = await raised(compatible.model(server, timeout=0.1), way)
    assert isinstance(error, ours.RequestTimeoutError)
    assert isinstance(error, theirs.ModelTimeoutError)
    assert error.is_retryable
    assert not hasattr(error, "response")


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_an_error_in_mid_stream(kit: Kit, way: str) -> None:
    fault = Fault(midstream_after=2, reply=Reply("This answer goes on for a while"))
    with kit.serve(fault) as server:
        error: Any = await raised(kit.model(server), way)
    assert isinstance(error, theirs.ModelError)
    assert error.partial is not None


def test_every_error_of_ours_has_a_twin() -> None:
    def below(kind: type) -> list[type]:
        return [kind, *(deeper for sub in kind.__subclasses__() for deeper in below(sub))]

    for kind in below(ours.LLMError):
        if kind.__module__ == "llm_connector.errors" and kind is not ours.ConfigError:
            made = as_model_error(kind("what"))
            assert isinstance(made, kind)
            assert isinstance(made, theirs.ModelError)
            assert as_model_error(made) is made
    setup = ours.ConfigError("what")
    assert as_model_error(setup) is setup


def test_a_misspelt_argument_of_a_call(compatible: Kit) -> None:
    with compatible.serve(Reply("ok")) as server:
        with pytest.raises(theirs.ModelInvalidRequestError, match="did you mean 'temperature'"):
            compatible.model(server).invoke("hi", temprature=1)
        assert server.requests == []
