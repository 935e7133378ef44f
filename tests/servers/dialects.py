"""How the vendors of the Chat Completions family differ, one row a vendor. What they share is in ``openai_chat.py``."""

from __future__ import annotations

from dataclasses import dataclass, replace


def words(text: str) -> frozenset[str]:
    """The words of a text, for tables of names."""
    return frozenset(text.split())


_COMMON = words(
    "model messages max_tokens temperature top_p stop stream stream_options tools tool_choice response_format"
)
_TUNING = words("presence_penalty frequency_penalty logit_bias seed n logprobs top_logprobs user parallel_tool_calls")
_OPENAI = (
    _COMMON
    | _TUNING
    | words(
        "max_completion_tokens reasoning_effort verbosity metadata modalities audio prediction store service_tier"
        " safety_identifier prompt_cache_key prompt_cache_options prompt_cache_retention web_search_options moderation"
        " functions function_call"
    )
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One vendor's way of speaking Chat Completions.

    Attributes:
        prefix: The path of the vendor's base URL.
        models_path: Where the models are listed, if not below the base URL.
        window_at: Field of a listed model's context window; empty: it is not told.
        fields: Top-level request fields; ``None``: anything.
        message_fields: Fields of a message beyond the common ones.
        roles: Message roles.
        parts: Content part types of a user message.
        choices: Kinds of ``tool_choice``.
        formats: Types of ``response_format``.
        bare_images: Whether ``image_url.url`` may be base64 without ``data:``.
        image_schemes: How an image URL may begin (besides ``data:``).
        json_word: Whether ``json_object`` needs the word JSON in a message.
        gated: Whether OpenAI's rules for its reasoning models hold.
        key_header: Where the key stands; ``authorization`` means Bearer.
        key_optional: Whether no key is fine.
        reasoning: Field of the reasoning text; ``think``: tags inside the content; empty: it is not shown.
        thinks_by_default: Pattern of the models that think when not told otherwise.
        usage_at: Place in a stream: ``own`` chunk, ``finish`` chunk, ``every`` chunk, inside the last ``choice``.
        usage_on_demand: Whether a stream has usage only with ``stream_options.include_usage``.
        cached_at: Where cached tokens stand: ``details``, ``top``, or ``deepseek`` (hit and miss beside the details).
        role_on_every: Whether each delta repeats the role.
        open_finish: The finish reason before the end: ``null``, ``absent`` or ``empty`` (an empty string).
        fragments: How a streamed call is cut: ``once`` (id once), ``whole``, ``empty-id``, ``repeat`` (id again).
        empty_content: ``content`` of an answer that has only calls.
        call_id: Format of a call's id, from ``name`` and ``number``.
        comment: A comment sent among the events.
        done: Whether ``[DONE]`` ends a stream.
        errors: The shape of an error body: ``openai``, ``ark``, ``zhipu``, ``bare``, ``detail``, ``request_id``.
        demand: What is said when a history lost its reasoning.
    """

    name: str
    prefix: str = "/v1"
    models_path: str = ""
    window_at: str = ""
    fields: frozenset[str] | None = None
    message_fields: frozenset[str] = frozenset({"reasoning_content", "reasoning", "reasoning_details"})
    roles: frozenset[str] = frozenset({"system", "user", "assistant", "tool"})
    parts: frozenset[str] = frozenset({"text", "image_url", "input_audio", "file", "video_url"})
    choices: frozenset[str] = frozenset({"none", "auto", "required", "function"})
    formats: frozenset[str] = frozenset({"text", "json_object", "json_schema"})
    bare_images: bool = False
    image_schemes: tuple[str, ...] = ("http://", "https://")
    json_word: bool = False
    gated: bool = False
    key_header: str = "authorization"
    key_optional: bool = False
    reasoning: str = "reasoning_content"
    thinks_by_default: str = ""
    usage_at: str = "own"
    usage_on_demand: bool = True
    cached_at: str = "details"
    role_on_every: bool = False
    open_finish: str = "null"
    fragments: str = "once"
    empty_content: str | None = None
    call_id: str = "call_{number:024d}"
    comment: str = ""
    done: bool = True
    errors: str = "openai"
    demand: str = "The reasoning of the assistant message with tool calls is missing."


# Vendor documentation and recorded streams, as of 2026-11.
COMPATIBLE = Dialect("compatible")
OPENAI = Dialect(
    "openai",
    fields=_OPENAI,
    message_fields=frozenset({"refusal", "audio", "function_call"}),
    roles=frozenset({"developer", "system", "user", "assistant", "tool", "function"}),
    parts=frozenset({"text", "image_url", "input_audio", "file"}),
    choices=frozenset({"none", "auto", "required", "function", "allowed_tools"}),
    json_word=True,
    gated=True,
    reasoning="",
)
AZURE = replace(OPENAI, name="azure", prefix="", key_header="api-key", errors="azure")
DEEPSEEK = Dialect(
    "deepseek",
    prefix="",
    fields=_COMMON
    | {"thinking", "reasoning_effort", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs"},
    message_fields=frozenset({"reasoning_content", "prefix"}),
    parts=frozenset(),
    formats=frozenset({"text", "json_object"}),
    json_word=True,
    thinks_by_default=r"deepseek-(v4|flash|pro)",
    usage_at="finish",
    usage_on_demand=False,
    cached_at="deepseek",
    empty_content="",
    call_id="call_00_{number:020d}",
    comment=": keep-alive",
    demand="The `reasoning_content` in the thinking mode must be passed back to the API.",
)
MOONSHOT = Dialect(
    "moonshot",
    window_at="context_length",
    fields=_COMMON
    | {"max_completion_tokens", "n", "presence_penalty", "frequency_penalty"}
    | {"thinking", "reasoning_effort", "prompt_cache_key"},
    message_fields=frozenset({"reasoning_content", "partial"}),
    parts=frozenset({"text", "image_url", "video_url"}),
    image_schemes=("ms://",),
    thinks_by_default=r"kimi-k",
    usage_at="finish",
    usage_on_demand=False,
    cached_at="top",
    open_finish="null",
    call_id="functions.{name}:{number}",
    errors="bare",
    demand="thinking is enabled but reasoning_content is missing in assistant tool call message",
)
MOONSHOT_CHOICE_USAGE = replace(MOONSHOT, name="moonshot_choice_usage", usage_at="choice")
VOLCENGINE = Dialect(
    "volcengine",
    prefix="/api/v3",
    fields=(_COMMON | _TUNING | {"max_completion_tokens", "reasoning_effort", "thinking", "repetition_penalty"})
    - {"seed"}
    | {"service_tier", "function_call"},
    message_fields=frozenset({"reasoning_content", "encrypted_content"}),
    parts=frozenset({"text", "image_url", "video_url", "input_audio"}),
    thinks_by_default=r"doubao-seed",
    role_on_every=True,
    open_finish="absent",
    empty_content="",
    errors="ark",
)
ALIYUN = Dialect(
    "aliyun",
    prefix="/compatible-mode/v1",
    fields=(_COMMON | _TUNING | {"max_completion_tokens", "enable_thinking", "thinking_budget", "top_k"})
    | {"enable_search", "search_options", "repetition_penalty", "reasoning_effort", "modalities", "audio"},
    fragments="empty-id",
    empty_content="",
    errors="request_id",
)
ZHIPU = Dialect(
    "zhipu",
    prefix="/api/paas/v4",
    fields=(_COMMON - {"stream_options"})
    | {"request_id", "user_id", "do_sample", "seed", "sensitive_word_check", "thinking", "watermark_enabled"}
    | {"tool_stream", "reasoning_effort", "meta", "extra"},
    message_fields=frozenset({"reasoning_content"}),
    parts=frozenset({"text", "image_url", "video_url", "file_url"}),
    choices=frozenset({"auto"}),
    formats=frozenset({"text", "json_object"}),
    bare_images=True,
    thinks_by_default=r"glm-(4\.7|5)",
    usage_at="finish",
    usage_on_demand=False,
    role_on_every=True,
    open_finish="absent",
    fragments="whole",
    empty_content="",
    call_id="call_-{number:019d}",
    errors="zhipu",
    demand="The reasoning_content of the assistant message with tool_calls is missing.",
)
LONGCAT = Dialect(
    "longcat",
    prefix="/openai/v1",
    models_path="/v1/models",
    fields=_COMMON | {"thinking", "presence_penalty", "frequency_penalty"},
    parts=frozenset({"text"}),
    usage_at="every",
    usage_on_demand=False,
)
OPENROUTER = Dialect(
    "openrouter",
    window_at="context_length",
    prefix="/api/v1",
    fields=_OPENAI
    | {"top_k", "top_a", "min_p", "repetition_penalty", "reasoning", "include_reasoning", "provider", "models"}
    | {"transforms", "route", "plugins", "usage"},
    reasoning="reasoning",
    comment=": OPENROUTER PROCESSING",
)
TOKENHUB = replace(COMPATIBLE, name="tokenhub", fragments="repeat", usage_at="every", usage_on_demand=False)
MINIMAX = replace(COMPATIBLE, name="minimax", reasoning="think", usage_at="finish", usage_on_demand=False)
XIAOMI = replace(COMPATIBLE, name="xiaomi")
SILICONFLOW = replace(COMPATIBLE, name="siliconflow", usage_at="every", usage_on_demand=False, empty_content="")
XINFERENCE = replace(COMPATIBLE, name="xinference", key_optional=True, errors="detail", open_finish="empty")
VLLM = replace(
    COMPATIBLE, name="vllm", window_at="max_model_len", key_optional=True, reasoning="reasoning", empty_content=""
)
VLLM_TAGS = replace(VLLM, name="vllm_tags", reasoning="think")
LMSTUDIO = replace(COMPATIBLE, name="lmstudio", key_optional=True, errors="string", done=False)

DIALECTS = {row.name: row for row in list(globals().values()) if isinstance(row, Dialect)}
