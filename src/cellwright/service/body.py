"""The body of a request on its way in: in time, and not too many at once."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import anyio
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from cellwright.service.settings import Limits


async def stay() -> None:
    """Keep the place of a body that is there."""


def in_time(
    receive: Receive, limits: Limits, *, when_there: Callable[[], Awaitable[None]] = stay
) -> Receive:
    """``receive``, which refuses a body that comes too slowly and says ``when_there`` it is whole.

    Who waits for a client has :attr:`Limits.stall_s` of patience, used up by waiting and gained
    back by what comes, so that neither a client that sends a byte a minute nor one that stops
    after a gigabyte holds its place for hours.
    """
    patience = limits.stall_s
    done = False

    async def timed() -> Message:
        nonlocal patience, done
        if done:
            # What follows the body is the word that the client has gone: no hurry with that.
            return await receive()
        began = time.monotonic()
        try:
            with anyio.fail_after(patience):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(408, "the body came too slowly") from error
        gained = len(message.get("body", b"")) / limits.slowest_bytes
        patience = min(limits.stall_s, max(0.0, patience - time.monotonic() + began + gained))
        done = message["type"] != "http.request" or not message.get("more_body", False)
        if done:
            await when_there()
        return message

    return timed
