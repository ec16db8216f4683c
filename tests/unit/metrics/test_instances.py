from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from torchmetrics.functional.detection import panoptic_quality

from cellwright.errors import AnnotationError
from cellwright.metrics.instances import (
    METRICS,
    PER_IMAGE,
    evaluate_instances,
    match_instances,
    matched_share,
    matched_shares,
    overlaps,
)
from cellwright.types import Instances

labels = st.lists(
    st.tuples(st.integers(0, 10), st.integers(0, 10), st.integers(1, 6), st.integers(1, 6)),
    max_size=6,
)


def painted(rows: list[tuple[int, int, int, int]]) -> Instances:
    image = np.zeros((16, 16), int)
    for number, (y, x, height, width) in enumerate(rows, start=1):
        image[y : y + height, x : x + width] = number
    return Instances.from_labels(image)


def overlap_matrix(truth: Instances, predicted: Instances) -> np.ndarray:
    """Intersection over union, a pair of masks at a time."""
    matrix = np.zeros((len(truth), len(predicted)))
    for row in range(len(truth)):
        for column in range(len(predicted)):
            true, guess = truth.labels == row + 1, predicted.labels == column + 1
            matrix[row, column] = (true & guess).sum() / (true | guess).sum()
    return matrix


@settings(max_examples=150, deadline=None)
@given(labels, labels, st.sampled_from([0.5, 0.6, 0.9]))
def test_matches_are_the_optimal_assignment(
    true_rows: list[tuple[int, int, int, int]],
    guess_rows: list[tuple[int, int, int, int]],
    threshold: float,
) -> None:
    truth, predicted = painted(true_rows), painted(guess_rows)
    matrix = overlap_matrix(truth, predicted)
    pairs = overlaps(truth, predicted)
    assert np.array_equal(np.stack([pairs.truth, pairs.predicted]), np.stack(matrix.nonzero()))
    assert pairs.iou == pytest.approx(matrix[matrix > 0])
    reached = matrix >= threshold
    expected = reached[linear_sum_assignment(reached, maximize=True)].sum()
    matches = match_instances(truth, predicted, iou_threshold=threshold)
    assert len(matches.iou) == expected
    assert len(set(matches.truth)) == len(set(matches.predicted)) == expected


def scene(seed: int, n_images: int = 5) -> tuple[list[Instances], list[Instances]]:
    """Square cells on a grid; predictions shifted by 0 to 4 of 10 pixels, a few left out."""
    rng = np.random.default_rng(seed)
    truth, predicted = [], []
    for _ in range(n_images):
        true, guess = np.zeros((90, 90), int), np.zeros((90, 90), int)
        for number, (y, x) in enumerate(np.ndindex(6, 6), start=1):
            true[15 * y : 15 * y + 10, 15 * x : 15 * x + 10] = number
            if rng.random() < 0.9:
                left = 15 * x + rng.integers(0, 5)
                guess[15 * y : 15 * y + 10, left : left + 10] = number
        truth.append(Instances(true))
        predicted.append(Instances.from_labels(guess))
    return truth, predicted


def test_panoptic_quality_equals_torchmetrics() -> None:
    truth, predicted = scene(0)

    def channels(cells: list[Instances]) -> torch.Tensor:
        maps = [np.stack([image.labels > 0, image.labels], axis=-1) for image in cells]
        return torch.from_numpy(np.stack(maps).astype(np.int64))

    expected = panoptic_quality(channels(predicted), channels(truth), things={1}, stuffs={0},
                                return_per_class=True)[0, 0]  # fmt: skip
    report = evaluate_instances(truth, predicted, ["cell"])
    assert report.metrics["pq"].value == pytest.approx(float(expected))


def test_worked_example() -> None:
    """Three true cells: one exact, one overlapping 8 of 12, one missed; one invented."""
    true, guess = np.zeros((3, 40), int), np.zeros((3, 40), int)
    true[0, 0:10], true[0, 15:25], true[0, 30:40] = 1, 2, 3
    guess[0, 0:10], guess[0, 17:27], guess[2, 0:5] = 1, 2, 3
    report = evaluate_instances([Instances(true)], [Instances(guess)], ["cell"])
    values = {name: interval.value for name, interval in report.metrics.items()}
    assert tuple(values) == METRICS + PER_IMAGE
    assert values["matched50_95_per_image"] == values["matched50_95"]
    assert values["matched50"] == pytest.approx(2 / 4)
    assert values["f1"] == pytest.approx(4 / 6)
    assert values["pq"] == pytest.approx((1 + 8 / 12) / 3)
    # 8/12 reaches 0.5 to 0.65 (four thresholds): tp 2 of 4, else tp 1 of 5.
    assert values["matched50_95"] == pytest.approx((4 * 2 / 4 + 6 * 1 / 5) / 10)
    assert values["count_mae"] == 0.0


