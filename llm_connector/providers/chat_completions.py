"""The rows that speak Chat Completions, but for the Chinese vendors'. Facts: the vendors' pages and SDKs, 2026-11."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from llm_connector import errors
from llm_connector.faults import Rule
from llm_connector.protocols.chat_dialect import ChatDialect
from llm_connector.protocols.chat_reasoning import (
    by_effort,
    by_enable_thinking,
    by_llama_cpp,
    by_openai_effort,
    by_reasoning_object,
    by_template,
    is_openai_reasoning_model,
)
from llm_connector.provider import A_COUNT, IN_HEADER, IN_PATH, Capabilities, Option, Provider

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OPENAI_MEDIA = frozenset({"image", "audio", "document"})
_ANY_MEDIA = frozenset({"image", "audio", "video", "document"})
OPENAI_DIALECT = ChatDialect(
    token_limit="max_completion_tokens",  # noqa: S106 - tokens of text
    unsupported=frozenset({"top_k"}),
    unsupported_for=((r"(ft:)?o(3|4-mini)", frozenset({"stop"})),),  # refused (API reference, 2026-08)
    media=_OPENAI_MEDIA,
    developer_role=True,
    reasoning=by_openai_effort,
    reasoning_gate=is_openai_reasoning_model,
)
_OPEN_SERVER = ChatDialect(media=_ANY_MEDIA, reasoning=by_template, audio_urls=True, max_stops=None)
_OPEN_CAPABILITIES = Capabilities(documents=True, audio=True, video=True, embeddings=True)


def _local_address(options: Mapping[str, Any], model: str | None) -> Callable[[], str]:
    """Starts the embedded server at the first call, not before."""
    return partial(_start_local_server, model, options.get("context_size"), options.get("threads"))


def _start_local_server(model: str | None, context_size: int | None, threads: int | None) -> str:
    from llm_connector.local import ensure_server  # noqa: PLC0415 - only the provider "local" needs it

    return str(ensure_server(model, context_size=context_size, threads=threads).base_url)


def _local_context_window(options: Mapping[str, Any], model: str) -> int:
    from llm_connector.local.models import KNOWN_MODELS, SMOLLM2  # noqa: PLC0415 - only the provider "local" needs it

    size = options.get("context_size")
    return size if isinstance(size, int) else KNOWN_MODELS.get(model, SMOLLM2).context_size


ROWS = (
    Provider(
        name="openai",
        title="OpenAI (Chat Completions)",
        protocol="openai_chat",
        docs="https://platform.openai.com/docs/models",
        base_url="https://api.openai.com/v1",
        key_env=("OPENAI_API_KEY",),
        base_url_env=("OPENAI_BASE_URL",),
        auth="openai",
        options=(
            Option(name="organization", env=("OPENAI_ORG_ID",), form=IN_HEADER, help="the organization that is billed"),
            Option(name="project", env=("OPENAI_PROJECT_ID",), form=IN_HEADER, help="the project that is billed"),
        ),
        dialect=OPENAI_DIALECT,
        capabilities=Capabilities(documents=True, audio=True, reasoning=False, embeddings=True),
    ),
    Provider(
        name="azure_openai",
        title="Azure OpenAI",
        protocol="azure_openai",
        docs="https://learn.microsoft.com/azure/ai-foundry/openai/reference",
        key_env=("AZURE_OPENAI_API_KEY",),
        base_url_env=("AZURE_OPENAI_ENDPOINT",),
        auth="azure",
        options=(
            Option(name="deployment", form=IN_PATH, help="a deployment's name; selects the deployments surface"),
            Option(
                name="api_version", env=("OPENAI_API_VERSION",), form=IN_PATH, help="such as 2024-10-21, or preview"
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
        capabilities=Capabilities(documents=True, audio=True, reasoning=False, embeddings=True),
    ),
    Provider(
        name="openai_compatible",
        title="Any server that speaks OpenAI's format",
        protocol="openai_chat",
        docs="https://platform.openai.com/docs/api-reference/chat",
        key_env=("OPENAI_COMPATIBLE_API_KEY",),
        base_url_env=("OPENAI_COMPATIBLE_BASE_URL",),
        key_required=False,
        dialect=ChatDialect(media=_ANY_MEDIA, reasoning=by_effort(), audio_urls=True, max_stops=None),
        reasoning_replay="with_tool_calls",
        capabilities=_OPEN_CAPABILITIES,
    ),
    Provider(
        name="openrouter",
        title="OpenRouter",
        protocol="openai_chat",
        docs="https://openrouter.ai/models",
        base_url="https://openrouter.ai/api/v1",
        key_env=("OPENROUTER_API_KEY",),
        dialect=ChatDialect(
            cache_marks=True,
            media=_OPENAI_MEDIA,
            reasoning=by_reasoning_object,
            reasoning_field="reasoning",
            reasoning_details=True,
            max_stops=None,
        ),
        reasoning_replay="with_tool_calls",
        capabilities=Capabilities(documents=True, audio=True, embeddings=True),
    ),
    Provider(
        name="siliconflow",
        title="SiliconFlow",
        protocol="openai_chat",
        docs="https://docs.siliconflow.cn/cn/api-reference/chat-completions",
        base_url="https://api.siliconflow.cn/v1",
        key_env=("SILICONFLOW_API_KEY",),
        dialect=ChatDialect(
            unsupported=frozenset({"logit_bias", "user", "metadata"}), reasoning=by_enable_thinking, embedding_batch=32
        ),
        rules=(  # docs.siliconflow.cn, "error-code", 2026-11
            Rule(errors.ModelNotFoundError, code=r"20012"),
            Rule(errors.BillingError, status=403, message=r"balance|余额"),
        ),
        reasoning_replay="with_tool_calls",
        capabilities=Capabilities(embeddings=True),
    ),
    Provider(
        name="vllm",
        title="vLLM",
        protocol="openai_chat",
        docs="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        base_url="http://localhost:8000/v1",
        key_env=("VLLM_API_KEY",),
        base_url_env=("VLLM_BASE_URL",),
        key_required=False,
        dialect=_OPEN_SERVER,
        reasoning_replay="with_tool_calls",
        capabilities=_OPEN_CAPABILITIES,
    ),
    Provider(
        name="xinference",
        title="Xinference",
        protocol="openai_chat",
        docs="https://inference.readthedocs.io/en/latest/user_guide/client_api.html",
        base_url="http://localhost:9997/v1",
        key_env=("XINFERENCE_API_KEY",),
        base_url_env=("XINFERENCE_BASE_URL",),
        key_required=False,
        dialect=_OPEN_SERVER,
        reasoning_replay="with_tool_calls",
        capabilities=_OPEN_CAPABILITIES,
    ),
    Provider(
        name="lmstudio",
        title="LM Studio",
        protocol="openai_chat",
        docs="https://lmstudio.ai/docs/developer/openai-compat",
        base_url="http://localhost:1234/v1",
        key_env=("LMSTUDIO_API_KEY",),
        base_url_env=("LMSTUDIO_BASE_URL",),
        key_required=False,
        dialect=ChatDialect(reasoning=by_effort(), max_stops=None),
        reasoning_replay="with_tool_calls",
        capabilities=Capabilities(embeddings=True),
    ),
    Provider(
        name="local",
        title="The embedded model (llama.cpp on this machine)",
        protocol="openai_chat",
        docs="https://github.com/ggml-org/llama.cpp/tree/master/tools/server",
        base_url=_local_address,
        key_required=False,
        options=(
            Option(name="context_size", form=A_COUNT, help="tokens of context"),
            Option(name="threads", form=A_COUNT, help="processor threads; half the cores by default"),
        ),
        dialect=ChatDialect(
            media=frozenset(),
            reasoning=by_llama_cpp,
            max_stops=None,
            tool_choices=frozenset({"auto", "required"}),
            calls_before_form=True,  # the grammar of a form leaves no room for a call (llama.cpp's server, 2026-10)
        ),
        reasoning_replay="with_tool_calls",
        default_model="smollm2",
        context_window=_local_context_window,
        capabilities=Capabilities(images=False, embeddings=True),
    ),
)
