"""Which predicted box is which true box: overlap, then a greedy one-to-one match.

The match follows the COCO protocol (Lin et al. 2014, and its reference code):
predictions of a class, best score first, each take the free true box of that class
they overlap most, if the overlap reaches the threshold. Pairs that overlap enough
are few, so only those are walked, and once for all thresholds together: a small
integer per box remembers, a bit a threshold, where it is already taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import AnnotationError
from cellwright.types import Boxes

_MAX_PAIRS = 1 << 18
"""Pairs compared at once (2 MB of float64 a coordinate)."""

_COCO_SLACK = 1e-10
"""The reference code lets an overlap of exactly 1 pass a threshold of 1."""


def iou_matrix(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of every box of ``a`` with every box of ``b``.

    Args:
        a: ``(N, 4)`` xyxy in pixels.
        b: ``(M, 4)`` xyxy in pixels.

    Returns:
        float64 ``(N, M)`` in [0, 1]; 0 where both boxes have no area.

    >>> iou_matrix(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2], [5, 5, 6, 6]])).round(3)
    array([[0.333, 0.   ]])
    """
    first = np.asarray(a, dtype=np.float64).reshape(-1, 1, 4)
    second = np.asarray(b, dtype=np.float64).reshape(1, -1, 4)
    return _iou(first, second)


