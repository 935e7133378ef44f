"""Every misuse of the clients, and what the message must hold: what is wrong and what to do, parts between bars.

How a row is written is in ``misuse``; how it is proved, in ``test_bad_input``.
"""

from __future__ import annotations

import datetime as dt
import functools
import pickle

import httpx
from pydantic import BaseModel

from llm_connector import (
    ChatRequest,
    ConfigError,
    ImageBlock,
    InvalidRequestError,
    Message,
    Tool,
    ToolCall,
    UnsupportedError,
)
from llm_connector.providers import ROWS
from llm_connector.types import AudioBlock, DocumentBlock, ResponseFormat, TextBlock, VideoBlock
from misuse import act, called, chat, closed, embed, lacks, own_http, part, says, setup
from servers.assets import pdf, png, wav

# fmt: off
NAN, INFINITY = float("nan"), float("inf")
LONE = "half \ud800 a character"
SURROGATE = "holds a lone surrogate|clean the text with text.encode('utf-8', 'replace').decode()"
ROUND: dict[str, object] = {}
ROUND["itself"] = ROUND
LOOK: dict[str, object] = {"name": "look", "parameters": {"type": "object", "properties": {}}}
CALL = ToolCall(id="c1", name="look")
CALLED = [Message.user("look"), Message.assistant(tool_calls=[CALL])]


class Thing:
    """Nothing that JSON has."""


class Fine(BaseModel):
    """A class that is right."""

    value: int = 1


class Unfinished(BaseModel):
    """A class with a type that is nowhere."""

    value: Nowhere  # noqa: F821


def bare(city, unit): ...
def starred(*cities: str): ...
def nowhere(city: Nowhere): ...  # noqa: F821
def foreign(client: httpx.Client): ...
def endless(size: float = NAN): ...
def texts(city: str = Thing()): ...


