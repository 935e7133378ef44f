"""Proxies, given or of the environment: what goes to them, what does not, and what is told when they fail."""

from __future__ import annotations

import base64
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fault_table import CHAT, TEXT, answer_of
from llm_connector import ConfigError, ConnectError, LLMError, RequestTimeoutError
from llm_connector.transport.network import MAX_READ
from llm_connector.transport.proxies import SystemProxies
from servers.faults import CLOSE, RESET, FaultServer, Plan, closed_port, whole
from servers.raw import RawServer
from servers.relays import HttpProxy, Relay, SocksProxy
from transport_kit import IMPOSSIBLE, every_way, no_new_sockets, options, outcome, outcomes, server_context, trusted

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["trusted"]
both = pytest.mark.parametrize("streaming", [False, True], ids=["chat", "stream"])
needs_socks = pytest.mark.skipif(find_spec("socksio") is None, reason="needs the package socksio")
NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in NAMES:
        for spelling in (name, name.upper()):
            monkeypatch.delenv(spelling, raising=False)
    with no_new_sockets():
        yield


def far(scheme: str, **others: Any) -> dict[str, Any]:
    """Arguments for a client of a server that only a proxy can reach."""
    return options(0) | {"base_url": f"{scheme}://api.example.com/v1"} | others


@every_way
@both
def test_http_is_passed_on_by_a_proxy_that_sees_it(way: str, streaming: bool) -> None:
    with FaultServer([answer_of(streaming)]) as server, HttpProxy(server.port) as proxy:
        arguments = far("http", proxy=f"http://127.0.0.1:{proxy.port}")
        assert outcomes(way, arguments, "a", "b", streaming=streaming) == [TEXT, TEXT]
        assert proxy.connections == 1
    head = proxy.heard[0]
    assert head.startswith(b"POST http://api.example.com/v1/chat/completions HTTP/1.1\r\n")
    assert b"host: api.example.com\r\n" in head
    assert b"authorization: Bearer sk-canary\r\n" in head
    assert b"proxy-authorization" not in head.lower()


@every_way
@both
@pytest.mark.usefixtures("trusted")
def test_https_goes_through_a_tunnel_that_shows_no_key(way: str, streaming: bool) -> None:
    with FaultServer([answer_of(streaming)]) as server, Relay(server.port, tls=server_context()) as secure:
        with HttpProxy(secure.port) as proxy:
            arguments = far("https", proxy=f"http://127.0.0.1:{proxy.port}")
            assert outcomes(way, arguments, "a", "b", streaming=streaming) == [TEXT, TEXT]
            assert (proxy.connections, secure.connections) == (1, 1)
        assert all(b"Bearer sk-canary" in request for request in server.requests)
    assert len(proxy.heard) == 1
    assert proxy.heard[0].startswith(b"CONNECT api.example.com:443 HTTP/1.1\r\n")
    assert b"canary" not in proxy.heard[0]
    assert b"Bearer" not in proxy.heard[0]


@every_way
@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_proxys_name_and_password_are_in_its_address(way: str, scheme: str) -> None:
    with FaultServer([whole(CHAT)]) as server, Relay(server.port, tls=server_context()) as secure:
        with HttpProxy(server.port if scheme == "http" else secure.port) as proxy:
            arguments = far(scheme, proxy=f"http://me:p%40ss%3Aword@127.0.0.1:{proxy.port}")
            assert outcome(way, arguments) == TEXT
    named = base64.b64encode(b"me:p@ss:word")
    assert b"proxy-authorization: basic " + named.lower() in proxy.heard[0].lower()
    assert named in proxy.heard[0]
    if scheme == "https":
        assert named not in server.requests[0]


@every_way
@pytest.mark.usefixtures("trusted")
def test_a_wrong_certificate_behind_a_tunnel(way: str) -> None:
    with FaultServer([whole(CHAT)]) as server, Relay(server.port, tls=server_context("other.example")) as secure:
        with HttpProxy(secure.port) as proxy:
            got = outcome(way, far("https", proxy=f"http://127.0.0.1:{proxy.port}", max_retries=2))
            assert proxy.connections == 1
        assert server.requests == []
    assert type(got) is ConnectError
    assert "api.example.com" in str(got)
    assert "certificate verify failed" in str(got)


