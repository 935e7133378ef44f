"""``python -m llm_connector``. The commands are in ``cli``."""

from __future__ import annotations

import importlib.util
import io
import sys

from llm_connector.extras import install_hint

_WRONG_USE = 2  # as in cli.outcome, which needs typer


def main() -> None:
    """Run the command line, or say what it needs."""
    if importlib.util.find_spec("typer") is None or importlib.util.find_spec("rich") is None:
        sys.stderr.write(f"The command line needs typer and rich; {install_hint('cli')}\n")
        sys.exit(_WRONG_USE)
    from llm_connector.cli.app import app  # noqa: PLC0415 - needs typer

    if isinstance(sys.stdout, io.TextIOWrapper):  # a pipe on Windows takes few characters; models write them all
        sys.stdout.reconfigure(errors="replace")
    app(prog_name="python -m llm_connector" if sys.argv[0].endswith("__main__.py") else "llm-connector")


if __name__ == "__main__":
    main()
