"""How answers look in a notebook: safe, complete, and live. A real kernel runs in ``test_notebooks``."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_connector import AsyncLLMClient, LLMClient, ServerError, StreamInterruptedError, ToolCall, Usage
from llm_connector.notebook import LiveAnswer, answer_markdown, models_html, safe_markdown
from llm_connector.testing import MockProvider, MockReply
from llm_connector.types import ChatChunk, ChatResponse, Choice, Message, ModelInfo
from servers.openai_chat import OpenAIChatServer

OURS = re.compile(r'</?(?:details|summary|blockquote|code|small|pre)>|<pre style="white-space: pre-wrap">')


def answer(**fields) -> ChatResponse:
    return ChatResponse(choices=[Choice(message=Message.assistant(**fields), finish_reason="stop")])


def test_an_answer_shows_all_its_parts() -> None:
    response = answer(
        content="Hello **you**.",
        reasoning_content="First\n\nthen <b>",
        tool_calls=[ToolCall(id="1", name="look_up", arguments='{"a|b": "<i>"}')],
    )
    response.usage = Usage(input_tokens=1200, output_tokens=7, cached_tokens=3)
    response.model = "m<1>"
    response.warnings.append("top_k was *not* sent")
    shown = response._repr_markdown_()
    assert shown == answer_markdown(response)
    folded, text, table, warning, usage = shown.split("\n\n")
    assert folded.startswith("<details><summary>Reasoning</summary>")
    assert "First&#10;&#10;then &lt;b&gt;</pre></blockquote></details>" in folded
    assert text == "Hello **you**."
    assert table.splitlines()[2].count("|") == 3
    assert "look&#95;up" in table
    assert warning == "*Warning: top&#95;k was &#42;not&#42; sent*"
    assert usage == "<small>1&#44;200 tokens in · 7 out · 3 from cache · m&#60;1&#62;</small>"


def test_several_answers_and_endings_are_told() -> None:
    response = ChatResponse(
        choices=[
            Choice(index=0, message=Message.assistant("a"), finish_reason="stop"),
            Choice(index=1, message=Message.assistant("b"), finish_reason="other", raw_finish_reason="sensi_tive"),
        ]
    )
    assert response._repr_markdown_() == "**Answer 1**\n\na\n\n**Answer 2**\n\nb\n\n*Ended by: sensi&#95;tive*"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain *text* `x = 1`", "plain *text* `x = 1`"),
        ("```python\na > b\n```", "```python\na > b\n```"),
        ("a < b & <script>", "a &lt; b &amp; &lt;script>"),
        ("`<b>`", "<code>&#60;b&#62;</code>"),
        ("see\n```\n<b>\n\n*x*\n```\nend", "see\n\n<pre><code>&lt;b&gt;&#10;&#10;*x*</code></pre>\n\nend"),
        ("~~~\n<unclosed>", "\n<pre><code>&lt;unclosed&gt;</code></pre>\n"),
        ("[x](javascript:alert(1)) [y]( JavaScript:1)", "[x](unsafe:javascript:alert(1)) [y]( unsafe:JavaScript:1)"),
        ("[x](java&#115;cript:1)", "[x](java&amp;#115;cript:1)"),
        ("[x]: vbscript:1", "[x]: unsafe:vbscript:1"),
    ],
)
def test_markdown_brings_no_html(text: str, shown: str) -> None:
    assert safe_markdown(text) == shown


@given(st.text(alphabet=st.sampled_from("<>&`~\n |[]()*_$\\ab/!-\"'"), max_size=80))
def test_no_tag_of_a_models_is_left_wherever_code_begins(text: str) -> None:
    everywhere = answer(content=text, reasoning_content=text, tool_calls=[ToolCall(id="1", name="f", arguments=text)])
    everywhere.warnings.append(text)
    assert "<" not in OURS.sub("", everywhere._repr_markdown_())


def test_models_are_a_table() -> None:
    shown = models_html([ModelInfo(id="a<b", context_window=128000), ModelInfo(id="c", max_output_tokens=0)])
    assert "<code>a&lt;b</code></td><td>128,000</td><td></td>" in shown
    assert "<td></td><td>0</td>" in shown


async def test_both_clients_list_models_that_show_themselves() -> None:
    with OpenAIChatServer() as server, LLMClient("openai", base_url=server.url, api_key="k") as client:
        models = client.models()
        assert models._repr_html_() == models_html(models)
        async with AsyncLLMClient("openai", base_url=server.url, api_key="k") as other:
            assert (await other.models())._repr_html_() == models._repr_html_()


def test_outside_a_notebook_a_stream_is_printed(capsys) -> None:
    client = LLMClient(**MockProvider([MockReply(content="One two three.", reasoning_content="hm")]).client_arguments())
    stream = client.stream("hi")
    assert "One" not in stream._repr_markdown_()
    stream.display()
    assert capsys.readouterr().out == "One two three.\n"
    assert stream._repr_markdown_() == stream.response()._repr_markdown_()
    assert "Reasoning" in stream._repr_markdown_()


async def test_an_async_stream_is_printed(capsys) -> None:
    stream = AsyncLLMClient(**MockProvider(["One two three."]).async_client_arguments()).stream("hi")
    assert stream._repr_markdown_() is None
    await stream.display()
    assert capsys.readouterr().out == "One two three.\n"
    assert (await stream.response()).content == "One two three."


def test_what_had_arrived_stays_when_a_stream_fails(capsys) -> None:
    reply = MockReply(content="One two three.", fail_after=1, error=ServerError("broken"))
    client = LLMClient(**MockProvider([reply]).client_arguments(), max_retries=0)
    stream = client.stream("hi")
    with pytest.raises((ServerError, StreamInterruptedError)):
        stream.display()
    assert capsys.readouterr().out == "One two \n"
    assert "One two" in stream._repr_markdown_()


LIVE = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
from llm_connector.notebook import LiveAnswer, in_notebook
from llm_connector.types import ChatChunk, ChatResponse, Choice, Message

shell = InteractiveShell.instance()
assert not in_notebook()
shell.kernel = object()
assert in_notebook()
shown = []
shell.display_pub.publish = lambda data, metadata=None, **rest: shown.append((rest.get("update", False), data))

class Answer:
    text = ""
    def response(self):
        return ChatResponse(choices=[Choice(message=Message.assistant(self.text))])

answer = Answer()
with LiveAnswer(answer) as live:
    for word in ["a", "b", "c"]:
        answer.text += word
        live.add(ChatChunk(word))
print(json.dumps(shown))
"""


