"""What tells one Chat Completions provider from another, as fields that any row can use.

How they act is in ``openai_chat``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llm_connector.effort import ReasoningControl
    from llm_connector.protocols.fields import RequestFields
    from llm_connector.types import ChatRequest, FinishReason

TOOL_CHOICES = frozenset({"auto", "none", "required", "named"})


def no_reasoning_control(control: ReasoningControl, model: str, fields: RequestFields) -> dict[str, Any]:
    """For vendors whose models reason or not whatever one asks."""
    del model
    if control.on is not None:
        fields.warn("how to reason cannot be asked for; the reasoning fields were not sent")
    return {}


def calls_next(request: ChatRequest) -> bool:
    """Whether the model may or must call a tool now: it is offered some, and does not just get a result."""
    if not request.tools or request.tool_choice == "none":
        return False
    return request.tool_choice not in {"auto", None} or request.messages[-1].role != "tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDialect:
    """One provider's way of speaking Chat Completions.

    Attributes:
        token_limit: The name of the answer's token limit.
        rename: Wire names of request fields, where they differ.
        unsupported: Request fields that the vendor refuses or ignores: not sent, but reported.
        unsupported_for: The same for models whose names match a pattern.
        when_greedy: Added to the body when ``temperature`` is 0.
        ranges: The closed ranges that the vendor takes for ``temperature`` and ``top_p``; values outside are moved in.
        max_stops: How many stop texts the vendor takes; ``None`` for any number.
        stream_usage: Whether to ask for token counts in a stream with ``stream_options``.
        tool_choices: Which of auto, none, required and named the vendor takes.
        tool_choices_for: The same for models whose names match a pattern.
        no_forced_tool_while_reasoning: The pattern of models that refuse a forced tool while they reason.
        reasons_by_default: The pattern of models that reason unless told not to; needed only with the field before.
        media: Which of image, audio, video and document the vendor's models may take.
        fetches_urls: Whether the vendor fetches images from the web.
        bare_base64: Whether image data is sent as bare base64 and not as a ``data:`` URL.
        audio_urls: Whether audio may be given by address.
        file_scheme: The scheme of addresses of uploaded files, such as ``ms://``; empty when there is none.
        documents: The content part for documents: ``file`` (OpenAI) or ``file_url`` (Zhipu).
        cache_marks: Whether ``cache_control`` on blocks and tools is taken; else it is reported.
        empty_tool_content: The content of an assistant message that only calls tools.
        developer_role: Whether there is a ``developer`` role; else it becomes ``system``.
        json_schema: Whether ``response_format`` takes a schema; else a schema becomes ``json_object`` and a prompt.
        json_schema_models: The pattern of the models for which it does; empty for all.
        schema_keyword: Whether a schema may tell its dialect under ``$schema``; else that is left out.
        json_word: Whether ``json_object`` is refused when no message has the word JSON.
        calls_before_form: Whether a form of the answer bars calls of tools, so that it must wait for their results.
        tool_stream_models: The pattern of models that must be asked to stream tool calls with ``tool_stream``.
        strict_tools: Whether a tool's ``strict`` is taken.
        base_resp: Whether ``base_resp`` in an answer tells a failure inside HTTP 200, as MiniMax does.
        reasoning: Makes the vendor's control of reasoning from the unified one.
        reasoning_field: The name under which reasoning is sent back, and read besides the usual names.
        reasoning_details: Whether reasoning comes and goes back as OpenRouter's ``reasoning_details`` too.
        empty_reasoning: Whether the field must be there, empty, where a message that calls tools has no reasoning.
        no_replay_models: The pattern of models that refuse their own reasoning back.
        think_tags: Whether reasoning comes between ``<think>`` tags in the answer.
        finish_reasons: The vendor's own, besides OpenAI's.
        reasoning_gate: Tells by its name whether a model is one of OpenAI's reasoning models, which refuse sampling.
        extra: Always in the body, unless the request sets it.
        stream_extra: Always in the body of a stream.
        embedding_batch: How many texts one embeddings call takes.
        default_path: The path of the API when the base URL is a bare host.
        models_above: The ending of the base URL above which the list of models is.
        paths: Paths by call (``chat``, ``models``, ``embeddings``), where they differ.
    """

    token_limit: str = "max_tokens"  # noqa: S105 - tokens of text
    rename: Mapping[str, str] = field(default_factory=dict)
    unsupported: frozenset[str] = frozenset()
    unsupported_for: tuple[tuple[str, frozenset[str]], ...] = ()
    when_greedy: Mapping[str, Any] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    max_stops: int | None = 4
    stream_usage: bool = True
    tool_choices: frozenset[str] = TOOL_CHOICES
    tool_choices_for: tuple[tuple[str, frozenset[str]], ...] = ()
    no_forced_tool_while_reasoning: str = ""
    reasons_by_default: str = ""
    media: frozenset[str] = frozenset({"image"})
    fetches_urls: bool = True
    bare_base64: bool = False
    audio_urls: bool = False
    file_scheme: str = ""
    documents: str = "file"
    cache_marks: bool = False
    empty_tool_content: str | None = None
    developer_role: bool = False
    json_schema: bool = True
    json_schema_models: str = ""
    schema_keyword: bool = True
    json_word: bool = False
    calls_before_form: bool = False
    tool_stream_models: str = ""
    strict_tools: bool = True
    base_resp: bool = False
    reasoning: Callable[[ReasoningControl, str, RequestFields], dict[str, Any]] = no_reasoning_control
    reasoning_field: str = "reasoning_content"
    reasoning_details: bool = False
    empty_reasoning: bool = False
    no_replay_models: str = ""
    think_tags: bool = False
    finish_reasons: Mapping[str, FinishReason] = field(default_factory=dict)
    reasoning_gate: Callable[[str], bool] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    stream_extra: Mapping[str, Any] = field(default_factory=dict)
    embedding_batch: int = 2048
    paths: Mapping[str, str] = field(default_factory=dict)
    default_path: str = ""
    models_above: str = ""

    def choices_of(self, model: str) -> frozenset[str]:
        """The kinds of ``tool_choice`` that the vendor takes for this model."""
        found = (kinds for pattern, kinds in self.tool_choices_for if re.match(pattern, model, re.IGNORECASE))
        return next(found, self.tool_choices)

    def reasons(self, model: str, control: ReasoningControl) -> bool:
        """Whether the model will reason, as far as the row knows."""
        if control.on is not None or not self.reasons_by_default:
            return bool(control.on)
        return re.match(self.reasons_by_default, model, re.IGNORECASE) is not None

    def takes_schema(self, model: str) -> bool:
        """Whether ``response_format`` takes a schema for this model."""
        return self.json_schema and re.match(self.json_schema_models, model, re.IGNORECASE) is not None

    def unsupported_by(self, model: str) -> frozenset[str]:
        """The request fields that the vendor does not take for this model."""
        if not self.unsupported_for:
            return self.unsupported
        more = (fields for pattern, fields in self.unsupported_for if re.match(pattern, model, re.IGNORECASE))
        return self.unsupported.union(*more)
