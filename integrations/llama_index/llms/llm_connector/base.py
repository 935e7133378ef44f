"""``ChatConnector``, the language model. It maps: what is sent to whom, and how, is decided in ``llm_connector``."""

# ruff: noqa: FBT001, FBT002 - the signatures are LlamaIndex's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.generic_utils import (
    achat_to_completion_decorator,
    astream_chat_to_completion_decorator,
    chat_to_completion_decorator,
    stream_chat_to_completion_decorator,
)
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.bridge.pydantic import Field
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM

from llama_index.llms.llm_connector import structured
from llama_index.llms.llm_connector.connection import Connection, sort_options
from llama_index.llms.llm_connector.messages import to_messages
from llama_index.llms.llm_connector.responses import to_response
from llama_index.llms.llm_connector.streaming import Accumulator, last
from llama_index.llms.llm_connector.tools import conversation, only_first_call, selections, tool_params
from llm_connector.providers import find_provider
from llm_connector.types import ChatRequest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping, Sequence

    from llama_index.core.llms.llm import ToolSelection
    from llama_index.core.prompts import BasePromptTemplate
    from llama_index.core.tools.types import BaseTool

# Tokens. What the smallest models that vendors host take (2026-11); told where nobody said better.
DEFAULT_CONTEXT_WINDOW = 32_768

# The fields that are sent with each request under their own names.
_SAMPLING = ("temperature", "top_p", "max_tokens", "reasoning_effort", "thinking_budget", "enable_thinking")