def test_in_a_notebook_one_output_is_drawn_anew_but_not_for_every_chunk() -> None:
    done = subprocess.run([sys.executable, "-c", LIVE], capture_output=True, text=True, check=True)
    shown = json.loads(done.stdout.splitlines()[-1])
    assert shown[0] == [False, {"text/markdown": "", "text/plain": ""}]
    assert shown[-1] == [True, {"text/markdown": "abc", "text/plain": "abc"}]
    assert len(shown) <= 3


def test_the_plain_face_writes_text_alone(capsys) -> None:
    with LiveAnswer(None) as live:  # plain text needs no folding
        live.add(ChatChunk("x"))
        live.add(ChatChunk(reasoning_content="not this"))
    assert capsys.readouterr().out == "x\n"


def test_several_answers_do_not_mix_in_plain_text(capsys) -> None:
    with OpenAIChatServer() as server, LLMClient("openai", "m", base_url=server.url, api_key="k") as client:
        stream = client.stream("What is 1 + 1?", n=2)
        stream.display()
    assert capsys.readouterr().out == f"{stream.response().content}\n"
    assert len(stream.response().choices) == 2


MAGIC = """
import sys
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from llm_connector import LLMError
import os

shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "llm_connector")
chat = shell.magics_manager.registry["ChatMagics"]
line = "openai_compatible test-model"
shell.run_cell_magic("chat", line, "Say one.\\n")
assert [message.role for message in chat.history] == ["user", "assistant"], chat.history
assert shell.user_ns["_chat"].content == chat.history[-1].content
shell.run_cell_magic("chat", line + " --reasoning low", "And two.")
assert len(chat.history) == 4
try:
    shell.run_cell_magic("chat", line, "This fails.")
except LLMError as error:
    print("failed", type(error).__name__)
assert len(chat.history) == 4
shell.run_cell_magic("chat", line + ' --system "Be short."', "Hello.")
assert [message.text for message in chat.history[:2]] == ["Be short.", "Hello."]
for given in ("\\"Say 'yes' or 'no'\\"", "'Say \\"yes\\"'", "Plainly"):
    shell.run_cell_magic("chat", line + " --system " + given, "Hello.")
    print(chat.history[0].text)
shell.run_cell_magic("chat", line + " --new", "Hello.")
assert [message.role for message in chat.history] == ["user", "assistant"]
try:
    shell.run_cell_magic("chat", line + " one-too-many", "x")
except UsageError:
    print("usage")
"""


def test_the_magic_keeps_one_conversation() -> None:
    from servers.script import Fault, Reply

    script = [Reply("One."), Reply("Two."), Fault(400), Reply("Three.")]
    with OpenAIChatServer(script) as server:
        environment = {"OPENAI_COMPATIBLE_BASE_URL": server.url, "OPENAI_COMPATIBLE_API_KEY": "k"}
        code = f"import os; os.environ.update({environment!r})\n{MAGIC}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        second = server.requests[1].json
    assert done.returncode == 0, done.stderr[-2000:]
    *told, last, usage = done.stdout.splitlines()
    assert told[:4] == ["One.", "Two.", "failed InvalidRequestError", "Three."]
    assert told[5::2] == ["Say 'yes' or 'no'", 'Say "yes"', "Plainly"]
    assert (last, usage) == ("Three.", "usage")
    assert [message["content"] for message in second["messages"]] == ["Say one.", "One.", "And two."]
    assert second["reasoning_effort"] == "low"


DEFAULT = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "llm_connector")
shell.run_cell_magic("chat", "", "What is the capital of Japan?")
print(shell.user_ns["_chat"].provider)
"""


@pytest.mark.local_model
def test_without_a_provider_the_local_model_answers() -> None:
    done = subprocess.run([sys.executable, "-c", DEFAULT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answer, provider = done.stdout.splitlines()
    assert "Tokyo" in answer
    assert provider == "local"
