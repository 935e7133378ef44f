"""Whatever a server sends, a caller gets a response or an ``LLMError``: arbitrary bytes and spoilt answers, every protocol.

``fuzz/run.py`` does the same for as long as one likes.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.mutations import SHAPES, framed
from fuzz.run import attempt
from llm_connector import LLMError
from pure_readers import read_answer, read_stream

ROWS = sorted(SHAPES)
QUICK = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BROKEN = st.one_of(
    st.binary(max_size=400),
    st.lists(
        st.sampled_from(
            [b"data: ", b"event: x", b"\n\n", b"\r\n", b"\r", b"{", b"}", b"[DONE]", b'"', b"\xff", b": c", b"[", b"]",
             b'{"choices":[{"delta":', b'{"candidates":[', b"null", b"1e999", b'{"type":"', b"\x00\x00\x00\x10"]
        ),
        max_size=30,
    ).map(b"".join),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_right_answers_are_read(row: str) -> None:
    """Else the changed ones would test nothing but the first check."""
    whole, events = SHAPES[row]
    assert read_stream(row, [framed(row, events)]).finish_reason is not None
    import json

    assert read_answer(row, json.dumps(whole[0]).encode()).finish_reason is not None


@pytest.mark.parametrize("row", ROWS)
@QUICK
@given(body=BROKEN, cut=st.integers(0, 400), status=st.sampled_from([200, 400, 429, 500]))
def test_arbitrary_bytes(row: str, body: bytes, cut: int, status: int) -> None:
    for read in (lambda: read_stream(row, [body[:cut], body[cut:]]), lambda: read_answer(row, body, status)):
        try:
            read()
        except LLMError:
            pass


@pytest.mark.parametrize("row", ROWS)
@QUICK
@given(seed=st.integers(0, 2**32))
def test_spoilt_answers(row: str, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(5):
        outcome, body = attempt(row, dice)
        assert not outcome.startswith("NOT OURS"), (outcome, body)
