"""How well a score tells a class from the rest: ROC curve, its area, sensitivity at a specificity.

Sensitivity is the share of the class that scores at or above a threshold, specificity the share
of the rest that scores below it; the curve has a point for every threshold that occurs (Fawcett,
An introduction to ROC analysis, Pattern Recognition Letters 27:861, 2006). Nothing is
interpolated: what is claimed is what some threshold reached.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellwright.metrics.intervals import Weights, portions, ratio

SPECIFICITY = 0.95
"""At which sensitivity is reported: one false alarm in twenty."""

_ROUNDING = 1e-9


class RocCurve(NamedTuple):
    """The corners of a curve, from (0, 0) to (1, 1); empty where one side is missing.

    Attributes:
        false_positive_rate: 1 - specificity, rising.
        sensitivity: rising.
    """

    false_positive_rate: tuple[float, ...]
    sensitivity: tuple[float, ...]


def area_under_roc(
    positive: NDArray[np.bool_], scores: NDArray[np.floating], weights: Weights
) -> NDArray[np.float64]:
    """Share of (positive, negative) pairs in which the positive scores higher, ties half.

    Args:
        positive: bool ``(I,)``.
        scores: ``(I,)``.
        weights: ``(R, I)``.

    Returns:
        float64 ``(R,)``; NaN where one side is missing.
    """
    if len(scores) == 0:
        return np.full(len(weights), np.nan)
    return _in_portions(partial(_area, positive, scores), weights)


def _area(
    positive: NDArray[np.bool_], scores: NDArray[np.floating], weights: Weights
) -> NDArray[np.float64]:
    positives, negatives = _by_threshold(positive, scores, weights)
    above = np.cumsum(negatives, axis=1)
    below = above[:, -1:] - above + negatives / 2
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    return ratio((positives * below).sum(axis=1), pairs)


def sensitivity_at(
    positive: NDArray[np.bool_],
    scores: NDArray[np.floating],
    weights: Weights,
    *,
    specificity: float = SPECIFICITY,
) -> NDArray[np.float64]:
    """Largest sensitivity of a threshold whose specificity is at least ``specificity``.

    Args:
        positive: bool ``(I,)``.
        scores: ``(I,)``.
        weights: ``(R, I)``; the threshold is chosen anew in every row.
        specificity: in [0, 1].

    Returns:
        float64 ``(R,)``, 0 where no threshold is so specific; NaN where one side is missing.
    """
    if len(scores) == 0:
        return np.full(len(weights), np.nan)
    figure = partial(_sensitivity, positive, scores, specificity=specificity)
    return _in_portions(figure, weights)


def _sensitivity(
    positive: NDArray[np.bool_],
    scores: NDArray[np.floating],
    weights: Weights,
    *,
    specificity: float,
) -> NDArray[np.float64]:
    positives, negatives = (
        np.cumsum(one, axis=1) for one in _by_threshold(positive, scores, weights)
    )
    totals = positives[:, -1], negatives[:, -1]
    allowed = negatives <= (1 - specificity) * totals[1][:, None] + _ROUNDING
    reached = np.where(allowed, positives, 0).max(axis=1)
    return np.where(totals[1] > 0, ratio(reached, totals[0]), np.nan)


def roc_curves(
    is_true: NDArray[np.bool_], probabilities: NDArray[np.floating]
) -> tuple[RocCurve, ...]:
    """The curve of each class against the rest, from ``(I, K)`` of both."""
    pairs = zip(is_true.T, probabilities.T, strict=True)
    return tuple(roc_curve(truth, given) for truth, given in pairs)


def roc_curve(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> RocCurve:
    """The curve of scores ``(I,)`` for bool ``(I,)``; points on a straight line are left out."""
    if not positive.any() or positive.all():
        return RocCurve((), ())
    ones = np.ones((1, len(scores)))
    found = [np.append(0, np.cumsum(one[0])) for one in _by_threshold(positive, scores, ones)]
    sensitivity, false_positive_rate = (one / one[-1] for one in found)
    steps = np.stack([np.diff(found[0]), np.diff(found[1])])
    turns = steps[0, :-1] * steps[1, 1:] != steps[1, :-1] * steps[0, 1:]
    corner = np.concatenate([[True], turns, [True]])
    return RocCurve(
        tuple(false_positive_rate[corner].tolist()), tuple(sensitivity[corner].tolist())
    )


def _in_portions(
    figure: Callable[[Weights], NDArray[np.float64]], weights: Weights
) -> NDArray[np.float64]:
    """``(R,)`` a figure of some resamples after the others."""
    result = np.empty(len(weights))
    for rows in portions(*weights.shape):
        result[rows] = figure(weights[rows])
    return result


def _by_threshold(
    positive: NDArray[np.bool_], scores: NDArray[np.floating], weights: Weights
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``(R, T)`` positives and negatives of each of T distinct scores, from the highest down."""
    order = np.argsort(-np.asarray(scores), kind="stable")
    ordered = np.asarray(scores)[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    drawn = weights[:, order]
    side = positive[order]
    return (
        np.add.reduceat(drawn * side, starts, axis=1),
        np.add.reduceat(drawn * ~side, starts, axis=1),
    )
