"""A canary for a key goes everywhere that a key can go, and is then looked for in everything that a person can see."""

from __future__ import annotations

import base64
import copy
import io
import json
import logging
import pickle
import pprint
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from llm_connector import AsyncLLMClient, ChatRequest, ConfigError, InvalidRequestError, LLMClient, LLMError
from llm_connector.call import Call
from llm_connector.providers import ROWS
from llm_connector.transport.idle import Key
from llm_connector.transport.requests import login_header
from llm_connector.transport.route import proxy
from servers.faults import CLOSE, FaultServer, chunk, head, whole
from servers.openai_chat import OpenAIChatServer
from servers.script import Fault, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "canary-5f0c"
# Every way to give a secret, by provider.
SECRETS: dict[str, dict[str, Any]] = {
    row.name: {
        **{option.name: CANARY for option in row.options if option.secret},
        **({"api_key": f"id.{CANARY}"} if row.key_env or row.name.endswith("vertex") else {}),
        **({"project": "p"} if row.option("project") else {}),
    }
    for row in ROWS
    if row.name != "local"
}


def shown(thing: Any) -> Iterator[str]:
    """All the texts that show a thing, or what it is made of."""
    yield from (repr(thing), str(thing), f"{thing}", pprint.pformat(thing))
    if hasattr(thing, "__dict__") and not isinstance(thing, Call):
        yield from (repr(vars(thing)), pprint.pformat(vars(thing)))
    if isinstance(thing, Call | dict):  # a part of ours, and what is plain by design
        return
    try:
        yield pickle.dumps(thing).decode("latin-1")
        yield pickle.dumps(thing, 0).decode("latin-1")
    except (TypeError, AttributeError, pickle.PicklingError):  # then there is no text of it
        pass
    for name in ("model_dump_json", "to_json", "json"):
        if hasattr(type(thing), "model_fields") and callable(getattr(thing, name, None)):
            yield str(getattr(thing, name)())


def assert_clean(*things: Any) -> None:
    for thing in things:
        for text in shown(thing):
            assert CANARY not in text, text[max(0, text.index(CANARY) - 200) :][:400]


def told(error: BaseException) -> list[Any]:
    """An error, its causes and the text of their tracebacks, without the source lines of this test."""
    chain, found = error, []
    while chain is not None:
        found += [chain, "".join(traceback.format_exception_only(chain)), repr(vars(chain))]
        chain = chain.__cause__ or chain.__context__
    return found


@pytest.fixture(autouse=True)
def _nothing_in_logs_and_warnings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logs of us and of the HTTP library at their loudest, and warnings, are looked through after each test."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    for name in ("", "llm_connector", "httpx", "httpcore", "langchain", "llama_index", "asyncio"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    logging.getLogger()._cache.clear() if hasattr(root, "_cache") else None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    root.removeHandler(handler)
    root.setLevel(level)
    assert CANARY not in text.getvalue()
    assert not [warning for warning in caught if CANARY in str(warning.message)]


def address(server: Any) -> str:
    """The server's address with a password in it."""
    return server.url.replace("http://", f"http://user:{CANARY}@")


@pytest.mark.parametrize("name", SECRETS)
def test_clients_of_every_provider(name: str) -> None:
    client = LLMClient(name, "m", base_url="http://127.0.0.1:9", headers={"x-own": CANARY}, **SECRETS[name])
    call = client._call()
    assert_clean(client, client.settings, client._transport, client._protocol, client._headers, call)
    assert_clean(copy.copy(client), copy.deepcopy(client), pickle.loads(pickle.dumps(client)))
    assert client.settings.options == pickle.loads(pickle.dumps(client)).settings.options


@pytest.mark.parametrize("name", SECRETS)
def test_errors_of_every_provider(name: str) -> None:
    answers = [
        [whole(b'{"error":{"message":"no"}}', 401)],
        [whole(b"nonsense")],
        [CLOSE],
        [whole(b"", 302, location="/")],
    ]
    with FaultServer(*answers) as server:
        for _ in answers:
            with LLMClient(name, "m", base_url=address(server), max_retries=0, **SECRETS[name]) as client:
                with pytest.raises(LLMError) as caught:
                    client.chat("hi")
                assert_clean(*told(caught.value), pickle.loads(pickle.dumps(caught.value)))
        sent = b"".join(server.requests).decode()
        assert len(server.requests) == len(answers)
    assert "authorization" in sent.lower() or CANARY in sent  # the canary did go where it belongs


