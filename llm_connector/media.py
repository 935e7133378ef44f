"""What a file is, from its first bytes or its name, and data URLs. How a vendor takes images or audio is not here."""

from __future__ import annotations

import binascii
import mimetypes
import os
import re
from base64 import b64encode
from pathlib import Path, PurePath
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from llm_connector.errors import InvalidRequestError

UNKNOWN_MIME = "application/octet-stream"
_SNIFFED_CHARACTERS = 1024  # of base64, for the 512 bytes that sniff_mime() may look at

_PREFIXES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"%PDF-", "application/pdf"),
    (b"\xef\xbb\xbf%PDF-", "application/pdf"),
    (b"fLaC", "audio/flac"),
    (b"ID3\x02", "audio/mpeg"),
    (b"ID3\x03", "audio/mpeg"),
    (b"ID3\x04", "audio/mpeg"),
    (b"#!AMR", "audio/amr"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x00\x00\x01\xb3", "video/mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv"),
)
# RIFF and IFF files name their form after a length.
_FORMS = {
    (b"RIFF", b"WEBP"): "image/webp",
    (b"RIFF", b"WAVE"): "audio/wav",
    (b"RF64", b"WAVE"): "audio/wav",
    (b"RIFF", b"AVI "): "video/x-msvideo",
    (b"FORM", b"AIFF"): "audio/aiff",
    (b"FORM", b"AIFC"): "audio/aiff",
}
_HEIF = "image/heif"
_PICTURE_BRANDS = (
    ((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "image/heic"),
    ((b"avif", b"avis"), "image/avif"),
)
# What an ISO base media file's brand may start with.
_BRANDS = (
    *_PICTURE_BRANDS,
    ((b"mif1", b"msf1"), _HEIF),
    ((b"qt  ",), "video/quicktime"),
    ((b"M4A ", b"M4B "), "audio/mp4"),
    ((b"3g2",), "video/3gpp2"),
    ((b"3gp",), "video/3gpp"),
    ((b"mp4", b"iso", b"avc", b"M4V", b"MSNV", b"dash", b"f4v", b"cmf", b"mmp4"), "video/mp4"),
)
_BITMAP_HEADER_SIZES = {12, 40, 52, 56, 64, 108, 124}
# Values that exist in the fields of an MPEG audio frame's header; the others are reserved.
_MPEG_SYNC = 0x7FF
_MPEG_VERSIONS = {0, 2, 3}
_MPEG_LAYERS = {1, 2}  # layer I (3) is extinct, and the byte order mark FF FE would pass for it
_MPEG_BITRATES = range(1, 15)
_MPEG_RATES = range(3)
_ADTS_SYNC = 0xFFF
_ADTS_RATES = range(13)
# Containers of pictures as well as of mere sound: only the name tells.
_AUDIO_TOO = {"video/mp4": "audio/mp4", "video/webm": "audio/webm", "video/ogg": "audio/ogg"}

# Missing from Python 3.11's own table, or there under an older name than the vendors use.
_SUFFIXES = {
    ".aac": "audio/aac",
    ".aiff": "audio/aiff",
    ".amr": "audio/amr",
    ".avif": "image/avif",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".flac": "audio/flac",
    ".flv": "video/x-flv",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".mkv": "video/x-matroska",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".opus": "audio/ogg",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".wav": "audio/wav",
    ".weba": "audio/webm",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".wmv": "video/x-ms-wmv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_MIME = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*", re.IGNORECASE)


class MediaFile(NamedTuple):
    """A file that was read: its bytes, its MIME type and its name without folders."""

    data: bytes
    mime: str
    name: str


def sniff_mime(data: bytes) -> str | None:
    """Return the MIME type that the first bytes give away, or ``None``; the first 512 bytes are enough."""
    for prefix, mime in _PREFIXES:
        if data.startswith(prefix):
            return mime
    return (
        _FORMS.get((data[:4], data[8:12]))
        or _sniff_iso_media(data)
        or _sniff_ogg(data)
        or _sniff_matroska(data)
        or _sniff_bitmap(data)
        or _sniff_mpeg_audio(data)
    )


def mime_from_name(name: str) -> str | None:
    """Return the MIME type that a file name's ending stands for, or ``None``."""
    suffix = PurePath(name).suffix.lower()
    return _SUFFIXES.get(suffix) or mimetypes.guess_type(f"file{suffix}")[0]


def name_from_mime(mime: str) -> str:
    """Return a name for a document of this MIME type, with the ending that it has on a disk where that is known."""
    known = next((suffix for suffix, kind in _SUFFIXES.items() if kind == mime), None)
    return f"document{known or mimetypes.guess_extension(mime) or ''}"


def guess_mime(data: bytes, name: str | None = None) -> str:
    """Return the MIME type of a file: by its bytes, else by its name, else ``application/octet-stream``."""
    return _guess(data, name) or UNKNOWN_MIME


def sniff_base64(text: str, name: str | None = None) -> str | None:
    """Return the MIME type of base64 text: by its first bytes, else by the file's name, else ``None``.

    Raises:
        InvalidRequestError: Its beginning is not base64; the rest of a long text is not looked at.
    """
    start = "".join(text[:_SNIFFED_CHARACTERS].split())
    if len(text) > _SNIFFED_CHARACTERS:
        start = start[: len(start) // 4 * 4]
    return _guess(decode_base64(start), name)


def data_url(mime: str, base64: str) -> str:
    """Join a MIME type and base64 text to a data URL. The text is taken as it is.

    Raises:
        InvalidRequestError: The MIME type is not of the form ``type/subtype``.
    """
    return f"data:{checked_mime(mime)};base64,{base64}"


def split_data_url(url: str) -> tuple[str, str]:
    """Split a data URL into its MIME type and its content as base64 text.

    A missing MIME type is sniffed (``text/plain`` as the last resort), its parameters are dropped, percent-encoded
    content becomes base64, line breaks inside base64 go.

    Raises:
        InvalidRequestError: It is not a data URL, it is empty, or its base64 is broken.
    """
    head, comma, content = url.partition(",")
    scheme, colon, media = head.partition(":")
    if scheme.strip().lower() != "data" or not colon or not comma:
        raise InvalidRequestError("This is not a data URL; it must look like `data:image/png;base64,iVBORw0…`.")
    mime, *parameters = (part.strip() for part in media.split(";"))
    if parameters and parameters[-1].lower() == "base64":
        text = "".join(unquote(content).split())
        data = decode_base64(text)
    else:
        data = _percent_decoded(content)
        text = b64encode(data).decode()
    if not data:
        raise InvalidRequestError("The data URL is empty: nothing stands after its comma.")
    return checked_mime(mime) if mime else sniff_mime(data) or "text/plain", text


def decode_base64(text: str) -> bytes:
    """Decode standard base64; white space in it is ignored.

    Raises:
        InvalidRequestError: A character is outside the alphabet, the padding is wrong, or the end is missing.
    """
    text = "".join(text.split())
    # Python's own strict mode lets superfluous padding pass (3.11).
    if len(text) % 4 or text.endswith("==="):
        raise InvalidRequestError("The base64 text is broken (wrong length or padding); it may have been cut.")
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise InvalidRequestError(f"The base64 text is broken ({error}).") from error


def checked_mime(mime: str) -> str:
    """The MIME type in small letters.

    Raises:
        InvalidRequestError: It is none.
    """
    if not _MIME.fullmatch(mime):
        raise InvalidRequestError(f"{mime[:100]!r} is not a MIME type; it must look like `image/png`.")
    return mime.lower()


def read_file(path: str | os.PathLike[str]) -> MediaFile:
    """Read a file whole; ``~`` stands for the home folder.

    Raises:
        InvalidRequestError: There is no such file, it cannot be read, or it is empty.
    """
    if not isinstance(path, str | os.PathLike):
        raise InvalidRequestError(f"A file is named by a text or a Path, not {type(path).__name__}.")
    file = Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser() raises when there is no home folder
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise InvalidRequestError(f"There is no file {str(file)!r}.") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise InvalidRequestError(f"The file {str(file)!r} cannot be read: {error}.") from error
    if not data:
        raise InvalidRequestError(f"The file {str(file)!r} is empty.")
    return MediaFile(data, guess_mime(data, file.name), file.name)


def _percent_decoded(text: str) -> bytes:
    try:
        return unquote_to_bytes(text)
    except UnicodeEncodeError as error:  # a lone surrogate
        raise InvalidRequestError("The data URL holds a character that does not exist in UTF-8.") from error


def _guess(data: bytes, name: str | None) -> str | None:
    sniffed = sniff_mime(data)
    named = mime_from_name(name) if name is not None else None
    if sniffed is None:
        return named
    return named if named is not None and named == _AUDIO_TOO.get(sniffed) else sniffed


def _sniff_iso_media(data: bytes) -> str | None:
    if data[:1] != b"\x00":  # the high byte of a length; no text starts with it
        return None
    if data[4:8] == b"ftyp":
        return _mime_of_brands(data)
    # QuickTime files of before 2001 have no brand.
    return "video/quicktime" if data[4:8] in {b"moov", b"mdat", b"wide"} else None


def _mime_of_brands(data: bytes) -> str | None:
    mime = next((mime for brands, mime in _BRANDS if data[8:12].startswith(brands)), None)
    if mime != _HEIF:
        return mime
    # "mif1" is any HEIF; what is inside stands among the compatible brands.
    end = min(int.from_bytes(data[:4], "big"), 512)
    compatible = {data[start : start + 4] for start in range(16, end, 4)}
    return next((mime for brands, mime in _PICTURE_BRANDS if compatible.intersection(brands)), _HEIF)


def _sniff_ogg(data: bytes) -> str | None:
    if not data.startswith(b"OggS\x00"):
        return None
    return "video/ogg" if b"\x80theora" in data[:512] else "audio/ogg"


def _sniff_matroska(data: bytes) -> str | None:
    if not data.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    return "video/webm" if b"webm" in data[:64] else "video/x-matroska"


def _sniff_bitmap(data: bytes) -> str | None:
    known = int.from_bytes(data[14:18], "little") in _BITMAP_HEADER_SIZES
    return "image/bmp" if data.startswith(b"BM") and known else None


def _sniff_mpeg_audio(data: bytes) -> str | None:
    """Tell a frame of MPEG audio from other bytes that happen to start with eleven set bits, such as UTF-16 text."""
    header = int.from_bytes(data[:3], "big")
    if header >> 13 != _MPEG_SYNC:
        return None
    layer = header >> 9 & 0b11
    if layer == 0:
        return "audio/aac" if header >> 12 == _ADTS_SYNC and header >> 2 & 0b1111 in _ADTS_RATES else None
    exists = (
        layer in _MPEG_LAYERS
        and header >> 11 & 0b11 in _MPEG_VERSIONS
        and header >> 4 & 0b1111 in _MPEG_BITRATES
        and header >> 2 & 0b11 in _MPEG_RATES
    )
    return "audio/mpeg" if exists else None
