"""Files of the command line as blocks of a message. What a file is, is found out in ``media``."""

from __future__ import annotations

from pathlib import Path

from llm_connector.errors import InvalidRequestError
from llm_connector.media import read_file
from llm_connector.types import AudioBlock, DocumentBlock, ImageBlock, TextBlock, VideoBlock
from llm_connector.types.content import ContentBlock

_PDF = "application/pdf"
_BLOCKS: dict[str, type[ImageBlock | AudioBlock | VideoBlock]] = {
    "image": ImageBlock,
    "audio": AudioBlock,
    "video": VideoBlock,
}


def block_of(path: Path) -> ContentBlock:
    """A file as a block; a text file becomes text under its name.

    Raises:
        InvalidRequestError: It cannot be read, or is of no kind that a model takes.
    """
    data, mime_type, name = read_file(path)
    kind = _BLOCKS.get((mime_type or "").partition("/")[0])
    if kind is not None:
        return kind.from_bytes(data, mime_type, name=name)
    if mime_type == _PDF:
        return DocumentBlock.from_bytes(data, mime_type, name=name)
    try:
        return TextBlock(f"File {name}:\n\n{data.decode()}")
    except UnicodeDecodeError:
        raise InvalidRequestError(f"{name} is neither text, PDF, picture, sound nor film") from None
