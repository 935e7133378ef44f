"""Any language model behind one request, one response and one stream.

Everything public is importable from here; each name is loaded when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from llm_connector.version import __version__

if TYPE_CHECKING:
    from llm_connector.async_client import AsyncChatStream, AsyncLLMClient
    from llm_connector.client import ChatStream, LLMClient
    from llm_connector.errors import (
        AuthenticationError,
        BillingError,
        ConfigError,
        ConnectError,
        ContentFilterError,
        ContextLengthError,
        DecodeError,
        InvalidRequestError,
        LLMError,
        ModelNotFoundError,
        OverloadedError,
        PermissionDeniedError,
        RateLimitError,
        RequestTimeoutError,
        ServerError,
        StreamInterruptedError,
        UnsupportedError,
    )
    from llm_connector.provider import Capabilities, Provider
    from llm_connector.providers import register_provider, supported_providers
    from llm_connector.testing import MockProvider, MockReply
    from llm_connector.types import (
        AudioBlock,
        ChatChunk,
        ChatRequest,
        ChatResponse,
        Choice,
        DocumentBlock,
        EmbeddingResponse,
        ImageBlock,
        Message,
        ModelInfo,
        Reasoning,
        ResponseFormat,
        TextBlock,
        Tool,
        ToolCall,
        ToolCallDelta,
        Usage,
        VideoBlock,
    )

_HOMES = {
    "llm_connector.async_client": ("AsyncChatStream", "AsyncLLMClient"),
    "llm_connector.client": ("ChatStream", "LLMClient"),
    "llm_connector.errors": (
        "AuthenticationError",
        "BillingError",
        "ConfigError",
        "ConnectError",
        "ContentFilterError",
        "ContextLengthError",
        "DecodeError",
        "InvalidRequestError",
        "LLMError",
        "ModelNotFoundError",
        "OverloadedError",
        "PermissionDeniedError",
        "RateLimitError",
        "RequestTimeoutError",
        "ServerError",
        "StreamInterruptedError",
        "UnsupportedError",
    ),
    "llm_connector.provider": ("Capabilities", "Provider"),
    "llm_connector.providers": ("register_provider", "supported_providers"),
    "llm_connector.testing": ("MockProvider", "MockReply"),
    "llm_connector.types": (
        "AudioBlock",
        "ChatChunk",
        "ChatRequest",
        "ChatResponse",
        "Choice",
        "DocumentBlock",
        "EmbeddingResponse",
        "ImageBlock",
        "Message",
        "ModelInfo",
        "Reasoning",
        "ResponseFormat",
        "TextBlock",
        "Tool",
        "ToolCall",
        "ToolCallDelta",
        "Usage",
        "VideoBlock",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AsyncChatStream",
    "AsyncLLMClient",
    "AudioBlock",
    "AuthenticationError",
    "BillingError",
    "Capabilities",
    "ChatChunk",
    "ChatRequest",
    "ChatResponse",
    "ChatStream",
    "Choice",
    "ConfigError",
    "ConnectError",
    "ContentFilterError",
    "ContextLengthError",
    "DecodeError",
    "DocumentBlock",
    "EmbeddingResponse",
    "ImageBlock",
    "InvalidRequestError",
    "LLMClient",
    "LLMError",
    "Message",
    "MockProvider",
    "MockReply",
    "ModelInfo",
    "ModelNotFoundError",
    "OverloadedError",
    "PermissionDeniedError",
    "Provider",
    "RateLimitError",
    "Reasoning",
    "RequestTimeoutError",
    "ResponseFormat",
    "ServerError",
    "StreamInterruptedError",
    "TextBlock",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "UnsupportedError",
    "Usage",
    "VideoBlock",
    "__version__",
    "register_provider",
    "supported_providers",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext llm_connector``: add the cell magic ``%%chat``."""
    shell.register_magics(importlib.import_module("llm_connector.magic").ChatMagics)


def __dir__() -> list[str]:
    return sorted(__all__)
