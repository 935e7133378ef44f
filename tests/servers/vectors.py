"""Embedding vectors for tests: the same text gives the same vector, texts that share words lie close together."""

from __future__ import annotations

import hashlib
import math
import re


def embedded(text: str, size: int) -> list[float]:
    """A unit vector of ``size`` numbers, made from the text's words."""
    vector = [0.0] * size
    for word in re.findall(r"\w", text.lower()) + re.findall(r"\w{2,}", text.lower()) * 8:
        digest = hashlib.sha256(word.encode()).digest()
        for place in range(size):
            vector[place] += digest[place % len(digest)] / 127.5 - 1
    length = math.sqrt(sum(number * number for number in vector)) or 1.0
    return [round(number / length, 6) for number in vector] if any(vector) else [1.0] + [0.0] * (size - 1)
