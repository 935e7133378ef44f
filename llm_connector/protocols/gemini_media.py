"""Content blocks as parts of a Gemini content. The messages that they stand in are in ``gemini_messages``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from llm_connector.errors import InvalidRequestError, UnsupportedError
from llm_connector.types import DocumentBlock, ImageBlock, TextBlock, VideoBlock

if TYPE_CHECKING:
    from llm_connector.protocols.fields import RequestFields
    from llm_connector.types import ContentBlock, MediaBlock

# A file that is told by its address needs a type too; what it is when neither the caller nor the address tells.
_USUAL_TYPES = {"image": "image/jpeg", "audio": "audio/mpeg", "video": "video/mp4", "document": "application/pdf"}
_YOUTUBE = frozenset({"youtu.be", "youtube.com", "www.youtube.com", "m.youtube.com"})


class PartWriter:
    """Writes blocks as parts.

    Args:
        fields: Takes the warnings.
        provider: The provider's name, for errors.
        files_url: The address of uploaded files; empty where the API has none.
    """

    def __init__(self, fields: RequestFields, provider: str, files_url: str) -> None:
        self._fields = fields
        self._provider = provider
        self._files_url = files_url
        self._told: set[str] = set()

    def parts(self, blocks: list[ContentBlock]) -> list[dict[str, Any]]:
        """The blocks as parts; the vendor refuses an empty text, so none is written for it."""
        for block in blocks:
            if block.cache_control is not None:
                self.warn_once("cache_control has no equivalent and was not sent")
        return [self.part(block) for block in blocks if not isinstance(block, TextBlock) or block.text]

    def part(self, block: ContentBlock) -> dict[str, Any]:
        """One block as a part.

        Raises:
            UnsupportedError: It names a file in a way that the API does not know.
        """
        if isinstance(block, TextBlock):
            return {"text": block.text}
        part = self._media(block)
        if isinstance(block, VideoBlock) and block.fps is not None:
            part["videoMetadata"] = {"fps": block.fps}
        if isinstance(block, ImageBlock) and block.detail not in {None, "auto"}:
            self.warn_once("detail of an image was not sent; give generationConfig.mediaResolution in extra_body")
        if isinstance(block, DocumentBlock) and (block.title or block.context or block.citations):
            self.warn_once("title, context and citations of a document have no equivalent and were not sent")
        return part

    def warn_once(self, text: str) -> None:
        """Say what was not sent, once a request."""
        if text not in self._told:
            self._told.add(text)
            self._fields.warn(text)

    def _media(self, block: MediaBlock) -> dict[str, Any]:
        if block.data is not None:
            return {"inlineData": {"mimeType": block.mime_type or "application/octet-stream", "data": block.data}}
        address = block.url if block.url is not None else self._address_of_file(str(block.file_id))
        file: dict[str, Any] = {"fileUri": address}
        mime = block.mime_type or _type_of_address(address, block.type)
        return {"fileData": file if mime is None else {"mimeType": mime, **file}}

    def _address_of_file(self, file_id: str) -> str:
        if "://" in file_id:
            return file_id
        if not self._files_url:
            raise UnsupportedError(
                "the provider has no uploaded files; give a gs:// address or the bytes", provider=self._provider
            )
        if ".." in file_id or not file_id.removeprefix("files/").isprintable():
            raise InvalidRequestError(f"{file_id[:80]!r} is not the name of a file", provider=self._provider)
        return f"{self._files_url}files/{file_id.removeprefix('files/')}"


def _type_of_address(address: str, kind: str) -> str | None:
    """The type that the address's ending tells, or the usual one; a film at YouTube has none."""
    from llm_connector.media import mime_from_name  # noqa: PLC0415 - only a request with media needs it

    url = urlsplit(address)
    if url.hostname in _YOUTUBE:
        return None
    return mime_from_name(url.path.rsplit("/", 1)[-1]) or _USUAL_TYPES[kind]
