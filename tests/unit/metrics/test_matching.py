from __future__ import annotations

import tracemalloc

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


def scattered(rng: np.random.Generator, count: int, edge: float) -> np.ndarray:
    corners = rng.uniform(-edge / 2, edge / 2, (count, 2))
    return np.hstack([corners, corners + rng.uniform(5, 30, (count, 2))])


def assert_those_of_the_matrix(a: np.ndarray, b: np.ndarray, minimum: float) -> int:
    rows, columns, overlaps = overlapping_pairs(a, b, minimum=minimum)
    whole = iou_matrix(a, b)
    assert np.array_equal(np.stack([rows, columns]), np.stack(np.nonzero(whole >= minimum)))
    assert np.array_equal(overlaps, whole[rows, columns])
    return len(rows)


@pytest.mark.parametrize("minimum", [1e-6, 0.2, 0.9])
@pytest.mark.parametrize("scene", ["spread", "column", "row", "whole pixels", "sizes", "nothing"])
def test_pairs_are_those_of_the_whole_matrix(
    scene: str, minimum: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "_MAX_PAIRS", 100)  # many blocks
    rng = np.random.default_rng(0)
    a, b = scattered(rng, 150, 120), scattered(rng, 90, 120)
    if scene in ("column", "row"):
        axis = scene == "column"
        for boxes in (a, b):
            boxes[:, [1 - axis, 3 - axis]] = [0, 9]
    if scene == "whole pixels":
        a, b = a.round(), b.round()
        b[:40] = a[:40]
    if scene == "sizes":
        b[:30, 2:] = b[:30, :2] + rng.uniform(0, 0.1, (30, 2))
        b[30:33] = [[-500, -500, 500, 500], [-500, 0, 500, 1], [0, 0, 0, 0]]
        a[:9] = b[29:38]
        a[9, 2:] = a[9, :2]
    if scene == "nothing":
        assert assert_those_of_the_matrix(a, b[:0], minimum) == 0
        assert assert_those_of_the_matrix(a[:0], b, minimum) == 0
        return
    found = assert_those_of_the_matrix(a, b, minimum)
    assert found > 0 or minimum == 0.9
    assert_those_of_the_matrix(a.astype(np.float32), b.astype(np.float32), minimum)


def test_ten_thousand_boxes_need_no_matrix() -> None:
    rng = np.random.default_rng(1)
    a, b = scattered(rng, 10_000, 3000), scattered(rng, 10_000, 3000)
    b[0] = [-1500, -1500, 1500, 1500]
    tracemalloc.start()
    rows, columns, _ = overlapping_pairs(a, b, minimum=1e-6)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(rows) > 10_000 and (columns == 0).sum() > 9_900
    assert most < 64 * 2**20  # the matrix has 800 MB


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
