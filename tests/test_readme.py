"""The README says what is true: its tables are the rows, its code is valid, its commands exist."""

from __future__ import annotations

import ast
import re

import pytest

from readme_tables import README, filled

TEXT = README.read_text()
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_tables_are_the_rows() -> None:
    assert filled(TEXT) == TEXT, "run: python tests/readme_tables.py"


@pytest.mark.parametrize("code", PYTHON)
def test_every_import_of_an_example_exists(code: str) -> None:
    imports = [node for node in ast.parse(code).body if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in imports:
        exec(compile(ast.Module([node], []), "README", "exec"), {})


def test_each_command_is_marked_once() -> None:
    for name in ("demo", "tests"):
        assert TEXT.count(f"<!-- command: {name} -->\n```bash\n") == 1
