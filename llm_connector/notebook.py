"""How answers, token counts and model lists look in a notebook. Only showing a stream there needs IPython.

A kernel trusts what a cell has just made, so Markdown from a model may not bring HTML along: every ``<`` shown is ours.
"""

from __future__ import annotations

import html
import importlib
import re
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from llm_connector.types import ChatChunk, ChatResponse, Choice, ModelInfo, ToolCall, Usage

_PUNCTUATION = re.compile(r"[^\w\s]|_")
_FENCED = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,})[^`\n]*\n(?P<body>.*?)(?:^ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_CODE = re.compile(r"(?<!`)(?P<ticks>`+)(?!`)(?P<text>[^\n]*?[^`\n])(?P=ticks)(?!`)")
_SCRIPT_LINK = re.compile(r"(\](?:\(|:)\s*)(?=(?:java|vb)script\b)", re.IGNORECASE)
_WRAPPED = "white-space: pre-wrap"
_REFRESH_SECONDS = 0.1


def answer_markdown(response: ChatResponse) -> str:
    """An answer: its reasoning folded, its text as Markdown, its tool calls as a table, its token counts as a line."""
    several = len(response.choices) > 1
    parts = [part for choice in response.choices for part in _choice_parts(choice, several=several)]
    parts += [f"*Warning: {_literal(warning)}*" for warning in response.warnings]
    if response.usage is not None:
        parts.append(usage_markdown(response.usage, response.model))
    return "\n\n".join(parts)


def usage_markdown(usage: Usage, model: str | None = None) -> str:
    """Token counts on one line."""
    parts = [*usage_parts(usage), *([] if model is None else [model])]
    return f"<small>{' · '.join(_literal(part) for part in parts)}</small>"


def usage_parts(usage: Usage) -> list[str]:
    """Token counts in words; those that are nothing are left out."""
    details = (
        (usage.cached_tokens, "from cache"),
        (usage.cache_write_tokens, "to cache"),
        (usage.reasoning_tokens, "reasoning"),
    )
    told = [f"{usage.input_tokens:,} tokens in", f"{usage.output_tokens:,} out"]
    return told + [f"{count:,} {name}" for count, name in details if count]


def models_html(models: Iterable[ModelInfo]) -> str:
    """A list of models as a table."""
    rows = (
        f"<tr><td><code>{html.escape(model.id)}</code></td>"
        f"<td>{_number(model.context_window)}</td><td>{_number(model.max_output_tokens)}</td></tr>"
        for model in models
    )
    head = "<tr><th>model</th><th>context (tokens)</th><th>output (tokens)</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def safe_markdown(text: str) -> str:
    """A model's Markdown without its HTML: what looks like a tag is shown as it is written.

    Code that holds a ``<`` is given as our own HTML, for Markdown has no way to escape there. Wherever a front end
    sees code begin and end, no ``<`` of the model's is left, so nothing depends on reading Markdown as it does.
    """
    parts, end = [], 0
    for block in _FENCED.finditer(text):
        parts += [_safe_inline(text[end : block.start()]), _safe_block(block)]
        end = block.end()
    return "".join([*parts, _safe_inline(text[end:])])


class Folding(Protocol):
    """What knows the answer so far; a stream's reader does."""

    def response(self) -> ChatResponse:
        """The answer so far."""
        ...


class LiveAnswer:
    """An answer that grows on the screen while its chunks come: rendered in a notebook, plain text elsewhere.

    Args:
        answer: What folds the same chunks.
    """

    def __init__(self, answer: Folding) -> None:
        self._answer = answer
        self._handle: Any = None
        self._shown_at = 0.0

    def __enter__(self) -> Self:
        if in_notebook():
            show: Any = importlib.import_module("IPython.display").display
            self._handle = show(self._bundle(), raw=True, display_id=True)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self._handle is None:
            sys.stdout.write("\n")
        else:
            self._handle.update(self._bundle(), raw=True)

    def add(self, chunk: ChatChunk) -> None:
        """Show one chunk more; a notebook is drawn ten times a second at most, and plain text has the first choice."""
        if self._handle is None:
            sys.stdout.write(chunk.content if chunk.index == 0 else "")
            sys.stdout.flush()
        elif time.monotonic() - self._shown_at > _REFRESH_SECONDS:
            self._handle.update(self._bundle(), raw=True)
            self._shown_at = time.monotonic()

    def _bundle(self) -> dict[str, str]:
        response = self._answer.response()
        return {"text/markdown": answer_markdown(response), "text/plain": response.content}


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code; IPython in a terminal cannot change what it has shown."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


def _choice_parts(choice: Choice, *, several: bool) -> list[str]:
    message = choice.message
    parts = [f"**Answer {choice.index + 1}**"] if several else []
    if message.reasoning_content:
        parts.append(_folded("Reasoning", message.reasoning_content))
    if message.text:
        parts.append(safe_markdown(message.text))
    if message.tool_calls:
        parts.append(_calls_table(message.tool_calls))
    if choice.finish_reason not in {"stop", "tool_calls", None}:
        parts.append(f"*Ended by: {_literal(choice.raw_finish_reason or str(choice.finish_reason))}*")
    return parts


def _folded(title: str, text: str) -> str:
    # On one line: a blank line would end the HTML block, and the rest would be read as Markdown.
    lines = _one_line(html.escape(text))
    shown = f'<blockquote><pre style="{_WRAPPED}">{lines}</pre></blockquote>'
    return f"<details><summary>{title}</summary>{shown}</details>"


def _calls_table(calls: Iterable[ToolCall]) -> str:
    rows = [f"| {_inline_code(call.name)} | {_inline_code(call.arguments)} |" for call in calls]
    return "\n".join(["| tool | arguments |", "|:---|:---|", *rows])


def _safe_inline(text: str) -> str:
    parts, end = [], 0
    for code in _CODE.finditer(text):
        shown = _inline_code(code["text"]) if "<" in code["text"] else code[0]
        parts += [_safe_prose(text[end : code.start()]), shown]
        end = code.end()
    return "".join([*parts, _safe_prose(text[end:])])


def _safe_prose(text: str) -> str:
    # With "&" escaped no link can hide its scheme behind a character reference.
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return _SCRIPT_LINK.sub(r"\1unsafe:", text)


def _safe_block(block: re.Match[str]) -> str:
    if "<" not in block[0]:
        return block[0]
    body = _one_line(html.escape(block["body"].removesuffix("\n")))
    return f"\n<pre><code>{body}</code></pre>\n"


def _inline_code(text: str) -> str:
    return f"<code>{_literal(text)}</code>"


def _literal(text: str) -> str:
    """Text that neither HTML nor Markdown nor a formula finds anything in."""
    return _one_line(_PUNCTUATION.sub(lambda sign: f"&#{ord(sign[0])};", text))


def _one_line(text: str) -> str:
    return re.sub(r"\r\n?|\n", "&#10;", text)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
