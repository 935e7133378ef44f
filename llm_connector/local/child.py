"""Runs in the child process, as a script: llama.cpp's HTTP server, until the parent is gone. Imports nothing of ours.

A process of its own, because tearing the native server down while it generates deadlocks, and leaving the
interpreter then crashes (xllamacpp 2026.10): only ``os._exit`` ends it safely.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import Any

_PARENT_CHECK_SECONDS = 1.0
_LOG_ERRORS = 1


def main() -> None:
    """Read the order from standard input, answer with one line of JSON, and serve until the input ends."""
    # Ctrl-C is meant for the parent, which shares our terminal.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    order = json.loads(sys.stdin.buffer.readline())
    for watch in (_leave_when_input_ends, _leave_when_orphaned):
        threading.Thread(target=watch, daemon=True).start()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing native may write between the answers
    try:
        server = _start(order)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        kind = "import" if isinstance(error, ImportError) else "start"
        answers.write(json.dumps({"error": str(error), "kind": kind}) + "\n")
        answers.flush()
    else:
        answers.write(json.dumps({"url": server.listening_address}) + "\n")
        answers.flush()
    threading.Event().wait()  # after a failure too: llama.cpp's thread may still have to log the reason


def _start(order: dict[str, Any]) -> Any:
    import xllamacpp  # noqa: PLC0415 - its failure is reported to the parent

    params = xllamacpp.CommonParams()
    params.model.path = order["path"]
    params.model_alias = {order["name"]}
    params.n_ctx = order["context_size"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = order["threads"]
    params.n_predict = order["max_tokens"]
    params.verbosity = _LOG_ERRORS
    _set_slots(params, order["slots"])
    _set_http(params)
    _set_template(params, order)
    for name, value in order["sampling"].items():
        setattr(params.sampling, name, value)
    if order["embeddings"]:
        params.embedding = True
        # OpenAI's form of embeddings needs one vector a text.
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
        params.n_ubatch = params.n_batch  # a text to embed must fit in one physical batch
    return xllamacpp.Server(params)


def _set_slots(params: Any, slots: int) -> None:
    """Requests side by side share one context, so that each can use all of it when it is alone."""
    params.n_parallel = slots
    params.kv_unified = True
    params.cache_ram_mib = 0  # the default keeps up to 8 GB of old prompts


def _set_http(params: Any) -> None:
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.ui = False
    params.endpoint_slots = False  # it shows what others ask
    params.cors_origins = ""  # no web page may read the answers
    params.cors_credentials = False


def _set_template(params: Any, order: dict[str, Any]) -> None:
    params.use_jinja = True
    if order["chat_template"] is not None:
        params.chat_template = order["chat_template"]
    params.default_template_kwargs = order["template_options"]


def _leave_when_input_ends() -> None:
    """The parent holds the other end of the pipe: it ends when the parent closes it or dies, however it dies."""
    while sys.stdin.buffer.read(1):
        pass
    os._exit(0)


def _leave_when_orphaned() -> None:
    """The pipe does not end while a process that the parent forked holds it too; a new parent tells all the same."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    main()
