"""What can go wrong, as one tree of exceptions. How a vendor's answer is mapped to a class is not here: see ``faults``.

    LLMError
      ConfigError               the client was set up wrongly (unknown provider or option, missing key)
      AuthenticationError       the key is missing, wrong or expired
      PermissionDeniedError     the key is right but may not do this
      BillingError              no credit, quota used up, plan expired: never retried
      RateLimitError            too many requests: wait and try again
      InvalidRequestError       the request itself is wrong
        ContextLengthError      it does not fit the model's context window
        ModelNotFoundError      no such model, or not for this key
        ContentFilterError      refused by the vendor's safety system
        UnsupportedError        the provider has no such feature; raised before anything is sent
      OverloadedError           the vendor is out of capacity
      ServerError               the vendor failed
      RequestTimeoutError       nothing came in time
      ConnectError              the vendor could not be reached
      StreamInterruptedError    the stream stopped before its end; ``partial`` holds what had arrived
      DecodeError               the answer could not be read

None of them is a ``ValueError`` or ``TypeError``: LlamaIndex catches those around a model call and answers "Empty
Response".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from llm_connector.types import ChatResponse


class LLMError(Exception):
    """The base of every error of this package.

    Attributes:
        message: What happened and what to do next. Never holds a key.
        provider: The provider's name, or ``None`` when no provider is involved yet.
        status_code: The HTTP status, or ``None`` when there was none.
        code: The vendor's own error code.
        request_id: The vendor's id of the request, for its support.
        retry_after: Seconds that the vendor asked to wait.
        raw: The vendor's error body, decoded when it was JSON, cut to 4 KB when it was text or huge.
        retryable: Whether the same request may succeed later.
        partial: What had arrived when the error came in the middle of a stream, else ``None``.
    """

    retryable_by_default: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        status_code: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        raw: Any = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.provider = provider
        self.status_code = status_code
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.raw = raw
        self.retryable = self.retryable_by_default if retryable is None else retryable
        self.partial: ChatResponse | None = None

    def __str__(self) -> str:
        facts = [
            f"{name} {value}"
            for name, value in (("HTTP", self.status_code), ("code", self.code), ("request", self.request_id))
            if value is not None
        ]
        head = f"{self.provider}: " if self.provider else ""
        tail = f" ({', '.join(facts)})" if facts else ""
        return f"{head}{self.message}{tail}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without calling ``__init__`` positionally, so that keyword-only facts survive."""
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[LLMError], args: tuple[Any, ...], state: dict[str, Any]) -> LLMError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigError(LLMError):
    """The client was set up wrongly: unknown provider, unknown option, missing key or base URL."""


class AuthenticationError(LLMError):
    """The key is missing, wrong, expired or for another region."""


class PermissionDeniedError(LLMError):
    """The key is valid but may not use this model, region or feature."""


class BillingError(LLMError):
    """No credit, arrears, or a quota that only paying lifts. Never retried, whatever the HTTP status."""


class RateLimitError(LLMError):
    """Too many requests or tokens in a period."""

    retryable_by_default = True


class InvalidRequestError(LLMError):
    """The request is wrong: a misspelt field, a value out of range, a message order the vendor refuses."""


class ContextLengthError(InvalidRequestError):
    """The messages and the answer's limit do not fit the model's context window."""


class ModelNotFoundError(InvalidRequestError):
    """The model does not exist, was retired, or is not open to this key."""


class ContentFilterError(InvalidRequestError):
    """The vendor's safety system refused the prompt or the answer. Never retried."""


class UnsupportedError(InvalidRequestError):
    """The provider lacks a feature that the request needs (tools, images, …). Raised before anything is sent."""


class OverloadedError(LLMError):
    """The vendor is out of capacity for the moment."""

    retryable_by_default = True


class ServerError(LLMError):
    """The vendor failed while answering."""

    retryable_by_default = True


class RequestTimeoutError(LLMError):
    """Nothing came within the time allowed, on our side or on the vendor's."""

    retryable_by_default = True


class ConnectError(LLMError):
    """The vendor could not be reached, or the connection broke before the answer began."""

    retryable_by_default = True


class StreamInterruptedError(LLMError):
    """A stream stopped before the vendor's mark of its end. ``partial.finish_reason`` is ``None``."""

    def __init__(self, message: str, *, partial: ChatResponse | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.partial = partial


class DecodeError(LLMError):
    """The answer is not what the vendor's format says: broken JSON, broken framing, an event over the size limit."""
