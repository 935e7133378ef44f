"""The rows of Zhipu (Z.ai abroad): one wire under two names. Facts: zai-sdk 0.2.3 and docs.bigmodel.cn, 2026-11."""

from __future__ import annotations

from typing import Any

from llm_connector.effort import LEVELS
from llm_connector.protocols.chat_dialect import ChatDialect
from llm_connector.protocols.chat_reasoning import by_thinking_type
from llm_connector.provider import Capabilities, Option, Provider
from llm_connector.providers.error_tables import ZHIPU_RULES

ZHIPU_DIALECT = ChatDialect(
    rename={"user": "user_id"},
    unsupported=frozenset(
        {
            "presence_penalty",
            "frequency_penalty",
            "logit_bias",
            "n",
            "parallel_tool_calls",
            "top_k",
            "logprobs",
            "top_logprobs",
            "metadata",
            "name",
        }
    ),
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
_REGIONS = {"cn": "https://open.bigmodel.cn/api/paas/v4", "intl": "https://api.z.ai/api/paas/v4"}
_REGION = Option(name="region", default="cn", choices=tuple(_REGIONS), help="where the key was made")
_AUTH = Option(
    name="auth", default="key", choices=("key", "jwt"), help="send the key itself, or a short-lived token made of it"
)
_SHARED: dict[str, Any] = {
    "protocol": "openai_chat",
    "docs": "https://docs.bigmodel.cn/api-reference",
    "regions": _REGIONS,
    "key_env": ("ZAI_API_KEY", "ZHIPUAI_API_KEY", "ZHIPU_API_KEY"),
    "base_url_env": ("ZAI_BASE_URL", "ZHIPUAI_BASE_URL"),
    "dialect": ZHIPU_DIALECT,
    "rules": ZHIPU_RULES,
    "reasoning_replay": "with_tool_calls",
    "family": "zhipu",
    "capabilities": Capabilities(documents=True, video=True, json_schema=False, embeddings=True),
}

ROWS = (
    Provider(name="zhipu", title="Zhipu / Z.ai", auth="zhipu", options=(_REGION, _AUTH), **_SHARED),
    Provider(
        name="zhipu_openai",
        title="Zhipu / Z.ai (OpenAI's format, key as it is)",
        options=(_REGION,),
        aliases=("zhipu_openai_compatible",),
        **_SHARED,
    ),
)