@pytest.mark.parametrize("streaming", [False, True], ids=["chat", "stream"])
@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"error": {"message": f"Incorrect API key: {CANARY}", "param": [{CANARY: CANARY}]}}).encode(),
        f"<html>the key {CANARY} is not known</html>".encode(),
    ],
    ids=["json", "page"],
)
async def test_a_vendor_that_repeats_the_key(body: bytes, streaming: bool) -> None:
    with FaultServer([whole(body, 401)], [whole(body, 401)]) as server:
        options = {"base_url": server.url, "api_key": CANARY, "max_retries": 0}
        with LLMClient("openai_compatible", "m", **options) as client, pytest.raises(LLMError) as caught:
            client.stream("hi") if streaming else client.chat("hi")
        async with AsyncLLMClient("openai_compatible", "m", **options) as client:
            with pytest.raises(LLMError) as again:
                await (client.stream("hi") if streaming else client.chat("hi"))
    for error in (caught.value, again.value):
        assert "*" * 10 in str(error.raw)
        assert_clean(*told(error), pickle.loads(pickle.dumps(error)), error.raw)


def test_a_vendor_that_repeats_the_key_in_mid_stream() -> None:
    error = json.dumps({"error": {"message": f"the key {CANARY} has run out", "code": "invalid_api_key"}}).encode()
    body = b'data: {"choices": [{"index": 0, "delta": {"content": "Hel"}}]}\n\ndata: ' + error + b"\n\n"
    with FaultServer([whole(body)]) as server:
        with LLMClient("openai_compatible", "m", base_url=server.url, api_key=CANARY) as client:
            with pytest.raises(LLMError, match=r"the key \*+ has run out") as caught:
                list(client.stream("hi"))
    assert caught.value.partial.content == "Hel"
    assert_clean(*told(caught.value), caught.value.raw)


async def test_streams_retries_and_their_logs() -> None:
    script = [Fault(429, headers={"retry-after": "0"}), Reply("x"), Fault(cut_after=1), Reply("y")]
    with OpenAIChatServer(script) as server:
        options = {"base_url": server.url, "api_key": CANARY, "headers": {"x-own": CANARY}}
        with LLMClient("openai_compatible", "m", **options) as client:
            stream = client.stream("hi", extra_headers={"x-other": CANARY})
            assert_clean(stream, stream.response(), stream._opening, stream._opening._call)
        async with AsyncLLMClient("openai_compatible", "m", **options) as client:
            with pytest.raises(LLMError) as caught:
                await client.stream("hi").response()
            assert_clean(*told(caught.value), client, caught.value.partial)
            assert_clean(await client.chat("hi", api_key=CANARY))
        assert all(CANARY in request.headers["x-own"] for request in server.requests)


def test_a_password_in_the_address_reaches_the_server_as_the_http_library_would_send_it() -> None:
    with FaultServer([whole(b"{}")]) as server, LLMClient("openai_compatible", "m", base_url=address(server)) as client:
        with pytest.raises(LLMError):
            client.chat("hi")
        sent = base64.b64encode(f"user:{CANARY}".encode())
        assert b"authorization: Basic " + sent in server.requests[0]


def test_a_name_without_a_password_in_the_address_ends_in_a_colon() -> None:
    url = "http://me@127.0.0.1:1/v1"
    assert login_header(url) == {"authorization": f"Basic {base64.b64encode(b'me:').decode()}"}


def test_a_proxys_login_is_in_no_repr() -> None:
    way = proxy("http://me:canary@127.0.0.1:9")
    assert way.login == (b"me", b"canary")
    key = Key("http://me:canary@127.0.0.1:9", "http", "h", 80)
    assert repr((way, key)) == "(Proxy(http://127.0.0.1:9), Key(http://h:80))"


def test_requests_hold_keys_out_of_sight() -> None:
    request = ChatRequest(messages="hi", api_key=CANARY, extra_headers={"authorization": CANARY})
    assert_clean(request, request.model_dump(), request.model_copy())
    with OpenAIChatServer(Reply("x")) as server:
        with LLMClient("openai_compatible", "m", base_url=server.url) as client:
            client.chat(request.model_copy(update={"extra_headers": {"x-own": CANARY}}))
        assert server.requests[0].headers["authorization"] == f"Bearer {CANARY}"
        assert server.requests[0].headers["x-own"] == CANARY


BAD_SECRETS = [
    {"api_key": f"{CANARY}\r\nx-evil: 1"},
    {"api_key": f"{CANARY}\nx"},
    {"api_key": f"{CANARY}\x7f"},
    {"api_key": f"{CANARY}é"},
    {"api_key": [CANARY]},
    {"api_key": CANARY.encode()},
    {"api_key": lambda: f"{CANARY}\r\nx-evil: 1"},
    {"api_key": lambda: [CANARY]},
    {"headers": {"x-own": f"{CANARY}\r\nx-evil: 1"}},
    {"headers": {"x-own": f"{CANARY}\x00"}},
    {"headers": {"x-own": f"{CANARY}é"}},
    {"headers": {"x-own\r\nx-evil": CANARY}},
    {"headers": {"x own": CANARY}},
    {"headers": {"x-own": CANARY.encode()}},
    {"headers": [CANARY]},
    {"base_url": CANARY},
    {"base_url": f"http://u:{CANARY}@[::"},
    {"base_url": f"http://u:{CANARY}@"},
    {"base_url": f"http://h/{CANARY}\r\nx-evil: 1"},
    {"proxy": CANARY},
    {"proxy": f"gopher://u:{CANARY}@h"},
]


