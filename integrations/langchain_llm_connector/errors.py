"""Errors that are both ours and LangChain's, so that code which catches either kind works.

Which error a vendor's answer is, is not decided here: see ``llm_connector.faults``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from langchain_core import exceptions as langchain

from llm_connector import errors

if TYPE_CHECKING:
    from types import TracebackType

    _Refusal = langchain.ModelError
else:  # langchain-core knows refusals since 1.7.5; before that they are invalid requests
    _Refusal = getattr(langchain, "ModelRefusalError", langchain.ModelInvalidRequestError)


class ConnectorModelError(errors.LLMError, langchain.ModelError):
    """The base: an ``LLMError`` that is a ``ModelError``; ``is_retryable`` is what LangChain's middleware reads."""

    @property
    def response(self) -> httpx.Response:
        """The vendor's status and body for traces; there is none when the vendor did not answer."""
        if self.status_code is None:
            raise AttributeError("response")
        if isinstance(self.raw, str):
            return httpx.Response(self.status_code, text=self.raw)
        return httpx.Response(self.status_code, json=self.raw)


class ConnectorAuthenticationError(ConnectorModelError, errors.AuthenticationError, langchain.ModelAuthenticationError):
    """See ``llm_connector.AuthenticationError``."""


class ConnectorPermissionDeniedError(
    ConnectorModelError, errors.PermissionDeniedError, langchain.ModelPermissionDeniedError
):
    """See ``llm_connector.PermissionDeniedError``."""


class ConnectorBillingError(ConnectorModelError, errors.BillingError, langchain.ModelPermissionDeniedError):
    """See ``llm_connector.BillingError``. No rate limit: waiting does not lift it."""


class ConnectorRateLimitError(ConnectorModelError, errors.RateLimitError, langchain.ModelRateLimitError):
    """See ``llm_connector.RateLimitError``."""


class ConnectorInvalidRequestError(ConnectorModelError, errors.InvalidRequestError, langchain.ModelInvalidRequestError):
    """See ``llm_connector.InvalidRequestError``."""


class ConnectorContextLengthError(
    ConnectorInvalidRequestError, errors.ContextLengthError, langchain.ContextOverflowError
):
    """See ``llm_connector.ContextLengthError``. LangChain's summarisation middleware waits for it."""


class ConnectorModelNotFoundError(
    ConnectorInvalidRequestError, errors.ModelNotFoundError, langchain.ModelNotFoundError
):
    """See ``llm_connector.ModelNotFoundError``."""


class ConnectorContentFilterError(ConnectorInvalidRequestError, errors.ContentFilterError, _Refusal):
    """See ``llm_connector.ContentFilterError``; also raised where a refusal stands in place of structured output."""


class ConnectorUnsupportedError(ConnectorInvalidRequestError, errors.UnsupportedError):
    """See ``llm_connector.UnsupportedError``."""


class ConnectorOverloadedError(ConnectorModelError, errors.OverloadedError, langchain.ModelAPIError):
    """See ``llm_connector.OverloadedError``."""


class ConnectorServerError(ConnectorModelError, errors.ServerError, langchain.ModelAPIError):
    """See ``llm_connector.ServerError``."""


class ConnectorTimeoutError(ConnectorModelError, errors.RequestTimeoutError, langchain.ModelTimeoutError):
    """See ``llm_connector.RequestTimeoutError``."""


class ConnectorConnectError(ConnectorModelError, errors.ConnectError, langchain.ModelConnectionError):
    """See ``llm_connector.ConnectError``."""


class ConnectorStreamInterruptedError(
    ConnectorModelError, errors.StreamInterruptedError, langchain.ModelConnectionError
):
    """See ``llm_connector.StreamInterruptedError``. Retryable here: the caller knows what it already handed on."""


class ConnectorDecodeError(ConnectorModelError, errors.DecodeError, langchain.ModelAPIError):
    """See ``llm_connector.DecodeError``."""


# Looked through in this order, so a subclass stands before its base.
_KINDS: tuple[type[ConnectorModelError], ...] = (
    ConnectorAuthenticationError,
    ConnectorPermissionDeniedError,
    ConnectorBillingError,
    ConnectorRateLimitError,
    ConnectorContextLengthError,
    ConnectorModelNotFoundError,
    ConnectorContentFilterError,
    ConnectorUnsupportedError,
    ConnectorInvalidRequestError,
    ConnectorOverloadedError,
    ConnectorServerError,
    ConnectorTimeoutError,
    ConnectorConnectError,
    ConnectorStreamInterruptedError,
    ConnectorDecodeError,
)


def _ours(kind: type[ConnectorModelError]) -> type[errors.LLMError]:
    return next(base for base in kind.__mro__ if base.__module__ == errors.__name__)


_KIND_OF = {_ours(kind): kind for kind in _KINDS}


def as_model_error(error: errors.LLMError) -> errors.LLMError:
    """The same error as LangChain's class too; a ``ConfigError`` is none of a model's and stays what it is."""
    if isinstance(error, (errors.ConfigError, langchain.ModelError)):
        return error
    kind = next((_KIND_OF[base] for base in type(error).__mro__ if base in _KIND_OF), ConnectorModelError)
    made = kind.__new__(kind, *error.args)
    made.args = error.args
    made.__dict__.update(error.__dict__)
    made.is_retryable = made.retryable or isinstance(made, errors.StreamInterruptedError)
    return made


class model_errors:  # noqa: N801 - used like a function
    """Raises the connector's errors as LangChain's too."""

    __slots__ = ()

    def __enter__(self) -> None:
        """Nothing is done before there is an error."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        if isinstance(error, errors.LLMError):
            raise as_model_error(error).with_traceback(traceback) from error.__cause__
