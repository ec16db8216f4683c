"""Whether a model's uncertainty holds: coverage and width of count intervals, calibration.

- ``count_coverage``: share of images whose true count lies in its interval, which should be
  :data:`~cellwright.inference.counts.COUNT_LEVEL` or more; with a Wilson interval.
- ``count_width``: mean number of cells from the low to the high end: coverage is cheap if
  intervals are wide.
- ``ece``: expected calibration error (Guo et al. 2017, 15 bins) of the probabilities that
  boxes which reach their threshold are true cells; ``score_ece`` the same of bare scores.

All but ``score_ece`` are undefined for a card without calibration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.calibration import Calibration, ClassCalibration
from cellwright.inference.counts import CountEstimate, CountEstimates, estimate_counts
from cellwright.metrics.counting_rule import CountingRule
from cellwright.metrics.intervals import (
    Interval,
    Resampling,
    Weights,
    percentile_interval,
    ratio,
    wilson,
    with_resamples,
)
from cellwright.metrics.matching import match_greedy
from cellwright.metrics.score_map import binned_excess
from cellwright.types import Boxes

N_RESAMPLES = 500


@dataclass(frozen=True, eq=False)
class CountMetrics:
    """Metric name -> figure, over all classes and for each."""

    total: dict[str, Interval]
    per_class: tuple[dict[str, Interval], ...]


def measure_counts(
    truth: Sequence[Boxes],
    predicted: Sequence[Boxes],
    calibration: Calibration | None,
    *,
    rule: CountingRule,
    groups: Sequence[str] | None = None,
) -> CountMetrics:
    """The figures of the header.

    Args:
        truth: annotated boxes, one item an image.
        predicted: ranked lists, one item an image.
        calibration: the card's.
        rule: what counts as a cell.
        groups: one name an image; images of a group are resampled together.
    """
    n_classes = len(rule.thresholds)
    weights = with_resamples(len(truth), Resampling(groups=groups, n=N_RESAMPLES, seed=0))
    estimates = [estimate_counts(boxes, calibration, n_classes) for boxes in predicted]
    cells = [rule(boxes) for boxes in predicted]
    hits = [match_greedy(true, guess) >= 0 for true, guess in zip(truth, predicted, strict=True)]
    classes = (None,) * n_classes if calibration is None else calibration.classes
    reliability = [
        _Reliability.of_class(predicted, hits, class_id, calibrated, threshold=threshold)
        for class_id, (calibrated, threshold) in enumerate(
            zip(classes, rule.thresholds, strict=True)
        )
    ]
    per_class = []
    for class_id in range(n_classes):
        outcome = _Outcome(
            [one.per_class[class_id] for one in estimates],
            _numbers(truth, class_id),
            _numbers(cells, class_id),
        )
        per_class.append({**outcome.figures(weights), **reliability[class_id].figures(weights)})
    outcome = _Outcome(_totals(estimates), _lengths(truth), _lengths(cells))
    together = _Reliability.together(reliability)
    return CountMetrics({**outcome.figures(weights), **together.figures(weights)}, tuple(per_class))


@dataclass(frozen=True, eq=False)
class _Outcome:
    """Estimates of all images beside the true and the counted numbers of cells."""

    estimates: Sequence[CountEstimate | None]
    truth: NDArray[np.int64]
    counted: NDArray[np.int64]

    def figures(self, weights: Weights) -> dict[str, Interval]:
        ranges = [
            None if one is None else one.interval(counted=int(count))
            for one, count in zip(self.estimates, self.counted, strict=True)
        ]
        known = [one for one in ranges if one is not None]
        if len(known) < len(ranges):
            return dict.fromkeys(
                ("count_coverage", "count_width"), Interval(None, None, None, len(ranges))
            )
        low, high = np.array(known).T
        covered = int(((low <= self.truth) & (self.truth <= high)).sum())
        width = ratio(weights @ (high - low), weights.sum(axis=1))
        return {
            "count_coverage": wilson(covered, len(known)),
            "count_width": percentile_interval(width[0], width[1:], n=len(known)),
        }


@dataclass(frozen=True, eq=False)
class _Reliability:
    """Sums behind the calibration error, an image.

    Attributes:
        claimed: ``(I, B)``, hits less probability, summed in each bin of probability; None
            where probabilities are unknown.
        scored: the same with bare scores for probabilities.
        n_boxes: ``(I,)`` boxes that reach their threshold.
    """

    claimed: NDArray[np.float64] | None
    scored: NDArray[np.float64]
    n_boxes: NDArray[np.float64]

    @classmethod
    def of_class(
        cls,
        predicted: Sequence[Boxes],
        hits: Sequence[NDArray[np.bool_]],
        class_id: int,
        calibrated: ClassCalibration | None,
        *,
        threshold: float,
    ) -> _Reliability:
        claimed, scored, n_boxes = [], [], []
        for guess, hit in zip(predicted, hits, strict=True):
            every = np.zeros(len(guess), np.float32) if guess.scores is None else guess.scores
            kept = (guess.class_ids == class_id) & (every >= np.float32(threshold))
            scores, right = every[kept], hit[kept].astype(np.float64)
            n_boxes.append(float(len(scores)))
            scored.append(binned_excess(right, scores).sum(axis=0))
            if calibrated is not None:
                probabilities = calibrated.probabilities_of(scores)
                claimed.append(binned_excess(right, probabilities).sum(axis=0))
        return cls(np.array(claimed) if claimed else None, np.array(scored), np.array(n_boxes))

    @classmethod
    def together(cls, parts: Sequence[_Reliability]) -> _Reliability:
        """Boxes of all classes in the same bins."""
        known = [one.claimed for one in parts if one.claimed is not None]
        return cls(
            np.sum(known, axis=0) if len(known) == len(parts) else None,
            np.sum([one.scored for one in parts], axis=0),
            np.sum([one.n_boxes for one in parts], axis=0),
        )

    def figures(self, weights: Weights) -> dict[str, Interval]:
        return {
            "ece": self._error(self.claimed, weights),
            "score_ece": self._error(self.scored, weights),
        }

    def _error(self, excess: NDArray[np.float64] | None, weights: Weights) -> Interval:
        n = int(self.n_boxes.sum())
        if excess is None:
            return Interval(None, None, None, n)
        errors = ratio(np.abs(weights @ excess).sum(axis=1), weights @ self.n_boxes)
        return percentile_interval(errors[0], errors[1:], n=n)


def _totals(estimates: Sequence[CountEstimates]) -> list[CountEstimate | None]:
    return [one.total for one in estimates]


def _lengths(boxes: Sequence[Boxes]) -> NDArray[np.int64]:
    return np.array([len(one) for one in boxes])


def _numbers(boxes: Sequence[Boxes], class_id: int) -> NDArray[np.int64]:
    return np.array([int((one.class_ids == class_id).sum()) for one in boxes])
