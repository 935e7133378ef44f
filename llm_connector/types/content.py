"""The blocks a message's content is made of. How a provider spells them is not here: see ``protocols``."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from llm_connector.errors import InvalidRequestError
from llm_connector.types.given import Given

# What the beginning of a type gives away; sound may be in a film's container, and a document may be anything.
_BEGINNINGS = {"image": ("image/",), "audio": ("audio/", "video/"), "video": ("video/",)}
_KNOWN = ("image/", "audio/", "video/", "text/", "application/pdf")


class Block(Given):
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

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # see Given


def _media() -> Any:
    """The module that reads media; loaded by the first message that holds some."""
    from llm_connector import media  # noqa: PLC0415

    return media


class MediaBlock(Block):
    """Something that is not text, held in exactly one of three ways.

    Attributes:
        type: Of which kind: ``image``, ``audio``, ``video`` or ``document``.
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
        try:
            return _as_data(dict(value), str(cls.model_fields["type"].default))
        except InvalidRequestError as error:
            told = error.message
        raise ValueError(told)  # pydantic adds where it is

    @model_validator(mode="after")
    def _hold_one_source(self) -> Self:
        given = [name for name in ("url", "data", "file_id") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of url, data and file_id; got {', '.join(given) or 'none'}")
        if not getattr(self, given[0]):
            raise ValueError(f"{given[0]} is empty: there is no {self.type} in it")
        if self.url is not None and "://" not in self.url:
            raise ValueError("url must be an address such as https://…; for a file on disk use from_file")
        return self

    @classmethod
    def from_url(cls, url: str, **fields: Any) -> Self:
        """From an address; a ``data:`` URL is taken apart."""
        return cls(url=url, **fields)

    @classmethod
    def from_bytes(cls, data: bytes, mime_type: str | None = None, **fields: Any) -> Self:
        """From bytes; the type is sniffed when not given.

        Raises:
            InvalidRequestError: They are no bytes, or empty, or of a kind that this block does not hold.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise InvalidRequestError(
                f"from_bytes takes bytes, not {type(data).__name__}; see also from_file and from_url"
            )
        return cls(data=bytes(data), mime_type=mime_type, **fields)

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
    fps: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class DocumentBlock(MediaBlock):
    """A document: PDF or text. ``citations`` asks the provider to cite from it, where it can."""

    type: Literal["document"] = "document"
    title: str | None = None
    context: str | None = None
    citations: bool | None = None

    @property
    def file_name(self) -> str:
        """The name, or one that fits the type: the providers that insist on a name read the type from its ending."""
        return self.name or _media().name_from_mime(self.mime_type or "application/pdf")


_OPENAI_MEDIA = {"image_url": "image", "video_url": "video", "audio_url": "audio", "file_url": "document"}


def _as_data(fields: dict[str, Any], kind: str) -> dict[str, Any]:
    """Take a ``data:`` URL apart and encode bytes; check what there is and tell its type.

    Raises:
        InvalidRequestError: The data is broken or empty, or something else than the block says.
    """
    data, mime = fields.get("data"), fields.get("mime_type")
    if isinstance(url := fields.get("url"), str) and url.startswith("data:"):
        mime, data = _media().split_data_url(url)
        del fields["url"]
    elif isinstance(data, bytes):
        data = base64.b64encode(data).decode()
    elif isinstance(data, str) and data:
        _media().decode_base64(data)
    if isinstance(data, str) and data:
        mime = mime or _media().sniff_base64(data, name=fields.get("name"))
        mime = _checked_type(mime or "application/octet-stream", kind)
    elif isinstance(mime, str):
        mime = _media().checked_mime(mime)
    return {**fields, "data": data, "mime_type": mime}


def _checked_type(mime: str, kind: str) -> str:
    mime = _media().checked_mime(mime)
    if mime == "application/octet-stream":
        raise InvalidRequestError("its type is not known from its first bytes; pass mime_type=, such as image/png")
    if mime.startswith(_KNOWN) and not mime.startswith(_BEGINNINGS.get(kind, "")):
        raise InvalidRequestError(f"it is {mime}, which is no {kind}; use the block of its kind")
    return mime


def block_from_any(value: Any) -> Any:
    """Accept OpenAI's content parts beside our own blocks; anything else goes on to validation as it is."""
    if isinstance(value, str):
        return {"type": "text", "text": value}
    if not isinstance(value, dict):
        return value
    kind = value.get("type")
    if kind in _OPENAI_MEDIA:
        return _media_from_openai(kind, value)
    if kind == "input_audio":
        audio = _inside(value, kind)
        mime = f"audio/{audio.get('format', 'wav')}"
        return {"type": "audio", "data": audio.get("data"), "url": audio.get("url"), "mime_type": mime}
    if kind == "file":
        file = _inside(value, kind)
        source = file.get("file_data")
        held = "url" if isinstance(source, str) and source.startswith("data:") else "data"
        return {"type": "document", held: source, "file_id": file.get("file_id"), "name": file.get("filename")}
    return value


def _media_from_openai(kind: str, part: dict[str, Any]) -> dict[str, Any]:
    source = part.get(kind)
    fields = {"url": source} if isinstance(source, str) else dict(_inside(part, kind))
    if part.get("cache_control") is not None:
        fields["cache_control"] = part["cache_control"]
    return {**fields, "type": _OPENAI_MEDIA[kind]}


def _inside(part: dict[str, Any], kind: str) -> dict[str, Any]:
    """What a part of OpenAI's has under the name of its kind."""
    if not isinstance(inner := part.get(kind), dict):
        raise ValueError(f"a part of type {kind!r} has a dict under {kind!r}")  # noqa: TRY004 - pydantic lets it through
    return inner


_BLOCKS: dict[str, type[Block]] = {
    "text": TextBlock,
    "image": ImageBlock,
    "audio": AudioBlock,
    "video": VideoBlock,
    "document": DocumentBlock,
}


def made_block(value: Any) -> Any:
    """The block of what ``block_from_any`` accepts.

    Raises:
        InvalidRequestError: It is incomplete, or none.
    """
    try:
        fields = block_from_any(value)
    except ValueError as error:
        raise InvalidRequestError(str(error)) from None
    if isinstance(fields, Block):
        return fields
    kind = _BLOCKS.get(str(fields.get("type"))) if isinstance(fields, dict) else None
    if kind is None:
        raise InvalidRequestError(f"a content block has one of the types {', '.join(_BLOCKS)}")
    return kind(**fields)


ContentBlock = Annotated[
    Annotated[TextBlock | ImageBlock | AudioBlock | VideoBlock | DocumentBlock, Field(discriminator="type")],
    BeforeValidator(block_from_any),
]
