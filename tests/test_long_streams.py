"""A stream of a million events costs its text and nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from servers.faults import FaultServer

EVENTS = 1_000_000
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
EVENT = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

READER = """
import resource, sys
from llm_connector import LLMClient
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with LLMClient("openai_compatible", "m", api_key="k", base_url=sys.argv[1]) as client:
    stream = client.stream("hi")
    for number, chunk in enumerate(stream):
        if number == 20_000:
            early = peak()
    grown = peak() - early
    answer = stream.response()
print(number, len(answer.content), answer.finish_reason, grown)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such measure of memory")
def test_a_million_events_in_constant_memory() -> None:
    block = EVENT * 1000
    with FaultServer([HEAD, *[block] * (EVENTS // 1000), END]) as server:
        printed = subprocess.check_output([sys.executable, "-c", READER, server.url], text=True, timeout=120)
    last, length, reason, grown = printed.split()
    assert (int(last), int(length), reason) == (EVENTS, EVENTS, "stop")
    kilobytes = int(grown) // 1024 if sys.platform == "darwin" else int(grown)
    assert kilobytes < 12_000, "a million letters are one megabyte, held in a buffer of at most four bytes each"
