"""Two graphs timed side by side: the same inputs, one after the other, in one run.

Times of two runs cannot be compared: another program, a hotter processor, a different batch.
So both graphs stay loaded and take turns, first one first, then the other first; each round
gives one ratio, and the median of the ratios is what is said. Only the network is timed,
not the reading, preparing and decoding around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from cellwright.bundles.sessions import Batch, Session, open_session
from cellwright.compression.method import Progress

ROUNDS = 15
WARM_UP = 2


@dataclass(frozen=True)
class Latency:
    """What one runtime needs for one batch.

    Attributes:
        runtime: row of :data:`cellwright.bundles.sessions.RUNTIMES`.
        before_ms: median time of the first graph.
        after_ms: median time of the second graph.
        speedup: how many times faster the second is: median over rounds of the ratio.
    """

    runtime: str
    before_ms: float
    after_ms: float
    speedup: float


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
        for _ in range(WARM_UP):
            _seconds(session, inputs)
    times: list[tuple[float, float]] = []
    for done in range(ROUNDS):
        first = done % 2
        taken = {index: _seconds(sessions[index], inputs) for index in (first, 1 - first)}
        times.append((taken[0], taken[1]))
        progress(done + 1, ROUNDS)
    per_batch = 1e3 / len(inputs)
    return Latency(
        runtime,
        before_ms=per_batch * median(one for one, _ in times),
        after_ms=per_batch * median(other for _, other in times),
        speedup=median(one / other for one, other in times),
    )


def _seconds(session: Session, inputs: Sequence[Batch]) -> float:
    start = perf_counter()
    for batch in inputs:
        session.run(batch)
    return perf_counter() - start
