"""MIME types from bytes and names, data URLs, base64, reading files."""

import base64
import string
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llm_connector.errors import InvalidRequestError
from llm_connector.media import (
    data_url,
    decode_base64,
    guess_mime,
    mime_from_name,
    name_from_mime,
    read_file,
    sniff_base64,
    sniff_mime,
    split_data_url,
)

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=")


def iso_media(brand, *compatible):
    body = b"ftyp" + brand + bytes(4) + b"".join(compatible)
    return struct.pack(">I", len(body) + 4) + body + b"\x00\x00\x00\x08mdat"


def bitmap(header_size):
    return b"BM" + struct.pack("<IHHII", 58, 0, 0, 54, header_size) + bytes(40)


def ogg(codec):
    return b"OggS\x00\x02" + bytes(20) + b"\x01\x1e" + codec + bytes(30)


def ebml(kind):
    return (
        b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82" + bytes([0x80 + len(kind)]) + kind
    )


SAMPLES = [
    (PNG, "image/png"),
    (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "image/jpeg"),
    (b"\xff\xd8\xff\xe1\x00\x10Exif\x00", "image/jpeg"),
    (b"GIF87a\x01\x00", "image/gif"),
    (b"GIF89a\x01\x00", "image/gif"),
    (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"),
    (bitmap(40), "image/bmp"),
    (bitmap(124), "image/bmp"),
    (b"II*\x00\x08\x00\x00\x00", "image/tiff"),
    (b"MM\x00*\x00\x00\x00\x08", "image/tiff"),
    (iso_media(b"heic", b"mif1", b"heic"), "image/heic"),
    (iso_media(b"mif1", b"mif1", b"heic"), "image/heic"),
    (iso_media(b"mif1", b"mif1", b"avif"), "image/avif"),
    (iso_media(b"mif1", b"mif1"), "image/heif"),
    (iso_media(b"avif", b"mif1"), "image/avif"),
    (b"%PDF-1.7\n", "application/pdf"),
    (b"\xef\xbb\xbf%PDF-1.4\n", "application/pdf"),
    (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
    (b"RF64\xff\xff\xff\xffWAVEds64", "audio/wav"),
    (b"ID3\x03\x00\x00\x00\x00\x00\x00", "audio/mpeg"),
    (b"ID3\x04\x00\x00\x00\x00\x00\x00", "audio/mpeg"),
    (b"\xff\xfb\x90\x64", "audio/mpeg"),
    (b"\xff\xf3\x40\xc4", "audio/mpeg"),
    (b"\xff\xe3\x18\xc4", "audio/mpeg"),
    (b"\xff\xfd\x80\x04", "audio/mpeg"),
    (b"\xff\xf1\x50\x80", "audio/aac"),
    (b"\xff\xf9\x4c\x80", "audio/aac"),
    (b"fLaC\x00\x00\x00\x22", "audio/flac"),
    (ogg(b"OpusHead"), "audio/ogg"),
    (ogg(b"\x01vorbis"), "audio/ogg"),
    (ogg(b"\x80theora"), "video/ogg"),
    (b"#!AMR\n", "audio/amr"),
    (b"FORM\x00\x00\x00\x20AIFFCOMM", "audio/aiff"),
    (iso_media(b"M4A ", b"mp42"), "audio/mp4"),
    (iso_media(b"isom", b"iso2", b"avc1", b"mp41"), "video/mp4"),
    (iso_media(b"mp42", b"isom"), "video/mp4"),
    (iso_media(b"M4V ", b"mp42"), "video/mp4"),
    (iso_media(b"qt  "), "video/quicktime"),
    (b"\x00\x00\x00\x08wide\x00\x00\x10\x00mdat", "video/quicktime"),
    (b"\x00\x00\x10\x00moov", "video/quicktime"),
    (iso_media(b"3gp5"), "video/3gpp"),
    (iso_media(b"3g2a"), "video/3gpp2"),
    (ebml(b"webm"), "video/webm"),
    (ebml(b"matroska"), "video/x-matroska"),
    (b"RIFF\x24\x00\x00\x00AVI LIST", "video/x-msvideo"),
    (b"FLV\x01\x05", "video/x-flv"),
    (b"\x00\x00\x01\xba\x44", "video/mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "video/x-ms-wmv"),
]


@pytest.mark.parametrize(("data", "mime"), SAMPLES)
def test_sniffing(data, mime):
    assert sniff_mime(data) == mime
    assert sniff_mime(data + bytes(1000)) == mime


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"\x89PNG",
        b"Hello, world",
        b"BM",
        b"BMW makes cars, said the reader.",
        b"ID3 is a kind of tag",
        b"The moov atom",
        b"The wide road",
        b"RIFF\x24\x00\x00\x00????",
        "\ufeffhello".encode("utf-16-le"),
        "\ufeffhello".encode(),
        b"\xff\xff\xff\xff",
        b"\xff\xfb\xf0\x00",
        b"\xff\xfb\x9c\x00",
        b"\xff\xeb\x90\x00",
        b"\xff\xf1\x7c\x80",
        b"\xff\xe1\x50\x80",
        iso_media(b"crx "),
        b"PK\x03\x04",
        b'{"a": 1}',
    ],
)
def test_what_is_not_recognised(data):
    assert sniff_mime(data) is None


@given(st.binary(max_size=600))
@settings(deadline=None)
def test_any_bytes_can_be_sniffed(data):
    assert guess_mime(data) == (sniff_mime(data) or "application/octet-stream")


@given(
    st.sampled_from(["", "BM", "ID3", "RIFF", "FORM", "size", "OggS", "FLV", "II*", "MM"]),
    st.sampled_from(["", "ftyp", "ftypmp42", "moov", "WAV", "mdat", "wide"]),
    st.text(string.printable),
)
@settings(deadline=None)
def test_printable_text_is_not_taken_for_media(start, middle, rest):
    assert sniff_mime((start + middle + rest).encode()) is None


@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("a.png", "image/png"),
        ("A.JPG", "image/jpeg"),
        ("a.jpeg", "image/jpeg"),
        ("photo.webp", "image/webp"),
        ("photo.HEIC", "image/heic"),
        ("a.pdf", "application/pdf"),
        ("a.wav", "audio/wav"),
        ("a.mp3", "audio/mpeg"),
        ("a.flac", "audio/flac"),
        ("a.m4a", "audio/mp4"),
        ("a.opus", "audio/ogg"),
        ("a.mp4", "video/mp4"),
        ("a.mov", "video/quicktime"),
        ("a.txt", "text/plain"),
        ("notes.md", "text/markdown"),
        ("a.csv", "text/csv"),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("folder.d/with space/a.png", "image/png"),
        ("data:x,y.png", "image/png"),
        ("plain", None),
        ("", None),
        (".png", None),
        ("a.no-such-ending", None),
    ],
)
def test_mime_from_name(name, mime):
    assert mime_from_name(name) == mime


