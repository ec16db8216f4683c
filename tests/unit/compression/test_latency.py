"""The order and the arithmetic of timing; how long anything takes is not for a test."""

from __future__ import annotations

import numpy as np
import pytest

from cellwright.bundles import sessions
from cellwright.compression import latency
from cellwright.compression.latency import ROUNDS, side_by_side


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only within sessions, and the graphs in the order they ran.

    A pixel takes a second; another program disturbs every third run.
    """
    now, ran = [0.0], []

    class Slow:
        def __init__(self, graph, _sharing):
            self._graph = graph

        def run(self, batch):
            ran.append(self._graph)
            disturbed = 5.0 if len(ran) % 3 == 0 else 0.0
            now[0] += batch.size / (1 if self._graph == b"before" else 4) + disturbed
            return {}

    monkeypatch.setitem(sessions.RUNTIMES, "slow", Slow)
    monkeypatch.setattr(latency, "perf_counter", lambda: now[0])
    return ran


def test_both_take_turns_and_the_fastest_run_of_each_input_counts(clock):
    inputs = [np.zeros((1, 1, 1, pixels), np.float32) for pixels in (8, 16)]
    seen = []
    found = side_by_side(
        b"before",
        b"after",
        inputs,
        runtime="slow",
        threads=1,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert found.runtime == "slow"
    assert found.before_ms == pytest.approx(12_000)
    assert found.after_ms == pytest.approx(3_000)
    assert found.speedup == pytest.approx(4)
    assert seen[-1] == (ROUNDS, ROUNDS)
    timed = clock[2 * len(inputs) :]
    assert len(timed) == 2 * len(inputs) * ROUNDS
    # Each input goes through both, one after the other; which goes first alternates.
    assert timed[:8] == [b"before", b"after"] * 2 + [b"after", b"before"] * 2
