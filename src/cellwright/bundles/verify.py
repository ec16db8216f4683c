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

TOLERANCES: dict[Precision, float] = {"fp32": 1e-3, "fp16": 2e-2, "int8": 5e-2}
"""What passes: the largest difference, absolute below 1 and relative above; for int8 the mean
square difference's root as a share of how much the output varies.

In int8 the last bit of an activation is a hundredth of its range, runtimes may round it to
either side, and single values far down the network then differ by much more: their largest
difference says nothing. Measured between ONNX Runtime and OpenVINO: a root mean square of
0.02; a wrong kernel gives 0.05 to 0.2.
"""


@dataclass(frozen=True)
class Replay:
    """One runtime's answer to the test tensors.

    Attributes:
        runtime: row of :data:`~cellwright.bundles.sessions.RUNTIMES`.
        graph: file of the graph within the bundle.
        max_abs_diff: largest difference, relative above 1; None if it did not run.
        passed: whether the graph's precision in :data:`TOLERANCES` allows the difference.
        problem: why it did not run, else empty.
        rms_share: root of the mean square difference as a share of the output's standard
            deviation, of the output where it is largest; None if it did not run.
    """

    runtime: str
    graph: str
    max_abs_diff: float | None
    passed: bool
    problem: str = ""
    rms_share: float | None = None


def verify(bundle: Bundle, runtimes: Sequence[str] | None = None) -> list[Replay]:
    """Replay the test tensors of the bundle's first graph.

    Args:
        bundle: to be replayed.
        runtimes: rows of the table; None takes all that run such a bundle.

    Raises:
        BundleError: the bundle itself is damaged.
        UnknownNameError: no such runtime.
    """
    graph = bundle.graph()
    if runtimes is None:
        runtimes = tuple(RUNTIMES) if bundle.card.takes_pixels else ("onnxruntime",)
    return [_replay(bundle, graph, runtime) for runtime in runtimes]


def _replay(bundle: Bundle, graph: bytes, runtime: str) -> Replay:
    entry = bundle.card.graphs[0]
    try:
        pairs = _answers(bundle, graph, runtime)
    except BundleError as error:
        return Replay(runtime, entry.file, None, passed=False, problem=str(error))
    largest = max(largest_difference(found, truth) for found, truth in pairs)
    share = max(rms_share(found, truth) for found, truth in pairs)
    judged = share if entry.precision == "int8" else largest
    passed = judged <= TOLERANCES[entry.precision]
    return Replay(runtime, entry.file, largest, passed=passed, rms_share=share)


def _answers(
    bundle: Bundle, graph: bytes, runtime: str
) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """What the runtime answers to the test input, beside what was recorded."""
    expected = {name: array for name, array in bundle.tests.items() if name != TEST_INPUT}
    if TEST_INPUT not in bundle.tests or not expected:
        raise BundleError("it holds no test tensors", where=bundle.path)
    found = open_session(graph, runtime=runtime).run(bundle.tests[TEST_INPUT])
    for name in expected:
        if name not in found:
            raise BundleError(f"the graph gives no output {name!r}", where=bundle.path)
    return [(found[name], truth) for name, truth in expected.items()]


def largest_difference(found: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Largest ``|found - truth|``, divided by ``|truth|`` where that is above 1.

    Infinite where the shapes differ or either holds NaN.
    """
    if found.shape != truth.shape:
        return float("inf")
    difference = np.abs(found - truth) / np.maximum(1.0, np.abs(truth))
    return float("inf") if np.isnan(difference).any() else float(difference.max(initial=0.0))


def rms_share(found: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Root of the mean square of ``found - truth`` over the standard deviation of ``truth``.

    Infinite where the shapes differ, either holds NaN, or a constant is not met exactly.
    """
    if found.shape != truth.shape:
        return float("inf")
    error = float(np.sqrt(np.mean(np.square(found - truth, dtype=np.float64))))
    if not error:
        return 0.0
    spread = float(truth.std(dtype=np.float64))
    share = error / spread if spread else float("inf")
    return float("inf") if np.isnan(share) else share
