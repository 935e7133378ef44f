"""The Google Cloud login as a key: found lazily, kept until it runs out, its failures typed.

google-auth is no dependency, so a stand-in of it is put on the path of a fresh interpreter.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from llm_connector import LLMClient
from llm_connector.google_auth import google_access_token

if TYPE_CHECKING:
    from pathlib import Path

STAND_IN = {
    "__init__.py": """
        class Credentials:
            made = 0
            def __init__(self): self.token, self.valid = None, False
            def refresh(self, request):
                import os
                from google.auth import exceptions
                if os.environ.get("FAIL") == "refresh": raise exceptions.RefreshError("no")
                Credentials.made += 1
                self.token, self.valid = f"token-{Credentials.made}", True
        last = None
        def default(scopes):
            global last
            import os
            from google.auth import exceptions
            assert scopes == ["https://www.googleapis.com/auth/cloud-platform"]
            if os.environ.get("FAIL") == "default": raise exceptions.DefaultCredentialsError("none")
            last = Credentials()
            return last, "project"
    """,
    "exceptions.py": """
        class GoogleAuthError(Exception): pass
        class DefaultCredentialsError(GoogleAuthError): pass
        class RefreshError(GoogleAuthError): pass
    """,
    "transport/__init__.py": "",
    "transport/requests.py": """
        class Request: pass
    """,
}


def run(tmp_path: Path, code: str, **environment: str) -> str:
    for name, text in STAND_IN.items():
        path = tmp_path / "google" / "auth" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = text.splitlines()
        path.write_text("\n".join(line[8:] for line in lines))
    path = os.pathsep.join((str(tmp_path), *sys.path))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


TOKEN = "from llm_connector.google_auth import google_access_token as token\n"


def test_a_token_is_kept_until_it_runs_out(tmp_path: Path) -> None:
    code = f"{TOKEN}import google.auth\nprint(token(), token())\ngoogle.auth.last.valid = False\nprint(token())"
    assert run(tmp_path, code).split() == ["token-1", "token-1", "token-2"]


@pytest.mark.parametrize(("failure", "expected"), [("default", "ConfigError"), ("refresh", "AuthenticationError")])
def test_failures_are_ours(tmp_path: Path, failure: str, expected: str) -> None:
    code = (
        f"{TOKEN}from llm_connector import LLMError as E\ntry: token()\nexcept E as error: print(type(error).__name__)"
    )
    assert run(tmp_path, code, FAIL=failure) == expected


def test_a_client_without_a_token_uses_the_login(tmp_path: Path) -> None:
    code = (
        "from requests_of import request_of\n"
        "sent = request_of('anthropic_vertex', options={'api_key': None, 'project': 'p'})\n"
        "print(sent.headers['authorization'])"
    )
    assert run(tmp_path, code, PYTHONWARNINGS="error") == "Bearer token-1"


def test_without_google_auth_it_says_what_to_do(tmp_path: Path) -> None:
    blocked = "import sys\nsys.modules['google.auth'] = None\n"
    code = f"{blocked}{TOKEN}from llm_connector import ConfigError as E\ntry: token()\nexcept E as error: print(error)"
    assert "pip install google-auth" in run(tmp_path, code)


def test_making_a_client_asks_google_nothing() -> None:
    with LLMClient("anthropic_vertex", "m", project="p") as client:
        assert client.settings.key is google_access_token
