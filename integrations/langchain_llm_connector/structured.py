"""Output of a given form: the chain of a model and a parser. How a provider is asked for the form is its protocol's.

The parsers are langchain-core's, with two silences made errors: a tool call whose arguments are no JSON, and a refusal.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.outputs import ChatGeneration
from langchain_core.runnables import RunnableMap, RunnablePassthrough

from langchain_llm_connector.errors import ConnectorContentFilterError
from langchain_llm_connector.messages_out import REFUSAL
from langchain_llm_connector.tools import is_class

if TYPE_CHECKING:
    from langchain_core.output_parsers.transform import BaseCumulativeTransformOutputParser
    from langchain_core.outputs import Generation
    from langchain_core.runnables import Runnable

    # Their generic parameter is private to langchain-core, and mypy's plugin asks for it in subclasses.
    class JsonOutputParser(BaseCumulativeTransformOutputParser[Any]):
        """As the type checker is to see it."""

        def parse(self, text: str) -> Any:
            """The text's JSON."""

    class PydanticOutputParser(JsonOutputParser):
        """As the type checker is to see it."""

else:
    from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser

Method = Literal["function_calling", "json_mode", "json_schema"]


class _ToolsParser(JsonOutputKeyToolsParser):
    """Arguments as a dict."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """The arguments of the first call."""
        if not partial:
            check_called(result)
        return super().parse_result(result, partial=partial)


class _ClassToolsParser(PydanticToolsParser):
    """Arguments as an instance."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """The instance made of the first call's arguments."""
        if not partial:
            check_called(result)
        return super().parse_result(result, partial=partial)


class _TextParser(JsonOutputParser):
    """The answer's JSON as a dict."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """The dict."""
        if not partial:
            check_refusal(result)
        return super().parse_result(result, partial=partial)


class _ClassTextParser(PydanticOutputParser):
    """The answer's JSON as an instance."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """The instance."""
        if not partial:
            check_refusal(result)
        return super().parse_result(result, partial=partial)


def parser_for(schema: Any, method: Method, name: str) -> Runnable[Any, Any]:
    """The parser of an answer.

    Args:
        schema: The schema; ``None`` in JSON mode without one.
        method: How the form was asked for.
        name: The tool's name, when the form was asked for as a tool.
    """
    if method == "function_calling":
        if is_class(schema):
            return _ClassToolsParser(tools=[schema], first_tool_only=True)
        return _ToolsParser(key_name=name, first_tool_only=True)
    return _ClassTextParser(pydantic_object=schema) if is_class(schema) else _TextParser()


def with_raw(model: Runnable[Any, Any], parser: Runnable[Any, Any]) -> Runnable[Any, Any]:
    """A chain that gives ``raw``, ``parsed`` and ``parsing_error`` and raises nothing of the parser's."""
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=model) | parsed.with_fallbacks([failed], exception_key="parsing_error")


def check_called(result: list[Generation]) -> None:
    """Raise when the model did not call the tool in a readable way.

    Raises:
        OutputParserException: It wrote arguments that are no JSON, or answered in words.
        ConnectorContentFilterError: It refused.
    """
    check_refusal(result)
    message = _message(result)
    if message is None or message.tool_calls:
        return
    broken = "; ".join(f"{call['name']}: {call['error'] or 'no JSON'}" for call in message.invalid_tool_calls)
    said = "; ".join(str(call["args"]) for call in message.invalid_tool_calls) or message.text
    raise OutputParserException(broken or "the model answered without calling the tool", llm_output=str(said))


def check_refusal(result: list[Generation]) -> None:
    """Raise when the model refused.

    Raises:
        ConnectorContentFilterError: It did.
    """
    message = _message(result)
    if message is None or not isinstance(message.content, list):
        return
    for block in message.content:
        if isinstance(block, dict) and block.get("type") == REFUSAL:
            provider = message.response_metadata.get("model_provider")
            raise ConnectorContentFilterError(f"the model refused: {block.get(REFUSAL)}", provider=provider)


def _message(result: list[Generation]) -> AIMessage | None:
    first = result[0]
    message = first.message if isinstance(first, ChatGeneration) else None
    return message if isinstance(message, AIMessage) else None
