"""How a request shows who sends it: one function a scheme, from a finished request to the headers to add.

The arithmetic of signatures is in ``signing``; where keys come from is in ``settings``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from llm_connector.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from urllib.parse import SplitResult

    from llm_connector.protocols.wire import WireRequest
    from llm_connector.settings import Settings

_ZHIPU_WINDOW = 180  # seconds


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request as it will be sent, but for authentication.

    Attributes:
        url: The whole address, as sent.
        wire: Method, headers and the exact body.
        key: The key or token of this call; ``None`` when there is none. Never shown.
        settings: The options, for schemes that need more than a key.
        now: Seconds since 1970.
    """

    url: str
    wire: WireRequest
    key: str | None
    settings: Settings
    now: float

    def __repr__(self) -> str:
        return f"Unsigned({self.wire.method} {self.url})"


def bearer(request: Unsigned) -> dict[str, str]:
    """``Authorization: Bearer``, where there is a key."""
    return {} if request.key is None else {"authorization": f"Bearer {request.key}"}


def openai(request: Unsigned) -> dict[str, str]:
    """A bearer key, with OpenAI's organization and project."""
    options = request.settings.options
    named = {"openai-organization": options.get("organization"), "openai-project": options.get("project")}
    return bearer(request) | {name: value for name, value in named.items() if value}


def azure(request: Unsigned) -> dict[str, str]:
    """Azure's ``api-key`` header; an Entra token, which wins, goes as a bearer token."""
    if request.settings.options.get("azure_ad_token") is not None:
        return bearer(request)
    return {} if request.key is None else {"api-key": request.key}


def header(name: str) -> Callable[[Unsigned], dict[str, str]]:
    """A scheme that sends the key in a header of its own."""

    def scheme(request: Unsigned) -> dict[str, str]:
        return {} if request.key is None else {name: request.key}

    return scheme


def zhipu(request: Unsigned) -> dict[str, str]:
    """A bearer key, or with ``auth="jwt"`` a token made of it.

    A token is made for the beginning of a window of three minutes. So it stays the same for that long without being
    kept anywhere, and is good for at least 30 s when it is sent (zai-sdk 0.2.3 keeps its tokens as long).
    """
    if request.key is None or request.settings.options.get("auth") != "jwt":
        return bearer(request)
    from llm_connector.signing.jwt import zhipu_token  # noqa: PLC0415 - only this scheme needs it

    window = int(request.now) // _ZHIPU_WINDOW * _ZHIPU_WINDOW
    return {"authorization": f"Bearer {zhipu_token(request.key, window * 1000)}"}


def tc3(request: Unsigned) -> dict[str, str]:
    """Tencent Cloud's signature over the exact bytes; its canonical path is ``/``, whatever a gateway puts before it.

    Raises:
        ConfigError: A half of the key pair is missing.
    """
    from llm_connector.signing import AccessKey, tc3_headers  # noqa: PLC0415 - only this scheme needs it

    secrets = {name: request.settings.secret(name) or "" for name in ("secret_id", "secret_key", "session_token")}
    for name in ("secret_id", "secret_key"):
        if not secrets[name]:
            raise ConfigError(f"no {name}: set TENCENTCLOUD_{name.upper()} or pass {name}=")
    headers = tc3_headers(
        method=request.wire.method,
        host=_host(urlsplit(request.url)),
        content_type=request.wire.headers["content-type"],
        body=request.wire.body,
        access_key=AccessKey(secrets["secret_id"], secrets["secret_key"], secrets["session_token"]),
        timestamp=request.now,
    )
    return {name.lower(): value for name, value in headers.items()}


def anthropic(request: Unsigned) -> dict[str, str]:
    """Anthropic's ``x-api-key``, or a bearer key with ``auth="bearer"``; without a key the bearer token."""
    options = request.settings.options
    if request.key is None:
        token = request.settings.secret("auth_token")
        return {} if token is None else {"authorization": f"Bearer {token}"}
    return bearer(request) if options.get("auth") == "bearer" else {"x-api-key": request.key}


def aws(request: Unsigned) -> dict[str, str]:
    """A bearer key, else a signature of the exact request (SigV4).

    Raises:
        ConfigError: There is half a key pair.
    """
    if request.key is not None:
        return bearer(request)
    access, secret, token = (request.settings.secret(name) for name in ("access_key", "secret_key", "session_token"))
    if not access or not secret:
        raise ConfigError("access_key= and secret_key= go together; pass both, or api_key=")
    from llm_connector.signing import AccessKey, sigv4_headers  # noqa: PLC0415 - only this scheme needs it

    url = urlsplit(request.url)
    headers = sigv4_headers(
        method=request.wire.method,
        host=_host(url),
        path=url.path or "/",
        query=url.query,
        headers=request.wire.headers,
        body=request.wire.body,
        access_key=AccessKey(access, secret, token),
        region=request.settings.options["region"],
        timestamp=request.now,
    )
    return {name.lower(): value for name, value in headers.items()}


def _host(url: SplitResult) -> str:
    """The ``Host`` header as it is sent: in small letters, without the scheme's own port."""
    host = url.netloc.rpartition("@")[2].lower()
    return host.removesuffix(":443" if url.scheme == "https" else ":80")


SCHEMES: Mapping[str, Callable[[Unsigned], dict[str, str]]] = {
    "bearer": bearer,
    "openai": openai,
    "azure": azure,
    "x-api-key": header("x-api-key"),
    "x-goog-api-key": header("x-goog-api-key"),
    "zhipu": zhipu,
    "tc3": tc3,
    "anthropic": anthropic,
    "aws": aws,
}


def sign(request: Unsigned) -> dict[str, str]:
    """The authentication headers of a request, by its provider's scheme. Called again for every attempt.

    Raises:
        ConfigError: The key cannot be sent.
    """
    headers = SCHEMES[request.settings.provider.auth](request)
    for value in headers.values():
        if not value.isascii() or not value.isprintable():
            raise ConfigError("the key holds characters that a header cannot have; copy it again")
    return headers
