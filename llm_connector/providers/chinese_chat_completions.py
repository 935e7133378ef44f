"""The rows of Chinese vendors that speak Chat Completions. Facts: the vendors' pages and SDKs, 2026-11."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connector import errors
from llm_connector.effort import LEVELS
from llm_connector.faults import Rule
from llm_connector.protocols.chat_dialect import ChatDialect
from llm_connector.protocols.chat_reasoning import by_enable_thinking, by_thinking_type
from llm_connector.provider import Capabilities, Option, Provider
from llm_connector.providers.error_tables import ALIYUN_RULES, ZHIPU_RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT_ONLY: frozenset[str] = frozenset()
_PENALTIES = frozenset({"presence_penalty", "frequency_penalty"})

# Hosts by region, under our short names and the vendor's ids (dashscope 2.0.2; its other regions answer at "intl").
ALIYUN_HOSTS: Mapping[str, str] = {
    "cn": "https://dashscope.aliyuncs.com",
    "cn-beijing": "https://dashscope.aliyuncs.com",
    "intl": "https://dashscope-intl.aliyuncs.com",
    "ap-southeast-1": "https://dashscope-intl.aliyuncs.com",
    "hk": "https://cn-hongkong.dashscope.aliyuncs.com",
    "cn-hongkong": "https://cn-hongkong.dashscope.aliyuncs.com",
    "us": "https://dashscope-us.aliyuncs.com",
    "us-east-1": "https://dashscope-us.aliyuncs.com",
    "eu-central-1": "https://dashscope-intl.aliyuncs.com",
    "ap-northeast-1": "https://dashscope-intl.aliyuncs.com",
}
_ALIYUN_REGION_IDS = {"cn": "cn-beijing", "intl": "ap-southeast-1", "hk": "cn-hongkong", "us": "us-east-1"}
ALIYUN_OPTIONS = (
    Option(
        name="region",
        env=("DASHSCOPE_REGION", "DASHSCOPE_API_REGION"),
        default="cn",
        choices=tuple(ALIYUN_HOSTS),
        help="where the key was made: keys are valid in one region",
    ),
    Option(name="workspace", env=("DASHSCOPE_WORKSPACE", "DASHSCOPE_WORKSPACE_ID"), help="a workspace's id"),
)
ALIYUN_KEYS = ("DASHSCOPE_API_KEY", "ALIYUN_API_KEY")


def aliyun_host(options: Mapping[str, Any]) -> str:
    """The host of a region, or of a workspace in it."""
    region = options["region"]
    if options.get("workspace"):
        return f"https://{options['workspace']}.{_ALIYUN_REGION_IDS.get(region, region)}.maas.aliyuncs.com"
    return ALIYUN_HOSTS[region]


ZHIPU_DIALECT = ChatDialect(
    rename={"user": "user_id"},
    unsupported=_PENALTIES
    | {"logit_bias", "n", "parallel_tool_calls", "top_k", "logprobs", "top_logprobs", "metadata", "name"},
    when_greedy={"do_sample": False},
    ranges={"temperature": (0.01, 0.99), "top_p": (0.01, 0.99)},  # open intervals; zai-sdk 0.2.3 moves values so
    max_stops=1,
    stream_usage=False,
    tool_choices=frozenset({"auto"}),
    media=frozenset({"image", "video", "document"}),
    bare_base64=True,
    documents="file_url",
    empty_tool_content="",
    json_schema=False,
    tool_stream_models=r"(?i)glm-(4\.[6-9]|[5-9])",
    strict_tools=False,
    reasoning=by_thinking_type(LEVELS, r"glm-(5\.[2-9]|[6-9])"),
    embedding_batch=64,
)
ZHIPU_REGIONS = {"cn": "https://open.bigmodel.cn/api/paas/v4", "intl": "https://api.z.ai/api/paas/v4"}

ROWS = (
    Provider(
        name="zhipu_openai",
        title="Zhipu / Z.ai (OpenAI's format, key as it is)",
        protocol="openai_chat",
        docs="https://docs.bigmodel.cn/api-reference",
        regions=ZHIPU_REGIONS,
        key_env=("ZAI_API_KEY", "ZHIPUAI_API_KEY", "ZHIPU_API_KEY"),
        base_url_env=("ZAI_BASE_URL", "ZHIPUAI_BASE_URL"),
        options=(Option(name="region", default="cn", choices=tuple(ZHIPU_REGIONS), help="where the key was made"),),
        dialect=ZHIPU_DIALECT,
        rules=ZHIPU_RULES,
        reasoning_replay="with_tool_calls",
        capabilities=Capabilities(documents=True, video=True, json_schema=False, embeddings=True),
        aliases=("zhipu_openai_compatible",),
    ),
    Provider(
        name="aliyun_openai",
        title="Aliyun Model Studio (OpenAI's format)",
        protocol="openai_chat",
        docs="https://help.aliyun.com/zh/model-studio/compatibility-of-openai-with-dashscope",
        base_url=lambda options, _: f"{aliyun_host(options)}/compatible-mode/v1",
        key_env=ALIYUN_KEYS,
        base_url_env=("DASHSCOPE_COMPATIBLE_BASE_URL",),
        options=ALIYUN_OPTIONS,
        dialect=ChatDialect(
            unsupported=frozenset({"frequency_penalty", "logit_bias", "user", "metadata"}),
            ranges={"temperature": (0, 1.99)},
            tool_choices=frozenset({"auto", "none", "named"}),
            media=frozenset({"image", "audio", "video"}),
            audio_urls=True,
            empty_tool_content="",
            reasoning=by_enable_thinking,
            embedding_batch=10,
        ),
        rules=ALIYUN_RULES,
        reasoning_replay="with_tool_calls",
        capabilities=Capabilities(audio=True, video=True, embeddings=True),
    ),
    Provider(
        name="tencent_tokenhub",
        title="Tencent TokenHub",
        protocol="openai_chat",
        docs="https://cloud.tencent.com/document/product/1823",
        base_url="https://tokenhub.tencentmaas.com/v1",
        key_env=("TOKENHUB_API_KEY",),
        dialect=ChatDialect(
            unsupported_for=((r"hy", _PENALTIES),),
            reasoning=by_thinking_type(("low", "medium", "high")),
        ),
        reasoning_replay="with_tool_calls",
    ),
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
            media=frozenset({"image", "video"}),
            fetches_urls=False,
            file_scheme="ms://",
            reasoning=by_thinking_type(
                ("low", "high", "max"), r"kimi-k[3-9]", budget=True, always_on=r"kimi-k2\.7-code"
            ),
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
            unsupported=frozenset({"top_k", "logit_bias", "user", "metadata"}),
            ranges={"temperature": (0, 1)},
            media=_TEXT_ONLY,
            json_schema=False,
            reasoning=by_thinking_type(),
            models_above="/openai/v1",
            paths={"models": "/v1/models"},
        ),
        rules=(Rule(errors.BillingError, status=403, code=r"insufficient_quota"),),
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
            unsupported=_PENALTIES | {"logit_bias", "n", "metadata", "user"}, media=_TEXT_ONLY, think_tags=True
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
