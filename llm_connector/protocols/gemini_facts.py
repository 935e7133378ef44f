"""What a Gemini answer tells besides its content: token counts, log probabilities, sources."""

from __future__ import annotations

from typing import Any

from llm_connector.types import Usage


def read_usage(counts: dict[str, Any]) -> Usage | None:
    """The unified counts; ``None`` when the vendor counted nothing (Vertex's ``trafficType`` alone).

    Google counts thoughts beside the answer, and what its own tools put into the prompt beside the prompt.
    """
    if not any(name.endswith("TokenCount") for name in counts):
        return None
    prompt = _count(counts, "promptTokenCount") + _count(counts, "toolUsePromptTokenCount")
    thoughts = _count(counts, "thoughtsTokenCount")
    answer = _count(counts, "candidatesTokenCount") + thoughts
    return Usage(
        input_tokens=prompt,
        output_tokens=answer,
        total_tokens=_count(counts, "totalTokenCount") or prompt + answer,
        cached_tokens=_count(counts, "cachedContentTokenCount"),
        reasoning_tokens=thoughts,
        raw=counts,
    )


def _count(counts: dict[str, Any], name: str) -> int:
    value = counts.get(name)
    return value if isinstance(value, int) else 0


def logprobs_of(candidate: dict[str, Any]) -> list[dict[str, Any]] | None:
    """``logprobsResult`` in OpenAI's form."""
    result = candidate.get("logprobsResult") or {}
    chosen = result.get("chosenCandidates") or []
    tops = result.get("topCandidates") or []
    told = []
    for place, token in enumerate(chosen):
        alternatives = (tops[place].get("candidates") or []) if place < len(tops) else []
        told.append({**_token(token), "top_logprobs": [_token(item) for item in alternatives]})
    return told or None


def _token(told: dict[str, Any]) -> dict[str, Any]:
    text = str(told.get("token", ""))
    return {"token": text, "logprob": told.get("logProbability", 0.0), "bytes": list(text.encode())}


def citations_of(candidate: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The sources, each with its ``url``: of search and retrieval, of quotations, and of pages that were read."""
    found = _grounding(candidate.get("groundingMetadata") or {})
    quoted = candidate.get("citationMetadata") or {}
    for source in quoted.get("citationSources") or quoted.get("citations") or ():  # the developer API, and Vertex
        found.append({"type": "citation", **_with_url(source, "uri")})
    pages = candidate.get("urlContextMetadata") or {}
    for page in pages.get("urlMetadata") or ():
        found.append({"type": "url_context", **_with_url(page, "retrievedUrl")})
    return found or None


def _grounding(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """The chunks of a search, each with the segments of the answer that rest on it."""
    found: list[dict[str, Any]] = []
    for chunk in metadata.get("groundingChunks") or ():
        kind, source = next(((key, value) for key, value in chunk.items() if isinstance(value, dict)), ("", {}))
        found.append({"type": kind, **_with_url(source, "uri")})
    for support in metadata.get("groundingSupports") or ():
        for place in support.get("groundingChunkIndices") or ():
            if place < len(found):
                found[place].setdefault("segments", []).append(support.get("segment"))
    return found


def _with_url(source: dict[str, Any], name: str) -> dict[str, Any]:
    return {("url" if key == name else key): value for key, value in source.items()}
