"""From a ranked list to an estimate, and from that to an interval."""

from __future__ import annotations

import numpy as np
import pytest

from cellwright.bundles.calibration import Calibration, ClassCalibration, CountSpread
from cellwright.inference.counts import (
    CountEstimate,
    add_counts,
    estimate_counts,
    interval_ends,
)
from cellwright.types import Boxes

NO_SPREAD = CountSpread(relative=0.0, residuals=(0.5,) * 40)


def calibrated(missed: float = 0.0, spread: CountSpread = NO_SPREAD) -> ClassCalibration:
    """A score is its own probability."""
    return ClassCalibration(scores=(0, 1), probabilities=(0, 1), missed=missed, spread=spread)


def ranked(*scores: float, class_id: int = 0) -> Boxes:
    xyxy = np.tile([0, 0, 9, 9], (len(scores), 1))
    return Boxes(xyxy, np.full(len(scores), class_id), scores)


def of_class(one: ClassCalibration | None) -> Calibration:
    total = None if one is None else one.spread
    return Calibration(minimum_score=0.1, classes=(one,), total=total, n_images=40)


def test_mean_and_variance_are_those_of_independent_boxes() -> None:
    estimate = estimate_counts(ranked(0.9, 0.5, 0.05), of_class(calibrated(missed=0.25)), 1).total
    # The box below the floor is no candidate. Mean 1.4, a quarter more are missed; variance
    # 0.9 * 0.1 + 0.5 * 0.5, missed 0.35, half a cell 0.25.
    assert estimate.mean == pytest.approx(1.4 * 1.25)
    assert estimate.sds[0] ** 2 == pytest.approx(0.09 + 0.25 + 0.35 + 0.25)


def test_images_that_differ_widen_the_interval_in_proportion() -> None:
    spread = CountSpread(relative=0.5, residuals=(1.0,) * 40)
    sure = estimate_counts(ranked(*[1.0] * 100), of_class(calibrated(spread=spread)), 1).total
    assert sure.sds[0] ** 2 == pytest.approx(50**2 + 0.25)
    assert sure.interval() == (18, 182)  # 100 -+ 1.645 * 50.0


def test_classes_add_up_and_an_unknown_class_leaves_the_total_open() -> None:
    boxes = Boxes.concatenate([ranked(0.9, 0.8), ranked(0.5, class_id=1)])
    both = Calibration(
        minimum_score=0.0, classes=(calibrated(), calibrated()), total=NO_SPREAD, n_images=40
    )
    known = estimate_counts(boxes, both, 2)
    assert known.total.mean == pytest.approx(2.2)
    assert [one.mean for one in known.per_class] == pytest.approx([1.7, 0.5])
    half = both.model_copy(update={"classes": (calibrated(), None), "total": None})
    unknown = estimate_counts(boxes, half, 2)
    assert unknown.total is None
    assert unknown.per_class[1] is None
    assert interval_ends(unknown, boxes)[:2] == (None, None)
    assert interval_ends(unknown, boxes)[4:] == (None, None)


def test_without_calibration_nothing_is_said() -> None:
    nothing = estimate_counts(ranked(0.9), None, 3)
    assert nothing == (None, (None, None, None))
    assert interval_ends(nothing, ranked(0.9)) == (None,) * 8


def test_intervals_are_whole_numbers_from_zero_that_hold_the_count() -> None:
    def one(mean: float, sd: float, residual: float = 1.0) -> CountEstimate:
        return CountEstimate((mean,), (sd,), CountSpread(relative=0, residuals=(residual,) * 40))

    assert one(10.3, 1.0).interval() == (9, 11)  # 8.66 to 11.94
    assert one(10.3, 1.0, residual=2.0).interval() == (9, 12)  # 8.3 to 12.3
    assert one(0.2, 1.0).interval() == (0, 1)
    assert one(10.5, 0.1).interval() == (10, 11)  # no whole number between: those around
    assert one(10.3, 1.0).interval(counted=14) == (9, 14)
    assert one(10.3, 1.0).interval(counted=2) == (2, 11)
    low, high = one(10.3, 1.0).interval(level=0.95)
    assert (low, high) == (9, 12)


def test_too_few_validation_images_give_no_interval() -> None:
    few = CountSpread(relative=0, residuals=(1.0,) * 8)
    assert CountEstimate((5.0,), (1.0,), few).interval() is None


def test_a_sum_is_surer_than_its_parts_and_unknown_if_one_part_is() -> None:
    spread = CountSpread(relative=0.0, residuals=(1.0,) * 400)
    one = CountEstimate((10.0,), (2.0,), spread)
    together = add_counts([one] * 25)
    assert together.mean == 250
    low, high = together.interval()
    assert 2 * 1.64 * 10 <= high - low + 2 <= 2 * 1.75 * 10.5
    assert add_counts([one, None]) is None
    assert add_counts([]) is None
    assert add_counts([one]).interval() == one.interval()
