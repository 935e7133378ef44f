"""Tencent's names for what Chat Completions has: the same, in CamelCase. What is sent is in ``hunyuan``."""

from __future__ import annotations

import functools
import re
from typing import Any


@functools.lru_cache(maxsize=512)  # the vendor's names are few; what a gateway adds must not pile up
def camel(name: str) -> str:
    """``tool_call_id`` to ``ToolCallId``."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


@functools.lru_cache(maxsize=512)
def snake(name: str) -> str:
    """``ToolCallId`` to ``tool_call_id``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def to_camel(value: Any) -> Any:
    """The value with the keys of all its objects in Tencent's spelling."""
    if isinstance(value, dict):
        return {camel(key): to_camel(item) for key, item in value.items()}
    return [to_camel(item) for item in value] if isinstance(value, list) else value


def to_snake(value: Any) -> Any:
    """The value with the keys of all its objects in OpenAI's spelling."""
    if isinstance(value, dict):
        return {snake(key): to_snake(item) for key, item in value.items()}
    return [to_snake(item) for item in value] if isinstance(value, list) else value
