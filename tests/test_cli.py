"""The command line as scripts and people use it: in a pipe, in a terminal, and interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pexpect
import pytest

from llm_connector import __version__
from servers.assets import pdf, png
from servers.ollama import OllamaServer
from servers.openai_chat import OpenAIChatServer
from servers.script import Fault, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "llm_connector"]


def environment(server: Any = None) -> dict[str, str]:
    own = {"NO_COLOR": "1", "COLUMNS": "200"}
    if server is not None:
        own |= {"OPENAI_COMPATIBLE_BASE_URL": server.url, "OPENAI_COMPATIBLE_API_KEY": "secret-key"}
    return {**os.environ, **own}


def run(*arguments: str, server: Any = None, piped: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        input=piped,
        capture_output=True,
        text=True,
        env=environment(server),
        timeout=60,
        check=False,
    )


def ask(*arguments: str, server: Any, piped: str = "") -> subprocess.CompletedProcess[str]:
    return run("chat", *arguments, "-p", "openai_compatible", "-m", "m", server=server, piped=piped)


def test_an_answer_alone_is_on_standard_output() -> None:
    with OpenAIChatServer(Reply("Hello there.", reasoning="hm")) as server:
        done = ask("Hi", "--system", "Be kind.", "--reasoning", "low", server=server)
    assert (done.returncode, done.stdout) == (0, "Hello there.\n")
    assert done.stderr.startswith("tokens: ")
    body = server.last.json
    assert [message["content"] for message in body["messages"]] == ["Be kind.", "Hi"]
    assert body["reasoning_effort"] == "low"


def test_what_is_piped_in_goes_along() -> None:
    with OpenAIChatServer(Reply("ok")) as server:
        assert ask("Sum up:", server=server, piped="a text\n").returncode == 0
        assert server.last.json["messages"][0]["content"] == "Sum up:\n\na text"
        assert ask(server=server, piped="only this\n").stdout == "ok\n"
        assert server.last.json["messages"][0]["content"] == "only this"
        assert ask(server=server).returncode == 2


def test_files_go_along(tmp_path: Path) -> None:
    files = {"red.png": png(), "page.pdf": pdf(), "note.txt": "Café.".encode()}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "odd.bin").write_bytes(b"\xff\x00\xfe")
    with OpenAIChatServer(Reply("ok")) as server:
        assert ask("What?", *(str(tmp_path / name) for name in files), server=server).returncode == 0
        text, picture, document, note = server.last.json["messages"][0]["content"]
        assert text["text"] == "What?"
        assert picture["image_url"]["url"].startswith("data:image/png;base64,")
        assert document["file"]["filename"] == "page.pdf"
        assert note["text"] == "File note.txt:\n\nCafé."
        refused = ask("What?", str(tmp_path / "odd.bin"), server=server)
        missing = ask("What?", str(tmp_path / "missing.png"), server=server)
    assert (refused.returncode, missing.returncode) == (1, 1)
    assert "odd.bin is neither" in refused.stderr
    assert "no file" in missing.stderr


def test_scripts_get_json_and_a_status() -> None:
    with OpenAIChatServer([Reply("Hello."), Fault(401)]) as server:
        done = ask("Hi", "--json", server=server)
        failed = ask("Hi", "--json", server=server)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told["choices"][0]["message"]["content"] == "Hello."
    assert told["usage"]["output_tokens"] > 0
    assert (failed.returncode, failed.stdout) == (1, "")
    error = json.loads(failed.stderr)["error"]
    assert (error["type"], error["status_code"], error["retryable"]) == ("AuthenticationError", 401, False)
    assert "secret-key" not in failed.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_output_that_takes_few_characters(encoding: str) -> None:
    """Such as a pipe on Windows: text loses what cannot be written there, JSON loses nothing."""
    with OpenAIChatServer([Reply("Ja 🗼 日本."), Reply("Ja 🗼 日本."), Fault(401, message="не то")]) as server:
        few = environment(server) | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
        done = [
            subprocess.run(
                [*COMMAND, "chat", "Hi", "-p", "openai_compatible", "-m", "m", *more],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding=encoding,
                env=few,
                timeout=60,
                check=False,
            )
            for more in ((), ("--json",), ("--json",))
        ]
    assert (done[0].returncode, done[0].stdout) == (0, "Ja ? ??.\n")
    assert json.loads(done[1].stdout)["choices"][0]["message"]["content"] == "Ja 🗼 日本."
    assert (done[2].returncode, json.loads(done[2].stderr)["error"]["message"]) == (1, "не то")


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_an_answer_that_was_cut_says_so(finish: str) -> None:
    with OpenAIChatServer(Reply("Once upon", finish=finish)) as server:
        done = ask("A tale", server=server)
    assert (done.returncode, done.stdout) == (0, "Once upon\n")
    assert f"ended by: {finish}\n" in done.stderr


def test_wrong_use_has_its_own_status() -> None:
    unknown = run("chat", "Hi", "-p", "zhipo")
    assert unknown.returncode == 2
    assert "did you mean 'zhipu'" in unknown.stderr
    assert run("nothing").returncode == 2
    assert run("chat", "Hi", "-p", "zhipu").returncode == 2  # no key


def test_models_and_providers() -> None:
    with OpenAIChatServer(models=["one", "two"]) as server:
        shown = run("models", "-p", "openai_compatible", server=server)
        listed = run("models", "openai_compatible", "--json", server=server)
        rows = {row["name"]: row for row in json.loads(run("providers", "--json", server=server).stdout)}
    assert [line.split()[0] for line in shown.stdout.splitlines()] == ["model", "one", "two"]
    assert [model["id"] for model in json.loads(listed.stdout)] == ["one", "two"]
    assert run("models").returncode == run("models", "ollama", "-p", "ollama").returncode == 2
    assert rows["openai_compatible"]["key_set"]
    assert not rows["zhipu"]["key_set"]
    assert "ZAI_API_KEY" in run("providers").stdout


def test_check_shows_no_password_of_an_address() -> None:
    with OpenAIChatServer() as server:
        address = server.url.replace("http://", "http://me:canary@")
        for more in ((), ("--json",)):
            done = run("check", "openai_compatible", "--base-url", address, *more, server=server)
            assert server.url.removeprefix("http://") in done.stdout
            assert "canary" not in done.stdout + done.stderr


def test_check_tells_key_endpoint_and_time() -> None:
    with OpenAIChatServer() as server:
        good = run("check", "openai_compatible", "-m", "test-model", "--json", server=server)
        people = run("check", "openai_compatible", server=server)
        address = server.url
    told = json.loads(good.stdout)
    assert (good.returncode, told["ok"], told["key"], told["address"]) == (0, True, "set", address)
    assert told["models"] == 3
    assert 0 < told["first_chunk_seconds"] <= told["answer_seconds"] < 10
    assert people.returncode == 0
    assert "first_chunk_seconds" not in people.stdout
    with OpenAIChatServer(require_key="other") as server:
        bad = run("check", "openai_compatible", "--json", server=server)
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["error"].startswith("AuthenticationError")
    unreachable = json.loads(run("check", "ollama", "--base-url", "http://127.0.0.1:9", "--json").stdout)
    assert (unreachable["ok"], unreachable["key"]) == (False, "none needed")
    assert unreachable["error"].startswith("ConnectError")


def test_a_check_tells_wrong_use_from_a_failed_call() -> None:
    done = run("check", "zhipu", "--json")
    keyless = json.loads(done.stdout)
    assert (done.returncode, keyless["ok"], keyless["key"]) == (2, False, "not set")
    assert "ZAI_API_KEY" in keyless["error"]
    unknown = run("check", "zhipo")
    assert unknown.returncode == 2
    assert "did you mean 'zhipu'" in unknown.stdout
    assert run("check", "ollama", "--base-url", "http://127.0.0.1:9").returncode == 1


@pytest.mark.local_model
def test_a_check_of_the_local_model_tells_the_address_that_was_found() -> None:
    told = json.loads(run("check", "local", "--json").stdout)
    assert told["ok"]
    assert told["address"].startswith("http://127.0.0.1:")


def test_the_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"llm-connector-py {__version__}\n")
    assert "Exit status" in run("--help").stdout


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_its_extra_the_command_line_says_what_to_install(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from llm_connector.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'pip install ".[cli]"' in done.stderr


@pytest.mark.parametrize("missing", ["xllamacpp", "langchain_core", "llama_index.core"])
def test_without_its_extras_the_demo_says_what_to_install(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from llm_connector.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "demo"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'pip install ".[all]"' in done.stderr


def test_a_missing_extra_is_wrong_use() -> None:
    code = "import sys; sys.modules['xllamacpp'] = None; from llm_connector.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "chat", "Hi"], input="", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert 'pip install ".[local]"' in done.stderr


def test_ollamas_models() -> None:
    with OllamaServer() as server:
        at = ("--base-url", server.url)
        pulled = run("ollama", "pull", "phi4", *at)
        assert pulled.returncode == 0
        assert "pulling manifest" in pulled.stderr
        assert "1.0/1.0 kB" in pulled.stderr
        steps = [json.loads(line) for line in run("ollama", "pull", "phi4", *at, "--json").stdout.splitlines()]
        assert steps[-1]["status"] == "success"
        names = [model["name"] for model in json.loads(run("ollama", "list", *at, "--json").stdout)]
        assert "phi4:latest" in names
        assert "phi4:latest" in run("ollama", "list", *at).stdout
        assert json.loads(run("ollama", "show", "phi4", *at, "--json").stdout)["context_length"] == 8192
        assert "8192" in run("ollama", "show", "phi4", *at).stdout
        assert run("ollama", "rm", "phi4", *at).returncode == 0
        gone = run("ollama", "show", "phi4", *at, "--json")
        assert (gone.returncode, json.loads(gone.stderr)["error"]["type"]) == (1, "ModelNotFoundError")
        assert run("ollama", "pull", "missing-model", *at).returncode == 1


def test_a_shell_completes_providers() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.argv = ['llm-connector']; from llm_connector.__main__ import main; main()",
        ],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ
        | {"_LLM_CONNECTOR_COMPLETE": "complete_bash", "COMP_WORDS": "llm-connector check zhi", "COMP_CWORD": "2"},
    )
    assert done.stdout.split() == ["zhipu", "zhipu_openai"]


def test_ctrl_c_ends_one_answer_with_its_own_status() -> None:
    with OpenAIChatServer(Reply("word " * 400, pace=0.02)) as server:
        command = [*COMMAND, "chat", "Hi", "-p", "openai_compatible", "-m", "m"]
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(server),
        )
        assert child.stdout.read(9) == "word word"
        child.send_signal(signal.SIGINT)
        _, told = child.communicate(timeout=20)
    assert child.returncode == 130
    assert told == "interrupted\n"


@pytest.fixture
def talk() -> Iterator[Any]:
    script = [
        Reply("My name is Bot."),
        Reply("slow " * 400, pace=0.02),
        Reply("After that."),
        Fault(400, message="no such thing"),
        Reply("Fresh start."),
    ]
    with OpenAIChatServer(script) as server:
        arguments = ["-m", "llm_connector", "chat", "-p", "openai_compatible", "-m", "first"]
        terminal = pexpect.spawn(
            sys.executable,
            arguments,
            env=environment(server) | {"TERM": "dumb"},
            encoding="utf-8",
            timeout=20,
            dimensions=(40, 200),
            echo=False,
        )
        yield server, terminal
        terminal.close(force=True)


def test_a_conversation_in_a_terminal(talk: Any, tmp_path: Path) -> None:
    server, terminal = talk
    (tmp_path / "a.txt").write_text("A file.")
    terminal.expect("/help tells the commands")
    terminal.expect("> ")
    for line, answer in (
        ("Who are you?", "My name is Bot."),
        ("/model second", "model: second"),
        ("/reasoning high", "reasoning_effort: high"),
        ("/reasoning much", "choose from none"),
        ("/unknown", "/quit"),
        (f"/file {tmp_path / 'a.txt'}", "1 file"),
    ):
        terminal.sendline(line)
        terminal.expect(answer)
        terminal.expect("> ")
    terminal.sendline("Go on.")
    terminal.expect("slow slow")
    terminal.sendintr()
    terminal.expect("stopped")
    terminal.expect("> ")
    for line, answer in (
        ("And then?", "After that."),
        ("This fails.", "InvalidRequestError: .*no such thing"),
        ("/clear", "> "),
        ("Hello again.", "Fresh start."),
    ):
        terminal.sendline(line)
        terminal.expect(answer)
    terminal.sendline("/quit")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0

    first, slow, then, failing, fresh = (request.json for request in server.requests)
    assert (first["model"], slow["model"]) == ("first", "second")
    assert slow["reasoning_effort"] == "high"
    assert slow["messages"][-1]["content"][1]["text"] == "File a.txt:\n\nA file."
    roles = [message["role"] for message in then["messages"]]
    assert roles == ["user", "assistant", "user", "assistant", "user"]
    assert then["messages"][3]["content"].startswith("slow slow")
    assert len(failing["messages"]) == 7
    assert [message["content"] for message in fresh["messages"]] == ["Hello again."]


def test_an_answer_cannot_steer_the_terminal() -> None:
    told = "\x1b]52;c;aGk=\x07 done \x9b2J in\n\ttwo lines"
    script = [Reply(told, reasoning="\x1b[1mhm", chunk_size=99), Fault(400, message="no\x1b[2J way")]
    with OpenAIChatServer(script) as server:
        seen = [
            pexpect.run(
                f"{sys.executable} -m llm_connector chat Hi -p openai_compatible -m m",
                env=environment(server) | {"TERM": "dumb"},
                encoding="utf-8",
                timeout=20,
            )
            for _ in script
        ]
    assert "]52;c;aGk= done 2J in" in seen[0]
    assert "two lines" in seen[0]
    assert "no[2J way" in seen[1]
    assert not any(sign in text for text in seen for sign in "\x1b\x07\x9b")


def test_ctrl_d_leaves(talk: Any) -> None:
    _, terminal = talk
    terminal.expect("> ")
    terminal.sendintr()
    terminal.expect("Ctrl-D leaves")
    time.sleep(0.1)
    terminal.sendeof()
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0
