"""Two graphs timed side by side: the same inputs, one after the other, in one run.

Times of two runs cannot be compared: another program, a hotter processor, a different batch.
So both graphs stay loaded and take turns, first one first, then the other first. Of every
input the fastest run counts, since whatever else a machine does can only add to a time. Only
the network is timed, not the reading, preparing and decoding around it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from time import perf_counter

from cellwright.bundles.sessions import Batch, Session, open_session
from cellwright.compression.method import Progress

ROUNDS = 20


@dataclass(frozen=True)
class Latency:
    """What one runtime needs for one batch, mean over the inputs.

    Attributes:
        runtime: row of :data:`cellwright.bundles.sessions.RUNTIMES`.
        before_ms: of the first graph.
        after_ms: of the second graph.
    """

    runtime: str
    before_ms: float
    after_ms: float

    @property
    def speedup(self) -> float:
        """How many times faster the second graph is."""
        return self.before_ms / self.after_ms


def side_by_side(
    before: bytes,
    after: bytes,
    inputs: Sequence[Batch],
    *,
    runtime: str,
    threads: int | None,
    progress: Progress,
) -> Latency:
    """Time two graphs on ``inputs``, in turns.

    Raises:
        BundleError: the runtime refuses a graph, or is not installed.
        UnknownNameError: no such runtime.
    """
    sessions = [open_session(graph, runtime=runtime, threads=threads) for graph in (before, after)]
    for session in sessions:
        for batch in inputs:
            session.run(batch)
    fastest = [[math.inf] * len(inputs) for _ in sessions]
    for done in range(ROUNDS):
        first = done % 2
        for place, batch in enumerate(inputs):
            for which in (first, 1 - first):
                taken = _seconds(sessions[which], batch)
                fastest[which][place] = min(fastest[which][place], taken)
        progress(done + 1, ROUNDS)
    before_ms, after_ms = (1e3 * fmean(times) for times in fastest)
    return Latency(runtime, before_ms, after_ms)


def _seconds(session: Session, batch: Batch) -> float:
    start = perf_counter()
    session.run(batch)
    return perf_counter() - start
