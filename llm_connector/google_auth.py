"""The Google Cloud login on this machine, for who gives no token. Needs google-auth.

Which rows use it is in ``providers``.
"""

from __future__ import annotations

import importlib
import threading
from typing import Any

from llm_connector.errors import AuthenticationError, ConfigError

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class _Login:
    """The application default credentials, found at first use; one login a process, as google-auth means it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._credentials: Any = None

    def token(self, google_auth: Any, transport: Any) -> str:
        with self._lock:
            if self._credentials is None:
                self._credentials, _ = google_auth.default(scopes=[_SCOPE])
            if not self._credentials.valid:
                self._credentials.refresh(transport.Request())
            return str(self._credentials.token)


_login = _Login()


def google_access_token() -> str:
    """A token that is good now; a new one is fetched when it has run out, so this may wait for the network.

    Raises:
        ConfigError: google-auth is not installed, or there is no login.
        AuthenticationError: Google gives no token.
    """
    try:
        google_auth = importlib.import_module("google.auth")
        transport = importlib.import_module("google.auth.transport.requests")
        failures = importlib.import_module("google.auth.exceptions")
    except ImportError as error:
        raise ConfigError(
            "no access token: pass one as api_key= (gcloud auth print-access-token), or a function that gives one, "
            "or pip install google-auth requests to use the Google Cloud login of this machine"
        ) from error
    try:
        return _login.token(google_auth, transport)
    except failures.DefaultCredentialsError as error:
        raise ConfigError("no Google Cloud login: run gcloud auth application-default login") from error
    except failures.GoogleAuthError as error:
        raise AuthenticationError("Google gave no access token: log in again, or pass one as api_key=") from error
