"""The provider ``local`` in LangChain: its model is the one that was named, and an agent's answer has its form."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_llm_connector import ChatConnector, ConnectorEmbeddings
from llm_connector import ConfigError


class Weather(BaseModel):
    city: str
    temperature: int


@tool
def get_weather(city: str) -> str:
    """Get the current weather of a city"""
    return "18 degrees and sunny"


def test_a_name_that_is_not_known_never_answers_as_another() -> None:
    with pytest.raises(ConfigError, match="Unknown model 'gpt-4o'"):
        ChatConnector(provider="local").invoke("hi", model="gpt-4o")
    with pytest.raises(ConfigError, match="Unknown model 'gpt-4o'"):
        ConnectorEmbeddings(provider="local", model="gpt-4o").embed_query("hi")


@pytest.mark.local_model
@pytest.mark.parametrize("city", ["Paris", "Tokyo"])
def test_an_agent_calls_its_tool_and_then_answers_in_the_form(city: str) -> None:
    model = ChatConnector(provider="local", temperature=0, max_tokens=200)
    agent: Any = create_agent(model, tools=[get_weather], response_format=Weather)
    question: Any = {"messages": [("user", f"What is the weather in {city}?")]}
    answer = agent.invoke(question, {"recursion_limit": 8})
    assert [message.type for message in answer["messages"]] == ["human", "ai", "tool", "ai"]
    assert answer["structured_response"] == Weather(city=city, temperature=18)
