"""The parent's side of one server process: start it, wait until it listens, end it. Which ones run is in ``server``."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

from llm_connector.errors import ConfigError, LLMError, RequestTimeoutError, ServerError
from llm_connector.extras import install_hint

_CHILD = Path(__file__).with_name("child.py")
_STOP_SECONDS = 3.0
_LOG_TAIL = 4000
_LOG_SECONDS = 1.0
_LOG_PAUSE = 0.01
INSTALL_HINT = install_hint("local")


class ServerProcess:
    """A running server.

    Attributes:
        url: Its address, without a path.

    Args:
        order: What the child shall serve; see ``child``.
        timeout: Seconds to wait until it listens.

    Raises:
        ConfigError: The file is no model that llama.cpp can load, or llama.cpp cannot be imported.
        RequestTimeoutError: It did not listen in time.
        ServerError: It died while starting.
    """

    def __init__(self, order: dict[str, Any], timeout: float) -> None:
        # The child shares the place in it: what it writes goes to the end all the same.
        self._log: IO[bytes] = tempfile.TemporaryFile("a+b", buffering=0)  # noqa: SIM115 - it lives as long as the child
        # -P: the folder of the script holds modules of ours that must not be found as top-level ones.
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter and a script of ours
            [sys.executable, "-P", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,  # nothing may be left to flush when the child is gone
        )
        try:
            self.url = self._wait_until_listening(order, timeout)
        except BaseException:
            self.stop()
            raise

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the process; again does no harm."""
        self._close_pipes()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def abandon(self) -> None:
        """Let go of a process that belongs to the process this one was forked from."""
        self._close_pipes()
        self._process.returncode = 0  # not ours to wait for; this keeps Popen from warning about it

    def _close_pipes(self) -> None:
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                stream.close()

    def _wait_until_listening(self, order: dict[str, Any], timeout: float) -> str:
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(timeout, give_up)
        timer.daemon = True
        timer.start()
        try:
            answer = self._ask(order)
        finally:
            timer.cancel()
            timer.join()
        if late.is_set():
            raise RequestTimeoutError(
                f"the local server did not start within {timeout:g} s", provider="local", retryable=False
            )
        if "url" not in answer:
            raise self._error(answer, order)
        return str(answer["url"])

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            answer: dict[str, Any] = json.loads(self._process.stdout.readline() or b"{}")
        except (BrokenPipeError, ValueError):
            return {}
        return answer

    def _error(self, answer: dict[str, Any], order: dict[str, Any]) -> LLMError:
        if answer.get("kind") == "import":
            return ConfigError(f"cannot import xllamacpp: {answer['error']}; {INSTALL_HINT}", provider="local")
        reason = self._logged_error() or answer.get("error")
        if reason is None:
            self.stop()
            status = self._process.returncode
            return ServerError(f"the local server ended while starting (exit status {status})", provider="local")
        return ConfigError(f"llama.cpp cannot serve {order['path']}: {reason}", provider="local")

    def _logged_error(self) -> str | None:
        """The first error that llama.cpp logs, which it does in a thread of its own: perhaps after it has failed."""
        end = time.monotonic() + _LOG_SECONDS
        while (error := self._read_error()) is None and self.alive and time.monotonic() < end:
            time.sleep(_LOG_PAUSE)
        return error

    def _read_error(self) -> str | None:
        """The first error in the log; the later ones only say that it therefore failed."""
        self._log.seek(0)
        for line in self._log.read(_LOG_TAIL).decode("utf-8", "replace").splitlines():
            _, mark, text = line.partition(" E ")
            if mark:
                return text.strip()
        return None