def test_shares_fall_with_the_overlap_they_ask_for() -> None:
    """One cell found with an overlap of 8 / 10, one missed: 1 / 2 up to 0.8, then 0 / 3."""
    truth = np.zeros((4, 20), np.int32)
    truth[0, :10], truth[2, :4] = 1, 2
    found = np.zeros_like(truth)
    found[0, :8] = 1
    shares = matched_shares(Instances.from_labels(truth), Instances.from_labels(found))
    np.testing.assert_allclose(shares, [0.5] * 7 + [0.0] * 3)
    assert matched_share(Instances.from_labels(truth), Instances.from_labels(found)) == 0.5
    nothing = Instances.from_labels(np.zeros_like(truth))
    np.testing.assert_array_equal(matched_shares(nothing, nothing), np.ones(10))


def test_half_and_half_is_matched_once() -> None:
    whole = Instances([[1, 1, 1, 1]])
    halves = Instances([[1, 1, 2, 2]])
    for truth, predicted in ((whole, halves), (halves, whole)):
        assert evaluate_instances([truth], [predicted], ["cell"]).metrics["matched50"].value == 0.5


def test_a_cell_of_another_class_is_no_match() -> None:
    truth = Instances([[1, 1, 0, 2, 2]], class_ids=[0, 1])
    predicted = Instances([[1, 1, 0, 2, 2]], class_ids=[0, 0])
    report = evaluate_instances([truth], [predicted], ["live", "dead"])
    assert report.metrics["matched50"].value == pytest.approx(1 / 3)
    assert report.per_class["live"]["matched50"].value == 0.5
    assert report.per_class["dead"]["matched50"].value == 0.0
    assert report.per_class["dead"]["count_mae"].value == 1.0
    assert report.per_class["dead"]["f1"].n == 1


def test_a_mean_over_images_weighs_them_alike() -> None:
    crowded = Instances([[1, 2, 3, 4, 5, 6, 7, 8]])
    lonely, blank = Instances([[1, 0, 0, 0, 0, 0, 0, 0]]), Instances([[0] * 8])
    report = evaluate_instances([crowded, lonely, blank], [crowded, blank, blank], ["cell"])
    assert report.metrics["matched50"].value == pytest.approx(8 / 9)
    mean = report.metrics["matched50_per_image"]
    assert (mean.value, mean.n) == (0.5, 2)


def test_stricter_thresholds_match_less_and_intervals_hold_the_value() -> None:
    truth, predicted = scene(1)
    pairs = [
        len(match_instances(truth[0], predicted[0], iou_threshold=limit).iou)
        for limit in (0.5, 0.7, 0.9, 1.0)
    ]
    assert all(first >= second for first, second in pairwise(pairs))
    for interval in evaluate_instances(truth, predicted, ["cell"]).metrics.values():
        assert interval.low <= interval.value <= interval.high  # type: ignore[operator]


def test_empty_images_are_defined() -> None:
    blank = Instances(np.zeros((4, 4), int))
    report = evaluate_instances([blank], [blank], ["cell"])
    assert report.metrics["matched50"].value is None
    assert report.metrics["count_mae"].value == 0.0
    one = Instances([[1, 0, 0, 0]] * 4)
    assert evaluate_instances([blank], [one], ["cell"]).metrics["pq"].value == 0.0
    assert evaluate_instances([], [], ["cell"]).metrics["count_mae"].value is None


def test_mistakes_are_named() -> None:
    one = Instances([[1, 0]])
    with pytest.raises(AnnotationError, match="1 annotated images but 0 predicted"):
        evaluate_instances([one], [], ["cell"])
    with pytest.raises(AnnotationError, match=r"\(1, 2\) but predicted \(2, 1\)"):
        evaluate_instances([one], [Instances([[1], [0]])], ["cell"])
    with pytest.raises(AnnotationError, match="image 0: class id 1 but only 1 class names"):
        evaluate_instances([one], [Instances([[1, 0]], class_ids=[1])], ["cell"])
    with pytest.raises(AnnotationError, match=r"0\.5\.\.1"):
        match_instances(one, one, iou_threshold=0.3)
