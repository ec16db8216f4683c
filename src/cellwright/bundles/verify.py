"""Does a bundle still compute what it was shipped to compute, on this machine?

Its test tensors, recorded from the trained network, are replayed in every runtime.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.bundle import TEST_INPUT, Bundle
from cellwright.bundles.card import Precision
from cellwright.bundles.sessions import RUNTIMES, open_session
from cellwright.errors import BundleError

TOLERANCES: dict[Precision, float] = {"fp32": 1e-3, "fp16": 2e-2, "int8": 1e-1}
"""Largest difference that passes, absolute below 1 and relative above."""


@dataclass(frozen=True)
class Replay:
    """One runtime's answer to the test tensors.

    Attributes:
        runtime: row of :data:`~cellwright.bundles.sessions.RUNTIMES`.
        graph: file of the graph within the bundle.
        max_abs_diff: largest difference, relative above 1; None if it did not run.
        passed: whether that is within :data:`TOLERANCES`.
        problem: why it did not run, else empty.
    """

    runtime: str
    graph: str
    max_abs_diff: float | None
    passed: bool
    problem: str = ""


def verify(bundle: Bundle, runtimes: Sequence[str] = tuple(RUNTIMES)) -> list[Replay]:
    """Replay the test tensors of the bundle's first graph in each of ``runtimes``.

    Raises:
        BundleError: the bundle itself is damaged.
        UnknownNameError: no such runtime.
    """
    graph = bundle.graph()
    return [_replay(bundle, graph, runtime) for runtime in runtimes]


def _replay(bundle: Bundle, graph: bytes, runtime: str) -> Replay:
    entry = bundle.card.graphs[0]
    try:
        worst = _worst_difference(bundle, graph, runtime)
    except BundleError as error:
        return Replay(runtime, entry.file, None, passed=False, problem=str(error))
    return Replay(runtime, entry.file, worst, passed=worst <= TOLERANCES[entry.precision])


def _worst_difference(bundle: Bundle, graph: bytes, runtime: str) -> float:
    expected = {name: array for name, array in bundle.tests.items() if name != TEST_INPUT}
    if TEST_INPUT not in bundle.tests or not expected:
        raise BundleError("it holds no test tensors", where=bundle.path)
    found = open_session(graph, runtime=runtime).run(bundle.tests[TEST_INPUT])
    worst = 0.0
    for name, truth in expected.items():
        if name not in found:
            raise BundleError(f"the graph gives no output {name!r}", where=bundle.path)
        worst = max(worst, largest_difference(found[name], truth))
    return worst


def largest_difference(found: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Largest ``|found - truth|``, divided by ``|truth|`` where that is above 1.

    Infinite where the shapes differ or either holds NaN.
    """
    if found.shape != truth.shape:
        return float("inf")
    difference = np.abs(found - truth) / np.maximum(1.0, np.abs(truth))
    return float("inf") if np.isnan(difference).any() else float(difference.max(initial=0.0))
