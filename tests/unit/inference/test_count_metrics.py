"""Coverage, width and calibration error by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from cellwright.bundles.calibration import Calibration, ClassCalibration, CountSpread
from cellwright.inference.count_metrics import measure_counts
from cellwright.inference.counting_rule import CardRule
from cellwright.types import Boxes

NAMES = {"count_coverage", "count_width", "ece", "score_ece"}


def calibration() -> Calibration:
    """A score of 0.8 means 0.5; intervals reach 1.645 * 0.5 from a sure count."""
    spread = CountSpread(relative=0.0, residuals=(0.1,) * 40)
    one = ClassCalibration(scores=(0.8, 1), probabilities=(0.5, 1), missed=0.0, spread=spread)
    return Calibration(minimum_score=0.1, classes=(one,), total=spread, n_images=40)


def image(n_true: int, scores: list[float]) -> tuple[Boxes, Boxes]:
    place = np.arange(9)[:, None] * 20 + np.array([0, 0, 10, 10])
    truth = Boxes(place[:n_true], np.zeros(n_true))
    return truth, Boxes(place[: len(scores)], np.zeros(len(scores)), scores)


def test_by_hand() -> None:
    # Sure counts of 3, 3, 3 and 1 cells; truly 3, 4, 1 and 1.
    images = [image(3, [1.0] * 3), image(4, [1.0] * 3), image(1, [1.0] * 3), image(1, [1.0])]
    truth, ranked = zip(*images, strict=True)
    figures = measure_counts(truth, ranked, calibration(), rule=CardRule((0.5,))).total
    assert set(figures) == NAMES
    coverage = figures["count_coverage"]
    assert (coverage.value, coverage.n) == (0.5, 4)
    reference = binomtest(2, 4).proportion_ci(method="wilson")
    assert (coverage.low, coverage.high) == pytest.approx((reference.low, reference.high))
    assert figures["count_width"].value == 0.0
    # Of ten boxes claimed sure, two are no cells.
    assert figures["ece"].value == pytest.approx(0.2)
    assert figures["ece"].n == 10


def test_calibrated_probabilities_are_judged_and_not_the_scores() -> None:
    images = [image(1, [0.8, 0.8]) for _ in range(6)]
    truth, ranked = zip(*images, strict=True)
    figures = measure_counts(truth, ranked, calibration(), rule=CardRule((0.5,))).total
    assert figures["ece"].value == pytest.approx(0.0, abs=1e-6)
    assert figures["score_ece"].value == pytest.approx(0.3)
    below = measure_counts(truth, ranked, calibration(), rule=CardRule((0.9,))).total
    assert (below["ece"].value, below["ece"].n) == (None, 0)


def test_without_calibration_only_scores_are_judged() -> None:
    truth, ranked = zip(*[image(1, [0.8, 0.8])] * 3, strict=True)
    figures = measure_counts(truth, ranked, None, rule=CardRule((0.5,)))
    for one in (figures.total, figures.per_class[0]):
        assert {name for name in NAMES if one[name].value is None} == NAMES - {"score_ece"}
