"""The rows of Chinese vendors that speak Chat Completions alone. Facts: the vendors' pages and SDKs, 2026-11."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llm_connector import errors
from llm_connector.faults import Rule
from llm_connector.protocols.chat_dialect import ChatDialect
from llm_connector.protocols.chat_reasoning import by_effort, by_thinking_type
from llm_connector.provider import Capabilities, Option, Provider

if TYPE_CHECKING:
    from llm_connector.effort import ReasoningControl
    from llm_connector.protocols.fields import RequestFields

_TEXT_ONLY: frozenset[str] = frozenset()
_PENALTIES = frozenset({"presence_penalty", "frequency_penalty"})
_LOGPROBS = frozenset({"logprobs", "top_logprobs"})
_SAMPLING = _PENALTIES | {"temperature", "top_p"}
# Ark's texts of a prompt that does not fit; not confirmed by its pages, 2026-11.
_ARK_OVERFLOW = r"input length|exceeds? (the )?max(imum)? (message tokens|context|length)"

_DEEPSEEK_V4 = r"deepseek-(v[4-9]|flash|pro)"
_KIMI_K2 = by_thinking_type(budget=True, always_on=r"kimi-k2\.7-code")
_KIMI_K3 = by_effort(("low", "high", "max"), off=None, on="max")


def _kimi_reasoning(control: ReasoningControl, model: str, fields: RequestFields) -> dict[str, Any]:
    """K2 has a switch; K3 always reasons, refuses the switch and takes an effort (Moonshot's reference, 2026-07)."""
    style = _KIMI_K3 if re.match(r"kimi-k[3-9]", model) else _KIMI_K2
    return style(control, model, fields)


ROWS = (
    Provider(
        name="volcengine",
        title="Volcengine Ark",
        protocol="openai_chat",
        docs="https://www.volcengine.com/docs/82379/1330310",
        base_url="https://ark.cn-beijing.volces.com/api/v3",
        key_env=("ARK_API_KEY",),
        dialect=ChatDialect(
            unsupported=frozenset({"seed", "top_k", "metadata"}),
            media=frozenset({"image", "audio", "video"}),
            audio_urls=True,
            reasoning=by_thinking_type(("minimal", "low", "medium", "high")),
            embedding_batch=256,
            default_path="/api/v3",
        ),
        rules=(
            Rule(errors.ContextLengthError, code=r"InvalidParameter.*", message=_ARK_OVERFLOW),
            Rule(errors.ContentFilterError, code=r"(Input|Output)(Text|Image)RiskDetection|SensitiveContentDetected.*"),
            Rule(errors.BillingError, code=r"AccountOverdueError"),
            Rule(errors.PermissionDeniedError, code=r"AccessDenied"),
            Rule(errors.ModelNotFoundError, code=r"InvalidEndpointOrModel\.NotFound|ModelNotOpen"),
            Rule(
                errors.InvalidRequestError, code=r"MissingParameter|InvalidParameter.*|InvalidEndpoint\.ClosedEndpoint"
            ),
            Rule(errors.OverloadedError, code=r"ServerOverloaded"),
            Rule(errors.RateLimitError, code=r"RateLimitExceeded.*|ModelAccount.*RateLimitExceeded|QuotaExceeded"),
            Rule(errors.AuthenticationError, code=r"AuthenticationError"),
            Rule(errors.ServerError, code=r"InternalServiceError"),
        ),
        reasoning_replay="with_tool_calls",
        capabilities=Capabilities(audio=True, video=True, embeddings=True),
    ),
    Provider(
        name="moonshot",
        title="Moonshot (Kimi)",
        protocol="openai_chat",
        docs="https://platform.moonshot.cn/docs/api/chat",
        regions={"cn": "https://api.moonshot.cn/v1", "intl": "https://api.moonshot.ai/v1"},
        key_env=("MOONSHOT_API_KEY",),
        options=(Option(name="region", default="cn", choices=("cn", "intl"), help="where the key was made"),),
        dialect=ChatDialect(
            unsupported=frozenset({"seed", "top_k", "logit_bias", "user", "parallel_tool_calls", "metadata"}),
            unsupported_for=((r"kimi-k", _SAMPLING),),  # fixed since K2.5: other values are refused (seen 2026-07)
            max_stops=5,
            tool_choices_for=(
                (r"kimi-k2", frozenset({"auto", "none", "named"})),
                (r"kimi-k[3-9]", frozenset({"auto", "none", "required"})),
            ),
            no_forced_tool_while_reasoning=r"kimi-k2",
            reasons_by_default=r"kimi-k2",
            media=frozenset({"image", "video"}),
            fetches_urls=False,
            file_scheme="ms://",
            schema_keyword=False,
            reasoning=_kimi_reasoning,
            empty_reasoning=True,
        ),
        rules=(
            Rule(errors.ContentFilterError, code=r"content_filter"),
            Rule(errors.AuthenticationError, code=r"invalid_authentication_error|incorrect_api_key_error"),
            Rule(errors.PermissionDeniedError, code=r"permission_denied_error"),
            Rule(errors.ModelNotFoundError, code=r"resource_not_found_error"),
            Rule(errors.OverloadedError, code=r"engine_overloaded_error|server_unavailable"),
            Rule(errors.BillingError, code=r"exceeded_current_quota_error"),
            Rule(errors.RateLimitError, code=r"rate_limit_reached_error"),
            Rule(errors.ServerError, code=r"server_error|unexpected_output"),
        ),
        reasoning_replay="with_tool_calls",
        capabilities=Capabilities(video=True),
    ),
    Provider(
        name="deepseek",
        title="DeepSeek",
        protocol="openai_chat",
        docs="https://api-docs.deepseek.com/quick_start/pricing",
        base_url="https://api.deepseek.com",
        key_env=("DEEPSEEK_API_KEY",),
        dialect=ChatDialect(
            unsupported=frozenset({"seed", "top_k", "logit_bias", "n", "user", "parallel_tool_calls", "metadata"}),
            max_stops=16,
            media=_TEXT_ONLY,
            json_schema=False,
            json_word=True,
            no_forced_tool_while_reasoning=_DEEPSEEK_V4,
            reasons_by_default=_DEEPSEEK_V4,
            reasoning=by_thinking_type(
                {"minimal": "low", "low": "low", "medium": "high", "high": "high", "xhigh": "high", "max": "max"}
            ),
            empty_reasoning=True,
            no_replay_models=r"deepseek-(reasoner|r1)",
        ),
        rules=(Rule(errors.BillingError, message=r"insufficient balance"),),
        reasoning_replay="with_tool_calls",
        capabilities=Capabilities(images=False, json_schema=False),
    ),
    Provider(
        name="longcat",
        title="LongCat (OpenAI's format)",
        protocol="openai_chat",
        docs="https://longcat.chat/platform/docs",
        base_url="https://api.longcat.chat/openai/v1",
        key_env=("LONGCAT_API_KEY",),
        dialect=ChatDialect(
            unsupported=_LOGPROBS
            | {"top_k", "logit_bias", "user", "metadata", "seed", "n", "parallel_tool_calls"},  # undocumented, 2026-11
            ranges={"temperature": (0, 1)},
            media=_TEXT_ONLY,
            json_schema=False,
            reasoning=by_thinking_type(),
            models_above="/openai/v1",
            paths={"models": "/v1/models"},
        ),
        rules=(
            Rule(errors.BillingError, status=403, code=r"insufficient_quota"),
            Rule(errors.InvalidRequestError, code=r"invalid_(parameter|json)"),
        ),
        reasoning_replay="with_tool_calls",
        capabilities=Capabilities(images=False, json_schema=False),
        aliases=("longcat_openai",),
    ),
    Provider(
        name="minimax",
        title="MiniMax",
        protocol="openai_chat",
        docs="https://platform.minimax.io/docs/api-reference/text-openai-api",
        base_url="https://api.minimax.io/v1",
        key_env=("MINIMAX_API_KEY",),
        dialect=ChatDialect(
            unsupported=_PENALTIES | {"logit_bias", "n", "metadata", "user"},
            media=_TEXT_ONLY,
            base_resp=True,
            think_tags=True,
        ),
        # The codes of base_resp, inside HTTP 200 (platform.minimax.io, "Error Codes", 2026-11).
        rules=(
            Rule(errors.AuthenticationError, code=r"1004|2049"),
            Rule(errors.BillingError, code=r"1008"),
            Rule(errors.RateLimitError, code=r"2056", retryable=False),  # a plan's limit of five hours
            Rule(errors.RateLimitError, code=r"1002|1039|1041|2045"),
            Rule(errors.ContentFilterError, code=r"1026|1027"),
            Rule(errors.ContextLengthError, code=r"2013", message=r"context window"),
            Rule(errors.InvalidRequestError, code=r"1042|2013"),
            Rule(errors.RequestTimeoutError, code=r"1001"),
            Rule(errors.ServerError, code=r"1000|1024|1033"),
        ),
        reasoning_replay="with_tool_calls",
        capabilities=Capabilities(images=False, models=True),
    ),
    Provider(
        name="xiaomi",
        title="Xiaomi MiMo",
        protocol="openai_chat",
        docs="https://platform.xiaomimimo.com",
        base_url="https://api.xiaomimimo.com/v1",
        key_env=("XIAOMI_API_KEY", "MIMO_API_KEY"),
        dialect=ChatDialect(reasoning=by_thinking_type()),
        reasoning_replay="with_tool_calls",
    ),
)