@pytest.mark.parametrize(
    ("mime", "name"),
    [
        ("application/pdf", "document.pdf"),
        ("text/plain", "document.txt"),
        ("text/markdown", "document.md"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "document.docx"),
        ("application/x-no-such-type", "document"),
    ],
)
def test_name_from_mime(mime, name):
    assert name_from_mime(mime) == name


@pytest.mark.parametrize(
    ("data", "name", "mime"),
    [
        (PNG, None, "image/png"),
        (PNG, "wrong.jpg", "image/png"),
        (b"hello", "a.txt", "text/plain"),
        (b"hello", None, "application/octet-stream"),
        (b"hello", "a.no-such-ending", "application/octet-stream"),
        (iso_media(b"mp42"), "voice.m4a", "audio/mp4"),
        (iso_media(b"mp42"), "film.mp4", "video/mp4"),
        (iso_media(b"mp42"), "wrong.weba", "video/mp4"),
        (ebml(b"webm"), "voice.weba", "audio/webm"),
        (ebml(b"webm"), "film.webm", "video/webm"),
    ],
)
def test_the_bytes_decide_and_the_name_helps(data, name, mime):
    assert guess_mime(data, name) == mime


@pytest.mark.parametrize(("data", "mime"), SAMPLES)
def test_sniffing_base64(data, mime):
    assert sniff_base64(base64.b64encode(data).decode()) == mime
    assert sniff_base64(base64.encodebytes(data + bytes(2000)).decode()) == mime


def test_sniffing_base64_takes_the_name_when_the_bytes_say_nothing():
    assert sniff_base64("aGk=", name="a.txt") == "text/plain"
    assert sniff_base64("aGk=") is None
    assert sniff_base64("") is None


def test_sniffing_base64_decodes_only_the_beginning():
    text = base64.b64encode(PNG + bytes(1000)).decode()
    assert sniff_base64(text + "\u4f60") == "image/png"


@pytest.mark.parametrize("text", ["AAE", "AA!C", "not base64", "é" * 2000])
def test_sniffing_what_is_not_base64(text):
    with pytest.raises(InvalidRequestError, match="base64 text is broken"):
        sniff_base64(text)


def test_data_url():
    assert data_url("image/png", "iVBOR") == "data:image/png;base64,iVBOR"
    assert data_url("IMAGE/SVG+xml", "") == "data:image/svg+xml;base64,"


