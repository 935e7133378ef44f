"""Query and chat engines, with embeddings of ours, against servers that answer from the prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import llama_index.core
import pytest
from llama_index.core import QueryBundle, Settings, SummaryIndex, VectorStoreIndex
from llama_index.core.chat_engine import CondensePlusContextChatEngine, ContextChatEngine, SimpleChatEngine
from llama_index.core.query_engine import CitationQueryEngine, RouterQueryEngine, SubQuestionQueryEngine
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.schema import TextNode
from llama_index.core.selectors import LLMSingleSelector, PydanticSingleSelector
from llama_index.core.tools import QueryEngineTool
from pydantic import BaseModel

from llama_index.embeddings.llm_connector import ConnectorEmbedding
from llamaindex.kit import KEY, WIRES, Wire
from servers.openai_chat import OpenAIChatServer
from servers.script import Call, Reply

if TYPE_CHECKING:
    from llama_index.core.memory import Memory

    from servers.base import Server

NODES = [
    TextNode(text="The capital of Norway is Oslo."),
    TextNode(text="Pandas eat bamboo."),
    TextNode(text="Copper conducts electricity."),
]
QUESTION = "What do pandas eat?"


def embedding(server: Server) -> ConnectorEmbedding:
    return ConnectorEmbedding("openai_compatible", "test-embedding", api_key=KEY, base_url=server.url)


async def answers(engine: Any) -> list[str]:
    return [str(engine.query(QUESTION)), str(await engine.aquery(QUESTION))]


@pytest.mark.parametrize("mode", ["compact", "refine", "tree_summarize", "simple_summarize"])
async def test_summary(wire: Wire, mode: str) -> None:
    with wire.serve(Reply("Bamboo.")) as server:
        engine = SummaryIndex(NODES).as_query_engine(llm=wire.llm(server), response_mode=mode)
        assert await answers(engine) == ["Bamboo.", "Bamboo."]


async def test_summary_streamed(wire: Wire) -> None:
    with wire.serve(Reply("They eat bamboo.", chunk_size=3)) as server:
        llm = wire.llm(server)
        engine = SummaryIndex(NODES).as_query_engine(llm=llm, streaming=True)
        if llama_index.core.__version__ != "0.14.24":  # which holds a stream back until its end
            assert len(list(engine.query(QUESTION).response_gen)) > 3
        assert "".join(engine.query(QUESTION).response_gen) == "They eat bamboo."
        response = await engine.aquery(QUESTION)
        assert "".join([token async for token in response.async_response_gen()]) == "They eat bamboo."


async def test_vectors(wire: Wire) -> None:
    with wire.serve() as server, OpenAIChatServer() as vectors:
        index = VectorStoreIndex(NODES, embed_model=embedding(vectors))
        engine = index.as_query_engine(llm=wire.llm(server), similarity_top_k=3)
        assert all("bamboo" in answer for answer in await answers(engine))


async def test_vectors_streamed(wire: Wire) -> None:
    with wire.serve() as server, OpenAIChatServer() as vectors:
        index = VectorStoreIndex(NODES, embed_model=embedding(vectors), use_async=False)
        engine = index.as_query_engine(llm=wire.llm(server), streaming=True, similarity_top_k=3)
        response = await engine.aquery(QUESTION)
        assert "bamboo" in "".join([token async for token in response.async_response_gen()])


async def test_citations(wire: Wire) -> None:
    with wire.serve(Reply("Bamboo [1].")) as server, OpenAIChatServer() as vectors:
        index = VectorStoreIndex(NODES, embed_model=embedding(vectors))
        engine = CitationQueryEngine.from_args(index, llm=wire.llm(server), similarity_top_k=2)
        response = engine.query(QUESTION)
        assert str(response) == "Bamboo [1]."
        assert len(response.source_nodes) == 2
        assert "Source 1:" in server.last.body.decode()


@pytest.mark.parametrize("kind", [LLMSingleSelector, PydanticSingleSelector])
async def test_a_router(compatible: Wire, kind: Any) -> None:
    choice = {"index": 2, "reason": "It is about animals."}
    chosen = Reply('[{"choice": 2, "reason": "It is about animals."}]')
    if kind is PydanticSingleSelector:
        chosen = Reply("", tool_calls=[Call("SingleSelection", choice)])
    with compatible.serve([chosen, Reply("Bamboo.")]) as server:
        llm = compatible.llm(server)
        engines = [SummaryIndex([node]).as_query_engine(llm=llm) for node in NODES[:2]]
        tools = [
            QueryEngineTool.from_defaults(engine, description=name) for engine, name in zip(engines, "ab", strict=True)
        ]
        router = RouterQueryEngine.from_defaults(tools, llm=llm, selector=kind.from_defaults(llm=llm))
        assert str(router.query(QUESTION)) == "Bamboo."
        assert "Pandas" in server.last.body.decode()


async def test_sub_questions(compatible: Wire) -> None:
    questions = '```json\n{"items": [{"sub_question": "What do pandas eat?", "tool_name": "animals"}]}\n```'
    with compatible.serve([Reply(questions), Reply("Bamboo."), Reply("Pandas eat bamboo.")]) as server:
        llm = compatible.llm(server)
        tool = QueryEngineTool.from_defaults(
            SummaryIndex(NODES).as_query_engine(llm=llm), name="animals", description="About animals."
        )
        engine = SubQuestionQueryEngine.from_defaults(
            [tool], llm=llm, question_gen=LLMQuestionGenerator.from_defaults(llm=llm), verbose=False, use_async=False
        )
        assert str(engine.query(QUESTION)) == "Pandas eat bamboo."
        assert len(server.requests) == 3


class Food(BaseModel):
    """What an animal eats."""

    name: str


async def test_a_structured_answer(wire: Wire) -> None:
    with wire.serve(Reply("", tool_calls=[Call("Food", {"name": "bamboo"})])) as server:
        engine = SummaryIndex(NODES).as_query_engine(llm=wire.llm(server), output_cls=Food)
        assert engine.query(QUESTION).response == Food(name="bamboo")
        assert (await engine.aquery(QUESTION)).response == Food(name="bamboo")


async def test_the_system_prompt_of_the_model(compatible: Wire) -> None:
    with compatible.serve() as server:
        engine = SummaryIndex(NODES).as_query_engine(llm=compatible.llm(server, system_prompt="Be a pirate."))
        engine.query(QUESTION)
        assert server.last.json["messages"][0] == {"role": "system", "content": "Be a pirate."}


def test_as_the_global_model(compatible: Wire) -> None:
    with compatible.serve() as server:
        before = Settings._llm
        try:
            Settings.llm = compatible.llm(server)
            assert "bamboo" in str(SummaryIndex(NODES).as_query_engine().query(QUESTION))
        finally:
            Settings._llm = before


@pytest.mark.parametrize("kind", [SimpleChatEngine, ContextChatEngine, CondensePlusContextChatEngine])
@pytest.mark.parametrize("name", ["openai_compatible", "anthropic", "ollama"])
async def test_chat_engines_with_memory(kind: Any, name: str, memory: Memory) -> None:
    wire = WIRES[name]
    with wire.serve() as server, OpenAIChatServer() as vectors:
        given: dict[str, Any] = {"llm": wire.llm(server), "memory": memory}
        if kind is not SimpleChatEngine:
            given["retriever"] = VectorStoreIndex(NODES, embed_model=embedding(vectors)).as_retriever()
        engine = kind.from_defaults(**given)
        await engine.achat("My name is Ada.")
        streamed = await engine.astream_chat("What is my name?")
        text = "".join([token async for token in streamed.async_response_gen()])
        assert (await memory.aget_all())[-1].content == text
        if kind is SimpleChatEngine:
            assert text == "Your name is Ada."
        assert "My name is Ada." in server.last.body.decode()


async def test_embeddings_of_every_vendor(wire: Wire) -> None:
    if wire.embeds is None:
        pytest.skip(f"{wire.provider} has no embeddings")
    with wire.serve() as server:
        model = ConnectorEmbedding(wire.provider, wire.embeds, base_url=server.url, **wire.secrets)
        one = model.get_text_embedding("bamboo")
        assert one == await model.aget_text_embedding("bamboo")
        assert one == model.get_query_embedding("bamboo") == await model.aget_query_embedding("bamboo")
        texts = [f"text {at}" for at in range(37)]
        many = model.get_text_embedding_batch(texts)
        assert many == await model.aget_text_embedding_batch(texts)
        assert len(many) == 37
        assert len(many[0]) == len(one) > 0
        retrieved = await VectorStoreIndex(NODES, embed_model=model).as_retriever().aretrieve(QueryBundle(QUESTION))
        assert retrieved
