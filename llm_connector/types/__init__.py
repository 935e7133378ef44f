"""The types that callers hold: messages in, responses and chunks out. Nothing here knows a provider."""

from llm_connector.types.chunk import ChatChunk, FinishReason, ToolCallDelta
from llm_connector.types.content import (
    AudioBlock,
    Block,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    MediaBlock,
    TextBlock,
    VideoBlock,
)
from llm_connector.types.message import Message, Reasoning, Role
from llm_connector.types.request import ChatRequest, ReasoningEffort, ResponseFormat
from llm_connector.types.response import ChatResponse, Choice, EmbeddingResponse, ModelInfo, ModelList, Usage
from llm_connector.types.tools import Tool, ToolCall

__all__ = [
    "AudioBlock",
    "Block",
    "ChatChunk",
    "ChatRequest",
    "ChatResponse",
    "Choice",
    "ContentBlock",
    "DocumentBlock",
    "EmbeddingResponse",
    "FinishReason",
    "ImageBlock",
    "MediaBlock",
    "Message",
    "ModelInfo",
    "ModelList",
    "Reasoning",
    "ReasoningEffort",
    "ResponseFormat",
    "Role",
    "TextBlock",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
    "VideoBlock",
]