CLIENTS = [
    setup("unknown provider", "unknown provider 'zipu_openai'|did you mean 'zhipu_openai'?", "zipu_openai"),
    setup("provider in capitals", "unknown provider 'OpenAI'|did you mean 'openai'?", "OpenAI"),
    setup("provider by its models", "unknown provider 'claude'|did you mean 'anthropic'?", "claude"),
    setup("provider like none", "unknown provider 'qqqq'|choose from openai, ", "qqqq"),
    setup("no provider", "provider must be a name such as 'openai', not NoneType", None),
    setup("provider list", "provider must be a name such as 'openai', not list", ["openai"]),
    setup("misspelt option", "unknown option 'regoin'|did you mean 'region'?|this provider takes: region,", "moonshot", regoin="cn"),
    setup("foreign option", "unknown option 'workspace'|this provider takes: region, reasoning_replay, think_tags", "moonshot", workspace="w"),
    setup("misspelt argument", "unknown option 'apikey'|did you mean 'api_key'?", apikey="k"),
    setup("field of a call", "unknown option 'temperature'|it belongs to a call, such as chat(..., temperature=...)", temperature=0),
    setup("wrong choice", "region is one of cn, intl, not 'mars'", "moonshot", region="mars"),
    setup("reasoning_replay", "reasoning_replay is one of never, with_tool_calls, always, not 'maybe'", reasoning_replay="maybe"),
    setup("think_tags", "think_tags must be True or False, not str", think_tags="yes"),
    setup("no key", "no key: set DEEPSEEK_API_KEY, or pass api_key=", api_key=None),
    setup("no key of many names", "set ZAI_API_KEY or ZHIPUAI_API_KEY or ZHIPU_API_KEY, or pass api_key=", "zhipu", api_key=None),
    setup("no key pair", "set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY, or pass secret_id= and secret_key=", "tencent", secret_id=None, secret_key=None),
    setup("half a key pair", "no secret_key, which goes with|set TENCENTCLOUD_SECRET_KEY or pass secret_key=", "tencent", secret_key=None),
    setup("key with a line break", "the key is empty or holds characters that a key cannot have; copy it again", api_key="k\r\nx"),
    setup("blank key", "the key is empty or holds", api_key="  "),
    setup("key of another type", "the key must be a text, not int", api_key=5),
    setup("secret with a line break", "secret_key is empty or holds characters that a key cannot have", "tencent", secret_key="s\r\nx"),
    setup("secret of another type", "secret_id must be a text, not int", "tencent", secret_id=5),
    setup("model of another type", "model must be a model's name, not int", model=5),
    act("no model", "no model given: pass model= to the client or to the call|https://api-docs.deepseek.com", lambda c: c.chat("hi"), model=None),
    act("no embedding model", "no model given: pass model=", lambda c: c.embed("hi"), provider="openai", model=None),
    setup("no base_url", "no address: pass base_url=", "openai_compatible", base_url=None),
    setup("base_url without scheme", "base_url must begin with http:// or https://", base_url="localhost:8000"),
    setup("base_url of another type", "base_url must begin with http:// or https://", base_url=5),
    setup("base_url without host", "base_url is no address: it has no host,", base_url="http:///v1"),
    setup("base_url with a wrong port", "base_url is no address|a port that none has", base_url="http://h:99999/v1"),
    setup("base_url with a port in words", "base_url is no address|a port that none has", base_url="http://h:http/v1"),
    setup("base_url with a space", "base_url is no address|a character that none has", base_url="http://h h/v1"),
    setup("base_url with a line break", "base_url is no address|a character that none has", base_url="http://h/v1\r\nx: 1"),
    setup("base_url with a query", "base_url must end before its '?' or '#': the path of each call is appended", base_url="http://h/v1?a=b"),
    setup("base_url with a fragment", "base_url must end before its '?' or '#'", base_url="http://h/v1#b"),
    setup("proxy without scheme", "proxy is an address that begins with http://", proxy="localhost:3128"),
    setup("proxy of another type", "proxy is an address that begins with http://", proxy=5),
    setup("proxy without host", "proxy is no address: it has no host,", proxy="http://"),
    setup("proxy with a wrong port", "proxy is no address|a port that none has", proxy="http://h:abc"),
    setup("proxy with a line break", "proxy is no address|a character that none has", proxy="http://h\r\nx"),
    *(setup(f"{name} {value!r}", f"{name} is a number of seconds above 0, not {value!r}", **{name: value})
      for name in ("timeout", "total_timeout") for value in (0, -1, NAN, INFINITY, True, "5")),
    *(setup(f"max_retries {value!r}", "max_retries must be a whole number, 0 or more", max_retries=value) for value in (-1, 1.5, True, "2", None)),
    setup("headers in a list", "headers is a dict of names and values, not list", headers=["x"]),
    setup("header of another type", "headers are texts; that of 'x' is none", headers={"x": 5}),
    setup("header of the body", "headers has 'Content-Length'|leave it out", headers={"Content-Length": "5"}),
    act("header with a line break", "header 'x' holds a line break or another character", lambda c: c.chat("hi"), headers={"x": "a\r\nb: c"}),
    act("header's name with a space", "header 'x y' holds a line break or another character", lambda c: c.chat("hi"), headers={"x y": "a"}),
    setup("http_client of another kind", "http_client must be an httpx.|Client, not str", http_client="x"),
    setup("http_client's class", "http_client must be an httpx.|Client, not type", http_client=httpx.Client),
    setup("ollama options", "options must be a dict, not 'num_ctx=1'", "ollama", options="num_ctx=1"),
    setup("ollama keep_alive", "keep_alive must be seconds, or a text such as 5m, not list", "ollama", keep_alive=[5]),
    setup("local context_size", "context_size must be a whole number, 1 or more, not 'big'", "local", context_size="big"),
    setup("local threads", "threads must be a whole number, 1 or more", "local", threads=0),
    setup("anthropic betas", "betas must be a text or a list of texts, not int", "anthropic", betas=5),
    *(act(f"closed client's {name}", "the client is closed; make a new one", closed(name, *given), provider="openai")
      for name, *given in (("chat", "hi"), ("stream", "hi"), ("models",), ("embed", "x"))),
    act("pickling a key's function", "the client cannot be pickled: as api_key= give a text or a function of a module, and no lambda", pickle.dumps, api_key=lambda: "k"),
    act("pickling with an http_client", "a client with an http_client of your own cannot be pickled; make one where it is used", own_http),
    act("ollama of another provider", "only a client of the provider 'ollama' has .ollama; this one's is 'deepseek'", lambda c: c.ollama),
    act("models where none are listed", "models(): only Amazon's control plane lists models", lambda c: c.models(), UnsupportedError, "anthropic_bedrock"),
]