class ChatConnector(Connection, FunctionCallingLLM):
    """Any provider's chat models.

    Besides the fields below it takes the options of the provider's row (``region=…``, ``secret_id=…``), every field of
    ``llm_connector.ChatRequest`` for all calls (``seed=…``, ``stop=…``), LlamaIndex's own (``system_prompt``,
    ``callback_manager``, …) and those of ``Connection``. Keyword arguments of a single call are ``ChatRequest``'s too,
    and win for that call.

    Attributes:
        model: The model's name.
        temperature: Randomness.
        top_p: Nucleus sampling.
        max_tokens: The longest answer, in tokens.
        reasoning_effort: ``none`` to ``max``; converted to each vendor's own control.
        thinking_budget: The most tokens to reason with.
        enable_thinking: Whether to reason at all.
        context_window: The model's window in tokens; else what ``models()`` told, else what the provider's options or
            the extra ``prices`` say, else ``DEFAULT_CONTEXT_WINDOW``.
        is_function_calling_model: Whether the model calls tools; else what the provider's row says.
        additional_kwargs: Other fields of ``ChatRequest`` for every call.

    Raises:
        ConfigError: The provider or an option is unknown, or a key or address is missing.
        InvalidRequestError: A request field has a wrong value.
    """

    model: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    thinking_budget: int | None = None
    enable_thinking: bool | None = None
    context_window: int | None = Field(default=None, gt=0)
    is_function_calling_model: bool | None = None
    additional_kwargs: dict[str, Any] = Field(default_factory=dict)

    def __init__(self, provider: str, model: str | None = None, **fields: Any) -> None:
        super().__init__(**_sorted(provider, {**fields, "model": model}, type(self).model_fields))
        self._check()
        ChatRequest.from_any("", self._params({}))

    @classmethod
    def class_name(cls) -> str:
        """The name in dumps."""
        return "llm_connector_llm"

    @property
    def metadata(self) -> LLMMetadata:
        """Facts about the model, from what is known here: LlamaIndex asks at every call."""
        row = self._row()
        model = self.model or row.default_model
        calls_tools = self.is_function_calling_model
        window = self._known.limits(row, model, self.provider_options, self.context_window).context_window
        return LLMMetadata(
            context_window=DEFAULT_CONTEXT_WINDOW if window is None else window,
            num_output=self.max_tokens or -1,
            is_chat_model=True,
            is_function_calling_model=row.capabilities.tools if calls_tools is None else calls_tools,
            model_name=model or "unknown",
        )

    def to_payload(self) -> dict[str, Any]:
        """What observers are told about the model; nothing secret."""
        return {**super().to_payload(), "provider": self.provider, "model": self.model, **self._sampling()}

    def _model(self) -> str | None:
        return self.model

    def _sampling(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in _SAMPLING}
        return {name: value for name, value in given.items() if value is not None}

    def _params(self, call: Mapping[str, Any]) -> dict[str, Any]:
        model = {} if self.model is None else {"model": self.model}
        return {**model, **self._sampling(), **self.additional_kwargs, **call}

    # The undecorated calls: two decorated ones on top of each other would be counted twice.

    def _chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return to_response(self._client().chat(to_messages(messages), **self._params(kwargs)))

    async def _achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return to_response(await self._aclient().chat(to_messages(messages), **self._params(kwargs)))

    def _stream(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        stream = self._client().stream(to_messages(messages), **self._params(kwargs))

        def chunks() -> ChatResponseGen:
            accumulator = Accumulator()
            with stream:
                for chunk in stream.join_arguments():
                    response = accumulator.add(chunk)
                    if response is not None:
                        yield response
                yield last(stream.response())

        return chunks()

    async def _astream(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        stream = await self._aclient().stream(to_messages(messages), **self._params(kwargs))

        async def chunks() -> ChatResponseAsyncGen:
            accumulator = Accumulator()
            async with stream:
                async for chunk in await stream.join_arguments():
                    response = accumulator.add(chunk)
                    if response is not None:
                        yield response
                yield last(await stream.response())

        return chunks()

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Ask for an answer."""
        return self._chat(messages, **kwargs)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Ask for an answer."""
        return await self._achat(messages, **kwargs)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Ask for an answer as it comes."""
        return self._stream(messages, **kwargs)

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """Ask for an answer as it comes."""
        return await self._astream(messages, **kwargs)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Ask for an answer to a text."""
        return chat_to_completion_decorator(self._chat)(self._prompt(prompt, formatted=formatted), **kwargs)

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Ask for an answer to a text."""
        return await achat_to_completion_decorator(self._achat)(self._prompt(prompt, formatted=formatted), **kwargs)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """Ask for an answer to a text, as it comes."""
        return stream_chat_to_completion_decorator(self._stream)(self._prompt(prompt, formatted=formatted), **kwargs)

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """Ask for an answer to a text, as it comes."""
        asked = self._prompt(prompt, formatted=formatted)
        return await astream_chat_to_completion_decorator(self._astream)(asked, **kwargs)

    def _prompt(self, prompt: str, *, formatted: bool) -> str:
        return prompt if formatted or self.completion_to_prompt is None else self.completion_to_prompt(prompt)

    # Tools

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """The arguments of a chat with tools. Besides ``ChatRequest``'s fields, ``strict`` may be given."""
        del verbose
        params = tool_params(tools, required=tool_required, parallel=allow_parallel_tool_calls, given=kwargs)
        return {"messages": conversation(chat_history, user_msg), **params}

    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        """Keep to one call for those who asked for one, also where the vendor does not."""
        del tools, kwargs
        return response if allow_parallel_tool_calls else only_first_call(response)

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """The calls of an answer or of any chunk of one.

        Raises:
            ValueError: There are none and ``error_on_no_tool_call``; LlamaIndex's own code expects this class.
        """
        del kwargs
        found = selections(response.message)
        if not found and error_on_no_tool_call:
            raise ValueError(f"the model called no tool; it said: {response.message.content!r}")
        return found

    # Structured output

    async def astructured_predict(
        self, output_cls: Any, prompt: Any, llm_kwargs: dict[str, Any] | None = None, **prompt_args: Any
    ) -> Any:
        """Ask for an object of a pydantic class."""
        self._aclient()  # made now, so that a copy of this object shares its connections
        return await structured.predicted(self, output_cls, prompt, llm_kwargs, prompt_args)

    def _structured_stream_call(
        self, output_cls: Any, prompt: BasePromptTemplate, llm_kwargs: dict[str, Any] | None = None, **prompt_args: Any
    ) -> Generator[Any, None, None]:
        program = structured.forced_program(self, output_cls, prompt)
        return program.stream_call(llm_kwargs=llm_kwargs, **prompt_args)

    async def _structured_astream_call(
        self, output_cls: Any, prompt: BasePromptTemplate, llm_kwargs: dict[str, Any] | None = None, **prompt_args: Any
    ) -> AsyncGenerator[Any, None]:
        program = structured.forced_program(self, output_cls, prompt)
        return await program.astream_call(llm_kwargs=llm_kwargs, **prompt_args)


def _sorted(provider: str, given: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Constructor arguments by what they are: fields, the request's for every call, and the provider's options."""
    row = find_provider(provider)
    fields = {name: value for name, value in given.items() if name in own}
    others = {name: value for name, value in given.items() if name not in own}
    asked = {
        name: value for name, value in others.items() if row.option(name) is None and name in ChatRequest.model_fields
    }
    options = {name: value for name, value in others.items() if name not in asked}
    shown, secret = sort_options(provider, {**fields.get("provider_options", {}), **options})
    for_calls = {**(fields.get("additional_kwargs") or {}), **asked}
    # What may be secret goes to the fields that are in no dump.
    fields["headers"] = (fields.get("headers") or {}) | (for_calls.pop("extra_headers", None) or {}) or None
    fields["api_key"] = for_calls.pop("api_key", None) or fields.get("api_key")
    fields["additional_kwargs"] = for_calls
    fields["secret_options"] = {**fields.get("secret_options", {}), **secret}
    return {**fields, "provider": provider, "provider_options": shown}
