"""The AWS event-stream decoder: vectors, every type and limit, any cut, broken bytes, cost, recorded streams."""

import base64
import itertools
import json
import struct
import time
import zlib
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_connector.errors import DecodeError
from llm_connector.eventstream import (
    MAX_HEADERS_SIZE,
    MAX_MESSAGE_SIZE,
    MAX_PAYLOAD_SIZE,
    EventStreamDecoder,
    EventStreamMessage,
)

RECORDED = sorted(
    (Path(__file__).resolve().parents[2] / "shared" / "traffic" / "bedrock").glob("bedrock_eventstream__*.json")
)

# Frames that botocore 1.44.5 reads (2026-11).
CHUNK = bytes.fromhex(
    "000000910000004b684a49d10b3a6576656e742d747970650700056368756e6b0d3a636f6e74656e742d747970650700106170706c6963"
    "6174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b226279746573223a2265794a306558426c496a6f6962"
    "57567a6332466e5a56397a64473977496e303d222c2270223a22616263227da1aebc9a"
)
EXCEPTION = bytes.fromhex(
    "00000090000000618e91a9b70f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e"
    "74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d7479706507000965786365707469"
    "6f6e7b226d657373616765223a22546f6f206d616e79207265717565737473227de67f8005"
)
CHUNK_MESSAGE = EventStreamMessage(
    {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"},
    b'{"bytes":"eyJ0eXBlIjoibWVzc2FnZV9zdG9wIn0=","p":"abc"}',
)
EXCEPTION_MESSAGE = EventStreamMessage(
    {":exception-type": "throttlingException", ":content-type": "application/json", ":message-type": "exception"},
    b'{"message":"Too many requests"}',
)

FORMATS = {2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q"}


def encode_value(kind, value):
    if kind in {0, 1}:
        return b""
    if kind in FORMATS:
        return struct.pack(FORMATS[kind], value)
    if kind == 9:
        return value.bytes
    data = value.encode() if kind == 7 else value
    return struct.pack(">H", len(data)) + data


def encode_header(name, kind, value):
    data = name.encode()
    return bytes([len(data)]) + data + bytes([kind]) + encode_value(kind, value)


def frame(headers, payload=b""):
    """Frame a block of header bytes and a payload, whatever they hold."""
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    head = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    return head + struct.pack(">I", zlib.crc32(head))


def prelude(frame_size, headers_size):
    data = struct.pack(">II", frame_size, headers_size)
    return data + struct.pack(">I", zlib.crc32(data))


def integers(bits):
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


names = st.text(min_size=1, max_size=40)
typed_values = st.one_of(
    st.just((0, True)),
    st.just((1, False)),
    st.tuples(st.just(2), integers(8)),
    st.tuples(st.just(3), integers(16)),
    st.tuples(st.just(4), integers(32)),
    st.tuples(st.just(5), integers(64)),
    st.tuples(st.just(6), st.binary(max_size=300)),
    st.tuples(st.just(7), st.text(max_size=100)),
    st.tuples(st.just(8), integers(64)),
    st.tuples(st.just(9), st.uuids()),
)
messages_with_types = st.tuples(st.dictionaries(names, typed_values, max_size=5), st.binary(max_size=300))
streams = st.lists(messages_with_types, max_size=5)


def encode_message(headers, payload):
    return frame(b"".join(encode_header(name, *typed) for name, typed in headers.items()), payload)


def expected(stream):
    return [EventStreamMessage({name: value for name, (_, value) in h.items()}, payload) for h, payload in stream]


def pieces(data, cuts):
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def read(parts, **options):
    """Read a whole stream: the messages, and the error that ended it or None."""
    decoder = EventStreamDecoder(**options)
    messages = []
    try:
        for part in parts:
            messages += decoder.feed(part)
        decoder.finish()
    except DecodeError as error:
        return messages, str(error)
    return messages, None


def each_byte(data):
    return [data[i : i + 1] for i in range(len(data))]


@pytest.mark.parametrize(("data", "message"), [(CHUNK, CHUNK_MESSAGE), (EXCEPTION, EXCEPTION_MESSAGE)])
def test_vectors(data, message):
    assert read([data]) == ([message], None)
    assert read(each_byte(data)) == ([message], None)


def test_the_encoder_of_these_tests_makes_the_vector():
    headers = {name: (7, value) for name, value in CHUNK_MESSAGE.headers.items()}
    assert encode_message(headers, CHUNK_MESSAGE.payload) == CHUNK


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        (b"\x00", True),
        (b"\x01", False),
        (b"\x02\xff", -1),
        (b"\x03\x80\x00", -32768),
        (b"\x04\x7f\xff\xff\xff", 2147483647),
        (b"\x05\x00\x00\x00\x01\x00\x00\x00\x00", 4294967296),
        (b"\x06\x00\x03\x00\xff\x01", b"\x00\xff\x01"),
        (b"\x07\x00\x06\xe4\xbd\xa0\xe5\xa5\xbd", "你好"),
        (b"\x08\x00\x00\x01\xa2\x00\x00\x00\x00", 0x1A200000000),
        (b"\x08" + b"\xff" * 8, -1),
        (b"\x09" + bytes(range(16)), UUID("00010203-0405-0607-0809-0a0b0c0d0e0f")),
    ],
)
def test_header_types(encoded, value):
    (message,), error = read([frame(b"\x01n" + encoded, b"body")])
    assert error is None
    assert message == EventStreamMessage({"n": value}, b"body")
    assert type(message.headers["n"]) is type(value)


