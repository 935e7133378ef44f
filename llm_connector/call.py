"""One call as a client prepares it: settings, protocol and request, and the decisions between attempts. No waiting."""

from __future__ import annotations

import importlib
import logging
import time
from typing import TYPE_CHECKING, Any

from llm_connector import retry
from llm_connector.auth import Unsigned, sign
from llm_connector.deadline import as_seconds
from llm_connector.hidden import HiddenHeaders, without
from llm_connector.observer import NOBODY
from llm_connector.protocols.wire import Answer
from llm_connector.settings import check_key
from llm_connector.transport.requests import full_url, http_request
from llm_connector.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from llm_connector.deadline import Deadline
    from llm_connector.errors import LLMError
    from llm_connector.protocols.base import Protocol
    from llm_connector.protocols.wire import WireRequest
    from llm_connector.settings import Settings
    from llm_connector.transport.http_message import Head, HttpRequest
    from llm_connector.transport.options import TransportOptions
    from llm_connector.types import ChatRequest

FIRST_FAILURE = 300  # statuses from here on are no answers

logger = logging.getLogger("llm_connector")

_SHORTEST_KEY = 8  # characters; a shorter one, such as "k" in a test, may be in any text

USER_AGENT = f"llm-connector-py/{__version__}"


def load_protocol(settings: Settings) -> Protocol:
    """The protocol that the provider speaks, loaded now."""
    module = importlib.import_module(f"llm_connector.protocols.{settings.provider.protocol}")
    protocol: Protocol = module.PROTOCOL(settings)
    return protocol


class Call:
    """One call of a client's method, of one or several requests.

    Attributes:
        settings: The client's settings, with this call's own key and address.
        protocol: The protocol with these settings.
        base_url: Where to send, or a function that finds it.
        key: The key, or a function that gives one.
        deadline: When the whole call must be over.
        observer: Who watches it.
    """

    def __init__(
        self,
        settings: Settings,
        protocol: Protocol,
        transport: TransportOptions,
        headers: Mapping[str, str],
        max_retries: int,
        deadline: Deadline,
        request: ChatRequest | None = None,
    ) -> None:
        self.settings = settings
        self.protocol = protocol
        self.base_url = settings.base_url
        self.key = settings.key
        self.deadline = deadline
        self.observer = NOBODY
        self._headers = HiddenHeaders({"user-agent": USER_AGENT, "accept-encoding": "gzip, deflate", **headers})
        self._max_retries = max_retries
        self._timeout = transport.timeout
        self._refreshed = False
        self._secret: SecretStr | None = None
        if request is not None:
            self._headers |= {name.lower(): value for name, value in (request.extra_headers or {}).items()}
            if request.timeout is not None:
                self._timeout = as_seconds("timeout", request.timeout)

    def http_request(self, wire: WireRequest, base_url: str, key: Any) -> HttpRequest:
        """The request to send now, signed now.

        Raises:
            RequestTimeoutError: The time for the whole call is up.
        """
        self.deadline.start()
        self.deadline.check()
        url = full_url(self.protocol.normalise_base_url(base_url), wire)
        self._secret = None if key is None else check_key(key)
        secret = None if self._secret is None else self._secret.get_secret_value()
        headers = {"accept": "text/event-stream, application/json" if wire.stream else "application/json"}
        headers |= self._headers | wire.headers
        headers |= sign(Unsigned(url, wire, secret, self.settings, time.time()))
        return http_request(wire, url, headers, self._timeout)

    @staticmethod
    def streams(wire: WireRequest, head: Head) -> bool:
        """Whether the body is to be read as it comes. JSON of a known length is none: an error inside HTTP 200."""
        if not wire.stream or head.status >= FIRST_FAILURE:
            return False
        headers = head.headers
        return "content-length" not in headers or not headers.get("content-type", "").startswith("application/json")

    def answer(self, head: Head, body: bytes | None) -> Answer:
        """The answer, when it is none that is an error; a stream has no body here.

        Raises:
            LLMError: The answer is an error.
        """
        answer = Answer(head.status, head.headers, body or b"")
        error = None if body is None else self.protocol.fault(answer)
        if error is not None:
            raise self.without_key(error)
        return answer

    def without_key(self, error: LLMError) -> LLMError:
        """The error, without the key that a vendor may have repeated in it."""
        secret = "" if self._secret is None else self._secret.get_secret_value()
        if len(secret) >= _SHORTEST_KEY:
            error.message = without(error.message, secret)
            error.raw = without(error.raw, secret)
            error.args = (error.message, *error.args[1:])
        return error

    def delay(self, error: LLMError, attempt: int) -> float | None:
        """Seconds to wait before trying again, or ``None`` to give up; one log line a retry."""
        if error.status_code == 401 and callable(self.key) and not self._refreshed:  # noqa: PLR2004
            self._refreshed = True  # a token may have run out: ask its function once more
            return 0.0
        seconds = retry.delay(error, attempt, self._max_retries)
        if seconds is not None and not self.deadline.allows(seconds):
            return None
        if seconds is not None:
            name = self.settings.provider.name
            logger.info("%s: %s, retry %d in %.2f s", name, type(error).__name__, attempt + 1, seconds)
        return seconds
