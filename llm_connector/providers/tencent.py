"""The rows of Tencent: Hunyuan's native API, and TokenHub, which succeeds it. Facts: the vendor's pages, 2026-11.

The vendor switched Hunyuan's own platform off on 2026-09-30; the row stays for gateways that speak its protocol.
"""

from __future__ import annotations

from llm_connector.protocols.chat_dialect import ChatDialect
from llm_connector.protocols.chat_reasoning import by_thinking_type
from llm_connector.provider import IN_HOST, Capabilities, Option, Provider

_PENALTIES = frozenset({"presence_penalty", "frequency_penalty"})

ROWS = (
    Provider(
        name="tencent",
        title="Tencent Hunyuan (API 3.0; retired 2026-09-30, see tencent_tokenhub)",
        protocol="hunyuan",
        docs="https://cloud.tencent.com/document/product/1729/105701",
        base_url="https://hunyuan.tencentcloudapi.com",
        auth="tc3",
        options=(
            Option(
                name="secret_id", env=("TENCENTCLOUD_SECRET_ID",), secret=True, part="pair", help="the id of a key pair"
            ),
            Option(
                name="secret_key", env=("TENCENTCLOUD_SECRET_KEY",), secret=True, part="pair", help="its secret half"
            ),
            Option(name="session_token", secret=True, part="addition", help="the token of temporary keys"),
            Option(
                name="region",
                env=("TENCENTCLOUD_REGION",),
                form=IN_HOST,
                help="such as ap-guangzhou; this product needs none",
            ),
        ),
        dialect=ChatDialect(
            unsupported=frozenset({"name"}),
            ranges={"seed": (1, 10000), "temperature": (0, 2), "top_p": (0, 1)},
            max_stops=None,
            media=frozenset({"image", "video"}),
            empty_tool_content="",
            embedding_batch=50,
        ),
        reasoning_replay="never",
        capabilities=Capabilities(video=True, json_schema=False, embeddings=True, models=False),
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
)
