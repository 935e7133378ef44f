"""The rows that speak OpenAI's Responses API. Facts: openai-python 3.54 and Microsoft's reference, 2026-10."""

from __future__ import annotations

from llm_connector.protocols.chat_dialect import ChatDialect
from llm_connector.protocols.chat_reasoning import by_effort
from llm_connector.provider import IN_HEADER, IN_PATH, Capabilities, Option, Provider
from llm_connector.providers.chat_completions import OPENAI_DIALECT

_CAPABILITIES = Capabilities(documents=True, embeddings=True)

ROWS = (
    Provider(
        name="openai_responses",
        title="OpenAI (Responses)",
        protocol="openai_responses",
        docs="https://platform.openai.com/docs/api-reference/responses",
        base_url="https://api.openai.com/v1",
        key_env=("OPENAI_API_KEY",),
        base_url_env=("OPENAI_BASE_URL",),
        auth="openai",
        options=(
            Option(name="organization", env=("OPENAI_ORG_ID",), form=IN_HEADER, help="the organization that is billed"),
            Option(name="project", env=("OPENAI_PROJECT_ID",), form=IN_HEADER, help="the project that is billed"),
        ),
        # A server without /responses is no server of OpenAI's.
        dialect=ChatDialect(media=frozenset({"image", "document"}), reasoning=by_effort(), max_stops=None),
        reasoning_replay="always",
        capabilities=_CAPABILITIES,
    ),
    Provider(
        name="azure_openai_responses",
        title="Azure OpenAI (Responses)",
        protocol="azure_responses",
        docs="https://learn.microsoft.com/azure/ai-foundry/openai/how-to/responses",
        key_env=("AZURE_OPENAI_API_KEY",),
        base_url_env=("AZURE_OPENAI_ENDPOINT",),
        auth="azure",
        options=(
            Option(
                name="api_version",
                env=("OPENAI_API_VERSION",),
                form=IN_PATH,
                help="such as preview; a date for the older surface",
            ),
            Option(
                name="azure_ad_token",
                env=("AZURE_OPENAI_AD_TOKEN",),
                secret=True,
                is_key=True,
                help="an Entra token or function",
            ),
        ),
        dialect=OPENAI_DIALECT,
        reasoning_replay="always",
        capabilities=_CAPABILITIES,
    ),
)
