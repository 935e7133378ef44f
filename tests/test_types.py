"""What callers hold: forms accepted, mistakes refused in words that help."""

from __future__ import annotations

import base64
import json
import pickle
from typing import Annotated, Generic, Literal, TypeVar

import pytest
from pydantic import BaseModel, Field

from llm_connector import ChatRequest, DecodeError, ImageBlock, InvalidRequestError, Message, Tool, ToolCall, Usage
from llm_connector.types import AudioBlock, DocumentBlock, ResponseFormat, TextBlock, VideoBlock

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

Item = TypeVar("Item")


def weather(city: str, unit: Literal["c", "f"] = "c") -> str:
    """Tell the weather.

    Args:
        city: Where.
        unit: In which degrees,
            if it matters.
    """
    return city + unit


def forecast(
    city: Annotated[str, Field(description="Where.")],
    country: str = Field(description="In which country."),
    days: Annotated[int, Field(description="How many.", ge=1)] = 3,
) -> str:
    """Tell the weather of the next days.

    Args:
        days: How far to look.
    """
    return f"{city}, {country}: {days}"


class Answer(BaseModel):
    """An answer."""

    value: int


class Tree(BaseModel):
    """Branches, and theirs."""

    name: str
    branches: list[Tree] = []


def test_a_recursive_class_is_an_object_at_its_root():
    tool = Tool.from_any(Tree)
    wanted = ResponseFormat.from_any(Tree)
    for schema in (tool.parameters, wanted.json_schema):
        assert (schema["type"], schema["required"]) == ("object", ["name"])
        assert schema["properties"]["branches"]["items"] == {"$ref": "#/$defs/Tree"}
        assert schema["$defs"]["Tree"]["properties"] == schema["properties"]
        assert "$ref" not in schema


def request(**params) -> ChatRequest:
    return ChatRequest.from_any("hi", params)


def test_a_function_is_a_tool() -> None:
    tool = Tool.from_any(weather)
    assert (tool.name, tool.description) == ("weather", "Tell the weather.")
    assert tool.parameters["required"] == ["city"]
    assert tool.parameters["properties"]["unit"]["enum"] == ["c", "f"]
    assert tool.parameters["properties"]["unit"]["description"] == "In which degrees, if it matters."


def test_what_a_field_in_an_annotation_says_of_an_argument_is_kept() -> None:
    parameters = Tool.from_any(forecast).parameters
    assert parameters["required"] == ["city", "country"]
    told = {name: schema["description"] for name, schema in parameters["properties"].items()}
    assert told == {"city": "Where.", "country": "In which country.", "days": "How far to look."}
    assert parameters["properties"]["days"]["minimum"] == 1


@pytest.mark.parametrize(
    "form",
    [
        Answer,
        {"type": "function", "function": {"name": "Answer", "parameters": Answer.model_json_schema()}},
        {"name": "Answer", "description": "An answer.", "input_schema": Answer.model_json_schema()},
        {"name": "Answer", "parameters": Answer.model_json_schema()},
    ],
)
def test_every_form_of_a_tool(form) -> None:
    tool = Tool.from_any(form)
    assert tool.name == "Answer"
    assert tool.parameters["properties"]["value"]["type"] == "integer"


def test_a_generic_class_has_a_name_that_vendors_take() -> None:
    class Box(BaseModel, Generic[Item]):
        item: Item

    name = Tool.from_any(Box[int]).name
    assert name == ResponseFormat.from_any(Box[int]).name == "Box_int_"
    assert request(tools=[Box[int]], tool_choice=name).forced_tool == name


def test_a_vendors_own_tool_is_kept_as_it_is() -> None:
    search = {"type": "web_search", "web_search": {"enable": True}}
    assert Tool.from_any(search).vendor == search


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("any", "required"),
        (True, "required"),
        ("weather", "weather"),
        ({"type": "function", "function": {"name": "weather"}}, "weather"),
        ({"type": "tool", "name": "weather"}, "weather"),
        ({"type": "any"}, "required"),
        ({"type": "auto"}, "auto"),
    ],
)
def test_every_form_of_tool_choice(given, kept: str) -> None:
    assert request(tools=[weather], tool_choice=given).tool_choice == kept


