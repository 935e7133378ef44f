"""A conversation in a terminal: typed lines, streamed answers, commands with a slash. Asking is the client's."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import Any, get_args

from llm_connector.cli import render
from llm_connector.cli.attachments import block_of
from llm_connector.client import ChatStream, LLMClient
from llm_connector.errors import LLMError, StreamInterruptedError
from llm_connector.types import Message, ReasoningEffort
from llm_connector.types.content import ContentBlock

HELP = """/model [NAME]        show or change the model
/reasoning [EFFORT]  show or change the effort: none, minimal, low, medium, high, xhigh, max; off to leave it out
/file PATH …         send files with the next message
/clear               forget what was said
/quit                leave; so does Ctrl-D. Ctrl-C stops an answer"""


class Conversation:
    """Messages to and fro with one client.

    Args:
        client: Whom to ask.
        params: Fields of ``ChatRequest`` for each message.
        history: The messages to begin with, kept by ``/clear``.
        blocks: What goes with the next message.
    """

    def __init__(
        self, client: LLMClient, params: dict[str, Any], history: list[Message], blocks: list[ContentBlock]
    ) -> None:
        self._client = client
        self._params = params
        self._beginning = history
        self.history = list(history)
        self._blocks = blocks

    def ask_once(self, text: str, *, as_json: bool = False) -> None:
        """One question and its answer; errors are the caller's."""
        asked = self._with_question(text)
        if as_json:
            response = self._client.chat(asked, **self._params)
            render.json_text(response.model_dump(mode="json", exclude={"raw"}))
            return
        with self._client.stream(asked, **self._params) as stream:
            self._show(stream)

    def run(self) -> None:
        """Talk until the person leaves."""
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 - gives input() editing and the lines typed before; Windows has none

        render.note(f"{self._client.provider_name}: /help tells the commands")
        while True:
            try:
                line = input("> ").strip()
            except EOFError:
                render.console.print()
                return
            except KeyboardInterrupt:
                render.note("\n/quit or Ctrl-D leaves")
                continue
            if line.startswith("/"):
                if not self._obey(line):
                    return
            elif line:
                self._say(line)

    def _with_question(self, text: str) -> list[Message]:
        return [*self.history, Message.user([text, *self._blocks] if self._blocks else text)]

    def _say(self, text: str) -> None:
        """Ask; what came of an answer that was stopped is kept, and nothing of one that failed."""
        asked = self._with_question(text)
        stream = None
        try:
            with self._client.stream(asked, **self._params) as stream:
                self._show(stream)
        except KeyboardInterrupt:
            render.note("\nstopped")
        except LLMError as error:
            render.failure(error)
            return
        if stream is not None and (answer := _told(stream)) is not None:
            self.history, self._blocks = [*asked, answer], []

    def _show(self, stream: ChatStream) -> None:
        usage = render.stream_answer(stream)
        for warning in stream.warnings:
            render.warning(warning)
        for choice in stream.response().choices:
            if choice.finish_reason not in {"stop", None}:
                render.warning(f"ended by: {choice.raw_finish_reason or choice.finish_reason}")
        render.usage_line(usage)

    def _obey(self, line: str) -> bool:
        """Do what a command says; ``False`` to leave."""
        name, _, rest = line.partition(" ")
        rest = rest.strip()
        match name:
            case "/quit" | "/exit":
                return False
            case "/clear":
                self.history, self._blocks = list(self._beginning), []
            case "/model":
                self._choose("model", rest or None)
            case "/reasoning":
                self._reason(rest)
            case "/file":
                self._attach(rest)
            case _:
                render.note(HELP)
        return True

    def _choose(self, field: str, value: str | None) -> None:
        if value is not None:
            self._params[field] = value
        default = self._client.settings.model if field == "model" else None
        render.note(f"{field}: {self._params.get(field, default) or 'not set'}")

    def _reason(self, effort: str) -> None:
        known = get_args(ReasoningEffort)
        if effort == "off":
            self._params.pop("reasoning_effort", None)
        elif effort and effort not in known:
            render.note(f"choose from {', '.join(known)}, off")
            return
        self._choose("reasoning_effort", None if effort == "off" else effort or None)

    def _attach(self, paths: str) -> None:
        try:
            self._blocks += [block_of(Path(path)) for path in shlex.split(paths)]
        except (LLMError, ValueError) as error:
            render.failure(error)
        render.note(f"{len(self._blocks)} file(s) go with the next message")


def _told(stream: ChatStream) -> Message | None:
    """The answer, as far as it came."""
    try:
        return stream.response().message
    except StreamInterruptedError as error:
        text = "" if error.partial is None else error.partial.content
        return Message.assistant(text) if text else None
