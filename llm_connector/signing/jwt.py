"""The JSON Web Token that Zhipu takes in place of the key. Verifying tokens and keeping them are not here."""

from __future__ import annotations

import hmac
import json
import re
from base64 import urlsafe_b64encode

from llm_connector.errors import ConfigError

# zai-sdk 0.2.3, 2026-11: a token is good for 210 s and is kept for 180 s.
ZHIPU_TOKEN_LIFETIME_MS = 210_000

_ZHIPU_KEY = re.compile(r"([!-\-/-~]+)\.([!-\-/-~]+)")  # printable ASCII without space, and one dot


def zhipu_token(key: str, now_ms: int) -> str:
    """Make a bearer token that is good for ``ZHIPU_TOKEN_LIFETIME_MS``.

    Args:
        key: The API key as Zhipu gives it out, ``id.secret``.
        now_ms: Milliseconds since 1970. The vendor counts milliseconds, against the habit of JWT.

    Raises:
        ConfigError: The key is not of that form.
    """
    match = _ZHIPU_KEY.fullmatch(key)
    if match is None:
        raise ConfigError("A token needs a Zhipu key of the form `id.secret`: two parts with one dot between them.")
    key_id, secret = match.groups()
    # The order of the members is the vendor SDK's (zai-sdk 0.2.3, 2026-11).
    header = {"alg": "HS256", "sign_type": "SIGN", "typ": "JWT"}
    payload = {"api_key": key_id, "exp": now_ms + ZHIPU_TOKEN_LIFETIME_MS, "timestamp": now_ms}
    signed = f"{_segment(header)}.{_segment(payload)}"
    signature = hmac.digest(secret.encode(), signed.encode(), "sha256")
    return f"{signed}.{_base64url(signature)}"


def _segment(members: dict[str, str] | dict[str, str | int]) -> str:
    return _base64url(json.dumps(members, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
