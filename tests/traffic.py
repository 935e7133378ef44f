"""Reads the recorded traffic beside the repository, delivers it in pieces, and says how an answer must be read."""

from __future__ import annotations

import base64
import functools
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1].parent / "shared" / "traffic"


@dataclass(frozen=True)
class Case:
    """One recorded response and its right reading."""

    name: str
    facts: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.facts.get(name)

    @property
    def bytes(self) -> bytes:
        encoded = self.facts.get("body_b64")
        return base64.b64decode(encoded) if encoded is not None else self.facts["body"].encode()

    def pieces(self, seed: int = 0) -> list[bytes]:
        """The body cut at arbitrary bytes; seed 0 gives it whole, seed 1 byte by byte."""
        body = self.bytes
        if seed == 0:
            return [body]
        if seed == 1:
            return [body[at : at + 1] for at in range(len(body))]
        dice = random.Random(f"{self.name}{seed}")
        cuts = sorted(dice.randrange(len(body) + 1) for _ in range(dice.randint(1, 40)))
        return [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]


@functools.cache
def _load(protocol: str) -> tuple[Case, ...]:
    found = []
    for path in sorted(ROOT.glob("*/*.json")):
        if f"{protocol}__" in path.name:
            facts = json.loads(path.read_text())
            found.append(Case(f"{path.parent.name}/{path.stem}", facts))
    return tuple(found)


def cases(*protocols: str, **facts: Any) -> list[Any]:
    """The recorded cases of some protocols, as parameters; one skipped parameter when the recordings are not there."""
    if not ROOT.is_dir():
        return [pytest.param(None, marks=pytest.mark.skip(reason="recorded traffic is not beside the repository"))]
    chosen = [case for protocol in protocols for case in _load(protocol)]
    chosen = [case for case in chosen if all(case.facts.get(name) == value for name, value in facts.items())]
    return [pytest.param(case, id=case.name) for case in chosen]


def assert_reads_right(case: Case, response: Any) -> None:
    """Compare a response with what the case expects."""
    expected = case.facts["expect"]
    thought, text = expected.get("reasoning") or "", expected.get("text") or ""
    tagged = expected.get("inline_think")
    allowed = [(thought, text)]
    if tagged:
        allowed.append((tagged["reasoning"], tagged["text"]))
    if expected.get("refusal") and not text:
        allowed.append((thought, expected["refusal"]))
    got = (response.reasoning_content or "", response.content)
    stripped = [(a.strip(), b.strip()) for a, b in allowed]
    assert got in allowed or (tagged and (got[0].strip(), got[1].strip()) in stripped), (got, allowed)
    _assert_tool_calls(expected, response)
    _assert_finish(expected, response)
    _assert_usage(expected.get("usage") or {}, response.usage)
    if expected.get("id"):
        assert response.id == expected["id"]
    if expected.get("model"):
        assert response.model == expected["model"]


def _assert_tool_calls(expected: dict[str, Any], response: Any) -> None:
    wanted = expected.get("tool_calls") or []
    assert [call.name for call in response.tool_calls] == [call["name"] for call in wanted]
    for got, want in zip(response.tool_calls, wanted, strict=True):
        assert got.id
        if want.get("id"):
            assert got.id == want["id"]
        if want.get("arguments") is not None:
            assert json.loads(got.arguments) == want["arguments"]
        elif want.get("arguments_raw") is not None:
            assert got.arguments == want["arguments_raw"]


def _assert_finish(expected: dict[str, Any], response: Any) -> None:
    accept = expected.get("finish_reason_accept") or [expected.get("finish_reason")]
    assert response.finish_reason in accept, (response.finish_reason, accept)


def _assert_usage(expected: dict[str, Any], usage: Any) -> None:
    """The vendor's own numbers must be found in the raw object; the unified ones never be smaller."""
    if not any(isinstance(value, int) and value for value in expected.values()):
        return
    assert usage is not None
    for name, unified in (("input", usage.input_tokens), ("output", usage.output_tokens)):
        if expected.get(name) is not None:
            assert unified >= expected[name]
    for name, unified in (
        ("cached", usage.cached_tokens),
        ("cache_write", usage.cache_write_tokens),
        ("reasoning", usage.reasoning_tokens),
    ):
        if expected.get(name) is not None:
            assert unified == expected[name], name
