"""Small real files to download: a PNG, a PDF, a WAV. They are made here, from nothing, so that no file is stored."""

from __future__ import annotations

import io
import struct
import wave
import zlib
from typing import TYPE_CHECKING, Any, ClassVar

from servers.base import Answer, Fault, Recorded, Routes, Server

if TYPE_CHECKING:
    import re


def png(width: int = 4, height: int = 4) -> bytes:
    """A red picture."""
    rows = b"".join(b"\x00" + b"\xff\x00\x00" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pdf(text: str = "Test document") -> bytes:
    """A page with one line of text."""
    content = f"BT /F1 24 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
            b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, value in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, value)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + trailer


def wav(seconds: float = 0.05) -> bytes:
    """Silence, mono, 8 kHz, 16 bit."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\x00\x00" * int(8000 * seconds))
    return buffer.getvalue()


class AssetServer(Server):
    """Any path that ends in ``.png``, ``.pdf`` or ``.wav``."""

    routes: ClassVar[Routes] = (("GET", r"/.*\.(png|pdf|wav)", "download"),)

    def authorise(self, recorded: Recorded) -> None:
        return

    def download(self, recorded: Recorded, match: re.Match[str]) -> Answer:
        """The file of that kind."""
        if match[1] == "png":
            return Answer(body=png(), content_type="image/png")
        if match[1] == "pdf":
            return Answer(body=pdf(), content_type="application/pdf")
        return Answer(body=wav(), content_type="audio/wav")

    def error(self, fault: Fault) -> Any:
        return {"error": fault.text}
