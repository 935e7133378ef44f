"""Fuzzes every protocol for a number of seconds: ``python tests/fuzz/run.py 600 [seed]``.

Arbitrary bytes and changed answers of every vendor go through stream and whole-answer reading; anything but a response
or an ``LLMError`` is printed with the bytes that caused it, and the exit code is 1.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz.mutations import SHAPES, changed, framed, spoilt
from llm_connector import LLMError
from pure_readers import read_answer, read_stream

STATUSES = (200, 200, 200, 400, 401, 404, 429, 500, 503)


def attempt(row: str, dice: random.Random) -> tuple[str, bytes]:
    """One body read; the outcome's name and the body."""
    whole, events = SHAPES[row]
    streaming = dice.random() < 0.6
    way = dice.randrange(4)
    source = events if streaming else whole
    changes = [] if way == 0 else [dice.randrange(len(source)) for _ in range(dice.randrange(1, 4))]
    source = [changed(event, dice) if at in changes else event for at, event in enumerate(source)]
    body = framed(row, source) if streaming else json.dumps(source[0]).encode()
    if way in {0, 3}:
        body = spoilt(body, dice)
    if dice.random() < 0.05:
        body = dice.randbytes(dice.randrange(300))
    try:
        if streaming:
            cut = dice.randrange(len(body) + 1)
            read_stream(row, [body[:cut], body[cut:]])
        else:
            read_answer(row, body, dice.choice(STATUSES))
    except LLMError as error:
        return type(error).__name__, body
    except Exception as error:
        return f"NOT OURS {row} {'stream' if streaming else 'whole'} {error!r}", body
    return "answer", body


def fuzz(seconds: float, seed: int) -> tuple[Counter[str], list[tuple[str, bytes]]]:
    """Outcomes counted, and what was wrong."""
    dice = random.Random(seed)
    end, rows = time.monotonic() + seconds, list(SHAPES)
    outcomes: Counter[str] = Counter()
    wrong: list[tuple[str, bytes]] = []
    while time.monotonic() < end:
        outcome, body = attempt(rows[sum(outcomes.values()) % len(rows)], dice)
        if outcome.startswith("NOT OURS") and outcome not in outcomes:
            wrong.append((outcome, body))
        outcomes[outcome] += 1
    return outcomes, wrong


if __name__ == "__main__":
    told, found = fuzz(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    for name, count in told.most_common():
        print(f"{count:9} {name}")
    print(f"{sum(told.values()):9} bodies")
    for outcome, body in found:
        print(outcome, body)
    sys.exit(bool(found))