@given(streams, st.lists(st.integers(0, 10_000), max_size=20))
@settings(deadline=None)
def test_any_cut_gives_the_same_messages(stream, cuts):
    data = b"".join(encode_message(*message) for message in stream)
    assert read(pieces(data, cuts)) == (expected(stream), None)


@given(streams)
@settings(deadline=None, max_examples=30)
def test_byte_by_byte_gives_the_same_messages(stream):
    data = b"".join(encode_message(*message) for message in stream)
    assert read(each_byte(data)) == (expected(stream), None)


def test_a_message_is_given_as_soon_as_its_last_byte_is_there():
    decoder = EventStreamDecoder()
    assert decoder.feed(CHUNK[:-1]) == []
    assert decoder.feed(CHUNK[-1:] + EXCEPTION[:5]) == [CHUNK_MESSAGE]
    assert decoder.feed(EXCEPTION[5:]) == [EXCEPTION_MESSAGE]
    decoder.finish()


@given(st.data(), st.lists(st.integers(0, 10_000), max_size=8))
@settings(deadline=None)
def test_any_changed_byte_is_noticed_and_what_stood_before_it_is_kept(data, cuts):
    stream = data.draw(st.lists(messages_with_types, min_size=1, max_size=4))
    frames = [encode_message(*message) for message in stream]
    whole = bytearray(b"".join(frames))
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] ^= data.draw(st.integers(1, 255))
    intact = sum(sum(map(len, frames[: i + 1])) <= position for i in range(len(frames)))
    messages, error = read(pieces(bytes(whole), cuts))
    assert messages == expected(stream)[:intact]
    assert error is not None
    assert "checksum" in error


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
@settings(deadline=None)
def test_bytes_of_something_else_are_a_decode_error(data, cuts):
    messages, error = read(pieces(data, cuts))
    assert messages == []
    assert (error is None) == (data == b"")


@given(st.binary(max_size=60), st.binary(max_size=20))
@settings(deadline=None, max_examples=300)
def test_header_blocks_with_right_checksums_are_read_or_refused(headers, payload):
    messages, error = read([frame(headers, payload)])
    assert [message.payload for message in messages] == ([payload] if error is None else [])


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (b"\x05abc", "runs over the end"),
        (b"\x01n", "runs over the end"),
        (b"\x01n\x05\x00", "runs over the end"),
        (b"\x01n\x06\x00\x09abc", "runs over the end"),
        (b"\x01n\x07\x00", "runs over the end"),
        (b"\x01n\x0a", "unknown type 10"),
        (b"\x01\xff\x00", "not UTF-8"),
        (b"\x01n\x07\x00\x01\xff", "not UTF-8"),
        (b"\x01n\x00\x01n\x01", "comes twice"),
    ],
)
def test_broken_headers(headers, reason):
    with pytest.raises(DecodeError, match=reason):
        EventStreamDecoder().feed(frame(headers))


@given(st.integers(0, len(CHUNK + EXCEPTION)))
@settings(deadline=None)
def test_a_cut_stream_does_not_look_complete(size):
    messages, error = read([(CHUNK + EXCEPTION)[:size]])
    assert len(messages) == (size >= len(CHUNK)) + (size == len(CHUNK + EXCEPTION))
    assert (error is None) == (size in {0, len(CHUNK), len(CHUNK + EXCEPTION)})