def _iou(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Overlap of boxes ``(..., 4)`` that broadcast against each other."""
    width = np.minimum(first[..., 2], second[..., 2]) - np.maximum(first[..., 0], second[..., 0])
    height = np.minimum(first[..., 3], second[..., 3]) - np.maximum(first[..., 1], second[..., 1])
    overlap = np.maximum(width, 0) * np.maximum(height, 0)
    union = _areas(first) + _areas(second) - overlap
    iou: NDArray[np.float64] = np.zeros_like(overlap)
    np.divide(overlap, union, out=iou, where=union > 0)
    return iou


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    areas: NDArray[np.float64] = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return areas


def overlapping_pairs(
    a: NDArray[np.floating], b: NDArray[np.floating], *, minimum: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Pairs of boxes with an overlap of at least ``minimum`` (> 0), without the whole matrix.

    Returns:
        Index into ``a``, index into ``b`` and overlap, each ``(P,)``, in order of ``a``, then of
        ``b``.
    """
    first = np.asarray(a, dtype=np.float64).reshape(-1, 4)
    second = np.asarray(b, dtype=np.float64).reshape(-1, 4)
    rows, columns, overlaps = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    for row, column in _meeting(first, second):
        overlap = _iou(first[row], second[column])
        kept = overlap >= minimum
        rows.append(row[kept])
        columns.append(column[kept])
        overlaps.append(overlap[kept])
    found = np.concatenate(rows), np.concatenate(columns), np.concatenate(overlaps)
    order = np.lexsort(found[1::-1])
    return found[0][order], found[1][order], found[2][order]


def _meeting(
    first: NDArray[np.float64], second: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Index pairs that hold every pair with an area in common, each once, in blocks.

    A box that begins more than the longest edge before another does not reach it, so along an axis
    partners lie in a window of the sorted beginnings. One long box would widen the window for
    all: windows are made for each octave of lengths apart.
    """
    lengths = (second[:, 2:] - second[:, :2]).max(axis=1, initial=0)
    octaves = np.frexp(lengths)[1]
    for octave in np.unique(octaves):
        members = np.flatnonzero((octaves == octave) & (lengths > 0))
        either = [_Windows.along(axis, first, second[members]) for axis in (0, 1)]
        narrow = min(either, key=lambda windows: int(windows.lengths.sum()))
        for row, column in narrow.pairs(first, second[members]):
            yield row, members[column]


class _Windows(NamedTuple):
    """Where the partners of N boxes lie among M others that are sorted along an axis.

    Attributes:
        axis: 0 for x, 1 for y.
        order: ``(M,)`` index that sorts the others.
        start: ``(N,)`` first partner in that order.
        lengths: ``(N,)`` how many there are.
    """

    axis: int
    order: NDArray[np.int64]
    start: NDArray[np.int64]
    lengths: NDArray[np.int64]

    @classmethod
    def along(cls, axis: int, first: NDArray[np.float64], second: NDArray[np.float64]) -> _Windows:
        """Windows of ``first`` ``(N, 4)`` in ``second`` ``(M, 4)``."""
        order = np.argsort(second[:, axis])
        begins = second[order, axis]
        # One part in a thousand on top keeps rounding from losing a pair that hardly meets.
        longest = 1.001 * (second[:, axis + 2] - second[:, axis]).max(initial=0)
        start = np.searchsorted(begins, first[:, axis] - longest, side="left")
        stop = np.searchsorted(begins, first[:, axis + 2], side="left")
        return cls(axis, order, start, np.maximum(stop - start, 0))

    def pairs(
        self, first: NDArray[np.float64], second: NDArray[np.float64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Pairs within the windows that meet along the other axis, in blocks."""
        low, high = 1 - self.axis, 3 - self.axis
        lows, highs = second[self.order, low], second[self.order, high]
        block = np.cumsum(self.lengths) // _MAX_PAIRS
        for number in np.unique(block):
            chosen = np.flatnonzero(block == number)
            count = self.lengths[chosen]
            offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
            row = np.repeat(chosen, count)
            place = np.repeat(self.start[chosen], count) + offset
            meet = (lows[place] < first[row, high]) & (highs[place] > first[row, low])
            yield row[meet], self.order[place[meet]]


def score_order(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """Index that sorts scores from best to worst; equal scores keep their order."""
    return np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")


def true_positives(
    truth_xyxy: NDArray[np.floating],
    predicted_xyxy: NDArray[np.floating],
    iou_thresholds: Sequence[float],
) -> NDArray[np.bool_]:
    """Which predictions of one class in one image find a true box, at every threshold.

    Args:
        truth_xyxy: ``(M, 4)``.
        predicted_xyxy: ``(N, 4)``, best score first.
        iou_thresholds: T overlaps in (0, 1].

    Returns:
        bool ``(T, N)``.
    """
    found = np.zeros((len(iou_thresholds), len(predicted_xyxy)), dtype=bool)
    for prediction, _, bits in _claims(truth_xyxy, predicted_xyxy, iou_thresholds):
        for index in range(len(iou_thresholds)):
            if bits >> index & 1:
                found[index, prediction] = True
    return found


def match_greedy(
    truth: Boxes, predicted: Boxes, *, iou_threshold: float = 0.5
) -> NDArray[np.int64]:
    """The true box each prediction finds; classes are matched apart.

    Args:
        truth: annotated boxes.
        predicted: boxes with scores, in any order.
        iou_threshold: smallest overlap that counts, in (0, 1].

    Returns:
        int64 ``(len(predicted),)``: index into ``truth``, or -1 for a false positive.

    Raises:
        AnnotationError: the predictions have no scores.
    """
    if predicted.scores is None:
        raise AnnotationError(
            "predicted boxes have no scores", remedy="matching needs to know the most certain first"
        )
    matched = np.full(len(predicted), -1, dtype=np.int64)
    order = score_order(predicted.scores)
    for class_id in np.unique(predicted.class_ids):
        of_truth = np.flatnonzero(truth.class_ids == class_id)
        of_predicted = order[predicted.class_ids[order] == class_id]
        claims = _claims(truth.xyxy[of_truth], predicted.xyxy[of_predicted], (iou_threshold,))
        for prediction, target, _ in claims:
            matched[of_predicted[prediction]] = of_truth[target]
    return matched


def _claims(
    truth_xyxy: NDArray[np.floating],
    predicted_xyxy: NDArray[np.floating],
    iou_thresholds: Sequence[float],
) -> Iterator[tuple[int, int, int]]:
    """Yield (prediction, true box, bits of the thresholds at which the two are matched)."""
    needed = [min(threshold, 1 - _COCO_SLACK) for threshold in iou_thresholds]
    rows, columns, overlaps = overlapping_pairs(predicted_xyxy, truth_xyxy, minimum=min(needed))
    # Best prediction first, then its largest overlap; of equal overlaps the reference
    # code keeps the true box that comes last.
    order = np.lexsort((-columns, -overlaps, rows))
    reached = (overlaps[order, None] >= np.array(needed)) @ (1 << np.arange(len(needed)))
    prediction_taken = [0] * len(predicted_xyxy)
    truth_taken = [0] * len(truth_xyxy)
    pairs = zip(rows[order].tolist(), columns[order].tolist(), reached.tolist(), strict=True)
    for row, column, bits in pairs:
        claimed = bits & ~prediction_taken[row] & ~truth_taken[column]
        if claimed:
            prediction_taken[row] |= claimed
            truth_taken[column] |= claimed
            yield row, column, claimed
