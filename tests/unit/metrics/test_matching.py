from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import rectangle

from cellwright.errors import AnnotationError
from cellwright.metrics import matching
from cellwright.metrics.matching import (
    iou_matrix,
    match_greedy,
    overlapping_pairs,
    score_order,
    true_positives,
)
from cellwright.types import Boxes

small_boxes = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(1, 6), st.integers(1, 6)),
    max_size=7,
).map(lambda rows: np.array([(x, y, x + w, y + h) for x, y, w, h in rows]).reshape(-1, 4))


@settings(deadline=None)
@given(small_boxes, small_boxes)
def test_iou_equals_counting_pixels(a: np.ndarray, b: np.ndarray) -> None:
    overlap = iou_matrix(a, b)
    assert overlap.shape == (len(a), len(b))
    for row, first in enumerate(a):
        for column, second in enumerate(b):
            one, other = np.zeros((16, 16), bool), np.zeros((16, 16), bool)
            one[rectangle(first[[1, 0]], end=first[[3, 2]] - 1)] = True
            other[rectangle(second[[1, 0]], end=second[[3, 2]] - 1)] = True
            assert overlap[row, column] == pytest.approx((one & other).sum() / (one | other).sum())


def test_iou_of_boxes_without_area_is_zero() -> None:
    point = np.array([[3.0, 3, 3, 3]])
    assert iou_matrix(point, point).tolist() == [[0.0]]


def test_pairs_are_those_of_the_whole_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "_MAX_CELLS", 100)  # many blocks
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 60, (90, 2))
    boxes = np.hstack([corners, corners + rng.uniform(5, 30, (90, 2))])
    a, b = boxes[:50], boxes[50:]
    rows, columns, overlaps = overlapping_pairs(a, b, minimum=0.2)
    whole = iou_matrix(a, b)
    assert np.array_equal(np.stack([rows, columns]), np.stack(np.nonzero(whole >= 0.2)))
    assert np.array_equal(overlaps, whole[rows, columns])


def test_equal_scores_keep_their_order() -> None:
    assert score_order(np.array([0.5, 0.9, 0.5, 0.9])).tolist() == [1, 3, 0, 2]


def brute_force(truth: np.ndarray, predicted: np.ndarray, threshold: float) -> list[int]:
    """The COCO rule, written the slow way round."""
    free = set(range(len(truth)))
    matched = []
    for guess in predicted:
        best, best_overlap = -1, threshold
        for candidate in sorted(free):
            overlap = float(iou_matrix(guess[None], truth[candidate][None])[0, 0])
            if overlap >= best_overlap:
                best, best_overlap = candidate, overlap
        free.discard(best)
        matched.append(best)
    return matched


@settings(max_examples=200, deadline=None)
@given(small_boxes, small_boxes, st.sampled_from([0.1, 0.3, 0.5, 0.75]))
def test_match_equals_brute_force(
    truth: np.ndarray, predicted: np.ndarray, threshold: float
) -> None:
    scores = np.linspace(0.9, 0.1, len(predicted))
    guess = Boxes(predicted, np.zeros(len(predicted)), scores)
    true = Boxes(truth, np.zeros(len(truth)))
    expected = brute_force(truth, predicted, threshold)
    assert match_greedy(true, guess, iou_threshold=threshold).tolist() == expected
    thresholds = (0.05, threshold, 0.99)
    found = true_positives(truth, predicted, thresholds)
    assert found[1].tolist() == [index >= 0 for index in expected]
    assert found[2].tolist() == [i >= 0 for i in brute_force(truth, predicted, 0.99)]


def test_match_in_the_order_given_and_within_a_class() -> None:
    truth = Boxes([[0, 0, 10, 10], [20, 0, 30, 10]], [0, 1])
    predicted = Boxes(
        [[1, 0, 11, 10], [0, 0, 10, 10], [20, 0, 30, 10], [20, 0, 30, 11]],
        [0, 0, 0, 1],
        [0.3, 0.8, 0.9, 0.1],
    )
    assert match_greedy(truth, predicted).tolist() == [-1, 0, -1, 1]


def test_perfect_overlap_passes_a_threshold_of_one() -> None:
    box = np.array([[0.1, 0.2, 7.3, 9.4]])
    assert true_positives(box, box, (1.0,)).tolist() == [[True]]


def test_nothing_matches_nothing() -> None:
    assert match_greedy(Boxes.empty(), Boxes.empty(scored=True)).tolist() == []
    assert true_positives(np.zeros((0, 4)), np.array([[0, 0, 1, 1]]), (0.5,)).tolist() == [[False]]


def test_predictions_need_scores() -> None:
    with pytest.raises(AnnotationError, match="no scores"):
        match_greedy(Boxes.empty(), Boxes([[0, 0, 1, 1]], [0]))
