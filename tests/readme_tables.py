"""Writes the README's tables from the provider rows: ``python tests/readme_tables.py``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import fault_table
from llm_connector.providers import ROWS

if TYPE_CHECKING:
    from llm_connector.provider import Provider

README = Path(__file__).resolve().parents[1] / "README.md"
FEATURES = ("tools", "images", "documents", "audio", "video", "reasoning", "json_schema", "embeddings", "models")


def providers() -> str:
    """Name, protocol, key variables and options of each row."""
    lines = ["| provider | | protocol | key | own options |", "|---|---|---|---|---|"]
    for row in ROWS:
        keys = [*row.key_env, *(name for option in row.options if option.secret for name in option.env[:1])]
        options = ", ".join(f"`{option.name}`" for option in row.options)
        key = ", ".join(f"`{name}`" for name in keys) or "none"
        lines.append(f"| `{row.name}` | [{row.title}]({row.docs}) | {row.protocol} | {key} | {options} |")
    return "\n".join(lines)


def features() -> str:
    """What each row's API can do; all of them chat and stream."""
    lines = [f"| provider | chat, stream | {' | '.join(FEATURES)} |", "|---|---|" + "---|" * len(FEATURES)]
    lines += [_feature_row(row) for row in ROWS]
    return "\n".join(lines)


def _feature_row(row: Provider) -> str:
    marks = ("yes" if getattr(row.capabilities, name) else "" for name in FEATURES)
    return f"| `{row.name}` | yes | {' | '.join(marks)} |"


def filled(text: str) -> str:
    """The README with fresh tables."""
    for name, table in (("providers", providers()), ("features", features()), ("faults", fault_table.table())):
        pattern = rf"(<!-- table: {name} -->\n).*?(<!-- end table -->)"
        text = re.sub(pattern, lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    README.write_text(filled(README.read_text()))
