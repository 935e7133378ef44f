"""``ChatConnector``, the chat model. It hands over: messages in, chunks out, errors up; what decides is elsewhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import ConfigDict, PrivateAttr, model_validator

from langchain_llm_connector.chunks import BlockChunkWriter, ChunkWriter
from langchain_llm_connector.connection import Connection
from langchain_llm_connector.errors import model_errors
from langchain_llm_connector.messages_in import connector_messages
from langchain_llm_connector.messages_out import chat_result
from langchain_llm_connector.params import RequestDefaults
from langchain_llm_connector.profile import profile_of
from langchain_llm_connector.structured import Method, parser_for, with_raw
from langchain_llm_connector.tools import connector_tool, connector_tool_choice, schema_format, schema_tool
from llm_connector.types import ModelInfo
from llm_connector.version import __version__

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.language_models.base import LangSmithParams
    from langchain_core.language_models.model_profile import ModelProfile
    from langchain_core.outputs import ChatGenerationChunk, ChatResult

    from llm_connector.types import ChatResponse

T = TypeVar("T", bound="Callable[..., Any]")


def _signed(function: T) -> T:
    """Keep the function's signature, for which langchain-core asks at each call: 14 µs, and 4 so (1.8.3, 2026-11)."""
    function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return function


class ChatConnector(Connection, RequestDefaults, BaseChatModel):
    """Any provider's chat models.

    ```python
    model = ChatConnector(provider="zhipu", model="glm-4.6", temperature=0)
    model.invoke("Hello")
    for chunk in model.stream("Hello"):
        print(chunk.text, end="")
    await model.ainvoke("Hello")
    model.bind_tools([get_weather]).invoke("How is the weather in Rome?").tool_calls
    model.with_structured_output(Weather).invoke("It is sunny and 20 degrees.")
    ```

    Connection arguments are those of ``langchain_llm_connector.connection.Connection``, request arguments those of
    ``langchain_llm_connector.params.RequestDefaults``; an argument that is neither is an option of the provider, such
    as ``region="intl"``.

    Reasoning is in ``message.additional_kwargs["reasoning_content"]``, also as a ``reasoning`` block of
    ``message.content_blocks``. Kept in the history, it goes back to the provider with its signature, as the provider
    wants it. Token counts are in ``message.usage_metadata``, streamed or not.

    Attributes:
        streaming: Whether ``invoke`` streams; ``False`` given explicitly forbids streaming.
        stream_usage: Whether streams tell the token counts.
        context_window: The model's, in tokens, for the profile; middleware that shortens histories wants it. Else what
            ``models()`` told, else what the provider's options or the extra ``prices`` say.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, populate_by_name=True, protected_namespaces=())

    streaming: bool = False
    stream_usage: bool = True
    context_window: int | None = None

    _own_profile: ModelProfile | None = PrivateAttr(default=None)

    @classmethod
    def _synonyms(cls) -> dict[str, str]:
        return {**super()._synonyms(), "stop_sequences": "stop", "max_completion_tokens": "max_tokens"}

    def model_post_init(self, context: Any, /) -> None:
        """Run what each base has to do here; pydantic would run the first base's alone."""
        Connection.model_post_init(self, context)
        BaseChatModel.model_post_init(self, context)

    @model_validator(mode="after")
    def _record_connector_version(self) -> Self:
        self._add_version("llm-connector", __version__)
        return self

    # Who it is

    @property
    def model_name(self) -> str | None:
        """The model's name."""
        return self.model

    @property
    def _llm_type(self) -> str:
        return "chat-llm-connector"

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The environment variable of the key."""
        return {"api_key": self._row.key_env[0]} if self._row.key_env else {}

    @property
    def _identifying_params(self) -> dict[str, Any]:
        """All that an answer depends on and that is no secret; the key of LangChain's cache."""
        return self._open_facts() | self._defaults()

    def _dict_for_compat(self) -> dict[str, Any]:
        """The same past the deprecated ``dict``, whose warning is as dear to silence as the rest (1.8.3, 2026-11)."""
        return self.asdict() if type(self).dict is BaseChatModel.dict else super()._dict_for_compat()

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        """What LangSmith is told: the actual provider, and what this call asks."""
        row, asked = self._row, {**self.__dict__, **self.model_kwargs, **kwargs}
        facts: dict[str, Any] = {
            "ls_provider": row.name,
            "ls_model_type": "chat",
            "ls_model_name": asked["model"] or self.model or row.default_model,
            "ls_temperature": asked["temperature"],
            "ls_max_tokens": asked["max_tokens"],
            "ls_stop": (asked["stop"] if stop is None else stop) or None,
        }
        return cast("LangSmithParams", {name: value for name, value in facts.items() if value is not None})

    def _resolve_model_profile(self) -> ModelProfile | None:
        settings = self._resolved()
        limits = self._known.limits(settings.provider, settings.model, settings.options, self.context_window)
        self._own_profile = profile_of(settings.provider.capabilities, limits)
        return self._own_profile

    def _learn(self, models: list[ModelInfo]) -> list[ModelInfo]:
        """A profile that the user gave stays."""
        super()._learn(models)
        if self.profile is self._own_profile:
            self.profile = self._resolve_model_profile()
        return models

    def get_num_tokens(self, text: str) -> int:
        """About how many tokens a text has; counted here, without a tokenizer."""
        return self.get_num_tokens_from_messages([HumanMessage(text)])

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """About how many tokens messages have; counted here, without a tokenizer."""
        bound: list[BaseTool | dict[str, Any]] = [connector_tool(tool, strict=None) for tool in tools or ()]
        return count_tokens_approximately(messages, tools=bound or None)

    # Calls

    @_signed
    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager
        params = self._params(stop, kwargs)
        with model_errors():
            response = self._sync().chat(connector_messages(messages), **params)
        return self._result(response, params)

    @_signed
    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager
        params = self._params(stop, kwargs)
        with model_errors():
            response = await self._async().chat(connector_messages(messages), **params)
        return self._result(response, params)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        del run_manager  # the base class reports the tokens
        params = self._params(stop, kwargs)
        writer = self._writer(params, kwargs)
        with model_errors(), self._sync().stream(connector_messages(messages), **params) as stream:
            for chunk in stream.join_arguments():
                yield from writer.chunks(chunk)
            yield from writer.closing(stream.response())

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        del run_manager  # the base class reports the tokens
        params = self._params(stop, kwargs)
        writer = self._writer(params, kwargs)
        with model_errors():
            async with self._async().stream(connector_messages(messages), **params) as stream:
                async for chunk in await stream.join_arguments():
                    for made in writer.chunks(chunk):
                        yield made
                for made in writer.closing(await stream.response()):
                    yield made

    def _result(self, response: ChatResponse, params: dict[str, Any]) -> ChatResult:
        asked = None if response.model else self._asked_model(params)
        return chat_result(response, asked, blocks=self.output_version == "v1")

    def _writer(self, params: dict[str, Any], kwargs: dict[str, Any]) -> ChunkWriter:
        kind = BlockChunkWriter if self.output_version == "v1" else ChunkWriter
        usage = kwargs.get("stream_usage", self.stream_usage)
        return kind(self._row.name, self._asked_model(params), usage=bool(usage))

    def _asked_model(self, params: dict[str, Any]) -> str | None:
        return params.get("model") or self.model or self._row.default_model

    # Tools and structured output

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: dict[str, Any] | str | bool | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with tools that it may call.

        Args:
            tools: Functions, classes, ``BaseTool``s, dicts of OpenAI's or Anthropic's form, or a vendor's own tools.
            tool_choice: ``"auto"``, ``"none"``, ``"any"`` (or ``True``: some tool must be called), or a tool's name.
            strict: Whether the vendor must hold the arguments to the schemas, where it can.
            parallel_tool_calls: Whether several calls in one answer are allowed.
            response_format: The form of the answer: a class, a JSON schema, or OpenAI's dict.
            kwargs: Other call arguments to bind.
        """
        bound: dict[str, Any] = {**kwargs}
        if tools:
            bound["tools"] = [connector_tool(tool, strict=strict) for tool in tools]
            bound["tool_choice"] = connector_tool_choice(tool_choice)
            bound["parallel_tool_calls"] = parallel_tool_calls
        if response_format is not None:
            bound["response_format"] = schema_format(response_format, strict=strict)
        return self.bind(**{name: value for name, value in bound.items() if value is not None})

    def with_structured_output(
        self,
        schema: dict[str, Any] | type | None = None,
        *,
        method: Method | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """The model with answers of a given form.

        Args:
            schema: A pydantic class, a ``TypedDict`` or a JSON schema; JSON mode goes without one.
            method: How to ask for it: ``json_schema``, ``function_calling`` or ``json_mode``. ``None``: the vendor's
                schemas where it has them, else function calling.
            include_raw: Whether to give ``{"raw", "parsed", "parsing_error"}`` instead of raising.
            strict: Whether the vendor must hold the answer to the schema, where it can.
            kwargs: Other call arguments to bind, such as ``tools``.

        Raises:
            ValueError: The method is unknown, or the schema is missing.
        """
        method = method or ("json_schema" if self._row.capabilities.json_schema else "function_calling")
        if schema is None and method != "json_mode":
            raise ValueError("schema is needed unless method is 'json_mode'")
        model, name = self._bound_to(schema, method, kwargs, strict=strict)
        parser = parser_for(schema, method, name)
        return with_raw(model, parser) if include_raw else model | parser

    def _bound_to(
        self, schema: Any, method: Method, kwargs: dict[str, Any], *, strict: bool | None
    ) -> tuple[Runnable[LanguageModelInput, AIMessage], str]:
        """The model bound to give the form, and the tool's name if it is asked for as a tool."""
        traced = {"ls_structured_output_format": {"kwargs": {"method": method, "strict": strict}, "schema": schema}}
        bound: dict[str, Any] = {"tools": [], **({} if schema is None else traced), **kwargs}
        if method == "function_calling":
            tool = schema_tool(schema, strict=strict)
            name = tool["function"]["name"]
            tools = [tool, *bound.pop("tools")]
            return self.bind_tools(tools, tool_choice=name, parallel_tool_calls=False, strict=strict, **bound), name
        wanted = {"type": "json_object"} if method == "json_mode" else schema_format(schema, strict=strict)
        if method not in {"json_mode", "json_schema"}:
            raise ValueError(f"method is json_schema, function_calling or json_mode, not {method!r}")
        return self.bind_tools(bound.pop("tools"), response_format=wanted, strict=strict, **bound), ""