MESSAGES = [
    chat("no messages", "messages is empty: give at least one message", []),
    *(chat(f"messages {value!r}", f"messages must be a text, a list of messages or a ChatRequest, not {type(value).__name__}", value) for value in (None, 5)),
    chat("number as message", "messages[0] must be a Message or a dict of its fields, not int", [5]),
    chat("None as message", "messages[1] must be a Message or a dict of its fields, not NoneType", [*CALLED[:1], None]),
    chat("text as message", "messages[0] must be a Message or a dict of its fields, not str; write Message.user(...)", ["hi"]),
    chat("no role", "messages[0].role is missing", [{"content": "x"}]),
    chat("misspelt role", "messages[1].role must be one of 'system', 'developer', 'user', 'assistant' or 'tool'|did you mean 'assistant'?", says("assistent")),
    chat("role in capitals", "did you mean 'user'?", says("User")),
    *(chat(f"role {theirs}", f"did you mean {ours!r}?", says(theirs)) for theirs, ours in {"model": "assistant", "human": "user", "function": "tool"}.items()),
    chat("role of another type", "messages[1].role must be one of", says(5)),
    chat("misspelt key of a message", "messages[1] has an unknown field 'contents' (did you mean 'content'?)", says(contents="x")),
    chat("role of a Message", "Message: role must be one of|did you mean 'assistant'?", lambda: Message(role="assistent", content="x")),
    chat("misspelt field of a Message", "Message: unknown field 'contents' (did you mean 'content'?)", lambda: Message(role="user", contents="x")),
    chat("content of another type", "Message: content must be a text or a list of blocks, not int", lambda: Message.user(5)),
    chat("bytes as content", "messages[1].content must be a text or a list of blocks, not bytes", says(content=b"x")),
    chat("one block as content", "messages[1].content must be a text or a list of blocks, not dict", says(content={"type": "text", "text": "x"})),
    chat("number as block", "messages[1].content[0] must be a block or a dict of its fields, not int", says(content=[5])),
    chat("unknown block", "messages[1].content[1] has an unknown type; the types are text, image, audio, video, document, or OpenAI's image_url", part("picture", url="x")),
    chat("block without type", "messages[1].content[0] has no type; the types are text,", says(content=[{"text": "x"}])),
    chat("text block without text", "messages[1].content[1].text.text is missing", part("text")),
    chat("misspelt key of a block", "messages[1].content[1].image has an unknown field 'ulr' (did you mean 'url'?)", part("image", ulr="https://x/a.png")),
    *(chat(f"empty {kind}", f"messages[1].content[1]: a part of type {kind!r} has a dict under {kind!r}", part(kind, **{kind: inner}))
      for kind, inner in {"image_url": None, "input_audio": "x", "file": 5}.items()),
    chat("image_url without url", "messages[1].content[1].image: give exactly one of url, data and file_id; got none", part("image_url", image_url={"detail": "low"})),
    chat("TextBlock of another type", "TextBlock: text must be text, not int", lambda: TextBlock(5)),
    chat("cache_control in words", "TextBlock: cache_control must be a dict, not str", lambda: TextBlock("x", cache_control="ephemeral")),
    chat("tool's result without id", "messages[2] is a tool's result without tool_call_id|Message.tool(result, call)", [*CALLED, Message(role="tool", content="1")]),
    chat("tool's result without call", "messages[1] is the result of tool call 'c9', but no assistant message before it made that call|keep response.message in the history", [CALLED[0], Message.tool("1", "c9")]),
    chat("result of another type", "Message: content must be a text or a list of blocks, not int", lambda: Message.tool(5, CALL)),
    chat("result's id of another type", "Message: tool_call_id must be text, not int", lambda: Message.tool("1", 5)),
    chat("call without result", "the tool call 'c1' of 'look' has no result right behind it; add Message.tool(result, call)", [*CALLED, Message.user("go on")]),
    chat("call at the end", "the tool call 'c1' of 'look' has no result right behind it", CALLED),
    *(chat(f"call without result at {name}", "the tool call 'c1' of 'look' has no result", [*CALLED, Message.user("go on")], name)
      for name in ("openai_responses", "anthropic", "google", "aliyun", "zhipu", "tencent")),
    *(chat(f"result after another turn at {name}", "the tool call 'c1' of 'look' has no result", [*CALLED, Message.user("x"), Message.assistant("y"), Message.tool("1", CALL)], name)
      for name in ("openai", "anthropic", "google")),
    chat("result behind another message", "the tool call 'c1' of 'look' has no result right behind it", [*CALLED, Message.user("x"), Message.tool("1", CALL)]),
    chat("two results of a call", "messages[3] is a second result of tool call 'c1'; keep one of them", [*CALLED, Message.tool("1", CALL), Message.tool("2", CALL)]),
    chat("two calls of one id", "messages[0] has two tool calls with one id; give each call an id of its own", [Message.assistant(tool_calls=[CALL, CALL])]),
    chat("a user's call", "messages[0] has tool_calls, but the role 'user'; only the assistant calls", [Message.user("x", tool_calls=[CALL])]),
    chat("a result as the user's", "messages[1] has a tool_call_id, but the role 'user'; a tool's result has the role 'tool'", [CALLED[0], Message.user("1", tool_call_id="c1")]),
    chat("calls in a text", "messages[1].tool_calls must be a list, not str", says("assistant", tool_calls="look")),
    chat("call without name", "messages[1].tool_calls[0].name is missing", says("assistant", tool_calls=[{"id": "a", "function": {"arguments": "{}"}}])),
    chat("call without id", "messages[1].tool_calls[0].id is missing", says("assistant", tool_calls=[{"function": {"name": "f"}}])),
    *(chat(f"nothing said at {name}", "all messages are empty", "", name) for name in ("anthropic", "google")),
    chat("the assistant's turn last", "the last message must be the user's or a tool's; end with Message.user(...)", [Message.user("x"), Message.assistant("y")], "tencent"),
]

