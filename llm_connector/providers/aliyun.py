"""The rows of Aliyun Model Studio: DashScope's own API and its Chat Completions. Facts: dashscope 2.0.2 and pages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llm_connector.protocols.chat_dialect import ChatDialect
from llm_connector.protocols.chat_reasoning import by_enable_thinking
from llm_connector.provider import IN_HOST, Capabilities, Option, Provider
from llm_connector.providers.error_tables import ALIYUN_RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

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
_REGION_IDS = {"cn": "cn-beijing", "intl": "ap-southeast-1", "hk": "cn-hongkong", "us": "us-east-1"}
_KEYS = ("DASHSCOPE_API_KEY", "ALIYUN_API_KEY")
_OPTIONS = (
    Option(
        name="region",
        env=("DASHSCOPE_REGION", "DASHSCOPE_API_REGION"),
        default="cn",
        choices=tuple(ALIYUN_HOSTS),
        help="where the key was made: keys are valid in one region",
    ),
    Option(
        name="workspace",
        env=("DASHSCOPE_WORKSPACE", "DASHSCOPE_WORKSPACE_ID"),
        form=IN_HOST,
        help="a workspace's id",
    ),
)
_ENDPOINT = Option(
    name="endpoint",
    default="auto",
    choices=("auto", "text", "multimodal"),
    help="which of the two generation services to call; auto goes by the messages and the model",
)
# The models that take a schema (Model Studio, "Structured output", 2026-02); snapshots of older dates do not.
_SCHEMA_MODELS = (
    r"qwen3-max($|-20)|qwen3\.[5-9]|deepseek-v3\.2|qwen-(plus|flash)($|-latest|-us|-2025-(0[7-9]|1)|-202[6-9])"
)


def aliyun_host(options: Mapping[str, Any]) -> str:
    """The host of a region, or of a workspace in it."""
    region = options["region"]
    if options.get("workspace"):
        return f"https://{options['workspace']}.{_REGION_IDS.get(region, region)}.maas.aliyuncs.com"
    return ALIYUN_HOSTS[region]


_DIALECT = ChatDialect(
    cache_marks=True,
    unsupported=frozenset({"frequency_penalty", "logit_bias", "user", "metadata"}),
    ranges={"temperature": (0, 1.99)},
    max_stops=None,
    tool_choices=frozenset({"auto", "none", "named"}),
    no_forced_tool_while_reasoning=r".",
    reasons_by_default=r"qwen3-\d+(\.\d+)?b|qwen3\.[5-9]",
    media=frozenset({"image", "audio", "video"}),
    audio_urls=True,
    empty_tool_content="",
    json_schema_models=_SCHEMA_MODELS,
    json_word=True,
    reasoning=by_enable_thinking,
    embedding_batch=10,
)

ROWS = (
    Provider(
        name="aliyun",
        title="Aliyun Model Studio (DashScope)",
        protocol="dashscope",
        docs="https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope",
        base_url=lambda options, _: f"{aliyun_host(options)}/api/v1",
        key_env=_KEYS,
        base_url_env=("DASHSCOPE_BASE_URL", "DASHSCOPE_HTTP_BASE_URL"),
        options=(*_OPTIONS, _ENDPOINT),
        dialect=_DIALECT,
        rules=ALIYUN_RULES,
        reasoning_replay="with_tool_calls",
        capabilities=Capabilities(audio=True, video=True, embeddings=True),
        aliases=("aliyun_international", "aliyun_private"),
    ),
    Provider(
        name="aliyun_openai",
        title="Aliyun Model Studio (OpenAI's format)",
        protocol="aliyun_chat",
        docs="https://help.aliyun.com/zh/model-studio/compatibility-of-openai-with-dashscope",
        base_url=lambda options, _: f"{aliyun_host(options)}/compatible-mode/v1",
        key_env=_KEYS,
        base_url_env=("DASHSCOPE_COMPATIBLE_BASE_URL",),
        options=_OPTIONS,
        dialect=_DIALECT,
        rules=ALIYUN_RULES,
        reasoning_replay="with_tool_calls",
        capabilities=Capabilities(audio=True, video=True, embeddings=True),
    ),
)

# A private cloud has no public address: without one of the user's own, its prompts would go to the public one.
VARIANTS: dict[str, Provider] = {"aliyun_private": replace(ROWS[0], base_url=None)}
