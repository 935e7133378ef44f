"""``python -m llm_connector``. The commands are in ``cli``."""

from __future__ import annotations

import importlib.util
import sys


def main() -> None:
    """Run the command line, or say what it needs."""
    if importlib.util.find_spec("typer") is None:
        sys.exit('The command line needs its extra. From the checkout: pip install ".[cli]"')
    from llm_connector.cli.app import app  # noqa: PLC0415 - needs typer

    app(prog_name="python -m llm_connector" if sys.argv[0].endswith("__main__.py") else "llm-connector")


if __name__ == "__main__":
    main()
