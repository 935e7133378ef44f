"""LlamaIndex's content blocks as unified ones. Thinking and tool calls are not content: see ``messages``."""

from __future__ import annotations

from io import IOBase
from typing import TYPE_CHECKING, Any, TypeVar

from llama_index.core.base.llms import types as li

from llm_connector.errors import InvalidRequestError
from llm_connector.media import mime_from_name
from llm_connector.types import AudioBlock, DocumentBlock, ImageBlock, TextBlock, VideoBlock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_connector.types import ContentBlock, MediaBlock

    Media = TypeVar("Media", bound=MediaBlock)


def to_blocks(blocks: Iterable[Any]) -> list[ContentBlock]:
    """The unified blocks. Empty text is left out: vendors refuse it.

    Raises:
        InvalidRequestError: A block holds nothing, or is of an unknown kind.
    """
    made: list[ContentBlock] = []
    for block in blocks:
        if isinstance(block, li.CachePoint):
            _mark(made, block)
        else:
            made += _converted(block)
    return made


def _mark(made: list[ContentBlock], point: li.CachePoint) -> None:
    """Mark the prompt up to here. A point before everything else of its message marks nothing."""
    if made:
        control = {"type": point.cache_control.type, "ttl": point.cache_control.ttl}
        made[-1] = made[-1].model_copy(update={"cache_control": control})


def _converted(block: Any) -> list[ContentBlock]:
    if isinstance(block, li.TextBlock):
        return [TextBlock(text=block.text)] if block.text else []
    if isinstance(block, li.CitationBlock):
        return []  # tells where the text beside it comes from; no vendor takes it back
    if isinstance(block, li.CitableBlock):
        return _citable(block)
    return [_media(block)]


def _citable(block: li.CitableBlock) -> list[ContentBlock]:
    """A source to cite. Its parts under a line that names it: documents that can be cited are not every vendor's."""
    return [TextBlock(text=f"{block.title} ({block.source}):"), *to_blocks(block.content)]


def _media(block: Any) -> ContentBlock:
    if isinstance(block, li.ImageBlock):
        return _held(ImageBlock, block, block.image, block.image_mimetype, detail=block.detail)
    if isinstance(block, li.AudioBlock):
        return _held(AudioBlock, block, block.audio, _audio_type(block.format))
    if isinstance(block, li.VideoBlock):
        return _held(VideoBlock, block, block.video, block.video_mimetype, fps=block.fps)
    if isinstance(block, li.DocumentBlock):
        return _held(DocumentBlock, block, block.data, block.document_mimetype, **_titles(block))
    raise InvalidRequestError(f"a block of type {type(block).__name__} cannot be sent")


def _held(kind: type[Media], block: Any, data: bytes | IOBase | None, mime_type: str | None, **facts: Any) -> Media:
    """The block by what it holds: bytes (LlamaIndex keeps them as base64), a file, or an address left to the vendor."""
    facts = {name: value for name, value in facts.items() if value is not None}
    if isinstance(data, IOBase):
        data.seek(0)
        return kind.from_bytes(data.read(), mime_type, **facts)
    if data:
        return kind(data=data.decode("ascii"), mime_type=mime_type, **facts)
    if block.path is not None:
        return kind.from_file(block.path, mime_type, **facts)
    if block.url is not None:
        return kind.from_url(str(block.url), **({"mime_type": mime_type} if mime_type else {}), **facts)
    raise InvalidRequestError(f"an empty {type(block).__name__} cannot be sent: give it bytes, a path or a url")


def _audio_type(extension: str | None) -> str | None:
    """LlamaIndex keeps a file's extension where vendors want a media type."""
    if extension is None:
        return None
    known = mime_from_name(f"sound.{extension}") or ""
    return known if known.startswith("audio/") else f"audio/{extension}"


_NO_TITLE = "input_document"  # what LlamaIndex calls a document without a title


def _titles(block: li.DocumentBlock) -> dict[str, Any]:
    if block.title is None or block.title == _NO_TITLE:
        return {}
    named = {"name": block.title} if "." in block.title and block.path is None else {}
    return {"title": block.title, **named}
