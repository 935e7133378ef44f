"""The blocks a message's content is made of. How a provider spells them is not here: see ``protocols``."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Block(BaseModel):
    """What all blocks share.

    Attributes:
        cache_control: A provider's cache mark for the prompt up to this block, such as ``{"type": "ephemeral"}``;
            sent to the providers that have explicit caching (the Anthropic family), reported in ``warnings`` elsewhere.
    """

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    cache_control: dict[str, Any] | None = None


class TextBlock(Block):
    """A piece of visible text."""

    type: Literal["text"] = "text"
    text: str

    def __init__(self, text: str | None = None, **fields: Any) -> None:
        super().__init__(**(fields if text is None else {"text": text, **fields}))


def _media() -> Any:
    """The module that reads media; loaded by the first message that holds some."""
    from llm_connector import media  # noqa: PLC0415

    return media


class MediaBlock(Block):
    """Something that is not text, held in exactly one of three ways.

    Attributes:
        url: An ``http(s)`` address, or the vendor's own scheme (``gs://``, ``oss://``, ``ms://``).
        data: The bytes as base64 text.
        file_id: The id of a file uploaded to the provider.
        mime_type: Such as ``image/png``; sniffed from the bytes when not given.
        name: A file name, for the providers that want one.
    """

    type: str
    url: str | None = None
    data: str | None = None
    file_id: str | None = None
    mime_type: str | None = None
    name: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _take_data_url_apart(cls, value: Any) -> Any:
        """Hold a ``data:`` URL as data, so that each protocol has one form less to know; sniff a missing type."""
        if not isinstance(value, dict):
            return value
        fields = dict(value)
        if isinstance(url := fields.get("url"), str) and url.startswith("data:"):
            fields["mime_type"], fields["data"] = _media().split_data_url(url)
            del fields["url"]
        if isinstance(data := fields.get("data"), bytes):
            fields["data"] = base64.b64encode(data).decode()
        if fields.get("data") is not None and not fields.get("mime_type"):
            fields["mime_type"] = _media().sniff_base64(fields["data"], name=fields.get("name"))
        return fields

    @model_validator(mode="after")
    def _hold_one_source(self) -> Self:
        given = [name for name in ("url", "data", "file_id") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of url, data and file_id; got {', '.join(given) or 'none'}")
        return self

    @classmethod
    def from_url(cls, url: str, **fields: Any) -> Self:
        """From an address; a ``data:`` URL is taken apart."""
        return cls(url=url, **fields)

    @classmethod
    def from_bytes(cls, data: bytes, mime_type: str | None = None, **fields: Any) -> Self:
        """From bytes; the type is sniffed when not given."""
        return cls(data=base64.b64encode(data).decode(), mime_type=mime_type, **fields)

    @classmethod
    def from_file(cls, path: str | Path, mime_type: str | None = None, **fields: Any) -> Self:
        """From a file on disk, read now.

        Raises:
            InvalidRequestError: The file cannot be read.
        """
        data, sniffed, name = _media().read_file(path)
        return cls.from_bytes(data, mime_type or sniffed, **{"name": name, **fields})

    @classmethod
    def from_file_id(cls, file_id: str, **fields: Any) -> Self:
        """From the id of a file that was uploaded to the provider."""
        return cls(file_id=file_id, **fields)

    @property
    def data_url(self) -> str | None:
        """The data as a ``data:`` URL, or ``None`` when the block holds no data."""
        if self.data is None:
            return None
        return f"data:{self.mime_type or 'application/octet-stream'};base64,{self.data}"

    def __repr_args__(self) -> Any:
        """Show how much data there is, not the data."""
        for name, value in super().__repr_args__():
            yield name, f"<{len(value)} base64 characters>" if name == "data" and value is not None else value


class ImageBlock(MediaBlock):
    """A picture. ``detail`` is ``low``, ``high``, ``auto`` or ``original`` where the provider knows it."""

    type: Literal["image"] = "image"
    detail: str | None = None


class AudioBlock(MediaBlock):
    """A sound recording."""

    type: Literal["audio"] = "audio"


class VideoBlock(MediaBlock):
    """A film. ``fps`` is the number of frames a second to look at, where the provider takes it."""

    type: Literal["video"] = "video"
    fps: float | None = None


class DocumentBlock(MediaBlock):
    """A document: PDF or text. ``citations`` asks the provider to cite from it, where it can."""

    type: Literal["document"] = "document"
    title: str | None = None
    context: str | None = None
    citations: bool | None = None


_OPENAI_MEDIA: dict[str, type[MediaBlock]] = {
    "image_url": ImageBlock,
    "video_url": VideoBlock,
    "audio_url": AudioBlock,
    "file_url": DocumentBlock,
}


def block_from_any(value: Any) -> Any:
    """Accept OpenAI's content parts beside our own blocks; anything else goes on to validation as it is."""
    if isinstance(value, str):
        return TextBlock(text=value)
    if not isinstance(value, dict):
        return value
    kind = value.get("type")
    if kind in _OPENAI_MEDIA:
        return _media_from_openai(kind, value)
    if kind == "input_audio":
        audio = value[kind]
        return AudioBlock(data=audio.get("data"), url=audio.get("url"), mime_type=f"audio/{audio.get('format', 'wav')}")
    if kind == "file" and isinstance(file := value.get("file"), dict):
        source = file.get("file_data")
        fields = {"url": source} if source and source.startswith("data:") else {"data": source}
        return DocumentBlock(**fields, file_id=file.get("file_id"), name=file.get("filename"))
    return value


def _media_from_openai(kind: str, part: dict[str, Any]) -> MediaBlock:
    source = part[kind]
    fields = dict(source) if isinstance(source, dict) else {"url": source}
    if part.get("cache_control") is not None:
        fields["cache_control"] = part["cache_control"]
    return _OPENAI_MEDIA[kind](**fields)


ContentBlock = Annotated[
    Annotated[TextBlock | ImageBlock | AudioBlock | VideoBlock | DocumentBlock, Field(discriminator="type")],
    BeforeValidator(block_from_any),
]
