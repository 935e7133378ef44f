"""How a SOCKS5 proxy is asked (RFC 1928, RFC 1929). The messages are those of ``socksio``; nothing is sent here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpcore
from socksio import ProtocolError, socks5

from llm_connector.transport.route import Say

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from llm_connector.transport.addresses import Address
    from llm_connector.transport.route import Proxy, Step, Steps

_SIZES = {b"\x01": 10, b"\x04": 22}  # bytes of a reply that tells an address, by the kind of that


def _short(_: bytes) -> int:
    """The size of a reply about the login."""
    return 2


def _long(reply: bytes) -> int:
    """The size of a reply about a connection, as far as its beginning tells it; a name's length stands before it."""
    kind, length = reply[3:4], reply[4:5]
    return _SIZES.get(kind, 7 + length[0] if length else 5)


def greeting(goal: Address, through: Proxy) -> Steps:
    """Log in, and ask for a connection to an address, whose name the proxy looks up.

    Raises:
        ProxyError: The proxy refuses, or speaks something else.
    """
    methods = socks5.SOCKS5AuthMethod
    wanted = methods.NO_AUTH_REQUIRED if through.login is None else methods.USERNAME_PASSWORD
    command = socks5.SOCKS5CommandRequest.from_address(socks5.SOCKS5Command.CONNECT, (goal.host, goal.port))
    try:
        told = yield from _asked(socks5.SOCKS5AuthMethodsRequest([wanted]).dumps())
        if socks5.SOCKS5AuthReply.loads(told).method != wanted:
            raise httpcore.ProxyError("the SOCKS proxy wants another way to log in")
        if through.login is not None:
            told = yield from _asked(socks5.SOCKS5UsernamePasswordRequest(*through.login).dumps())
            if not socks5.SOCKS5UsernamePasswordReply.loads(told).success:
                raise httpcore.ProxyError("the SOCKS proxy refuses the username or the password")
        told = yield from _asked(command.dumps(), _long)
        code = socks5.SOCKS5Reply.loads(told).reply_code
    except (ProtocolError, OverflowError) as error:  # the second: a name or a password of more than 255 bytes
        raise httpcore.ProxyError(f"the SOCKS proxy broke off or speaks something else: {error}") from error
    if code != socks5.SOCKS5ReplyCode.SUCCEEDED:
        raise httpcore.ProxyError(f"the SOCKS proxy could not connect: {code.name.lower().replace('_', ' ')}")


def _asked(message: bytes, size: Callable[[bytes], int] = _short) -> Generator[Step, bytes, bytes]:
    """The whole reply to a message, in however many pieces it comes."""
    reply = yield Say(message)
    while len(reply) < size(reply):
        if not (more := (yield Say(b""))):
            raise ProtocolError("too short a reply")
        reply += more
    return reply
