"""Names and paths of local models, and what is missing said before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm_connector.errors import ConfigError
from llm_connector.local import ensure_server
from llm_connector.local.models import SMOLLM2, find_model
from local_kit import run_script


def test_default_is_the_small_model() -> None:
    assert find_model(None) is find_model("smollm2") is SMOLLM2
    assert "<|im_start|>" in (SMOLLM2.chat_template() or "")


@pytest.mark.parametrize("name", ["mine.gguf", "mine.Q4.bin"])
def test_an_existing_file_is_the_users_own_weights(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    model = find_model(name)
    assert model.weights == tmp_path / name
    assert model.name == Path(name).stem
    assert model.chat_template() is None  # the GGUF has its own


@pytest.mark.parametrize(
    ("name", "reason"),
    [("gpt-9", "neither a known name nor a file"), ("/nowhere/at/all.gguf", "no such file")],
)
def test_anything_else_is_refused_with_the_names_that_work(name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=rf"{reason}.*'smollm2'.*GGUF") as caught:
        ensure_server(name)
    assert repr(name) in caught.value.message


def test_importing_loads_no_llama_cpp() -> None:
    script = "import llm_connector.local, sys; sys.exit('xllamacpp' in sys.modules)"
    process = run_script(script)
    assert (process.communicate(), process.returncode) == (("", ""), 0)


def test_without_llama_cpp_the_error_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['xllamacpp'] = None\n"
        "from llm_connector.errors import ConfigError\n"
        "from llm_connector.local import ensure_server\n"
        "try: ensure_server()\n"
        "except ConfigError as error: print(error)\n"
    )
    output, problems = run_script(script).communicate()
    assert 'pip install ".[local]" in the checkout' in output
    assert "downloading" not in problems
