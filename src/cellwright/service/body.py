"""The body of a request on its way in: as long as was said, and in time."""

from __future__ import annotations

import time

import anyio
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from cellwright.service.settings import Limits


def in_time(receive: Receive, n_bytes: int, limits: Limits) -> Receive:
    """``receive``, which refuses once the body of ``n_bytes`` should have been there for long.

    A client that sends a byte a minute would otherwise hold its place for years.
    """
    deadline = time.monotonic() + limits.stall_s + n_bytes / limits.slowest_bytes
    done = False

    async def timed() -> Message:
        nonlocal done
        if done:
            # What follows the body is the word that the client has gone: no hurry with that.
            return await receive()
        try:
            with anyio.fail_after(max(deadline - time.monotonic(), 0)):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(408, "the body came too slowly") from error
        done = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    return timed
