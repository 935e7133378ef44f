"""The two hash constructions that AWS and Tencent share. What is hashed is not here."""

from __future__ import annotations

import hashlib
import hmac


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of the data in lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def hmac_chain(secret: str, *texts: str) -> bytes:
    """Key an HMAC-SHA256 of each text with the result of the one before it, the first with the secret."""
    digest = secret.encode()
    for text in texts:
        digest = hmac.digest(digest, text.encode(), "sha256")
    return digest
