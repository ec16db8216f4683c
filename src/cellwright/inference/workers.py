"""Images side by side: how many at once, and what they give in the order they came.

Reading, the network and writing of one image follow each other in one worker, so that one
image is decoded while another goes through the network. Workers are never more than the
processor threads asked for.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from cellwright.bundles.sessions import Sharing

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_STREAMS = 4
"""Images in the network at once. More hold more memory, and a stream of several threads is
nearly as good as several streams of one."""

WORKERS_PER_STREAM = 2
"""While one image of a stream goes through the network, the other is read or written."""


@dataclass(frozen=True)
class WorkPlan:
    """How a run of many images uses the processor.

    Attributes:
        sharing: threads and streams of the network.
        workers: images in work at once.
    """

    sharing: Sharing
    workers: int


def plan_work(n_images: int, *, threads: int | None) -> WorkPlan:
    """Streams and workers for ``n_images``, within ``threads`` (None: all this process has).

    >>> plan_work(24, threads=2)
    WorkPlan(sharing=Sharing(threads=2, streams=2), workers=2)
    >>> plan_work(1, threads=2)
    WorkPlan(sharing=Sharing(threads=2, streams=1), workers=1)
    """
    if n_images <= 1:
        return WorkPlan(Sharing(threads), 1)
    available = threads or usable_cores()
    streams = min(MAX_STREAMS, available, n_images)
    workers = min(WORKERS_PER_STREAM * streams, available, n_images)
    return WorkPlan(Sharing(available, streams), workers)


def usable_cores() -> int:
    """Processor cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    function: Callable[[Item], Result], items: Sequence[Item], *, workers: int
) -> Iterator[Result]:
    """``function`` of each item, ``workers`` at once, given out in the order of the items.

    At most ``workers`` results wait to be given out, so memory does not grow with the items.
    What ``function`` raises is raised here, when its turn comes; items not begun are left.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="image") as pool:
        for item in items:
            if len(waiting) == workers:
                yield waiting.popleft().result()
            waiting.append(pool.submit(function, item))
        while waiting:
            yield waiting.popleft().result()