@every_way
@both
@pytest.mark.parametrize(
    ("plan", "told"),
    [
        pytest.param([whole(b"", 407)], "407", id="wants a password"),
        pytest.param([whole(b"<html>down</html>", 503)], "503", id="is down"),
        pytest.param([CLOSE], "disconnected", id="hangs up"),
        pytest.param([RESET], "", id="is torn"),
        pytest.param([b"SSH-2.0-OpenSSH_9\r\n", CLOSE], "", id="is something else"),
    ],
)
def test_a_proxy_that_makes_no_tunnel(way: str, streaming: bool, plan: Plan, told: str) -> None:
    with FaultServer(plan) as proxy:
        arguments = far("https", proxy=f"http://me:canary-pw@127.0.0.1:{proxy.port}")
        got = outcome(way, arguments, streaming=streaming)
        assert all(b"sk-canary" not in request for request in proxy.requests)
    assert type(got) is ConnectError, repr(got)
    assert told in str(got)
    assert "canary" not in repr(got)


def test_a_proxys_reason_is_told_in_part_and_without_what_a_terminal_obeys() -> None:
    with FaultServer([b"HTTP/1.1 407 \x1b[31mno " + b"way " * 20_000 + b"\r\n\r\n"]) as proxy:
        got = outcome("sync", far("https", proxy=f"http://127.0.0.1:{proxy.port}"))
    assert "407 [31mno way" in str(got)
    assert len(str(got)) < 400


@every_way
def test_a_forwarding_proxy_that_refuses(way: str) -> None:
    with FaultServer([whole(b"", 407)]) as proxy:
        got = outcome(way, far("http", proxy=f"http://127.0.0.1:{proxy.port}"))
    assert isinstance(got, LLMError)
    assert got.status_code == 407
    assert not got.retryable


@every_way
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nobody_at_the_proxys_address(way: str, scheme: str) -> None:
    got = outcome(way, far(scheme, proxy=f"http://me:canary-pw@127.0.0.1:{closed_port()}"))
    assert type(got) is ConnectError
    assert "canary" not in repr(got)


@every_way
@pytest.mark.usefixtures("trusted")
def test_a_kept_tunnel_that_dies_is_replaced(way: str) -> None:
    with FaultServer([whole(CHAT)], [CLOSE], [whole(CHAT)]) as server:
        with Relay(server.port, tls=server_context()) as secure, HttpProxy(secure.port) as proxy:
            arguments = far("https", proxy=f"http://127.0.0.1:{proxy.port}")
            assert outcomes(way, arguments, "a", "b") == [TEXT, TEXT]
            assert (proxy.connections, len(server.requests)) == (2, 3)


@every_way
def test_socks_says_what_it_needs(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)  # as if it were not installed
    got = outcome(way, far("https", proxy="socks5://me:canary@127.0.0.1:9"))
    assert type(got) is ConfigError
    assert "pip install 'httpx[socks]'" in str(got)
    assert "canary" not in repr(got)


@needs_socks
@every_way
@both
@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_socks(way: str, streaming: bool, scheme: str) -> None:
    with FaultServer([answer_of(streaming)]) as server, Relay(server.port, tls=server_context()) as secure:
        with SocksProxy(server.port if scheme == "http" else secure.port, login=(b"me", b"pw")) as proxy:
            arguments = far(scheme, proxy=f"socks5://me:pw@127.0.0.1:{proxy.port}")
            assert outcomes(way, arguments, "a", "b", streaming=streaming) == [TEXT, TEXT]
            assert (proxy.connections, proxy.hosts) == (1, [b"api.example.com"])


