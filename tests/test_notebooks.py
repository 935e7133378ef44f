"""Every notebook runs top to bottom without a key, and is stored without outputs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]

# What a person sees somewhere in the outputs; the notebooks assert the rest themselves.
SEEN = {
    "01_quickstart": ("text/markdown", "Paris"),
    "02_reasoning": ("text/markdown", "<details><summary>Reasoning</summary>"),
    "03_tools": ("text/markdown", "| tool | arguments |"),
    "04_structured_output": ("text/plain", "Person(name='Ada Lovelace', age=36)"),
    "05_langchain": ("text/plain", "Sunny in Paris, 21 degrees."),
    "06_llamaindex": ("text/plain", "get_weather {'city': 'Paris'} -> Sunny in Paris, 21 degrees."),
    "07_multimodal": ("text/plain", "['text', 'image_url']"),
    "08_ollama": ("text/plain", "success"),
    "09_bulk": ("text/plain", "Paris"),
}


@pytest.fixture(autouse=True)
def _own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the person's own, and no Ollama but the stand-in."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")


def test_each_is_known_here() -> None:
    assert sorted(SEEN) == NAMES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_it_is_stored_without_outputs_and_with_readable_ids(path: Path) -> None:
    text = path.read_text()
    notebook = json.loads(text)
    nbformat.validate(notebook)
    assert text == json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    topic = path.stem[3:].replace("_", "-")
    for cell in notebook["cells"]:
        assert re.fullmatch(rf"{topic}-\d\d", cell["id"])
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.local_model
@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
@pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("default::DeprecationWarning:zmq")
def test_it_runs_top_to_bottom(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(FOLDER)}}).execute()
    kind, text = SEEN[path.stem]
    assert text in shown(notebook, kind)


LIVE = """
import asyncio
from llm_connector import AsyncLLMClient, LLMClient, MockProvider, MockReply, ServerError

broken = MockReply(content="One **two** three, and more.", reasoning_content="hm", fail_after=3, error=ServerError("x"))
mock = MockProvider(["Sync **answer**.", "Async **answer**.", broken])
"""

BREAKING = """
try:
    LLMClient(**mock.client_arguments()).stream("c").display()
except ServerError:
    print("x")
"""


@pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("default::DeprecationWarning:zmq")
def test_a_stream_is_one_output_that_grows() -> None:
    cells = [
        LIVE,
        "LLMClient(**mock.client_arguments()).stream('a').display()",
        "await AsyncLLMClient(**mock.async_client_arguments()).stream('b').display()",
        BREAKING,
        "LLMClient(**mock.client_arguments(), max_retries=0).stream('d')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=60).execute()
    _, sync, later, failed, unread = (cell.outputs for cell in notebook.cells)
    assert len(sync) == len(later) == 1
    assert sync[0].data["text/markdown"].startswith("Sync **answer**.\n\n<small>")
    assert later[0].data["text/plain"] == "Async **answer**."
    assert "<summary>Reasoning</summary>" in failed[0].data["text/markdown"]
    assert "One **tw" in failed[0].data["text/markdown"]
    assert failed[1].text.endswith("x\n")
    assert "text/markdown" in unread[0].data


def shown(notebook: Any, kind: str) -> str:
    """All outputs of a kind; what was printed is plain text."""
    parts: list[str] = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and kind == "text/plain":
                parts.append(output.text)
            parts.append(output.get("data", {}).get(kind, ""))
    return "\n".join(parts)
