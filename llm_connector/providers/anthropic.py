"""The rows that speak Anthropic's Messages format. Facts: anthropic-python 2.12 and the vendors' pages, 2026-11."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connector import errors
from llm_connector.faults import Rule
from llm_connector.google_auth import google_access_token
from llm_connector.protocols.anthropic_dialect import AnthropicDialect
from llm_connector.provider import IN_HOST, IN_PATH, SOME_TEXTS, Capabilities, Option, Provider

if TYPE_CHECKING:
    from collections.abc import Mapping

_CAPABILITIES = Capabilities(documents=True)
_CLOUD_CAPABILITIES = Capabilities(documents=True, models=False)
# Signatures are good in every cloud (Anthropic docs, "Thinking", 2026-10), so the three share a family.
_FAMILY = "anthropic"
_BETAS = Option(name="betas", form=SOME_TEXTS, help="names of beta features: a list, or text with commas")


def _vertex_address(options: Mapping[str, Any], model: str | None) -> str:
    """The host of a location: the whole world, a part of it, or one region."""
    del model
    location = options["location"]
    if location == "global":
        return "https://aiplatform.googleapis.com/v1"
    if location in {"us", "eu"}:
        return f"https://aiplatform.{location}.rep.googleapis.com/v1"
    return f"https://{location}-aiplatform.googleapis.com/v1"


def _bedrock_address(options: Mapping[str, Any], model: str | None) -> str:
    """The endpoint of a region; China's are in a domain of their own."""
    del model
    region = options["region"]
    end = ".cn" if region.startswith("cn-") else ""
    return f"https://bedrock-runtime.{region}.amazonaws.com{end}"


ROWS = (
    Provider(
        name="anthropic",
        title="Anthropic",
        protocol="anthropic",
        docs="https://platform.claude.com/docs/en/about-claude/models/overview",
        base_url="https://api.anthropic.com",
        key_env=("ANTHROPIC_API_KEY",),
        base_url_env=("ANTHROPIC_BASE_URL",),
        auth="anthropic",
        options=(
            Option(name="api_version", form=IN_PATH, help="the anthropic-version header; 2023-06-01 by default"),
            Option(
                name="auth",
                default="x-api-key",
                choices=("x-api-key", "bearer"),
                help="the header that the key goes in",
            ),
            Option(
                name="auth_token", env=("ANTHROPIC_AUTH_TOKEN",), secret=True, help="a bearer token instead of a key"
            ),
            _BETAS,
        ),
        reasoning_replay="always",
        family=_FAMILY,
        capabilities=_CAPABILITIES,
    ),
    Provider(
        name="anthropic_vertex",
        title="Claude on Google Vertex AI",
        protocol="anthropic_vertex",
        docs="https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude",
        base_url=_vertex_address,
        base_url_env=("ANTHROPIC_VERTEX_BASE_URL",),
        key_required=False,
        default_key=google_access_token,
        options=(
            Option(
                name="project",
                env=("ANTHROPIC_VERTEX_PROJECT_ID", "GOOGLE_CLOUD_PROJECT"),
                form=IN_PATH,
                help="the Google Cloud project",
            ),
            Option(
                name="location",
                env=("CLOUD_ML_REGION", "GOOGLE_CLOUD_LOCATION"),
                default="global",
                form=IN_HOST,
                help="a region, us, eu or global",
            ),
            Option(
                name="api_version", form=IN_PATH, help="anthropic_version in the body; vertex-2023-10-16 by default"
            ),
            _BETAS,
        ),
        dialect=AnthropicDialect(files=False),
        reasoning_replay="always",
        family=_FAMILY,
        capabilities=_CLOUD_CAPABILITIES,
    ),
    Provider(
        name="anthropic_bedrock",
        title="Claude on Amazon Bedrock",
        protocol="anthropic_bedrock",
        docs="https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html",
        base_url=_bedrock_address,
        key_env=("AWS_BEARER_TOKEN_BEDROCK",),
        base_url_env=("ANTHROPIC_BEDROCK_BASE_URL",),
        auth="aws",
        options=(
            Option(
                name="region",
                env=("AWS_REGION", "AWS_DEFAULT_REGION"),
                default="us-east-1",
                form=IN_HOST,
                help="an AWS region",
            ),
            Option(name="access_key", env=("AWS_ACCESS_KEY_ID",), secret=True, part="pair", help="an access key's id"),
            Option(name="secret_key", env=("AWS_SECRET_ACCESS_KEY",), secret=True, part="pair", help="its secret"),
            Option(
                name="session_token",
                env=("AWS_SESSION_TOKEN",),
                secret=True,
                part="addition",
                help="of temporary credentials",
            ),
            Option(
                name="api_version", form=IN_PATH, help="anthropic_version in the body; bedrock-2023-05-31 by default"
            ),
            _BETAS,
        ),
        dialect=AnthropicDialect(files=False),
        reasoning_replay="always",
        family=_FAMILY,
        capabilities=_CLOUD_CAPABILITIES,
    ),
    Provider(
        name="longcat_anthropic",
        title="LongCat (Anthropic's format)",
        protocol="anthropic",
        docs="https://longcat.chat/platform/docs",
        base_url="https://api.longcat.chat/anthropic",
        key_env=("LONGCAT_API_KEY",),
        dialect=AnthropicDialect(
            media=frozenset(),
            files=False,
            json_schema=False,
            budgets=False,
            signed=False,
            default_max_tokens=32_768,
            models_above="/anthropic",
        ),
        rules=(Rule(errors.BillingError, status=403, code=r"insufficient_quota"),),
        reasoning_replay="always",
        capabilities=Capabilities(images=False, json_schema=False),
    ),
)