@pytest.mark.parametrize(
    "mime", ["", "png", "image/", "/png", "image/png;a=b", "image/png\r\nX: 1", "a/b/c", "image/p ng"]
)
def test_data_url_refuses_what_is_no_mime_type(mime):
    with pytest.raises(InvalidRequestError, match="not a MIME type"):
        data_url(mime, "AAAA")


@pytest.mark.parametrize(
    ("url", "mime", "text"),
    [
        ("data:image/png;base64,AAEC", "image/png", "AAEC"),
        ("DATA:Image/PNG;BASE64,AAEC", "image/png", "AAEC"),
        (" data:image/png;base64,AAEC\n", "image/png", "AAEC"),
        ("data:text/plain;charset=utf-8;base64,aGk=", "text/plain", "aGk="),
        ("data:text/plain; charset=utf-8; base64,aGk=", "text/plain", "aGk="),
        ("data:image/png;base64,AA\r\nEC", "image/png", "AAEC"),
        ("data:image/png;base64,%2B%2F8%3D", "image/png", "+/8="),
        ("data:text/plain,hi%20you,+", "text/plain", base64.b64encode(b"hi you,+").decode()),
        ("data:text/plain;charset=utf-8,%E4%BD%A0", "text/plain", base64.b64encode("你".encode()).decode()),
        ("data:,hi", "text/plain", "aGk="),
        ("data:;base64," + base64.b64encode(PNG).decode(), "image/png", base64.b64encode(PNG).decode()),
        ("data:;base64,aGk=", "text/plain", "aGk="),
    ],
)
def test_split_data_url(url, mime, text):
    assert split_data_url(url) == (mime, text)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "not a data URL"),
        ("data", "not a data URL"),
        ("data:image/png;base64", "not a data URL"),
        ("https://example.com/a,b", "not a data URL"),
        ("iVBORw0KGgo=", "not a data URL"),
        ("data,x", "not a data URL"),
        ("data:image/png;base64,", "empty"),
        ("data:image/png,", "empty"),
        ("data:png;base64,AAEC", "'png' is not a MIME type"),
        ("data:image/png;base64,AAE", "base64 text is broken"),
        ("data:image/png;base64,A", "base64 text is broken"),
        ("data:image/png;base64,AA=C", "base64 text is broken"),
        ("data:image/png;base64,AAEC====", "base64 text is broken"),
        ("data:image/png;base64,AA-_", "base64 text is broken"),
        ("data:image/png;base64,AAé=", "base64 text is broken"),
        ("data:image/png;base64,data:image/png;base64,AAEC", "base64 text is broken"),
    ],
)
def test_split_data_url_refuses(url, reason):
    with pytest.raises(InvalidRequestError, match=reason):
        split_data_url(url)


@given(st.binary(min_size=1), st.sampled_from(["image/png", "application/x-a.b+c", "video/mp4"]))
@settings(deadline=None)
def test_data_urls_round_trip(data, mime):
    text = base64.b64encode(data).decode()
    assert split_data_url(data_url(mime, text)) == (mime, text)
    assert decode_base64(text) == data


@given(st.text() | st.text().map("data:".__add__) | st.text().map("data:a/b;base64,".__add__))
@settings(deadline=None)
@example("data:;;base64,\ud800")
@example("data:a/b,\ud800")
def test_any_text_is_split_or_refused(url):
    try:
        mime, text = split_data_url(url)
    except InvalidRequestError:
        return
    assert mime.count("/") == 1
    assert decode_base64(text)


def test_an_error_does_not_repeat_the_content():
    with pytest.raises(InvalidRequestError) as caught:
        split_data_url("data:image/png;base64," + "PRIVATE!" * 1000)
    assert "PRIVATE" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_read_file(tmp_path, monkeypatch):
    path = tmp_path / "picture.dat"
    path.write_bytes(PNG)
    assert read_file(path) == (PNG, "image/png", "picture.dat")
    assert read_file(str(path)).mime == "image/png"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert read_file("~/picture.dat").name == "picture.dat"


def test_read_file_takes_the_name_when_the_bytes_say_nothing(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"hello")
    assert read_file(path) == (b"hello", "text/plain", "notes.txt")


def test_read_file_says_what_is_wrong(tmp_path):
    with pytest.raises(InvalidRequestError, match=r"There is no file '.*missing\.png'"):
        read_file(tmp_path / "missing.png")
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        read_file(tmp_path)
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        read_file("a\x00b")
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(InvalidRequestError, match="is empty"):
        read_file(tmp_path / "empty.png")