@pytest.mark.parametrize("bad", BAD_SECRETS, ids=[f"{next(iter(bad))}-{at}" for at, bad in enumerate(BAD_SECRETS)])
def test_what_cannot_be_sent_is_refused_and_not_shown(bad: dict[str, Any]) -> None:
    with FaultServer([whole(b"{}")]) as server:
        options = {"base_url": server.url, "api_key": "k", "max_retries": 0, **bad}
        with pytest.raises(ConfigError) as caught, LLMClient("openai_compatible", "m", **options) as client:
            client.chat("hi")
        assert server.requests == []
    assert_clean(*told(caught.value))


def test_headers_of_one_call_are_checked_likewise() -> None:
    with FaultServer([whole(b"{}")]) as server, LLMClient("openai_compatible", "m", base_url=server.url) as client:
        for value in (f"{CANARY}\r\nx-evil: 1", f"{CANARY}\x01", f"{CANARY}é"):
            with pytest.raises(ConfigError) as caught:
                client.chat("hi", extra_headers={"x-own": value})
            assert_clean(*told(caught.value))
        with pytest.raises(InvalidRequestError) as wrong:
            client.chat("hi", api_key=[CANARY], extra_headers=CANARY)
        assert_clean(*told(wrong.value))
        assert server.requests == []


def test_langchain_shows_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.load import dumpd, dumps

    from langchain_llm_connector import ChatConnector, ConnectorEmbeddings

    seen: list[Any] = []

    class Tracer(BaseCallbackHandler):
        def on_chat_model_start(self, *facts: Any, **more: Any) -> None:
            seen.extend([facts, more])

        def on_llm_end(self, *facts: Any, **more: Any) -> None:
            seen.extend([facts, more])

        def on_llm_error(self, *facts: Any, **more: Any) -> None:
            seen.extend([facts, more])

    with OpenAIChatServer([Reply("x"), Reply("y"), Fault(401)]) as server:
        options = {"base_url": server.url, "api_key": CANARY, "default_headers": {"x-own": CANARY}}
        model = ChatConnector(provider="openai_compatible", model="m", callbacks=[Tracer()], **options)
        answers = [model.invoke("hi"), *model.stream("hi")]
        with pytest.raises(LLMError) as caught:
            model.invoke("hi")
        bound = model.bind(stop=["x"])
        assert_clean(*answers, *seen, *told(caught.value), bound, model._get_ls_params(), model._identifying_params)
    assert seen
    monkeypatch.setenv("ZAI_API_KEY", CANARY)
    for made in (
        ChatConnector(provider="zhipu", model="m"),
        ChatConnector(provider="openai_compatible", model="m", **options),
        ChatConnector(provider="tencent", model="m", secret_id=CANARY, secret_key=CANARY),
        ConnectorEmbeddings(provider="openai_compatible", model="m", **options),
    ):
        assert_clean(made.__repr_args__ and repr(made), str(made), dumps(made), dumpd(made))
        assert_clean(pickle.dumps(made).decode("latin-1"))
        assert pickle.loads(pickle.dumps(made)).model == "m"


def test_llama_index_shows_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    from llama_index.core.instrumentation import get_dispatcher
    from llama_index.core.instrumentation.event_handlers.base import BaseEventHandler

    from llama_index.embeddings.llm_connector import ConnectorEmbedding
    from llama_index.llms.llm_connector import ChatConnector

    seen: list[Any] = []

    class Tracer(BaseEventHandler):
        def handle(self, event: Any, **more: Any) -> None:
            seen.append(event.model_dump())

    dispatcher = get_dispatcher()
    before = list(dispatcher.event_handlers)
    dispatcher.add_event_handler(Tracer())
    try:
        with OpenAIChatServer([Reply("x"), Fault(401)]) as server:
            options = {"base_url": server.url, "api_key": CANARY, "headers": {"x-own": CANARY}}
            model = ChatConnector(provider="openai_compatible", model="m", **options)
            answer = model.complete("hi")
            with pytest.raises(LLMError) as caught:
                model.complete("hi")
            assert_clean(answer, *told(caught.value), *seen)
    finally:
        dispatcher.event_handlers = before
    assert seen
    monkeypatch.setenv("ZAI_API_KEY", CANARY)
    for made in (
        ChatConnector(provider="zhipu", model="m"),
        model,
        ChatConnector(provider="tencent", model="m", secret_id=CANARY, secret_key=CANARY),
        ConnectorEmbedding(provider="openai_compatible", model_name="m", **options),
    ):
        assert_clean(repr(made), str(made), made.to_dict(), made.to_json(), made.model_dump())
        assert_clean(pickle.dumps(made).decode("latin-1"))
        assert type(pickle.loads(pickle.dumps(made))) is type(made)


def test_the_canary_would_be_seen() -> None:
    with pytest.raises(AssertionError):
        assert_clean({"key": CANARY})
    assert json.loads(json.dumps(CANARY)) == CANARY
    assert head() + chunk(b"")
