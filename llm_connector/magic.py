"""The cell magic ``%%chat``, for ``%load_ext llm_connector``. Needs IPython; how an answer looks is in ``notebook``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from llm_connector.client import LLMClient
from llm_connector.types import Message

if TYPE_CHECKING:
    from llm_connector.client import ChatStream


@magics_class
class ChatMagics(Magics):
    """One conversation a notebook, whichever models answer in it.

    Attributes:
        shell: The notebook's IPython.
        history: The messages so far, without those of an answer that failed.
    """

    shell: Any

    def __init__(self, shell: Any) -> None:
        super().__init__(shell)
        self.history: list[Message] = []
        self._clients: dict[tuple[str, str | None], LLMClient] = {}

    @magic_arguments()
    @argument("provider", nargs="?", default="local", help="A name from supported_providers(); else local.")
    @argument("model", nargs="?", help="The model; some providers have a default.")
    @argument("--new", action="store_true", help="Forget the conversation first.")
    @argument("--system", metavar="TEXT", help="Instructions, in quotes; starts a new conversation.")
    @argument("--reasoning", metavar="EFFORT", help="none, minimal, low, medium, high, xhigh or max.")
    @cell_magic
    def chat(self, line: str, cell: str) -> None:
        """Say the cell's text; the answer is shown as it comes and kept as ``_chat``.

        Raises:
            LLMError: The call failed; the conversation is as it was before.
        """
        arguments = parse_argstring(self.chat, line)
        history = [] if arguments.new or arguments.system is not None else self.history
        if arguments.system is not None:
            history = [Message.system(_unquoted(arguments.system))]
        asked = [*history, Message.user(cell.strip())]
        params = {} if arguments.reasoning is None else {"reasoning_effort": arguments.reasoning}
        with self._client(arguments.provider, arguments.model).stream(asked, **params) as stream:
            self._show(stream, asked)

    def _show(self, stream: ChatStream, asked: list[Message]) -> None:
        stream.display()
        response = stream.response()
        self.history = [*asked, response.message]
        self.shell.user_ns["_chat"] = response

    def _client(self, provider: str, model: str | None) -> LLMClient:
        """A client a provider and model, so that connections are kept between cells."""
        key = (provider, model)
        if key not in self._clients:
            self._clients[key] = LLMClient(provider, model)
        return self._clients[key]


def _unquoted(text: str) -> str:
    """Without the quotes around it, which IPython leaves there; those of the text itself stay."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
