"""Output of a given form: the chain of a model and a parser. How a provider is asked for the form is its protocol's.

The parsers are langchain-core's, with some silences made errors: a tool call whose arguments are no JSON, a refusal, an
answer that was cut off, and a stream that ends without an answer of the form.
"""

from __future__ import annotations

import json
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser
from langchain_core.output_parsers.transform import BaseCumulativeTransformOutputParser
from langchain_core.outputs import ChatGeneration
from langchain_core.runnables import RunnableMap, RunnablePassthrough, RunnableWithFallbacks
from langchain_core.utils.json import parse_json_markdown

from langchain_llm_connector.errors import ConnectorContentFilterError
from langchain_llm_connector.messages_out import REFUSAL
from langchain_llm_connector.tools import is_class

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.messages import BaseMessage
    from langchain_core.outputs import Generation
    from langchain_core.runnables import Runnable, RunnableConfig

    # Their generic parameter is private to langchain-core, and mypy's plugin asks for it in subclasses.
    class JsonOutputParser(BaseCumulativeTransformOutputParser[Any]):
        """As the type checker is to see it."""

        def parse(self, text: str) -> Any:
            """The text's JSON."""

    class PydanticOutputParser(JsonOutputParser):
        """As the type checker is to see it."""

    _Cumulative = BaseCumulativeTransformOutputParser[Any]
    _WithFallbacks = RunnableWithFallbacks[Any, Any]
else:
    from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser

    _Cumulative, _WithFallbacks = BaseCumulativeTransformOutputParser, RunnableWithFallbacks

Method = Literal["function_calling", "json_mode", "json_schema"]


class _Judged(_Cumulative):
    """A parser whose streams too end in an answer of the form or an error; langchain-core's just end."""

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002 - langchain-core's name
        heard: list[Any] = []
        last = None
        for parsed in super()._transform(_noting(heard, piece) for piece in input):
            last = parsed
            yield parsed
        yield from self._judge(heard, last)

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002
        heard: list[Any] = []
        last = None
        async for parsed in super()._atransform(_noting(heard, piece) async for piece in input):
            last = parsed
            yield parsed
        for parsed in self._judge(heard, last):
            yield parsed

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """What is said in the form so far; nothing where the model refuses, until it has given its reasons."""
        if partial:
            return None if _refusals(result) else super().parse_result(result, partial=True)
        check_refusal(result)
        check_finished(result)
        return super().parse_result(result) if self._is_said(result) else None

    def _judge(self, heard: list[Any], last: Any) -> Iterator[Any]:
        """What the whole answer says beyond what was told of its pieces."""
        if not heard:
            return
        message = heard[0] + heard[1:] if len(heard) > 1 else heard[0]
        parsed = self.parse_result([ChatGeneration(message=message)])
        if parsed is not None and parsed != last:
            yield parsed

    def _is_said(self, result: list[Generation]) -> bool:
        """Whether the whole answer is the one in the form."""
        message = _message(result)
        return message is None or bool(message.text) or not message.tool_calls  # else the caller's tools come first


def _noting(heard: list[Any], piece: Any) -> Any:
    heard.append(piece)
    return piece


class _JudgedCall(_Judged):
    """The same where the form is a tool's arguments."""

    def _is_said(self, result: list[Generation]) -> bool:
        check_called(result)
        return True


class _ToolsParser(_JudgedCall, JsonOutputKeyToolsParser):
    """Arguments as a dict."""


class _ClassToolsParser(_JudgedCall, JsonOutputKeyToolsParser):
    """Arguments as an instance; the tool's name need not be the class's, which vendors may not take."""

    schema_class: Any

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """The instance made of the first call's arguments."""
        arguments = super().parse_result(result, partial=partial)
        if arguments is None and not partial:
            raise OutputParserException(f"the model called another tool than {self.key_name!r}")
        if arguments is None:
            return None
        made = getattr(self.schema_class, "model_validate", None) or self.schema_class.parse_obj  # pydantic's v1
        try:
            return made(arguments)
        except ValueError:
            if partial:
                return None
            raise


class _TextParser(_Judged, JsonOutputParser):
    """The answer's JSON as a dict."""


class _ClassTextParser(_Judged, PydanticOutputParser):
    """The answer's JSON as an instance."""


def parser_for(schema: Any, method: Method, name: str) -> Runnable[Any, Any]:
    """The parser of an answer.

    Args:
        schema: The schema; ``None`` in JSON mode without one.
        method: How the form was asked for.
        name: The tool's name, when the form was asked for as a tool.
    """
    if method == "function_calling":
        if is_class(schema):
            return _ClassToolsParser(key_name=name, first_tool_only=True, schema_class=schema)
        return _ToolsParser(key_name=name, first_tool_only=True)
    return _ClassTextParser(pydantic_object=schema) if is_class(schema) else _TextParser()


class _AtOnce(_WithFallbacks):
    """Streams in one piece: a fallback takes over only before the first, and an answer is judged at its end."""

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:  # noqa: A002
        """The whole."""
        yield self.invoke(input, config, **kwargs)

    async def astream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """The whole."""
        yield await self.ainvoke(input, config, **kwargs)


def with_raw(model: Runnable[Any, Any], parser: Runnable[Any, Any]) -> Runnable[Any, Any]:
    """A chain that gives ``raw``, ``parsed`` and ``parsing_error`` and raises nothing of the parser's."""
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=model) | _AtOnce(runnable=parsed, fallbacks=[failed], exception_key="parsing_error")


def check_called(result: list[Generation]) -> None:
    """Raise when the model did not call the tool in a readable way.

    Raises:
        OutputParserException: It wrote arguments that are no JSON, or answered in words.
    """
    message = _message(result)
    if message is None or message.tool_calls:
        return
    broken = "; ".join(f"{call['name']}: {call['error'] or 'no JSON'}" for call in message.invalid_tool_calls)
    said = "; ".join(str(call["args"]) for call in message.invalid_tool_calls) or message.text
    raise OutputParserException(broken or "the model answered without calling the tool", llm_output=str(said))


def check_finished(result: list[Generation]) -> None:
    """Raise when the answer was cut off within its JSON: langchain-core completes that, and a half would pass for all.

    Raises:
        OutputParserException: It was.
    """
    message = _message(result)
    if message is None or message.response_metadata.get("finish_reason") != "length":
        return
    pieces = message.tool_call_chunks if isinstance(message, AIMessageChunk) else ()
    texts = [piece["args"] or "" for piece in pieces] or ([] if message.tool_calls else [message.text])
    for text in texts:
        try:
            parse_json_markdown(text, parser=json.loads)
        except (ValueError, RecursionError):
            raise OutputParserException(
                "the answer was cut off at the token limit; raise max_tokens=", llm_output=text
            ) from None


def check_refusal(result: list[Generation]) -> None:
    """Raise when the model refused.

    Raises:
        ConnectorContentFilterError: It did.
    """
    for block in _refusals(result):
        message = _message(result)
        provider = message.response_metadata.get("model_provider") if message else None
        raise ConnectorContentFilterError(f"the model refused: {block.get(REFUSAL)}", provider=provider)


def _refusals(result: list[Generation]) -> list[dict[str, Any]]:
    message = _message(result)
    content = message.content if message is not None and isinstance(message.content, list) else ()
    return [block for block in content if isinstance(block, dict) and block.get("type") == REFUSAL]


def _message(result: list[Generation]) -> AIMessage | None:
    first = result[0]
    message = first.message if isinstance(first, ChatGeneration) else None
    return message if isinstance(message, AIMessage) else None
