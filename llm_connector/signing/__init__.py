"""Signatures of finished requests, as pure functions. Reading keys, the clock and when to sign are not here."""

from llm_connector.signing.credentials import AccessKey, require_header_text
from llm_connector.signing.jwt import ZHIPU_TOKEN_LIFETIME_MS, zhipu_token
from llm_connector.signing.sigv4 import sigv4_headers
from llm_connector.signing.tc3 import tc3_headers

__all__ = ["ZHIPU_TOKEN_LIFETIME_MS", "AccessKey", "require_header_text", "sigv4_headers", "tc3_headers", "zhipu_token"]