FIELDS = [
    chat("misspelt field", "unknown field 'temprature' (did you mean 'temperature'?)", temprature=1),
    chat("a vendor's field", "unknown field 'repetition_penalty'|the vendor's own fields go into extra_body", repetition_penalty=1),
    *(chat(f"another library's {theirs}", f"unknown field {theirs!r}: it is {ours!r} here", **{theirs: 1})
      for theirs, ours in {"max_output_tokens": "max_tokens", "max_completion_tokens": "max_tokens", "stop_sequences": "stop", "functions": "tools"}.items()),
    chat("stream=True", "unknown field 'stream': call stream() instead", stream=True),
    chat("system=", "unknown field 'system': put Message.system(...) first in messages", system="x"),
    chat("misspelt field of a ChatRequest", "ChatRequest: unknown field 'temprature' (did you mean 'temperature'?)", lambda: ChatRequest(messages="hi", temprature=1)),
    *(chat(f"{name} {value}", f"{name} must be a finite number, not NaN or infinity", **{name: value})
      for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty") for value in (NAN, INFINITY)),
    *(chat(f"{name} {value}", f"{name} must be a finite number", **{name: value})
      for name in ("top_k", "max_tokens", "seed", "n", "top_logprobs", "thinking_budget") for value in (NAN, INFINITY)),
    *(chat(f"{name} is True", f"{name} must be a number, not bool", **{name: True})
      for name in ("temperature", "top_p", "top_k", "max_tokens", "seed", "presence_penalty", "n", "top_logprobs", "thinking_budget", "timeout")),
    *(chat(f"{name} in words", f"{name} must be {kind}, not str", **{name: "hot"})
      for name, kind in {"temperature": "a number", "top_p": "a number", "max_tokens": "a whole number", "seed": "a whole number", "n": "a whole number",
                         "logprobs": "True or False", "enable_thinking": "True or False", "parallel_tool_calls": "True or False", "thinking_budget": "a whole number",
                         "metadata": "a dict", "extra_body": "a dict", "extra_headers": "a dict", "logit_bias": "a dict"}.items()),
    *(chat(f"{name} {value}", f"{name} must be {least} or more", **{name: value})
      for name, value, least in (("temperature", -1, 0), ("top_p", -0.1, 0), ("max_tokens", 0, 1), ("max_tokens", -5, 1), ("n", 0, 1), ("n", -1, 1),
                                 ("thinking_budget", -1, 0), ("top_logprobs", -1, 0))),
    chat("top_p 2", "top_p must be 1 or less", top_p=2),
    chat("max_tokens 10.5", "max_tokens must be a whole number, not float", max_tokens=10.5),
    chat("unknown effort", "reasoning_effort must be one of 'none', 'minimal', 'low', 'medium', 'high', 'xhigh' or 'max'", reasoning_effort="much"),
    chat("misspelt effort", "reasoning_effort must be one of|did you mean 'medium'?", reasoning_effort="meduim"),
    chat("top_logprobs alone", "top_logprobs needs logprobs=True", top_logprobs=3, logprobs=False),
    *(chat(f"stop {value!r}", "stop has an empty text|leave it out", stop=value) for value in ("", ["x", ""], ("",))),
    chat("stop of another type", "stop must be a text or a list of texts, not int", stop=5),
    chat("stops of another type", "stop[1] must be text, not int", stop=["x", 5]),
    chat("user of another type", "user must be text, not int", user=5),
    chat("bias that is no number", "logit_bias.5 must be a finite number, not NaN or infinity", logit_bias={"5": NAN}),
    chat("bias of a number", "logit_bias[5] (the key) must be text, not int", logit_bias={5: 1}),
    chat("model of another type in a call", "model must be text, not int", model=5),
    chat("key with a line break in a call", "the key is empty or holds characters that a key cannot have", api_key="k\r\nx", error=ConfigError),
    chat("key of another type in a call", "api_key must be text, not int", api_key=5),
    chat("base_url without scheme in a call", "base_url must begin with http:// or https://", base_url="localhost:80", error=ConfigError),
    chat("empty base_url in a call", "base_url must begin with http:// or https://", base_url="", error=ConfigError),
    *(chat(f"timeout {value} in a call", "timeout is a number of seconds above 0, not", timeout=value, error=ConfigError) for value in (0, -1, NAN, INFINITY)),
    chat("header with a line break in a call", "header 'x' holds a line break", extra_headers={"x": "a\r\nb: c"}, error=ConfigError),
    chat("header of the body in a call", "extra_headers has 'Transfer-Encoding'|leave it out", extra_headers={"Transfer-Encoding": "chunked"}),
    chat("header of another type in a call", "extra_headers.x must be text, not int", extra_headers={"x": 5}),
]

JSON = [
    chat("NaN in metadata", "'metadata.a' is nan, which JSON does not have; give a finite number or None", metadata={"a": NAN}),
    chat("infinity in extra_body", "'deep.down[1]' is -inf, which JSON does not have", extra_body={"deep": {"down": [1, -INFINITY]}}),
    chat("NaN in a schema", "'tools[0].function.parameters.properties.a.default' is nan", tools=[{"name": "f", "parameters": {"type": "object", "properties": {"a": {"default": NAN}}}}]),
    chat("NaN as a default", "'tools[0].function.parameters.properties.size.default' is nan", tools=[endless]),
    chat("NaN in response_format", "'response_format.json_schema.schema.default' is nan", response_format={"type": "object", "default": NAN}),
    chat("NaN in a call's arguments", "'x' is nan, which JSON does not have", lambda: called({"x": NAN})),
    chat("NaN in a tool's result", "'x' is nan, which JSON does not have", lambda: Message.tool({"x": NAN}, CALL)),
    chat("NaN in a film's speed", "VideoBlock: fps must be a finite number", lambda: VideoBlock(url="https://x/a.mp4", fps=NAN)),
    chat("NaN in ollama's options", "'options.num_ctx' is nan", "hi", "ollama", extra_body={"options": {"num_ctx": NAN}}),
    *(chat(f"{type(value).__name__} in extra_body", f"'x' is of type {type(value).__name__}, which JSON does not have; give text, numbers, booleans, lists or dicts", extra_body={"x": value})
      for value in (Thing(), b"x", {1}, dt.date(2026, 1, 1))),
    chat("thing in metadata", "'metadata.x' is of type Thing", metadata={"x": Thing()}),
    chat("thing in a call's arguments", "'x' is of type Thing", lambda: called({"x": Thing()})),
    chat("thing in a tool's result", "'x' is of type Thing", lambda: Message.tool({"x": Thing()}, CALL)),
    chat("thing in a schema", "'tools[0].function.parameters.default' is of type Thing", tools=[{"name": "f", "parameters": {"default": Thing()}}]),
    chat("extra_body in itself", "is nested too deep, or holds itself", extra_body=ROUND),
    chat("key that is no text", "(the key) must be text, not tuple", extra_body={(1, 2): 3}),
    chat("key that is no text, deep down", "a key is text, not tuple", extra_body={"a": {(1, 2): 3}}),
    chat("half a character", f"'messages[0].content' {SURROGATE}", LONE),
    chat("half a character at anthropic", f"'messages[0].content' {SURROGATE}", LONE, "anthropic"),
    chat("half a character at google", f"'contents[0].parts[0].text' {SURROGATE}", LONE, "google"),
    chat("half a character in a name", f"'messages[0].name' {SURROGATE}", [Message.user("x", name=LONE)]),
    chat("half a character in arguments", f"function.arguments' {SURROGATE}", [*says(), *called('{"x": "\ud800"}')[1:], {"role": "tool", "tool_call_id": "c1", "content": "1"}]),
    chat("half a character in a tool's name", f"tools[0]: name {SURROGATE}", tools=[{"name": LONE}]),
    chat("half a character in a description", f"'tools[0].function.description' {SURROGATE}", tools=[{"name": "f", "description": LONE}]),
    chat("half a character in a schema", "a key holds a lone surrogate|clean the text with", tools=[{"name": "f", "parameters": {"type": "object", "properties": {LONE: {}}}}]),
    chat("half a character in extra_body", f"'x' {SURROGATE}", extra_body={"x": LONE}),
    chat("half a character as a stop", f"'stop[0]' {SURROGATE}", stop=LONE),
    chat("half a character in a model's name", "is not the name of a model", model=LONE),
    embed("half a character to embed", f"'input[0]' {SURROGATE}", LONE),
]

TOOLS = [
    *(chat(f"tool {value!r}", f"tools[1]: a tool must be a Tool, a dict in OpenAI form, a pydantic class or a function, not {told}", tools=[LOOK, value])
      for value, told in ((5, "int"), (None, "NoneType"), ("look", "str"), (Thing, "the class Thing"))),
    *(chat(f"tools {kind}", f"tools must be a list of tools, not {kind}; put a single one into [ ]", tools=value)
      for kind, value in {"dict": LOOK, "str": "look", "bool": True, "function": starred}.items()),
    chat("two tools of one name", "two tools are named 'look'|rename one", tools=[LOOK, LOOK]),
    chat("tool without name", "tools[0]: name is missing", tools=[{}]),
    chat("tool without name in OpenAI's form", "tools[0]: name is missing", tools=[{"type": "function", "function": {"parameters": {}}}]),
    chat("tool with an empty name", "tools[0]: name must not be empty", tools=[{"name": ""}]),
    chat("misspelt key of a tool", "tools[0]: unknown field 'paramters' (did you mean 'parameters'?)", tools=[{"name": "f", "paramters": {}}]),
    chat("parameters in words", "tools[0]: parameters must be a dict, not str", tools=[{"name": "f", "parameters": "{}"}]),
    chat("parameters of another type", "tools[0]: parameters must be a JSON schema of type 'object', with a property for each argument", tools=[{"name": "f", "parameters": {"type": "string"}}]),
    chat("function in words", "tools[0]: a tool's 'function' is a dict of name, description and parameters", tools=[{"type": "function", "function": "look"}]),
    chat("misspelt field of a Tool", "Tool: unknown field 'paramters' (did you mean 'parameters'?)", lambda: Tool(name="f", paramters={})),
    chat("function without types", "the function 'bare' cannot be a tool: its argument 'city' has no type; annotate it, such as city: str", tools=[bare]),
    chat("function with *args", "the function 'starred' cannot be a tool: it has *args or **kwargs, which have no schema; name each argument", tools=[starred]),
    chat("function with an unknown type", "the function 'nowhere' cannot be a tool: its annotations cannot be read (name 'Nowhere' is not defined)", tools=[nowhere]),
    chat("function with a foreign type", "the function 'foreign' cannot be a tool: the type of its argument 'client' has no JSON schema; use str, int,", tools=[foreign]),
    chat("function with a thing as default", "'texts' has no JSON schema: a default of type Thing cannot be written as JSON; leave it out, or make it None", tools=[texts]),
    chat("lambda", "the function '<lambda>' cannot be a tool: it has no name of its own; write a function with def", tools=[lambda city: city]),
    chat("partial function", "the function 'partial' cannot be a tool: it has no name of its own", tools=[functools.partial(bare, "x")]),
    chat("builtin function", "the function 'max' cannot be a tool: its annotations cannot be read", tools=[max]),
    chat("unfinished class", "'Unfinished' has no JSON schema: a type in it has none", tools=[Unfinished]),
    chat("choice of no tool", "tool_choice 'lok' is neither auto, none, required nor one of the tools ['look'] (did you mean 'look'?)", tools=[LOOK], tool_choice="lok"),
    *(chat(f"choice {choice} without tools", f"tool_choice {choice!r} needs tools; pass tools= as well, or leave tool_choice out", tool_choice=choice) for choice in ("look", "required")),
    *(chat(f"choice {choice!r}", "tool_choice must be 'auto', 'none', 'required' or the name of a tool", tools=[LOOK], tool_choice=choice)
      for choice in (5, False, {}, {"type": "function"}, {"function": "look"})),
    *(chat(f"response_format {told}", f"response_format takes a pydantic class, a JSON schema (a dict with something in it), 'json_object' or 'text', not {told}", response_format=value)
      for value, told in ((3, "int"), ("json", "str"), ([1], "list"), ({}, "dict"), (Thing, "the class Thing"), (Fine(), "Fine; give the class, not an instance of it"))),
    chat("misspelt response_format", "response_format has an unknown type (did you mean 'json_object'?)", response_format={"type": "json_objekt"}),
    chat("json_schema without a schema", "response_format: the type json_schema needs a dict json_schema with name and schema", response_format={"type": "json_schema"}),
    chat("json_schema with no schema inside", "the type json_schema needs a schema", response_format={"type": "json_schema", "json_schema": {"name": "x"}}),
    chat("ResponseFormat without a schema", "ResponseFormat: the type json_schema needs a schema", lambda: ResponseFormat(type="json_schema")),
    chat("ResponseFormat of another type", "ResponseFormat: type must be one of 'text', 'json_object' or 'json_schema'", lambda: ResponseFormat(type="json")),
    chat("unfinished class as a form", "'Unfinished' has no JSON schema", response_format=Unfinished),
    chat("a vendor's tool at ollama", "the tool 'web_search': Ollama runs no tools of its own", "hi", "ollama", UnsupportedError, tools=[{"type": "web_search"}]),
]

MEDIA = [
    chat("no bytes", "ImageBlock: data is empty: there is no image in it", lambda: ImageBlock.from_bytes(b"")),
    chat("text as bytes", "from_bytes takes bytes, not str; see also from_file and from_url", lambda: ImageBlock.from_bytes("x")),
    chat("missing file", "There is no file '/nowhere/a.png'", lambda: ImageBlock.from_file("/nowhere/a.png")),
    chat("folder as a file", "cannot be read", lambda: ImageBlock.from_file("/")),
    chat("number as a file", "A file is named by a text or a Path, not int", lambda: ImageBlock.from_file(5)),
    chat("broken data URL", "ImageBlock: The base64 text is broken", lambda: ImageBlock.from_url("data:image/png;base64,!!!")),
    chat("broken data URL in a dict", "messages[1].content[1].image: The base64 text is broken (wrong length or padding); it may have been cut", part("image_url", image_url="data:image/png;base64,iVBOR")),
    chat("data URL without comma", "it must look like `data:image/png;base64,iVBORw0…`", lambda: ImageBlock.from_url("data:image/png;base64")),
    chat("empty data URL", "The data URL is empty: nothing stands after its comma", lambda: ImageBlock.from_url("data:image/png;base64,")),
    chat("broken base64", "ImageBlock: The base64 text is broken", lambda: ImageBlock(data="!!!", mime_type="image/png")),
    chat("empty base64", "ImageBlock: data is empty: there is no image in it", lambda: ImageBlock(data="", mime_type="image/png")),
    chat("unknown kind of bytes", "ImageBlock: its type is not known from its first bytes; pass mime_type=, such as image/png", lambda: ImageBlock.from_bytes(b"hello")),
    chat("half a MIME type", "ImageBlock: 'png' is not a MIME type; it must look like `image/png`", lambda: ImageBlock.from_bytes(png(), "png")),
    chat("MIME type with a line break", "is not a MIME type", lambda: ImageBlock.from_bytes(png(), "image/png\r\n")),
    chat("sound as an image", "ImageBlock: it is audio/wav, which is no image; use the block of its kind", lambda: ImageBlock.from_bytes(wav())),
    chat("document as an image", "it is application/pdf, which is no image", lambda: ImageBlock.from_bytes(pdf())),
    chat("image as sound", "AudioBlock: it is image/png, which is no audio", lambda: AudioBlock.from_bytes(png())),
    chat("no source", "ImageBlock: give exactly one of url, data and file_id; got none", lambda: ImageBlock()),  # noqa: PLW0108
    chat("two sources", "ImageBlock: give exactly one of url, data and file_id; got url, file_id", lambda: ImageBlock(url="https://x", file_id="y")),
    chat("empty url", "ImageBlock: url is empty: there is no image in it", lambda: ImageBlock.from_url("")),
    chat("path as url", "ImageBlock: url must be an address such as https://…; for a file on disk use from_file", lambda: ImageBlock.from_url("cat.png")),
    chat("number as url", "ImageBlock: url must be text, not int", lambda: ImageBlock.from_url(5)),
    chat("empty file_id", "ImageBlock: file_id is empty", lambda: ImageBlock.from_file_id("")),
    chat("misspelt field of a block", "ImageBlock: unknown field 'ulr' (did you mean 'url'?)", lambda: ImageBlock(ulr="https://x")),
    lacks("sound at deepseek", "deepseek: the provider takes no audio in messages|leave it out or change the provider", lambda: AudioBlock.from_bytes(wav()), "deepseek"),
    lacks("sound at anthropic", "anthropic: the provider takes no audio in messages; it takes text, document, image", lambda: AudioBlock.from_bytes(wav()), "anthropic"),
    lacks("image at deepseek", "the provider takes no image in messages (it takes text)", lambda: ImageBlock.from_bytes(png()), "deepseek"),
    lacks("film at openai", "the provider takes no video in messages", lambda: VideoBlock(url="https://x/a.mp4"), "openai"),
    lacks("image's address at ollama", "Ollama takes no images by address or file id; use ImageBlock.from_bytes or from_file", lambda: ImageBlock(url="https://x/a.png"), "ollama"),
    lacks("image's file id at zhipu", "the provider takes no image by file id; send its bytes or its address", lambda: ImageBlock(file_id="f"), "zhipu"),
    lacks("document's address at openai", "the provider takes no document by address; download it and use from_bytes or from_file", lambda: DocumentBlock(url="https://x/a.pdf"), "openai"),
    lacks("kind of image at anthropic", "the provider takes no image of type image/tiff|convert it", lambda: ImageBlock.from_bytes(b"II*\x00data"), "anthropic"),
]

EMBEDDINGS = [
    *(embed(f"embed {type(value).__name__}", f"embed() takes a text or a list of texts, not {type(value).__name__}", value) for value in (5, None, b"x", {"a": 1})),
    embed("embed numbers", "embed() takes texts; inputs[1] is int", ["x", 5]),
    embed("embed nothing", "embed() needs at least one text", []),
    *(embed(f"dimensions {value!r}", "dimensions must be a whole number, 1 or more", "x", dimensions=value) for value in (0, -1, True, 1.5, NAN, "big")),
    embed("embed with a line break in the model", "is not the name of a model: that is a text without line breaks", "x", "m\r\nx"),
    embed("embed with a model of another type", "int is not the name of a model", "x", 5),
    *(embed(f"embed at {name}", "embed(): ", "x", provider=name, error=UnsupportedError) for name in ("anthropic", "deepseek")),
]

# What could lead out of a place in a host, a path or a header.
ESCAPES = ["..", ".", "../../v1/files", "a/../../b", "m?key=1", "m#x", "%2e%2e", "%2e%2e%2fx", "m\r\nx: 1", "m\x00", "a\\..\\b", "a//b", "/a"]
IN_A_PATH = ["google", "google_vertex", "anthropic_vertex", "anthropic_bedrock"]
OUT_OF_A_HOST = ["evil.test/", "a.b", "x@evil.test", "evil.test#", "evil.test?", "evil.test:80", "a\r\nb", "a b", "../x", "a\\b", "-a", "", 5]
HOSTS = [("aliyun", "workspace"), ("aliyun_openai", "workspace"), ("anthropic_bedrock", "region"), ("anthropic_vertex", "location"),
         ("google_vertex", "location"), ("tencent", "region")]
PATHS = [("azure_openai", "deployment"), ("anthropic_vertex", "project"), ("google_vertex", "project"), ("google", "api_version"),
         ("azure_openai", "api_version"), ("azure_openai_responses", "api_version"), ("google_vertex", "api_version"), ("anthropic", "api_version")]
PLACES = [
    *(chat(f"model with a line break at {row.name}", "'m\\r\\nx: 1' is not the name of a model: that is a text without line breaks", "hi", row.name, model="m\r\nx: 1")
      for row in ROWS if row.name != "local"),
    *(chat(f"model {model!r} at {name}", "name|letters, digits and . _ : @", "hi", name, model=model)
      for name in IN_A_PATH for model in ESCAPES if model.isprintable()),
    *(act(f"model {model!r} at azure's deployments", "is not a name that can be in an address: allowed are letters, digits and . _ :", do, InvalidRequestError, "azure_openai", api_version="2024-10-21", model=model)
      for model in ESCAPES if model.isprintable() for do in (lambda c: c.chat("hi"),)),
    *(embed(f"embed with model {model!r} at google", "is not the name of a model: allowed are letters, digits and . _ :", "x", model, provider="google")
      for model in ESCAPES if model.isprintable()),
    *(setup(f"{option} {value!r} of {name}", f"{option} must be a text of letters, digits and hyphens, not {value!r}" if value != 5 else f"{option} must be a text of letters", name, base_url=None, **{option: value})
      for name, option in HOSTS for value in OUT_OF_A_HOST),
    *(setup(f"{option} {value!r} of {name}", f"{option} must be a text of letters, digits and the characters . _ : -, not dots alone", name, **{option: value})
      for name, option in PATHS for value in [*ESCAPES, "a/b", "a b", "", 5]),
    *(setup(f"{option} {value!r}", f"{option} must be a text of printable ASCII characters", "openai", **{option: value})
      for option in ("organization", "project") for value in ("a\r\nb: c", "a b", "ö", 5)),
]
# fmt: on

MISUSES = [*CLIENTS, *MESSAGES, *FIELDS, *JSON, *TOOLS, *MEDIA, *EMBEDDINGS, *PLACES]