def test_an_error_about_a_request_never_shows_a_key() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        ChatRequest.from_any("x", {"api_key": ["sk-canary"], "temprature": "sk-canary"})
    assert "sk-canary" not in str(caught.value) + repr(caught.value)


def test_zero_and_false_are_values() -> None:
    made = request(temperature=0, seed=0, parallel_tool_calls=False, stop=[])
    assert (made.temperature, made.seed, made.parallel_tool_calls, made.stop) == (0, 0, False, None)


def test_messages_in_openais_form() -> None:
    made = ChatRequest.from_any(
        [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}],
            },
            {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "reasoning": "hm",
                "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}],
            },
            {"role": "tool", "tool_call_id": "a", "content": "1"},
        ],
        {},
    )
    user, assistant, tool = made.messages
    assert user.content == [ImageBlock(url="https://x/y.png", detail="low")]
    assert assistant.tool_calls == [ToolCall(id="a", name="f", arguments="{}")]
    assert assistant.reasoning_content == "hm"
    assert tool.tool_call_id == "a"


@pytest.mark.parametrize(
    ("part", "block"),
    [
        ({"type": "text", "text": "x"}, TextBlock(text="x")),
        ({"type": "image_url", "image_url": "https://x"}, ImageBlock(url="https://x")),
        ({"type": "video_url", "video_url": {"url": "https://x"}}, VideoBlock(url="https://x")),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            AudioBlock(data="AAAA", mime_type="audio/mp3"),
        ),
        ({"type": "file", "file": {"file_id": "f"}}, DocumentBlock(file_id="f")),
    ],
)
def test_openais_content_parts(part: dict, block) -> None:
    assert Message.user([part]).content == [block]


def test_media_from_anywhere(tmp_path) -> None:
    path = tmp_path / "pixel.png"
    path.write_bytes(PNG)
    by_bytes, by_file = ImageBlock.from_bytes(PNG), ImageBlock.from_file(path)
    by_url = ImageBlock.from_url(by_bytes.data_url)
    assert by_bytes.mime_type == by_file.mime_type == by_url.mime_type == "image/png"
    assert by_bytes.data == by_file.data == by_url.data
    assert by_file.name == "pixel.png"
    assert by_bytes.data not in repr(by_bytes)


def test_arguments() -> None:
    call = ToolCall(id="a", name="f", arguments='{"x": 1}')
    assert call.parse_arguments() == {"x": 1}
    for broken in ('{"x":', "[1]"):
        with pytest.raises(DecodeError) as caught:
            ToolCall(id="a", name="f", arguments=broken).parse_arguments()
        assert caught.value.raw == broken


def test_usage_adds() -> None:
    one = Usage(input_tokens=1, output_tokens=2, total_tokens=3, cached_tokens=1, raw={"a": 1})
    assert (
        sum([one, one], Usage())
        == sum([one, one])
        == Usage(input_tokens=2, output_tokens=4, total_tokens=6, cached_tokens=2)
    )


@pytest.mark.parametrize(
    ("given", "kind", "name"),
    [
        (Answer, "json_schema", "Answer"),
        ("json_object", "json_object", "response"),
        ({"type": "json_object"}, "json_object", "response"),
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}, "json_schema", "n"),
        ({"type": "object", "title": "My Thing", "properties": {}}, "json_schema", "My_Thing"),
    ],
)
def test_every_form_of_response_format(given, kind: str, name: str) -> None:
    made = ResponseFormat.from_any(given)
    assert (made.type, made.name) == (kind, name)


def test_a_message_survives_json_and_pickle() -> None:
    message = Message.assistant(
        "x", tool_calls=[ToolCall(id="a", name="f")], reasoning={"family": "p", "blocks": [{"s": "1"}]}
    )
    assert Message.model_validate(json.loads(message.model_dump_json())) == message
    assert pickle.loads(pickle.dumps(message)) == message
