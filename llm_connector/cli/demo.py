"""The main job, shown: one local model through all three faces, each streaming. Needs the extras of the frameworks."""

from __future__ import annotations

import time
from importlib.util import find_spec

from rich.text import Text

from llm_connector import ConfigError, LLMClient
from llm_connector.cli.render import console, step, stream_answer, usage_line
from llm_connector.extras import install_hint

_NEEDED = ("xllamacpp", "langchain_core", "llama_index.core")

TEXT = """The Lumen is a lighthouse on the island of Vess. It was built in 1871 by the engineer Ada Morrow.
Its lamp burns rapeseed oil and can be seen from forty kilometres away.
The keeper, Tomas, lives there with two goats and a parrot. Visitors may climb the tower on Sundays."""


def run() -> None:
    """Run the three parts, one after the other.

    Raises:
        ConfigError: An extra is missing; told before anything is downloaded.
        LLMError: The local model failed.
    """
    for module in _NEEDED:
        if find_spec(module) is None:
            raise ConfigError(f"the demo needs {module}; {install_hint('all')}")
    console.print("Everything below runs on this machine: a small real model, no key, no service.")
    _standalone()
    _langchain()
    _llama_index()
    console.print("\nChange provider='local' to 'zhipu', 'aliyun', 'deepseek', … and name a model.")


def _standalone() -> None:
    step('1. The client: LLMClient("local").stream(…)')
    with LLMClient("local") as client, client.stream("What is the capital of France?", temperature=0) as stream:
        usage_line(stream_answer(stream))


def _langchain() -> None:
    step('2. A LangChain chain: prompt | ChatConnector(provider="local") | parser')
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_llm_connector import ChatConnector

    prompt = ChatPromptTemplate.from_template("Write one sentence about {subject}.")
    chain = prompt | ChatConnector(provider="local", temperature=0) | StrOutputParser()
    _print_tokens(chain.stream({"subject": "the moon"}))


def _llama_index() -> None:
    step("3. A LlamaIndex query engine over a small text, embedded by the same model")
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.embeddings.llm_connector import ConnectorEmbedding
    from llama_index.llms.llm_connector import ChatConnector

    index = VectorStoreIndex.from_documents([Document(text=TEXT)], embed_model=ConnectorEmbedding(provider="local"))
    engine = index.as_query_engine(llm=ChatConnector(provider="local", temperature=0), streaming=True)
    question = "Who built the lighthouse, and when?"
    console.print(Text(f"{TEXT}\n\nQuestion: {question}", style="dim"))
    _print_tokens(engine.query(question).response_gen)  # type: ignore[union-attr]


def _print_tokens(tokens: object) -> None:
    started, first = time.perf_counter(), None
    for token in tokens:  # type: ignore[attr-defined]
        first = first or time.perf_counter() - started
        console.print(Text(token), end="")
    console.print()
    console.print(Text(f"first token after {first or 0:.2f} s, all after {time.perf_counter() - started:.2f} s", "dim"))
