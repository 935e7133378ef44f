"""A server of precomputed bytes: it costs the measured clients nothing but their own work. Run as a process of its own.

Paths name what is wanted: ``/small`` an answer, ``/chunks/N`` a stream of N chunks, ``/paced/N`` the same at a model's pace, ``/tool/N`` a
tool call in N pieces. It prints its port when it listens and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from functools import cache

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "system_fingerprint": "fp"}
USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
WRITE = 16384
PACE = 0.1  # seconds
PACED_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def event(delta: dict, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return b"data: " + json.dumps(HEAD | {"choices": [choice]}).encode() + b"\n\n"


def ending(reason: str) -> bytes:
    usage = b"data: " + json.dumps(HEAD | {"choices": [], "usage": USAGE}).encode() + b"\n\n"
    return event({}, reason) + usage + b"data: [DONE]\n\n"


@cache
def body(kind: str, count: int) -> bytes:
    start = event({"role": "assistant", "content": ""})
    if kind == "chunks":
        return start + b"".join(event({"content": f"word{at % 10} "}) for at in range(count)) + ending("stop")
    if kind == "tool":
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"text": "'}}
        pieces = [event({"tool_calls": [{"index": 0, "function": {"arguments": "abcdef "}}]}) for _ in range(count - 2)]
        last = event({"tool_calls": [{"index": 0, "function": {"arguments": '"}'}}]})
        return start + event({"tool_calls": [call]}) + b"".join(pieces) + last + ending("tool_calls")
    message = {"role": "assistant", "content": "Hello there."}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return json.dumps(HEAD | {"object": "chat.completion", "choices": [choice], "usage": USAGE}).encode()


def answer(path: str) -> tuple[str, bytes]:
    parts = path.strip("/").split("/")
    kind = next((part for part in parts if part in {"chunks", "tool"}), "small")
    count = int(parts[parts.index(kind) + 1]) if kind != "small" else 0
    if kind == "small":
        return "application/json", body(kind, count)
    return "text/event-stream", chunked(kind, count)


@cache
def chunked(kind: str, count: int) -> bytes:
    """A stream as vendors send it: an HTTP chunk an event."""
    events = body(kind, count).split(b"\n\n")[:-1]
    return b"".join(b"%x\r\n%s\n\n\r\n" % (len(event) + 2, event) for event in events) + b"0\r\n\r\n"


async def paced(writer: asyncio.StreamWriter, count: int) -> None:
    """A stream of one chunk in 100 ms, each of which tells when it was sent."""
    before, after = event({"content": "@at=AT@"}).split(b"AT", 1)
    for _ in range(count):
        data = before + b"%f" % time.monotonic() + after
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await asyncio.sleep(PACE)
    end = ending("stop")
    writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(end), end))


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            size = next(
                (int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0
            )
            await reader.readexactly(size)
            path = head.split(" ", 2)[1]
            if path.startswith("/paced/"):
                writer.write(PACED_HEAD)
                await paced(writer, int(path.split("/")[2]))
                continue
            kind, data = answer(path)
            framing = f"content-length: {len(data)}" if kind == "application/json" else "transfer-encoding: chunked"
            writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n{framing}\r\n\r\n".encode())
            if kind == "application/json":
                writer.write(data)
            else:
                for start in range(0, len(data), WRITE):
                    writer.write(data[start : start + WRITE])
                    await writer.drain()
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
