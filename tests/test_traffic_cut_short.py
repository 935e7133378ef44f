"""Recorded streams cut at random bytes before their terminal mark: never a complete answer, at any cut."""

from __future__ import annotations

import random
import re

import pytest

from llm_connector import LLMError, StreamInterruptedError
from pure_readers import ROWS, read_stream
from traffic import Case, cases

CUTS = 60  # of each stream
# What first says that an answer is over, in the words of each protocol.
MARKS = {
    "openai_chat": rb'"finish_reason"\s*:\s*"|\[DONE\]',
    "zhipu": rb'"finish_reason"\s*:\s*"|\[DONE\]',
    "anthropic": rb'"stop_reason"\s*:\s*"|message_stop',
    "bedrock_eventstream": rb"",
    "gemini": rb'"finishReason"',
    "dashscope": rb'"finish_reason"\s*:\s*"(?!null)',
    "ollama": rb'"done"\s*:\s*true',
    "tencent": rb'"FinishReason"\s*:\s*"[a-z]',
    "openai_responses": rb"response\.(completed|incomplete|failed)",
}


def protocol_of(case: Case) -> str:
    return case.name.partition("/")[2].partition("__")[0]


def cuts(case: Case) -> list[int]:
    """Where to cut; in Amazon's binary frames, which hide the mark, the first half of the stream is before it."""
    body, mark = case.bytes, MARKS[protocol_of(case)]
    found = re.search(mark, body)
    end = len(body) // 2 if not mark else found.start() if found else len(body)
    dice = random.Random(case.name)
    return sorted({0, end, *(dice.randint(0, end) for _ in range(CUTS))})


STREAMS = [
    parameter
    for parameter in cases(*ROWS, stream=True, status=200)
    if parameter.values[0] is None or (parameter.values[0].variant or "invoke") == "invoke"  # no row makes other calls
]


@pytest.mark.parametrize("case", STREAMS)
def test_no_cut_looks_whole(case: Case) -> None:
    body = case.bytes
    for cut in cuts(case):
        start = random.Random(cut).randint(0, cut)
        with pytest.raises(LLMError) as caught:
            read_stream(ROWS[protocol_of(case)], [body[:start], body[start:cut]])
        error = caught.value
        if isinstance(error, StreamInterruptedError):
            assert error.partial is not None
            assert error.partial.finish_reason is None
        else:
            assert case.expect.get("error"), (cut, repr(error))


def test_the_count_is_told() -> None:
    tried = [case for case in (parameter.values[0] for parameter in STREAMS) if case is not None]
    count = sum(len(cuts(case)) for case in tried)
    print(f"{count} cuts of {len(tried)} recorded streams")
    assert count >= 2 * len(tried)
