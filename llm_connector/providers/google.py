"""Google's rows: the Gemini developer API and Vertex AI. Facts: google-genai 3.4 and Google's pages, 2026-11."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connector.google_auth import google_access_token
from llm_connector.provider import IN_HOST, IN_PATH, Capabilities, Option, Provider

if TYPE_CHECKING:
    from collections.abc import Mapping

_CAPABILITIES = Capabilities(documents=True, audio=True, video=True, embeddings=True)


def _vertex_address(options: Mapping[str, Any], model: str | None) -> str:
    """The host of a location: the whole world, a part of it, or one region."""
    del model
    location = options["location"]
    if location == "global":
        return "https://aiplatform.googleapis.com"
    if location in {"us", "eu"}:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


ROWS = (
    Provider(
        name="google",
        title="Google Gemini",
        protocol="gemini",
        docs="https://ai.google.dev/gemini-api/docs/models",
        base_url="https://generativelanguage.googleapis.com",
        key_env=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        base_url_env=("GOOGLE_GEMINI_BASE_URL",),
        auth="x-goog-api-key",
        options=(
            Option(
                name="api_version",
                env=("GOOGLE_GENAI_API_VERSION",),
                default="v1beta",
                form=IN_PATH,
                help="v1, v1beta or v1alpha; unless base_url ends with a version",
            ),
        ),
        reasoning_replay="always",
        capabilities=_CAPABILITIES,
        aliases=("gemini",),
    ),
    Provider(
        name="google_vertex",
        title="Google Gemini on Vertex AI",
        protocol="gemini_vertex",
        docs="https://cloud.google.com/vertex-ai/generative-ai/docs/models",
        base_url=_vertex_address,
        base_url_env=("GOOGLE_VERTEX_BASE_URL",),
        key_required=False,
        default_key=google_access_token,
        options=(
            Option(name="project", env=("GOOGLE_CLOUD_PROJECT",), form=IN_PATH, help="the Google Cloud project"),
            Option(
                name="location",
                env=("GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_REGION"),
                default="global",
                form=IN_HOST,
                help="a region, us, eu or global",
            ),
            Option(
                name="api_version",
                default="v1beta1",
                form=IN_PATH,
                help="v1 or v1beta1; unless base_url ends with a version",
            ),
        ),
        reasoning_replay="always",
        capabilities=_CAPABILITIES,
    ),
)