@pytest.mark.parametrize(
    ("frame_size", "headers_size", "reason"),
    [
        (15, 0, "shorter than its own headers"),
        (0, 0, "shorter than its own headers"),
        (99, 84, "shorter than its own headers"),
        (MAX_HEADERS_SIZE + 17, MAX_HEADERS_SIZE + 1, "over the limit of 131072"),
        (MAX_PAYLOAD_SIZE + 17, 0, "over the limit of 25165824"),
        (MAX_MESSAGE_SIZE + 1, MAX_HEADERS_SIZE, "over the limit"),
        (2**32 - 1, 0, "over the limit"),
    ],
)
def test_impossible_lengths_are_refused_at_the_prelude(frame_size, headers_size, reason):
    with pytest.raises(DecodeError, match=reason):
        EventStreamDecoder().feed(prelude(frame_size, headers_size))


def test_a_message_at_the_limits_is_read():
    pad = b"\x01%c\x06\xff\xff" + bytes(65535)
    rest = MAX_HEADERS_SIZE - len(pad % b"a") - 5
    headers = pad % b"a" + b"\x01b\x06" + struct.pack(">H", rest) + bytes(rest)
    assert len(headers) == MAX_HEADERS_SIZE
    (message,), error = read([frame(headers, bytes(MAX_PAYLOAD_SIZE))])
    assert error is None
    assert len(message.payload) == MAX_PAYLOAD_SIZE


def test_the_message_limit_can_be_lowered():
    assert read([CHUNK], max_message_size=len(CHUNK)) == ([CHUNK_MESSAGE], None)
    with pytest.raises(DecodeError, match=f"{len(CHUNK)} bytes is over the limit of {len(CHUNK) - 1}"):
        EventStreamDecoder(max_message_size=len(CHUNK) - 1).feed(CHUNK)


def test_a_broken_stream_stays_broken():
    decoder = EventStreamDecoder()
    broken = bytearray(CHUNK)
    broken[-1] ^= 1
    assert decoder.feed(EXCEPTION + broken + CHUNK) == [EXCEPTION_MESSAGE]
    assert decoder.failed
    for _ in range(2):
        with pytest.raises(DecodeError, match="checksum of a frame"):
            decoder.feed(CHUNK)
        with pytest.raises(DecodeError, match="checksum of a frame"):
            decoder.finish()


def test_repr_tells_the_state():
    decoder = EventStreamDecoder()
    assert repr(decoder) == "EventStreamDecoder(buffered=0, awaited=12, failed=False)"
    decoder.feed(CHUNK[:20])
    assert repr(decoder) == "EventStreamDecoder(buffered=20, awaited=145, failed=False)"
    with pytest.raises(DecodeError):
        decoder.feed(bytes(125))
    assert repr(decoder) == "EventStreamDecoder(buffered=0, awaited=145, failed=True)"


def seconds(parts):
    """Return the processor time of reading the parts, the best of three."""
    times = []
    for _ in range(3):
        start = time.process_time()
        messages, error = read(parts)
        times.append(time.process_time() - start)
        assert messages
        assert error is None
    return min(times)


def test_the_cost_of_a_long_frame_in_single_bytes_is_linear():
    small, large = (each_byte(frame(b"", bytes(size))) for size in (50_000, 400_000))
    # 8 times the bytes: copying what is buffered at each byte would cost 64 times as much.
    assert seconds(large) < 24 * seconds(small)


def test_the_cost_of_many_frames_in_one_piece_is_linear():
    small, large = ([CHUNK * count] for count in (500, 8_000))
    # 16 times the frames: moving the rest for each frame would cost 256 times as much.
    assert seconds(large) < 48 * seconds(small)


def text_of(message):
    """Return the text that an event carries, of either Bedrock operation."""
    event = json.loads(message.payload)
    if "bytes" in event:
        event = json.loads(base64.b64decode(event["bytes"]))
    delta = event.get("delta", {})
    return delta.get("text", "") if isinstance(delta, dict) else ""


@pytest.mark.skipif(not RECORDED, reason="the recorded traffic is not beside the repository")
def test_recorded_streams_are_read_alike_however_they_are_cut():
    for path in RECORDED:
        case = json.loads(path.read_text(encoding="utf-8"))
        data = base64.b64decode(case["body_b64"])
        messages, error = read([data])
        assert error is None, path.name
        assert "".join(map(text_of, messages)) == case["expect"]["text"], path.name
        kinds = {message.headers[":message-type"] for message in messages}
        assert kinds == ({"event", "exception"} if "error_midstream" in case["tags"] else {"event"}), path.name
        assert read(each_byte(data)) == (messages, None), path.name
