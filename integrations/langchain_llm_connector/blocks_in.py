"""Content blocks of all the forms that LangChain lets through, to ``llm_connector``'s blocks.

The forms: LangChain's own (v1; v0 is brought to it by langchain-core), Chat Completions', Anthropic's, and Gemini's
``media``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connector.errors import InvalidRequestError
from llm_connector.types import AudioBlock, DocumentBlock, ImageBlock, TextBlock, VideoBlock
from llm_connector.types.content import made_block

if TYPE_CHECKING:
    from llm_connector.types import ContentBlock, MediaBlock

_MEDIA: dict[str, type[MediaBlock]] = {
    "image": ImageBlock,
    "audio": AudioBlock,
    "video": VideoBlock,
    "file": DocumentBlock,
    "document": DocumentBlock,
}
_CHAT_COMPLETIONS = frozenset({"image_url", "video_url", "audio_url", "file_url", "input_audio"})
# The types of blocks that models are sent.
SENT = frozenset({"text", "text-plain", "refusal", "media", *_MEDIA, *_CHAT_COMPLETIONS})


def kind_of(block: dict[str, Any]) -> str:
    """The block's type; without one its first key, which tells as much in some forms."""
    return str(block.get("type") or next(iter(block), ""))


def block_of(block: Any) -> ContentBlock:
    """The block in the connector's types.

    Raises:
        InvalidRequestError: It is of a kind that no model can be sent, or incomplete.
    """
    if isinstance(block, str):
        return TextBlock(text=block)
    if not isinstance(block, dict):
        raise InvalidRequestError(f"a content block must be a text or a dict, not {type(block).__name__}")
    kind = kind_of(block)
    try:
        return _converted(kind, block)
    except (KeyError, TypeError, AttributeError):
        raise InvalidRequestError(f"a content block of type {kind!r} is incomplete or malformed") from None


def tool_results_in(content: list[Any]) -> tuple[list[dict[str, Any]], list[Any]]:
    """Anthropic's ``tool_result`` blocks, and the rest."""
    results = [block for block in content if isinstance(block, dict) and block.get("type") == "tool_result"]
    return results, [block for block in content if block not in results]


def _converted(kind: str, block: dict[str, Any]) -> ContentBlock:
    if kind in {"text", "text-plain"} and isinstance(block.get("text"), str):
        return TextBlock(text=block["text"], cache_control=_cache_control(block))
    if kind == "refusal":
        return TextBlock(text=block["refusal"])
    if kind == "non_standard":
        return block_of(block["value"])
    if kind in _CHAT_COMPLETIONS or (kind == "file" and isinstance(block.get("file"), dict)):
        made: ContentBlock = made_block({**block, "type": kind})
        return made
    if kind == "media":  # langchain-google-genai
        return _media(
            _MEDIA[_family(block["mime_type"])], block, {"data": block.get("data"), "url": block.get("file_uri")}
        )
    if kind in _MEDIA or kind == "text-plain":
        return _media(_MEDIA.get(kind, DocumentBlock), block, _source(block))
    raise InvalidRequestError(f"a content block of type {kind!r} cannot be sent to a model")


def _family(mime_type: str) -> str:
    family = mime_type.partition("/")[0]
    return family if family in _MEDIA else "file"


def _source(block: dict[str, Any]) -> dict[str, Any]:
    """Where the data is: v1's own keys, or Anthropic's ``source``."""
    source = block.get("source")
    if not isinstance(source, dict):
        return {"url": block.get("url"), "data": block.get("base64"), "file_id": block.get("file_id")}
    if source.get("type") == "text":
        return {"data": str(source["data"]).encode(), "mime_type": source.get("media_type", "text/plain")}
    return {
        "url": source.get("url"),
        "data": source.get("data"),
        "file_id": source.get("file_id"),
        "mime_type": source.get("media_type"),
    }


def _media(kind: type[MediaBlock], block: dict[str, Any], source: dict[str, Any]) -> ContentBlock:
    extras = block.get("extras") or {}
    named = {**extras, **block}
    fields: dict[str, Any] = {
        "mime_type": block.get("mime_type"),
        "name": named.get("filename") or named.get("name"),
        "cache_control": _cache_control(block),
        **{name: named.get(name) for name in ("detail", "fps", "title", "context") if name in kind.model_fields},
    }
    if kind is DocumentBlock and named.get("citations") is not None:
        wanted = named["citations"]
        fields["citations"] = wanted.get("enabled") if isinstance(wanted, dict) else bool(wanted)
    made: Any = kind(**{name: value for name, value in (fields | source).items() if value is not None})
    block_type: ContentBlock = made
    return block_type


def _cache_control(block: dict[str, Any]) -> dict[str, Any] | None:
    found = block.get("cache_control") or (block.get("extras") or {}).get("cache_control")
    return found if isinstance(found, dict) else None
