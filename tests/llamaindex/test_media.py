"""Content blocks: pictures, sounds, films, documents, cache points and sources. What a vendor lacks is refused."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.base.llms.types import CachePoint, CitableBlock
from llama_index.core.llms import AudioBlock, ChatMessage, DocumentBlock, ImageBlock, TextBlock, VideoBlock
from llama_index.core.tools import FunctionTool, ToolOutput

from llamaindex.kit import WIRES, Wire, user
from llm_connector import UnsupportedError
from servers.assets import pdf, png, wav
from servers.script import Call, Reply

if TYPE_CHECKING:
    from pathlib import Path

FILM = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + b"\x00" * 32
SAMPLES: dict[str, tuple[str, Any]] = {
    "image bytes": ("image", lambda _: ImageBlock(image=png())),
    "image buffer": ("image", lambda _: ImageBlock(image=io.BytesIO(png()))),
    "image path": ("image", lambda folder: ImageBlock(path=_file(folder, "a.png", png()))),
    "image data url": ("image", lambda _: ImageBlock(url=ImageBlock(image=png()).inline_url())),
    "image url": ("image_url", lambda _: ImageBlock(url="https://example.com/a.png")),
    "audio bytes": ("audio", lambda _: AudioBlock(audio=wav(), format="wav")),
    "audio path": ("audio", lambda folder: AudioBlock(path=_file(folder, "a.wav", wav()))),
    "video bytes": ("video", lambda _: VideoBlock(video=FILM, video_mimetype="video/mp4", fps=2)),
    "document bytes": ("document", lambda _: DocumentBlock(data=pdf(), title="report.pdf")),
    "document path": ("document", lambda folder: DocumentBlock(path=_file(folder, "a.pdf", pdf()))),
}


def _file(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.parametrize("sample", list(SAMPLES))
async def test_media_reach_the_vendor_or_are_refused(wire: Wire, sample: str, tmp_path: Path) -> None:
    kind, make = SAMPLES[sample]
    message = ChatMessage(role="user", blocks=[TextBlock(text="What is this?"), make(tmp_path)])
    with wire.serve(Reply("A thing.")) as server:
        llm = wire.llm(server, model=wire.sees or wire.model)
        if kind not in wire.media:
            with pytest.raises(UnsupportedError):
                llm.chat([message])
            assert server.requests == []
            return
        sent = [message]
        if sample != "image buffer":  # LlamaIndex cannot write it as JSON
            sent.append(ChatMessage.model_validate_json(message.model_dump_json()))
        for one in sent:
            llm.chat([one])
            assert server.last.view is not None
            assert server.last.view.turns[-1].media.total() == 1
        assert [chunk async for chunk in await llm.astream_chat([message])]


@pytest.mark.parametrize(("name", "where"), [("google", "inlineData"), ("aliyun", "audio")])
def test_sound_has_the_type_that_vendors_know(name: str, where: str) -> None:
    """Python's own table says ``audio/x-wav`` (3.11) or ``audio/vnd.wave`` (3.14)."""
    wire = WIRES[name]
    block = AudioBlock(audio=wav(), format="wav")
    with wire.serve(Reply("A sound.")) as server:
        wire.llm(server, model=wire.sees or wire.model).chat([ChatMessage(role="user", blocks=[block])])
        assert "audio/wav" in server.last.body.decode().partition(f'"{where}"')[2]


def test_a_cache_point_marks_what_is_before_it() -> None:
    wire = WIRES["anthropic"]
    point = CachePoint(cache_control={"type": "ephemeral", "ttl": "1h"})
    blocks = [TextBlock(text="A long text."), point, TextBlock(text="A question.")]
    with wire.serve() as server:
        wire.llm(server).chat([ChatMessage(role="user", blocks=blocks)])
        content = server.last.json["messages"][0]["content"]
        assert [part.get("cache_control") for part in content] == [{"type": "ephemeral", "ttl": "1h"}, None]


@pytest.mark.parametrize("name", sorted(WIRES.keys() - {"tencent"}))
def test_a_cache_point_disturbs_nobody(name: str) -> None:
    wire = WIRES[name]
    point = CachePoint(cache_control={"type": "ephemeral"})
    history = [
        ChatMessage(role="system", blocks=[TextBlock(text="Be brief."), point]),
        ChatMessage(role="user", blocks=[point, TextBlock(text="Hi."), point]),
    ]
    with wire.serve(Reply("Hello.")) as server:
        llm = wire.llm(server, model=wire.sees or wire.model)
        assert llm.chat(history).message.content == "Hello."


def test_a_source_is_named(wire: Wire) -> None:
    block = CitableBlock(title="Almanac", source="almanac.txt", content=[TextBlock(text="Pandas eat bamboo.")])
    with wire.serve(Reply("Bamboo.")) as server:
        wire.llm(server).chat([ChatMessage(role="user", blocks=[block, TextBlock(text="What do they eat?")])])
        body = server.last.body.decode()
        assert all(part in body for part in ("Almanac", "almanac.txt", "Pandas eat bamboo."))


def test_a_tool_may_return_a_picture(wire: Wire) -> None:
    def draw() -> ToolOutput:
        """Draw a picture."""
        blocks = [TextBlock(text="Here."), ImageBlock(image=png())]
        return ToolOutput(tool_name="draw", blocks=blocks, raw_input={}, raw_output="x")

    if wire.provider == "tencent":
        pytest.skip("its tool messages hold text alone")
    tool = FunctionTool.from_defaults(fn=draw)
    with wire.serve([Reply("", tool_calls=[Call("draw", {})]), Reply("A red picture.")]) as server:
        llm = wire.llm(server, model=wire.sees or wire.model)
        response = llm.chat_with_tools([tool], "Draw!")
        call = llm.get_tool_calls_from_response(response)[0]
        result = ChatMessage(role="tool", blocks=draw().blocks, additional_kwargs={"tool_call_id": call.tool_id})
        answer = llm.chat_with_tools([tool], chat_history=[*user("Draw!"), response.message, result])
        assert answer.message.content == "A red picture."
        assert b"iVBOR" in server.last.body
