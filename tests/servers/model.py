"""The small rule-based model: a neutral request in, a reply out, the same every time. Knows no vendor's format.

It greets, echoes, remembers a name, calls a tool that is asked for, uses a tool's result, keeps to a JSON schema, picks
the sentence of a given context that fits the question, counts attached media, thinks aloud when asked to, and honours
stop texts and the token limit.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from typing import Any

from servers.script import Call, Reply, Use
from servers.values import Material, value
from servers.view import ToolSpec, Turn, View, head, tokens

_COMMON_WORDS = re.compile(
    r"get|set|the|and|for|use|tool|function|call|find|make|with|from|into|list|fetch|query|engine|index"
)
_JSON_KEYS = re.compile(r"JSON\b.{0,40}?\bwith\b(.{0,200}?)\b(?:keys?|fields?)\b", re.IGNORECASE | re.DOTALL)
_CONTEXT = re.compile(r"-{5,}\n(.*?)\n-{5,}.*?Query:\s*(.*?)\s*(?:\nAnswer:|$)", re.DOTALL)
_MY_NAME = re.compile(r"(?:my name is|i am|i'm|我叫)\s*(\w+)", re.IGNORECASE)


def answer(view: View) -> Reply:
    """The reply of the rule model, with its usage counted."""
    calls = _calls(view)
    text = "" if calls else _text(view)
    reasoning = f'The user says "{view.last_user.text[:40]}". I will answer it.' if view.reasoning else ""
    return counted(_limited(Reply(text, reasoning, calls), view), view)


def counted(reply: Reply, view: View) -> Reply:
    """The reply with a usage counted from the texts, when the script gave none."""
    if reply.usage is not None:
        return reply
    reasoning = tokens(reply.reasoning)
    output = reasoning + tokens(reply.text) + sum(8 + tokens(str(call.arguments)) for call in reply.tool_calls)
    return replace(reply, usage=Use(view.input_tokens, max(output, 1), reasoning=reasoning))


def _limited(reply: Reply, view: View) -> Reply:
    cuts = [(at, stop) for stop in view.stop if (at := reply.text.find(stop)) >= 0]
    at, stop = min(cuts, default=(len(reply.text), None))
    reply = replace(reply, text=reply.text[:at], stopped_by=stop)
    if view.max_tokens is None or tokens(reply.text) <= view.max_tokens or reply.tool_calls:
        return reply
    return replace(reply, text=head(reply.text, view.max_tokens), finish="length", stopped_by=None)


def _calls(view: View) -> list[Call]:
    if not view.tools or view.choice == "none":
        return []
    prompt = view.last_user.text
    forced = view.choice != "auto"
    if not forced and view.turns and view.turns[-1].role == "tool":
        return []
    offered = [tool for tool in view.tools if view.choice in {"auto", "required", tool.name}]
    chosen = _asked_for(offered, prompt) or (offered[:1] if forced else [])
    material = Material(prompt)
    return [Call(tool.name, value(tool.schema, material)) for tool in chosen[: None if view.parallel else 1]]


def _asked_for(offered: list[ToolSpec], prompt: str) -> list[ToolSpec]:
    named = _named(offered, prompt)
    if named:
        return named
    best = max(offered, key=lambda tool: _likeness(tool, prompt), default=None)
    return [best] if best is not None and _likeness(best, prompt) else []


def _named(offered: list[ToolSpec], prompt: str) -> list[ToolSpec]:
    """The tools named in the prompt, in its order; ``f`` is not named by ``f_two``."""
    places = {tool.name: re.search(rf"(?<!\w){re.escape(tool.name)}(?!\w)", prompt) for tool in offered}
    found = [(match.start(), tool) for tool in offered if (match := places[tool.name])]
    return [tool for _, tool in sorted(found, key=lambda pair: pair[0])]


def _likeness(tool: ToolSpec, prompt: str) -> int:
    words = set(re.findall(r"[a-z]{3,}", re.sub(r"([a-z])([A-Z])", r"\1 \2", tool.name).lower()))
    words = {word for word in words if not _COMMON_WORDS.fullmatch(word)}
    spoken = prompt.lower()
    hits = sum(re.search(rf"\b{re.escape(word)}", spoken) is not None for word in words)
    weather = "天气" in spoken and "weather" in tool.name.lower()
    return 2 * hits + 2 * weather + _fits_a_sum(tool, prompt)


def _fits_a_sum(tool: ToolSpec, prompt: str) -> bool:
    """Whether the tool takes just the numbers of a prompt such as "What is 1 + 2"."""
    kinds = [inner.get("type") for inner in tool.schema.get("properties", {}).values()]
    numeric = len(kinds) >= 2 and set(kinds) <= {"integer", "number"}
    return numeric and re.search(r"\d\s*(?:[-+*/x]|plus|times|and)\s*\d", prompt) is not None


def _text(view: View) -> str:
    structured = _structured(view)
    if structured is not None:
        return structured
    if view.turns and view.turns[-1].role == "tool":
        return " ".join([*map(_used, view.turns[-1].results), *_seen(view.turns)])
    return " ".join([*_seen(view.turns), _spoken(view)])


def _used(result: Any) -> str:
    return f"The result of {result.name or 'the tool'} is {result.text}."


def _structured(view: View) -> str | None:
    prompt = "\n".join(turn.text for turn in view.turns if turn.role in {"system", "user"})
    schema = view.schema or _schema_within(prompt)
    if schema is None and (view.json or _JSON_KEYS.search(prompt)):
        schema = _schema_of_keys(prompt)
    if schema is None or not (view.schema or view.json or "json" in prompt.lower()):
        return None
    return json.dumps(value(schema, Material(view.last_user.text)), ensure_ascii=False)


def _schema_within(prompt: str) -> dict[str, Any] | None:
    """A JSON schema written out in the prompt, as callers do for vendors without structured output."""
    for match in re.finditer(r"\{", prompt):
        try:
            found, _ = json.JSONDecoder().raw_decode(prompt, match.start())
        except ValueError:
            continue
        if isinstance(found, dict) and isinstance(found.get("properties"), dict):
            return found
    return None


def _schema_of_keys(prompt: str) -> dict[str, Any]:
    match = _JSON_KEYS.search(prompt)
    keys = re.findall(r"['\"`](\w+)['\"`]", match[1]) if match else []
    keys = keys or ["answer"]
    return {"type": "object", "properties": {key: {"type": "string"} for key in keys}, "required": keys}


def _seen(turns: list[Turn]) -> list[str]:
    """What is said about media: everything since the last answer of the assistant that was no tool call."""
    media: Counter[str] = Counter()
    for turn in reversed(turns):
        if turn.role == "assistant" and not turn.calls:
            break
        media.update(turn.media)
    counts = [f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in sorted(media.items()) if count]
    return [f"I see {', '.join(counts)}."] if counts else []


def _spoken(view: View) -> str:
    prompt = view.last_user.text
    if match := _CONTEXT.search(prompt):
        return _best_sentence(match[1], match[2])
    if re.search(r"what(?:'s| is) my name|我叫什么", prompt, re.IGNORECASE):
        return _remembered(view)
    if re.match(r"\s*(hello|hi|hey)\b", prompt, re.IGNORECASE) or not prompt:
        return "Hello! How can I help you today?"
    if prompt.startswith("你好"):
        return "你好！有什么可以帮你的吗？"  # noqa: RUF001
    return f"You said: {prompt}"


def _remembered(view: View) -> str:
    said = "\n".join(turn.text for turn in view.turns if turn.role == "user")
    names = [name for name in _MY_NAME.findall(said) if name != "什么"]
    return f"Your name is {names[-1]}." if names else "You have not told me your name."


def _best_sentence(context: str, question: str) -> str:
    words = set(re.findall(r"\w{3,}", question.lower()))
    sentences = [part.strip() for part in re.split(r"(?<=[.!?。])\s+|\n+", context) if part.strip()]
    return max(sentences, key=lambda part: len(words & set(re.findall(r"\w{3,}", part.lower()))), default=context)
