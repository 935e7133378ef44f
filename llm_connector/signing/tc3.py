"""Tencent Cloud's TC3-HMAC-SHA256. The headers that it does not cover (``X-TC-Action`` and its like) are not here."""

from __future__ import annotations

from datetime import UTC, datetime

from llm_connector.signing.credentials import AccessKey, require_header_text
from llm_connector.signing.hashing import hmac_chain, sha256_hex

_ALGORITHM = "TC3-HMAC-SHA256"
_TERMINATOR = "tc3_request"
_SIGNED_HEADERS = "content-type;host"


def tc3_headers(
    *,
    method: str = "POST",
    host: str,
    path: str = "/",
    query: str = "",
    content_type: str,
    body: bytes,
    access_key: AccessKey,
    service: str = "hunyuan",
    timestamp: float,
) -> dict[str, str]:
    """Sign a request and return the headers to add to it.

    Args:
        method: The HTTP method.
        host: The ``Host`` header as it will be sent, with a port that is not the scheme's default.
        path: The raw path. Tencent documents ``/`` for every call of API 3.0 (2026-11).
        query: The raw query, without its question mark.
        content_type: The ``Content-Type`` header as it will be sent, byte for byte.
        body: The exact bytes that will be sent.
        access_key: ``SecretId`` and ``SecretKey``; the token of temporary ones is sent but not signed.
        service: The product's name in the host.
        timestamp: Seconds since 1970; a fraction is dropped. Sign again for each try.

    Returns:
        ``Authorization``, ``X-TC-Timestamp`` and, with temporary credentials, ``X-TC-Token``.

    Raises:
        ConfigError: A value could not be sent in a header.
    """
    for what, text in (("host", host), ("content type", content_type), ("service", service)):
        require_header_text(what, text)
    seconds = int(timestamp)
    scope = (datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d"), service, _TERMINATOR)
    canonical = canonical_request(method, path, query, content_type, host, body)
    string_to_sign = "\n".join((_ALGORITHM, str(seconds), "/".join(scope), sha256_hex(canonical.encode())))
    signature = hmac_chain("TC3" + access_key.secret, *scope, string_to_sign).hex()
    credential = "/".join((access_key.key_id, *scope))
    authorization = f"{_ALGORITHM} Credential={credential}, SignedHeaders={_SIGNED_HEADERS}, Signature={signature}"
    added = {"Authorization": authorization, "X-TC-Timestamp": str(seconds)}
    if access_key.session_token:
        added["X-TC-Token"] = access_key.session_token
    return added


def canonical_request(method: str, path: str, query: str, content_type: str, host: str, body: bytes) -> str:
    """Return the text whose hash is signed; see ``tc3_headers`` for the arguments."""
    lines = f"content-type:{content_type}\nhost:{host}\n"
    return "\n".join((method, path, query, lines, _SIGNED_HEADERS, sha256_hex(body)))
