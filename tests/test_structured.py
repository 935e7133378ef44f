"""Answers in a form: what of a text is read as the object that was asked for."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from llm_connector import LLMClient
from servers.openai_chat import OpenAIChatServer
from servers.script import Reply


class City(BaseModel):
    """A city."""

    name: str


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"name": "Rome"}', "Rome"),
        ('\n{"name": "Rome"}\n', "Rome"),
        ('```json\n{"name": "Rome"}\n```', "Rome"),
        ('```\n{\n"name": "Rome"\n}\n```\n', "Rome"),
        ('{"name": "```json\\nx\\n```"}', "```json\nx\n```"),
        ('Here it is:\n```json\n{"name": "Rome"}\n```', None),
        ('```json\n{"name": "Rome"}', None),
        ('```json\n{"name": 1}\n```', None),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_a_fence_around_the_whole_is_no_part_of_the_answer(text: str, name: str | None, streaming: bool) -> None:
    with (
        OpenAIChatServer(Reply(text, chunk_size=4), dialect="deepseek") as server,
        LLMClient("deepseek", "deepseek-v4-flash", api_key="k", base_url=server.url) as client,
    ):
        ask = client.stream if streaming else client.chat
        answer = ask("Which city?", response_format=City)
        response = answer.response() if streaming else answer
    assert response.content == text
    assert response.parsed == (None if name is None else City(name=name))
    assert any("does not fit" in warning for warning in response.warnings) == (name is None)
