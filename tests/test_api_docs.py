"""The API's pages are built from the docstrings without a warning, and docstrings name what is there."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from readme_tables import README

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

for package in ("langchain_core", "llama_index.core", "distributed", "IPython", "typer", "pdoc"):
    pytest.importorskip(package, reason="the pages need the extras 'all' and 'docs'")

PACKAGES = (
    "llm_connector",
    "langchain_llm_connector",
    "llama_index.llms.llm_connector",
    "llama_index.embeddings.llm_connector",
)
PUBLIC = [(package, name) for package in PACKAGES for name in importlib.import_module(package).__all__]
COMMANDS = re.findall(r"<!-- command: docs -->\n```bash\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the README's command builds, here in a folder of its own."""
    [command] = COMMANDS
    folder = tmp_path_factory.mktemp("pages")
    here = command.replace(".venv/bin/python", sys.executable).replace("build/api", str(folder))
    assert here.count(str(folder)) == 1
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run(["bash", "-c", here], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


@pytest.mark.parametrize(("package", "name"), PUBLIC)
def test_every_public_name_has_an_entry_with_a_docstring(pages: Path, package: str, name: str) -> None:
    page = (pages / f"{package.replace('.', '/')}.html").read_text()
    entry = re.search(rf'<section id="{name}">(.*?)(?:class="classattr"|</section>)', page, re.DOTALL)
    assert entry is not None
    if name != "__version__":
        assert '<div class="docstring">' in entry[1]
        assert getattr(importlib.import_module(package), name).__doc__  # its own, none that is inherited


def test_no_mark_of_the_source_is_left_in_the_text(pages: Path) -> None:
    """Sections have become headings, and examples code."""
    for page in pages.rglob("*.html"):
        text = re.sub(r"<(pre|code)>.*?</\1>", "", page.read_text(), flags=re.DOTALL)
        left = re.search(
            r"``|\.\. \w+|^\W*(?:Args|Attributes|Raises|Returns|Yields):|^(?:<p>)?(?:from \w|\w+ = )",
            text,
            re.MULTILINE,
        )
        assert left is None, (page.name, left)


# Docstrings and the code below them


@cache
def modules() -> list[Any]:
    """All modules of the packages but those that are programs."""
    found = []
    for name in PACKAGES:
        package = importlib.import_module(name)
        found.append(package)
        listed = pkgutil.walk_packages(package.__path__, f"{name}.")
        found += [importlib.import_module(each.name) for each in listed if not each.name.endswith("__main__")]
    return found


def documented() -> Iterator[Any]:
    """Each function, class and method of the packages that has a docstring of its own."""
    for module in modules():
        for item in vars(module).values():
            if inspect.isclass(item) and item.__module__ == module.__name__:
                methods = [_function(member) for member in list(vars(item).values())]
                yield from (each for each in (item, *filter(inspect.isfunction, methods)) if each.__doc__)
            elif inspect.isfunction(item) and item.__module__ == module.__name__ and item.__doc__:
                yield item


def _function(member: Any) -> Any:
    return member.__func__ if isinstance(member, classmethod | staticmethod) else member


def told(item: Any, section: str) -> list[str]:
    """The names in a section of the docstring."""
    found = re.search(rf"^{section}:\n((?:    .*\n|\n)+)", inspect.cleandoc(item.__doc__) + "\n", re.MULTILINE)
    return re.findall(r"^    \*{0,2}(\w+)(?: \([^)]*\))?:", found[1], re.MULTILINE) if found else []


def attributes(item: Any) -> set[str]:
    """What instances have: defined, declared, or set by the class's own code."""
    names = set(dir(item))
    for base in getattr(item, "__mro__", ()):
        names |= set(inspect.get_annotations(base))
        if base.__module__.startswith(PACKAGES):
            names |= set(re.findall(r"\bself\.(\w+)\b[^=\n]*=", inspect.getsource(base)))
    return names


def test_arguments_in_docstrings_are_parameters() -> None:
    checked, wrong = 0, []
    for item in documented():
        names = told(item, "Args")
        parameters = inspect.signature(item).parameters if names else ()
        wrong += [f"{item.__module__}.{item.__qualname__}: {name}" for name in names if name not in parameters]
        checked += len(names)
    assert wrong == []
    assert checked > 100


def test_attributes_in_docstrings_are_there_and_complete() -> None:
    checked, wrong = 0, []
    for item in documented():
        names = set(told(item, "Attributes"))
        own = {name for name, kind in inspect.get_annotations(item).items() if "ClassVar" not in str(kind)}
        lacking = {name for name in own - names if not name.startswith("_")} if names else ()
        wrong += [f"{item.__module__}.{item.__qualname__}: {name}" for name in names - attributes(item)]
        wrong += [f"{item.__module__}.{item.__qualname__} does not tell of {name}" for name in lacking]
        checked += len(names)
    assert wrong == []
    assert checked > 100