@needs_socks
@every_way
@pytest.mark.parametrize("fault", [b"", b"\x05", b"\x05\xff", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_socks_proxy_that_fails(way: str, fault: bytes) -> None:
    with SocksProxy(fault=fault) as proxy:
        got = outcome(way, far("https", proxy=f"socks5://me:canary@127.0.0.1:{proxy.port}"))
    assert type(got) is ConnectError, repr(got)
    assert "canary" not in repr(got)


@needs_socks
@every_way
def test_a_socks_proxy_that_wants_another_password(way: str) -> None:
    with SocksProxy(login=(b"me", b"other")) as proxy:
        got = outcome(way, far("https", proxy=f"socks5://me:canary@127.0.0.1:{proxy.port}"))
    assert type(got) is ConnectError, repr(got)
    assert "password" in str(got)


@needs_socks
@every_way
@pytest.mark.parametrize("limit", ["timeout", "total_timeout"])
def test_a_socks_proxy_that_stalls(way: str, limit: str) -> None:
    with Relay(stalls=True) as proxy:
        got = outcome(way, far("https", proxy=f"socks5://127.0.0.1:{proxy.port}", **{limit: 0.15}))
    assert type(got) is RequestTimeoutError, repr(got)


@every_way
@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("host", IMPOSSIBLE)
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_host_that_can_be_none_is_told_before_a_proxy_is_asked_for_it(way: str, host: str, scheme: str) -> None:
    with FaultServer([whole(CHAT)]) as server, Relay(server.port, tls=server_context()) as secure:
        with (HttpProxy if scheme == "http" else SocksProxy)(secure.port) as proxy:
            there = {"base_url": f"https://{host}/v1", "proxy": f"{scheme}://127.0.0.1:{proxy.port}"}
            got = outcome(way, options(0) | there)
            assert proxy.connections == 0
    assert type(got) is ConfigError, repr(got)
    assert "base_url has no host" in str(got)


@every_way
@pytest.mark.parametrize("host", IMPOSSIBLE)
def test_a_proxy_whose_host_can_be_none(way: str, host: str) -> None:
    got = outcome(way, far("http", proxy=f"http://me:canary@{host}:9"))
    assert type(got) is ConfigError, repr(got)
    assert "canary" not in repr(got)
    assert "proxy" in str(got)


PROXY = "http://proxy.example:3128"
FOUND = [
    ({"https_proxy": PROXY}, "https://api.example.com/v1", PROXY),
    ({"HTTPS_PROXY": PROXY}, "https://api.example.com/v1", PROXY),
    ({"https_proxy": PROXY, "HTTPS_PROXY": "http://upper.example"}, "https://api.example.com/v1", PROXY),
    ({"https_proxy": PROXY}, "http://api.example.com/v1", None),
    ({"HTTP_PROXY": PROXY}, "http://api.example.com/v1", PROXY),
    ({"HTTP_PROXY": PROXY}, "https://api.example.com/v1", None),
    ({"ALL_PROXY": PROXY}, "https://api.example.com/v1", PROXY),
    ({"all_proxy": PROXY}, "http://api.example.com:8080/v1", PROXY),
    ({"all_proxy": PROXY, "https_proxy": "http://other.example"}, "https://api.example.com/", "http://other.example"),
    ({"https_proxy": "proxy.example:3128"}, "https://api.example.com/v1", PROXY),
    ({"https_proxy": "socks5://proxy.example"}, "https://api.example.com/v1", "socks5://proxy.example"),
    ({"https_proxy": ""}, "https://api.example.com/v1", None),
    ({}, "https://api.example.com/v1", None),
    ({"all_proxy": PROXY}, "http://localhost:11434", None),
    ({"all_proxy": PROXY}, "http://127.0.0.1:11434", None),
    ({"all_proxy": PROXY}, "http://[::1]:11434", None),
    ({"all_proxy": PROXY, "no_proxy": "*"}, "https://api.example.com/v1", None),
    ({"all_proxy": PROXY, "NO_PROXY": "example.com"}, "https://api.example.com/v1", None),
    ({"all_proxy": PROXY, "no_proxy": ".example.com, other.example"}, "https://api.example.com/v1", None),
    ({"all_proxy": PROXY, "no_proxy": "example.com"}, "https://apiexample.com/v1", PROXY),
    ({"all_proxy": PROXY, "no_proxy": "api.example.com:8080"}, "https://api.example.com:8080/v1", None),
    ({"all_proxy": PROXY, "no_proxy": "api.example.com:8080"}, "https://api.example.com/v1", PROXY),
    ({"all_proxy": PROXY, "no_proxy": "10.0.0.5"}, "http://10.0.0.5:8000/v1", None),
    ({"all_proxy": PROXY, "no_proxy": "fd00::5"}, "http://[fd00::5]:8000/v1", None),
    ({"all_proxy": PROXY, "no_proxy": "localhost,127.0.0.1"}, "https://api.example.com/v1", PROXY),
]


@pytest.mark.parametrize(("environment", "url", "expected"), FOUND)
def test_the_environments_proxy(
    environment: dict[str, str], url: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    system = SystemProxies()
    assert system.before(httpx.URL(url)) == expected
    assert system.before(httpx.URL(url)) == expected


@every_way
@pytest.mark.parametrize("spelling", ["ALL_PROXY", "http_proxy"])
@pytest.mark.parametrize("form", ["http://127.0.0.1:{}", "127.0.0.1:{}", "http://me:pw@127.0.0.1:{}"])
def test_the_environments_proxy_is_used(way: str, spelling: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer([whole(CHAT)]) as server, HttpProxy(server.port) as proxy:
        monkeypatch.setenv(spelling, form.format(proxy.port))
        assert outcome(way, far("http")) == TEXT
        assert proxy.connections == 1
        assert (b"proxy-authorization: " in proxy.heard[0].lower()) == ("@" in form)


@every_way
def test_this_machine_is_behind_no_proxy_of_the_environment_but_behind_a_given_one(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultServer([whole(CHAT)]) as server, HttpProxy(server.port) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert outcome(way, options(server.port)) == TEXT
        assert proxy.connections == 0
        assert outcome(way, options(server.port, proxy=f"http://127.0.0.1:{proxy.port}")) == TEXT
        assert proxy.connections == 1


@every_way
def test_a_given_proxy_goes_before_that_of_the_environment(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer([whole(CHAT)]) as server, HttpProxy(server.port) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{closed_port()}")
        monkeypatch.setenv("NO_PROXY", "*")
        assert outcome(way, far("http", proxy=f"http://127.0.0.1:{proxy.port}")) == TEXT


@every_way
@pytest.mark.parametrize(
    "broken",
    [
        "http://me:canary@[bad", "http://me:canary@127.0.0.1:notaport", "ftp://me:canary@127.0.0.1:9",
        "http://me:canary@127.0.0.1:99999", "http://me:canary@", "://canary", "me:canary",
    ],
)  # fmt: skip
def test_a_broken_address_in_the_environment_is_told_and_not_shown(
    way: str, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", broken)
    got = outcome(way, far("https"))
    assert type(got) is ConfigError, repr(got)
    assert "HTTPS_PROXY" in str(got)
    cause: BaseException | None = got
    while cause is not None:
        assert "canary" not in repr(cause)
        cause = cause.__cause__


@every_way
@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("padding", [None, 0, MAX_READ - 40, MAX_READ], ids=["nothing", "a bit", "a read", "more"])
def test_what_a_proxy_says_behind_its_answer_is_never_taken_for_the_servers(way: str, padding: int | None) -> None:
    """In a tunnel it came without encryption, from whom that shuts out."""
    context = server_context()
    yes = b"HTTP/1.1 200 OK\r\nvia: 1.1 proxy"

    def serve(connection: Any) -> None:
        connection.recv(1000)
        more = b"" if padding is None else b"\r\nx: " + b"x" * padding
        connection.sendall(yes + more + b"\r\n\r\n" + (b"" if padding is None else whole(b'{"choices":[]}')))
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(1 << 16)
            secure.sendall(whole(CHAT, connection="close"))

    with RawServer(serve) as proxy:
        got = outcome(way, far("https", proxy=f"http://127.0.0.1:{proxy.port}"))
    if padding is None:
        assert got == TEXT
    else:
        assert type(got) is ConnectError, repr(got)
