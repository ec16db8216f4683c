"""How many cells there truly are: an estimate with an interval, from the card's calibration.

The card's score maps turn each box of a ranked list, also those too weak to count, into
the probability p that it is a true cell. With missed cells added in proportion m, the
true count of an image has

    mean      E = (1 + m) * sum(p)
    variance  V = sum(p * (1 - p)) + m * sum(p) + (k * E)^2 + 1/4

where k is how much images differ beyond chance and 1/4 stands for half a cell. The
interval of one image is E -+ q * sqrt(V); q is the conformal quantile of the validation
images, but not below the normal one z: where most images are certain, marginal coverage
alone would allow intervals that fail on just those images that are not. A sum over images
follows :func:`cellwright.metrics.conformal.sum_quantile`. See
``docs/methods/uncertain-counts.md``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.calibration import Calibration, ClassCalibration, CountSpread
from cellwright.metrics.conformal import conformal_quantile, sum_quantile
from cellwright.types import Boxes

COUNT_LEVEL = 0.9
"""How often a true count shall lie in its interval."""

HALF_A_CELL = 0.25
"""Variance of an image in which everything is certain, so that no interval has no width."""


class CountRange(NamedTuple):
    """Whole numbers that the true count lies between, ends included."""

    low: int
    high: int


class Expectation(NamedTuple):
    """Mean and variance of a true count within one image, before images differ."""

    mean: float
    variance: float


@dataclass(frozen=True)
class CountEstimate:
    """The true count of one image, or of several together.

    Attributes:
        means: expected count of each image.
        sds: its standard deviation, in units of which validation images were off.
        spread: how far they were off.
    """

    means: tuple[float, ...]
    sds: tuple[float, ...]
    spread: CountSpread

    @property
    def mean(self) -> float:
        """Expected count over all images."""
        return sum(self.means)

    def interval(
        self, *, counted: int | None = None, level: float = COUNT_LEVEL
    ) -> CountRange | None:
        """Where the true count lies with probability ``level``.

        Args:
            counted: a number the interval is widened to hold: that of the boxes that count.
            level: in (0, 1).

        Returns:
            None where too few images were labelled to say.
        """
        residuals = self.spread.residuals
        if len(self.means) == 1:
            chance = NormalDist().inv_cdf(0.5 + level / 2)
            quantile = conformal_quantile(residuals, level=level)
            reach = None if quantile is None else max(quantile, chance) * self.sds[0]
        else:
            reach = sum_quantile(residuals, self.sds, level=level)
        if reach is None:
            return None
        low, high = math.ceil(self.mean - reach), math.floor(self.mean + reach)
        if low > high:  # no whole number in between: the two around it
            low, high = high, low
        held = low if counted is None else counted
        return CountRange(max(0, min(low, held)), max(0, high, held))


class CountEstimates(NamedTuple):
    """Estimates of all classes together and of each; None where the card cannot tell."""

    total: CountEstimate | None
    per_class: tuple[CountEstimate | None, ...]


def estimate_counts(
    boxes: Boxes, calibration: Calibration | None, n_classes: int
) -> CountEstimates:
    """Estimates for one image.

    Args:
        boxes: its ranked list, at least down to the calibration's ``minimum_score``.
        calibration: the card's; without one, nothing can be said.
        n_classes: of the model.
    """
    if calibration is None:
        return CountEstimates(None, (None,) * n_classes)
    parts = [
        None if one is None else expect(boxes, class_id, one, floor=calibration.minimum_score)
        for class_id, one in enumerate(calibration.classes)
    ]
    known = [part for part in parts if part is not None]
    complete = calibration.total is not None and len(known) == len(parts)
    return CountEstimates(
        total=_estimate(together(known), calibration.total) if complete else None,
        per_class=tuple(
            None if part is None or one is None else _estimate(part, one.spread)
            for part, one in zip(parts, calibration.classes, strict=True)
        ),
    )


def expect(
    boxes: Boxes, class_id: int, calibrated: ClassCalibration, *, floor: float
) -> Expectation:
    """What the candidates of a class, with scores from ``floor`` on, lead one to expect."""
    if boxes.scores is None:
        raise ValueError("an expected count needs scores")
    candidate = (boxes.class_ids == class_id) & (boxes.scores >= np.float32(floor))
    return expectation(calibrated.probabilities_of(boxes.scores[candidate]), calibrated.missed)


def expectation(probabilities: NDArray[np.float64], missed: float) -> Expectation:
    """Poisson-binomial found cells, and Poisson missed ones in proportion ``missed``."""
    found = float(probabilities.sum())
    chance = float((probabilities * (1 - probabilities)).sum())
    return Expectation((1 + missed) * found, chance + missed * found)


def together(parts: Sequence[Expectation]) -> Expectation:
    """All classes of one image."""
    return Expectation(sum(part.mean for part in parts), sum(part.variance for part in parts))


def standard_deviation(
    mean: NDArray[np.float64], variance: NDArray[np.float64], relative: float
) -> NDArray[np.float64]:
    """``sqrt(V)`` of the header."""
    return np.asarray(np.sqrt(variance + (relative * mean) ** 2 + HALF_A_CELL))


def add_counts(estimates: Sequence[CountEstimate | None]) -> CountEstimate | None:
    """The count over several images; None where that of any is unknown, or there is none."""
    known = [one for one in estimates if one is not None]
    if not known or len(known) < len(estimates):
        return None
    return CountEstimate(
        means=tuple(mean for one in known for mean in one.means),
        sds=tuple(sd for one in known for sd in one.sds),
        spread=known[0].spread,
    )


def interval_ends(estimates: CountEstimates, counted: Boxes) -> tuple[int | None, ...]:
    """Low and high end for all cells, then for each class; None where the card cannot tell.

    Args:
        estimates: of one image.
        counted: boxes that count, whose numbers the intervals shall hold.
    """
    per_class = np.bincount(counted.class_ids, minlength=len(estimates.per_class))
    numbers = [len(counted), *per_class.tolist()]
    ends: list[int | None] = []
    for estimate, number in zip((estimates.total, *estimates.per_class), numbers, strict=True):
        interval = None if estimate is None else estimate.interval(counted=number)
        ends += (None, None) if interval is None else interval
    return tuple(ends)


def _estimate(part: Expectation, spread: CountSpread | None) -> CountEstimate | None:
    if spread is None:
        return None
    sd = standard_deviation(np.array(part.mean), np.array(part.variance), spread.relative)
    return CountEstimate((part.mean,), (float(sd),), spread)
