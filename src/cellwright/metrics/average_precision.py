"""Average precision: the area under the precision-recall curve, for any weighting of images.

Predictions are walked from best to worst score. After each, recall is the share of
true objects found and precision the share of predictions that were right; precision
is then replaced by the best that any later point reaches. Two areas are in use:

- ``coco101`` (Lin et al. 2014, the default): mean precision at recall 0, 0.01 … 1;
- ``all_points`` (Pascal VOC 2010 on): the exact area under the steps.

An image drawn w times by the bootstrap is the same as weight w on its predictions
and its true objects, so every resample is one row of a cumulative sum and the
predictions are sorted once. Only true positives raise recall and carry the best
precision of their step, so all other columns are dropped after the sum.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cellwright.metrics.intervals import Weights, portions, ratio

Interpolation: TypeAlias = Literal["coco101", "all_points"]

RECALL_POINTS = np.linspace(0.0, 1.0, 101)


def average_precision(
    true_positive: NDArray[np.bool_], n_truth: int, *, interpolation: Interpolation = "coco101"
) -> float | None:
    """Average precision of one list of predictions.

    Args:
        true_positive: bool ``(N,)``, best score first.
        n_truth: number of true objects.
        interpolation: ``coco101`` or ``all_points``.

    Returns:
        A value in [0, 1]; None where there is no true object.

    >>> average_precision(np.array([True, False, True]), 2, interpolation="all_points")
    0.8333333333333333
    """
    flags = np.asarray(true_positive, dtype=bool)
    values = resampled_average_precision(
        flags[None],
        np.zeros(len(flags), np.int64),
        np.array([float(n_truth)]),
        np.ones((1, 1)),
        interpolation=interpolation,
    )
    return None if n_truth == 0 else float(values[0, 0])


def resampled_average_precision(
    true_positive: NDArray[np.bool_],
    image: NDArray[np.int64],
    n_truth: NDArray[np.float64],
    weights: Weights,
    *,
    interpolation: Interpolation = "coco101",
) -> NDArray[np.float64]:
    """Average precision of one class at T overlap thresholds under R weightings of the images.

    Args:
        true_positive: bool ``(T, N)``, predictions of all images together, best score first.
        image: ``(N,)``, the image each prediction belongs to, in 0..I-1.
        n_truth: ``(I,)``, true objects in each image.
        weights: ``(R, I)``, how often each image counts.
        interpolation: ``coco101`` or ``all_points``.

    Returns:
        float64 ``(R, T)``; NaN where a weighting leaves no true object.
    """
    n_weighted = weights @ n_truth
    result = np.zeros((len(weights), len(true_positive)))
    columns = [np.flatnonzero(flags) for flags in true_positive]
    for rows in portions(len(weights), len(image)):
        drawn = weights[rows][:, image]
        seen = np.cumsum(drawn, axis=1)
        for threshold, found in enumerate(columns):
            curve = _Curve(drawn[:, found], seen[:, found], n_weighted[rows])
            area = curve.coco101() if interpolation == "coco101" else curve.all_points()
            result[rows, threshold] = area
    result[n_weighted == 0] = np.nan
    return result


class _Curve:
    """Precision-recall curves of R weightings, at their P true positives only."""

    def __init__(
        self,
        drawn: NDArray[np.float64],
        seen: NDArray[np.float64],
        n_truth: NDArray[np.float64],
    ) -> None:
        found = np.cumsum(drawn, axis=1)
        precision = np.divide(found, seen, out=np.zeros_like(found), where=seen > 0)
        self.drawn = drawn
        self.n_truth = n_truth
        self.recall = np.nan_to_num(ratio(found, n_truth[:, None]))
        self.best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]

    def coco101(self) -> NDArray[np.float64]:
        padded = np.pad(self.best, ((0, 0), (0, 1)))  # recall never reached: precision 0
        reached = [np.searchsorted(row, RECALL_POINTS, side="left") for row in self.recall]
        means = [row[index].mean() for row, index in zip(padded, reached, strict=True)]
        return np.array(means)

    def all_points(self) -> NDArray[np.float64]:
        return np.nan_to_num(ratio((self.drawn * self.best).sum(axis=1), self.n_truth))
