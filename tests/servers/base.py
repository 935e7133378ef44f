"""What every server shares: life, recording, routes, the way from request to answer. No vendor's format is here."""

from __future__ import annotations

import itertools
import json
import re
import threading
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from servers.listener import Answer, Listener, Recorded
from servers.model import answer, counted
from servers.script import Call, Fault, Refused, Reply, Script, Source, Use, refuse, with_ids

if TYPE_CHECKING:
    from types import TracebackType

    from servers.view import View

__all__ = ["Answer", "Call", "Fault", "Recorded", "Reply", "Routes", "Server", "Use", "chat_route", "dumped", "sse"]

Handler = Callable[[Recorded, "re.Match[str]"], Answer]
Routes = Sequence[tuple[str, str, str]]


def dumped(value: Any) -> str:
    """Compact JSON text that keeps characters beyond ASCII, so that cuts fall inside them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def sse(value: Any, *, event: str | None = None, end: str = "\n") -> bytes:
    """One server-sent event with JSON data."""
    name = "" if event is None else f"event: {event}{end}"
    return f"{name}data: {dumped(value)}{end}{end}".encode()


class Server:
    """A vendor's server on a free port of 127.0.0.1, in a background thread, for the length of a ``with`` block.

    Args:
        script: What to answer, see ``Script``; nothing: the rule model answers.
        require_key: The only key that is accepted; nothing: any key that is not empty.
        demand_reasoning: Refuse a history that lost the reasoning of a tool call, as the vendor's thinking models do.
        models: Names for the models endpoint.
        page_size: The largest page of models, where the vendor pages.
        prefix: The path before the protocol's own paths, instead of the vendor's.
        write_size: Bytes in one HTTP chunk of a stream, so that events are cut anywhere; nothing: an event a chunk.
    """

    prefix: ClassVar[str] = ""
    routes: ClassVar[Routes] = ()
    stream_type: ClassVar[str] = "text/event-stream"
    known_models: ClassVar[Sequence[str]] = ("test-model", "test-model-mini", "test-model-large")

    def __init__(
        self,
        script: Source = None,
        *,
        require_key: str | None = None,
        demand_reasoning: bool = False,
        models: Sequence[str] | None = None,
        page_size: int = 100,
        prefix: str | None = None,
        write_size: int | None = None,
    ) -> None:
        self.script = Script(script)
        self.require_key = require_key
        self.demand_reasoning = demand_reasoning
        self.models = list(self.known_models if models is None else models)
        self.page_size = page_size
        self.base_path = self.prefix if prefix is None else prefix
        self.write_size = write_size
        self.crashes: list[str] = []
        self._numbers = itertools.count(1)
        self._requests: list[Recorded] = []
        self._lock = threading.Lock()
        self._listener: Listener | None = None

    # Life

    def start(self) -> Self:
        """Listen on a free port."""
        self._listener = Listener(self.respond, self.crashes, self.write_size)
        self._listener.begin()
        return self

    def stop(self) -> None:
        """Close every connection and wait for the threads."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.end()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if error is None and self.crashes:
            raise RuntimeError(f"{type(self).__name__} crashed:\n" + "\n".join(self.crashes))

    @property
    def origin(self) -> str:
        """``http://127.0.0.1:port``."""
        assert self._listener is not None, "the server is not running"
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    @property
    def url(self) -> str:
        """The base URL to give to a client."""
        return self.origin + self.base_path

    # What was asked

    @property
    def requests(self) -> list[Recorded]:
        """Every request so far, in order."""
        with self._lock:
            return list(self._requests)

    @property
    def last(self) -> Recorded:
        """The last request."""
        return self.requests[-1]

    @property
    def connections(self) -> int:
        """How many connections were opened so far."""
        return self._listener.opened if self._listener is not None else 0

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return self._listener.open if self._listener is not None else 0

    def number(self) -> int:
        """1, 2, 3, … for ids."""
        return next(self._numbers)

    # One request

    def respond(self, recorded: Recorded) -> Answer:
        """The answer to a request, whatever it is."""
        with self._lock:
            self._requests.append(recorded)
        try:
            return self._dispatched(recorded)
        except Refused as refused:
            return self.failure(refused.fault, recorded)
        except Exception:  # a bug of the server must reach the test
            self.crashes.append(traceback.format_exc())
            return Answer(500, self.crashes[-1].encode(), content_type="text/plain")

    def _dispatched(self, recorded: Recorded) -> Answer:
        methods = set()
        for method, pattern, name in self.patterns():
            match = re.fullmatch(pattern, recorded.path)
            if match and method == recorded.method:
                return self._guarded(getattr(self, name), recorded, match)
            if match:
                methods.add(method)
        if methods:
            raise Refused(Fault(405, message=f"Use {' or '.join(sorted(methods))} for {recorded.path}"))
        raise self.unknown_path(recorded)

    def patterns(self) -> list[tuple[str, str, str]]:
        """Method, pattern of the whole path, and the handler's name of each route."""
        return [(method, re.escape(self.base_path) + pattern, name) for method, pattern, name in self.routes]

    def _guarded(self, handler: Handler, recorded: Recorded, match: re.Match[str]) -> Answer:
        self.authorise(recorded)
        fault = None if getattr(handler, "is_chat", False) else self.script.for_other()
        if fault is None:
            return handler(recorded, match)
        if fault.breaks_a_stream:
            return self._interrupted(handler(recorded, match), fault, {}, recorded)
        return self.failure(fault, recorded)

    def json_body(self, recorded: Recorded) -> dict[str, Any]:
        """The body, which must be a JSON object sent as such."""
        if not recorded.headers.get("content-type", "").startswith("application/json"):
            raise refuse("The Content-Type header must be application/json.", status=415)
        try:
            body = recorded.json
        except ValueError:
            raise refuse("We could not parse the JSON body of your request.") from None
        if not isinstance(body, dict):
            raise refuse("The JSON body must be an object.")
        return body

    def whole(self, value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
        """A JSON answer."""
        return Answer(status, dumped(value).encode(), headers={**self.usual_headers(), **(headers or {})})

    def failure(self, fault: Fault, recorded: Recorded) -> Answer:
        """A fault as a whole answer."""
        value = self.error_value(fault)
        body = (value if isinstance(value, str) else dumped(value)).encode()
        headers = {**self.usual_headers(), **self.error_headers(fault), **fault.headers}
        status = 200 if fault.in_200 else self.error_status(fault)
        return Answer(status, body, headers=headers, delay=fault.delay, drop=fault.drop)

    # One chat

    def converse(self, body: dict[str, Any], view: View, recorded: Recorded) -> Answer:
        """The planned or the model's answer to a chat request that was read and found right."""
        recorded.view = view
        planned = self.script.for_chat(body, recorded)
        if planned is None:
            planned = answer(view)
        if isinstance(planned, Fault):
            return self._broken(planned, body, view, recorded)
        reply = self.completed(planned, view)
        return replace(
            self._told(reply, body, view), headers={**self.usual_headers(), **reply.headers}, delay=reply.delay
        )

    def _told(self, reply: Reply, body: dict[str, Any], view: View) -> Answer:
        if reply.whole or not view.stream:
            return self.whole(self.reply(reply, body, view))
        return Answer(events=self.events(reply, body, view), content_type=self.stream_type, pace=reply.pace)

    def _broken(self, fault: Fault, body: dict[str, Any], view: View, recorded: Recorded) -> Answer:
        if not fault.breaks_a_stream:
            return self.failure(fault, recorded)
        begun = self._told(self.completed(fault.reply, view), body, view)
        return self._interrupted(begun, fault, body, recorded)

    def _interrupted(self, answer: Answer, fault: Fault, body: dict[str, Any], recorded: Recorded) -> Answer:
        """An answer that begins and then fails; one that is no stream fails whole, or is cut in half."""
        headers = {**self.usual_headers(), **fault.headers}
        broken = fault.cut_after is not None and not (fault.polite and answer.events is not None)
        if answer.events is None and fault.cut_after is None:
            return self.failure(fault, recorded)
        if answer.events is not None:
            events = list(answer.events)[: fault.cut_after if fault.midstream_after is None else fault.midstream_after]
            errors = [] if fault.midstream_after is None else self.broken_stream(fault, body)
            answer = replace(answer, events=[*events, *errors])
        return replace(answer, headers=headers, delay=fault.delay, broken=broken)

    def completed(self, reply: Reply, view: View) -> Reply:
        """The reply with ids, finish reason and usage filled in."""
        finish = reply.finish or ("tool_calls" if reply.tool_calls else "stop")
        return counted(with_ids(replace(reply, finish=finish), self.call_id), view)

    # What a vendor's server says for itself

    def authorise(self, recorded: Recorded) -> None:
        """Refuse a request without the right key. Bearer, unless a vendor does otherwise."""
        scheme, _, key = recorded.headers.get("authorization", "").partition(" ")
        self.check_key(key if scheme == "Bearer" else "")

    def check_key(self, key: str) -> None:
        """Refuse a key that is missing or wrong."""
        if not key:
            raise Refused(Fault(401, message="No API key was provided."))
        if self.require_key is not None and key != self.require_key:
            raise Refused(Fault(401, message="The API key is not valid."))

    def unknown_path(self, recorded: Recorded) -> Refused:
        """The refusal of a path that the vendor does not have."""
        return Refused(Fault(404, "not_found", f"Unknown path {recorded.method} {recorded.path}"))

    def call_id(self, at: int, call: Call) -> str | None:
        """An id for a call that the script gave none."""
        return f"call_{self.number():08d}{at}"

    def usual_headers(self) -> dict[str, str]:
        """Headers of every answer."""
        return {}

    def error_headers(self, fault: Fault) -> dict[str, str]:
        """Headers that come with a vendor's error."""
        return {}

    def error_status(self, fault: Fault) -> int:
        """The HTTP status of a fault."""
        return fault.status

    def error_value(self, fault: Fault) -> Any:
        """The error body that a fault asks for, else the vendor's."""
        return self.error(fault) if fault.body is None else fault.body

    def error(self, fault: Fault) -> Any:
        """The vendor's error body."""
        raise NotImplementedError

    def broken_stream(self, fault: Fault, body: dict[str, Any]) -> list[bytes]:
        """The events with which the vendor reports a failure inside a stream."""
        raise NotImplementedError

    def reply(self, reply: Reply, body: dict[str, Any], view: View) -> Any:
        """A reply as the vendor's JSON answer."""
        raise NotImplementedError

    def events(self, reply: Reply, body: dict[str, Any], view: View) -> Iterable[bytes]:
        """A reply as the vendor's stream."""
        raise NotImplementedError


def chat_route(handler: Any) -> Any:
    """Marks a route's handler as a chat, for which the script plans replies."""
    handler.is_chat = True
    return handler
