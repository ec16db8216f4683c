from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellwright.metrics import intervals
from cellwright.metrics.average_precision import average_precision, resampled_average_precision

curves = st.lists(st.booleans(), max_size=40).flatmap(
    lambda flags: st.tuples(st.just(flags), st.integers(max(1, sum(flags)), 60))
)


def slow_average_precision(flags: list[bool], n_truth: int) -> tuple[float, float]:
    """Both areas from the definition: best precision at this recall or beyond."""
    points = [
        (sum(flags[: k + 1]) / n_truth, sum(flags[: k + 1]) / (k + 1)) for k in range(len(flags))
    ]

    def best(recall: float) -> float:
        return max((p for r, p in points if r >= recall), default=0.0)

    coco = float(np.mean([best(recall) for recall in np.linspace(0, 1, 101)]))
    steps = sorted({0.0, *(recall for recall, _ in points)})
    exact = sum((high - low) * best(high) for low, high in pairwise(steps))
    return coco, exact


@settings(deadline=None)
@given(curves)
def test_both_areas_equal_their_definition(curve: tuple[list[bool], int]) -> None:
    flags, n_truth = curve
    coco, exact = slow_average_precision(flags, n_truth)
    found = np.array(flags, dtype=bool)
    assert average_precision(found, n_truth) == pytest.approx(coco)
    assert average_precision(found, n_truth, interpolation="all_points") == pytest.approx(exact)


def test_no_truth_is_undefined_and_no_prediction_is_zero() -> None:
    assert average_precision(np.array([False]), 0) is None
    assert average_precision(np.zeros(0, bool), 4) == 0.0


def test_memory_chunks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    flags = rng.random((3, 50)) < 0.5
    image = rng.integers(0, 5, 50)
    n_truth = np.full(5, 20.0)
    weights = rng.integers(0, 3, (7, 5)).astype(float)
    whole = resampled_average_precision(flags, image, n_truth, weights)
    monkeypatch.setattr(intervals, "MOST_WEIGHTS", 100)
    assert np.array_equal(whole, resampled_average_precision(flags, image, n_truth, weights))


def test_weighting_without_truth_is_undefined() -> None:
    weights = np.array([[1.0, 0.0], [0.0, 1.0]])
    result = resampled_average_precision(
        np.array([[True]]), np.array([0]), np.array([1.0, 0.0]), weights
    )
    assert result[0, 0] == 1.0
    assert np.isnan(result[1, 0])
