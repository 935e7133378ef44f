"""Bodies that a hostile or broken server may send: right ones of every protocol, changed as text and as JSON."""

from __future__ import annotations

import base64
import json
import random
from typing import Any

from servers.bedrock import frame

Json = Any

_ODD = (
    None,
    True,
    0,
    -1,
    1.5,
    10**30,
    "",
    "x",
    "\ud800",
    "data:",
    [],
    [[]],
    [None],
    {},
    {"a": 1},
    {"error": {}},
    "error",
)

_CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
_USE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "prompt_tokens_details": {"cached_tokens": 1}}
_CHAT = {"id": "1", "model": "m", "created": 1}
_GEMINI = {
    "candidates": [
        {
            "content": {"parts": [{"text": "a", "thought": True}, {"functionCall": {"name": "f", "args": {"a": 1}}}]},
            "finishReason": "STOP",
            "groundingMetadata": {"groundingChunks": [{"web": {"uri": "u"}}]},
        }
    ],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3},
    "promptFeedback": {},
}
_ITEMS = [
    {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "e"},
    {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "a", "annotations": []}]},
    {"type": "function_call", "id": "f", "call_id": "c", "name": "f", "arguments": "{}"},
]
_RESPONSE = {
    "id": "r",
    "model": "m",
    "status": "completed",
    "output": _ITEMS,
    "usage": {"input_tokens": 1, "output_tokens": 2},
}
_BLOCKS = [
    {"type": "thinking", "thinking": "t", "signature": "s"},
    {"type": "text", "text": "a", "citations": []},
    {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
]

# Whole answers and events by row, in the vendors' shapes.
SHAPES: dict[str, tuple[list[Json], list[Json]]] = {
    "openai_compatible": (
        [
            {
                **_CHAT,
                "choices": [
                    {"index": 0, "message": {"content": "a", "tool_calls": [_CALL]}, "finish_reason": "tool_calls"}
                ],
                "usage": _USE,
            }
        ],
        [
            {**_CHAT, "choices": [{"index": 0, "delta": {"role": "assistant", "reasoning_content": "t"}}]},
            {**_CHAT, "choices": [{"index": 0, "delta": {"content": "a", "tool_calls": [_CALL]}}]},
            {**_CHAT, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": _USE},
        ],
    ),
    "anthropic": (
        [
            {
                "type": "message",
                "id": "m",
                "content": _BLOCKS,
                "stop_reason": "end_turn",
                "usage": {"input_tokens": 1, "output_tokens": 2},
            }
        ],
        [
            {"type": "message_start", "message": {"id": "m", "model": "m", "usage": {"input_tokens": 1}}},
            *(
                event
                for at, block in enumerate(_BLOCKS)
                for event in (
                    {"type": "content_block_start", "index": at, "content_block": block},
                    {"type": "content_block_delta", "index": at, "delta": {"type": "text_delta", "text": "a"}},
                    {"type": "content_block_delta", "index": at, "delta": {"type": "input_json_delta"}},
                    {"type": "content_block_stop", "index": at},
                )
            ),
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
            {"type": "message_stop"},
        ],
    ),
    "google": ([_GEMINI], [_GEMINI, _GEMINI]),
    "aliyun": (
        [
            {
                "request_id": "r",
                "output": {"choices": [{"message": {"content": [{"text": "a"}]}, "finish_reason": "stop"}]},
            }
        ],
        [
            {
                "request_id": "r",
                "output": {
                    "choices": [
                        {
                            "message": {"content": "a", "reasoning_content": "t", "tool_calls": [_CALL]},
                            "finish_reason": "null",
                        }
                    ]
                },
                "usage": {"input_tokens": 1, "output_tokens": 2},
            },
            {"output": {"choices": [{"message": {"content": "ab"}, "finish_reason": "stop"}]}, "usage": {}},
        ],
    ),
    "ollama": (
        [
            {
                "model": "m",
                "message": {"content": "a", "thinking": "t"},
                "done": True,
                "done_reason": "stop",
                "eval_count": 1,
            }
        ],
        [
            {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": {"content": "a"}, "done": False},
            {"message": {"tool_calls": [{"function": {"name": "f", "arguments": {}}}]}, "done": False},
            {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 1},
        ],
    ),
    "tencent": (
        [
            {
                "Response": {
                    "Id": "1",
                    "Choices": [{"Message": {"Content": "a", "ToolCalls": []}, "FinishReason": "stop"}],
                    "Usage": {"PromptTokens": 1, "CompletionTokens": 2, "TotalTokens": 3},
                }
            }
        ],
        [
            {"Id": "1", "Created": 1, "Choices": [{"Delta": {"Content": "a", "ReasoningContent": "t"}}], "Usage": {}},
            {"Choices": [{"Delta": {"ToolCalls": [{"Id": "c", "Function": {"Name": "f", "Arguments": "{}"}}]}}]},
            {"Choices": [{"Delta": {}, "FinishReason": "stop"}], "ErrorMsg": None},
        ],
    ),
    "openai_responses": (
        [_RESPONSE],
        [
            {"type": "response.created", "response": {"id": "r", "model": "m"}},
            *(
                {"type": "response.output_item.added", "output_index": at, "item": item}
                for at, item in enumerate(_ITEMS)
            ),
            {"type": "response.output_text.delta", "output_index": 1, "delta": "a"},
            {"type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "t"},
            {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{}"},
            *(
                {"type": "response.output_item.done", "output_index": at, "item": item}
                for at, item in enumerate(_ITEMS)
            ),
            {"type": "response.completed", "response": _RESPONSE},
        ],
    ),
}
SHAPES["zhipu"] = SHAPES["openai_compatible"]
SHAPES["anthropic_bedrock"] = SHAPES["anthropic"]


def changed(value: Json, dice: random.Random) -> Json:
    """The same JSON with one place, chosen evenly, replaced, removed or doubled."""
    value = json.loads(json.dumps(value))
    places = list(_places(value))
    if not places:
        return dice.choice(_ODD)
    holder, key = dice.choice(places)
    if isinstance(holder, dict) and dice.random() < 0.25:
        del holder[key]
    elif isinstance(holder, list) and dice.random() < 0.25:
        holder.append(holder[key])
    else:
        holder[key] = dice.choice(_ODD)
    return value


def _places(value: Json) -> Any:
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        yield from _places(item)


def spoilt(body: bytes, dice: random.Random) -> bytes:
    """The same bytes with one piece cut, doubled, swapped or overwritten."""
    if not body:
        return bytes(dice.randrange(256) for _ in range(dice.randrange(30)))
    start, end = sorted((dice.randrange(len(body) + 1), dice.randrange(len(body) + 1)))
    way = dice.randrange(4)
    if way == 0:
        return body[:start] + body[end:]
    if way == 1:
        return body[:end] + body[start:end][:200] + body[end:]
    if way == 2:
        return body[:start]
    return body[:start] + bytes(dice.randrange(256) for _ in range(dice.randrange(1, 9))) + body[start + 1 :]


def framed(row: str, events: list[Json]) -> bytes:
    """The events of a stream as the row's vendor frames them."""
    if row == "ollama":
        return b"".join(json.dumps(event).encode() + b"\n" for event in events)
    if row == "anthropic_bedrock":
        return b"".join(map(_amazon_frame, events))
    ending = b"data: [DONE]\n\n" if row in {"openai_compatible", "zhipu"} else b""
    return b"".join(_named(event) + b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + ending


def _named(event: Json) -> bytes:
    kind = event.get("type") if isinstance(event, dict) else None
    return f"event: {kind}\n".encode() if isinstance(kind, str) and kind.isprintable() and kind.isascii() else b""


def _amazon_frame(event: Json) -> bytes:
    names = {":message-type": "event", ":event-type": "chunk", ":content-type": "application/json"}
    return frame(names, {"bytes": base64.b64encode(json.dumps(event).encode()).decode()})
