"""AWS Signature Version 4 with a signed body. Presigned URLs, chunked uploads and S3's own path rules are not here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

from llm_connector.signing.credentials import AccessKey, require_header_text
from llm_connector.signing.hashing import hmac_chain, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Mapping

_ALGORITHM = "AWS4-HMAC-SHA256"
_TERMINATOR = "aws4_request"
# What AWS demands is host, every x-amz-* header and content-type. Others may be changed on the way by a proxy.
_SIGNED_NAMES = frozenset({"accept", "content-type"})
_SIGNED_PREFIX = "x-amz-"


def sigv4_headers(
    *,
    method: str,
    host: str,
    path: str,
    query: str = "",
    headers: Mapping[str, str],
    body: bytes,
    access_key: AccessKey,
    region: str,
    service: str = "bedrock",
    timestamp: float,
) -> dict[str, str]:
    """Sign a request and return the headers to add to it.

    Args:
        method: The HTTP method.
        host: The ``Host`` header as it will be sent: without the scheme's default port.
        path: The raw path as it will be sent, already percent-encoded.
        query: The raw query as it will be sent, without its question mark.
        headers: The headers of the request; those that matter are picked, so all of them may be given.
        body: The exact bytes that will be sent.
        access_key: The key pair; its session token is sent and signed.
        region: Such as ``us-east-1``.
        service: The signing name, which is ``bedrock`` and not the ``bedrock-runtime`` of the host.
        timestamp: Seconds since 1970. AWS refuses a signature minutes old, so sign again for each try.

    Returns:
        ``Authorization``, ``X-Amz-Date`` and, with temporary credentials, ``X-Amz-Security-Token``.

    Raises:
        ConfigError: A value could not be sent in a header.
    """
    date_and_time = datetime.fromtimestamp(timestamp, tz=UTC).strftime("%Y%m%dT%H%M%SZ")
    added = {"X-Amz-Date": date_and_time}
    if access_key.session_token:
        added["X-Amz-Security-Token"] = access_key.session_token
    signed = _signed_headers({**headers, **added, "Host": host})
    for what, text in (("region", region), ("service", service)):
        require_header_text(what, text)
    scope = (date_and_time[:8], region, service, _TERMINATOR)
    credential = "/".join((access_key.key_id, *scope))
    canonical = canonical_request(method, path, query, signed, body)
    string_to_sign = "\n".join((_ALGORITHM, date_and_time, "/".join(scope), sha256_hex(canonical.encode())))
    signature = hmac_chain("AWS4" + access_key.secret, *scope, string_to_sign).hex()
    added["Authorization"] = (
        f"{_ALGORITHM} Credential={credential}, SignedHeaders={';'.join(signed)}, Signature={signature}"
    )
    return added


def _signed_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Pick, check and normalise the headers to sign, sorted by name; of two spellings the later one counts."""
    picked: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        if key == "host" or key in _SIGNED_NAMES or key.startswith(_SIGNED_PREFIX):
            require_header_text(f"header {key!r}", f"{key}: {value}")
            picked[key] = " ".join(value.split())
    return dict(sorted(picked.items()))


def canonical_request(method: str, path: str, query: str, signed: Mapping[str, str], body: bytes) -> str:
    """Return the text whose hash is signed.

    Args:
        method: The HTTP method.
        path: The raw path.
        query: The raw query.
        signed: The headers to sign: lower-case names, normalised values, sorted.
        body: The exact bytes that will be sent.
    """
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    # AWS encodes the path as sent once more (all services but S3), so "%3A" becomes "%253A" and ":" becomes "%3A".
    encoded_path = quote(_normal_path(path), safe="/~")
    return "\n".join((method, encoded_path, _canonical_query(query), lines, ";".join(signed), sha256_hex(body)))


def _normal_path(path: str) -> str:
    """Resolve dots and drop empty segments, as AWS does before it compares signatures."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in {"", "."}:
            segments.append(segment)
    slash = "/" if segments and path.endswith("/") else ""
    return "/" + "/".join(segments) + slash


def _canonical_query(query: str) -> str:
    """Sort by encoded name, then value. A plus sign is a space: httpx writes spaces of ``params`` so (0.28)."""
    pairs = parse_qsl(query, keep_blank_values=True)
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)
