"""The order and the arithmetic of timing; how long anything takes is not for a test."""

from __future__ import annotations

import numpy as np
import pytest

from cellwright.bundles import sessions
from cellwright.compression import latency
from cellwright.compression.latency import ROUNDS, WARM_UP, side_by_side

SECONDS = {b"before": 0.006, b"after": 0.002}


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only within sessions, and the graphs in the order they ran."""
    now, ran = [0.0], []

    class Slow:
        def __init__(self, graph, _sharing):
            self._graph = graph

        def run(self, batch):
            ran.append(self._graph)
            now[0] += SECONDS[self._graph] * len(batch)
            return {}

    monkeypatch.setitem(sessions.RUNTIMES, "slow", Slow)
    monkeypatch.setattr(latency, "perf_counter", lambda: now[0])
    return ran


def test_both_take_turns_and_the_ratio_is_theirs(clock):
    inputs = [np.zeros((1, 1, 8, 8), np.float32)] * 2
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
    assert found.before_ms == pytest.approx(6)
    assert found.after_ms == pytest.approx(2)
    assert found.speedup == pytest.approx(3)
    assert seen[-1] == (ROUNDS, ROUNDS)
    timed = clock[2 * WARM_UP * len(inputs) :][:: len(inputs)]
    assert len(timed) == 2 * ROUNDS
    # Each round runs both; which goes first alternates.
    assert timed[:6] == [b"before", b"after", b"after", b"before", b"before", b"after"]
