"""Structured output where LlamaIndex's own way does not hold the model to it. The rest is LlamaIndex's, unchanged."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from llama_index.core.llms.llm import LLM
from llama_index.core.program.utils import get_program_for_llm
from llama_index.core.prompts import ChatPromptTemplate
from llama_index.core.types import PydanticProgramMode

if TYPE_CHECKING:
    from llama_index.core.prompts import BasePromptTemplate
    from llama_index.core.types import BasePydanticProgram


def forced_program(llm: LLM, output_cls: Any, prompt: BasePromptTemplate) -> BasePydanticProgram[Any]:
    """The program that streams an object. LlamaIndex lets the model choose whether to call the tool; here it must."""
    by_tool = llm.pydantic_program_mode is PydanticProgramMode.FUNCTION or (
        llm.pydantic_program_mode is PydanticProgramMode.DEFAULT and llm.metadata.is_function_calling_model
    )
    force = {"tool_choice": "required"} if by_tool else {}
    return get_program_for_llm(output_cls, prompt, llm, pydantic_program_mode=llm.pydantic_program_mode, **force)


async def predicted(llm: LLM, output_cls: Any, prompt: BasePromptTemplate, llm_kwargs: Any, arguments: Any) -> Any:
    """An object, with the system prompt in the request, which LlamaIndex leaves out of the async way (0.14.25).

    The copy without a system prompt keeps it from being there twice when LlamaIndex mends that. The undecorated method
    is called, for ``llm``'s own is the one that makes the span.
    """
    undecorated = inspect.unwrap(LLM.astructured_predict)
    if llm.system_prompt is None:
        return await undecorated(llm, output_cls, prompt, llm_kwargs, **arguments)
    messages = llm._extend_messages(prompt.format_messages(llm=llm, **arguments))  # noqa: SLF001 - an LLM's own hook
    silent = llm.model_copy(update={"system_prompt": None})
    return await undecorated(silent, output_cls, ChatPromptTemplate(message_templates=messages), llm_kwargs)
