"""Connecting in asyncio to the first of a host's addresses that answers (RFC 8305). What is sent is not known here.

``asyncio`` can do that, but a cancelled call may leave a connected socket to the garbage collector (CPython 3.11,
2026-11), and uvloop cannot.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import socket
from collections import deque
from typing import Any

_NEXT_AFTER = 0.25  # seconds; RFC 8305


def is_address(host: str) -> bool:
    """Whether a host is an address, and no name that may have several."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def connected_socket(host: str, port: int) -> socket.socket:
    """A socket that is connected to the first that answers; the next is tried when one fails or takes long.

    Raises:
        OSError: The host is not known, or none of its addresses answers.
    """
    loop = asyncio.get_running_loop()
    untried = deque(_alternating(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    attempts: list[asyncio.Task[socket.socket]] = []
    pending: set[asyncio.Task[socket.socket]] = set()
    first: asyncio.Task[socket.socket] | None = None
    try:
        while first is None and (untried or pending):
            if untried:
                attempts.append(loop.create_task(_attempt(*untried.popleft())))
                pending.add(attempts[-1])
            seconds = _NEXT_AFTER if untried else None
            done, pending = await asyncio.wait(pending, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            first = next((attempt for attempt in done if attempt.exception() is None), None)
        return (first or attempts[0]).result()
    finally:
        for attempt in attempts:
            if attempt is not first:
                attempt.cancel()
                attempt.add_done_callback(_close)


def _alternating(found: list[Any]) -> list[Any]:
    """The two families by turns, as one of them may be broken as a whole."""
    preferred = [one for one in found if one[0] == found[0][0]]
    others = [one for one in found if one[0] != found[0][0]]
    return [one for pair in itertools.zip_longest(preferred, others) for one in pair if one is not None]


async def _attempt(family: int, kind: int, protocol: int, _: str, address: Any) -> socket.socket:
    attempted = socket.socket(family, kind, protocol)
    try:
        attempted.settimeout(0)
        await asyncio.get_running_loop().sock_connect(attempted, address)
    except BaseException:
        attempted.close()
        raise
    return attempted


def _close(attempt: asyncio.Task[socket.socket]) -> None:
    """An attempt that came second, or that nobody waits for any more, whenever that was."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
