"""Intervals: how far a figure could lie from the truth, given how little was measured.

A share of independent things (cells of one image) has a Wilson score interval
(Wilson 1927, J. Am. Stat. Assoc. 22:209). A figure pooled over images does not:
cells of one image resemble each other, so whole images, or whole groups such as
wells and patients, are drawn with replacement (cluster bootstrap, percentile
interval; Efron and Tibshirani 1993, chapter 13). With fewer than two units there
is nothing to resample and the interval is left open instead of being drawn at
zero width; below about ten units the percentile interval is too narrow, and where all
units agree (none of 3 and none of 4) it has no width at all. A pooled share that a
decision hangs on takes the wider of both at each end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cellwright.errors import ConfigError

CONFIDENCE = 0.95
"""Confidence of every interval unless another is asked for."""

MOST_WEIGHTS = 1 << 21
"""Weights used at once: 16 MB of float64, of which there may be a handful of copies."""

Weights: TypeAlias = NDArray[np.float64]
"""``(R, I)``: how often each of I images stands in each of R resamples."""


@dataclass(frozen=True)
class Interval:
    """A figure, the interval it lies in, and how many observations it is made of.

    Attributes:
        value: the figure; None where it is undefined (a share of nothing).
        low: lower end; None where no interval can be given.
        high: upper end; None where no interval can be given.
        n: observations behind the value: the denominator of a share, the number of images of
            a mean over images, the number of true cells of an average precision.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int

    def to_json(self) -> dict[str, Any]:
        """The four fields as a plain dictionary."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


@dataclass(frozen=True)
class Resampling:
    """How images are drawn with replacement for an interval.

    Attributes:
        n: resamples; 0 leaves intervals open.
        seed: of the draws.
        groups: one name an image (well, patient, slide); images of a group are drawn together. None
            draws image by image.

    Raises:
        ConfigError: a negative number of resamples.
    """

    n: int = 500
    seed: int = 0
    groups: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ConfigError(f"the number of resamples must be >= 0, not {self.n}")


BY_IMAGE = Resampling()
"""Enough for a report of many figures."""

FINE = 2000
"""Resamples of a figure that stands alone."""

FINER = Resampling(FINE)


def wilson(successes: int, n: int, *, confidence: float = CONFIDENCE) -> Interval:
    """Share ``successes / n`` of independent things with its Wilson score interval.

    Args:
        successes: 0..n.
        n: number of things; 0 gives an undefined share.
        confidence: in (0, 1).

    Raises:
        ConfigError: successes outside 0..n, or confidence outside (0, 1).

    >>> share = wilson(8, 10)
    >>> share.value, round(share.low, 4), round(share.high, 4)
    (0.8, 0.4902, 0.9433)
    """
    _check_confidence(confidence)
    if not 0 <= successes <= n:
        raise ConfigError(f"successes must lie in 0..n, not {successes} of {n}")
    if n == 0:
        return Interval(None, None, None, 0)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # The closed form reaches the ends exactly only without rounding.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Interval(share, low, high, n)


def units_to_resample(groups: Sequence[str]) -> Sequence[str] | None:
    """Groups where there are several and one of them holds several images; None for images.

    Images of one single group are resampled as images: the interval then speaks of more images
    of this group, and of no other group.

    >>> units_to_resample(["a", "a", "b"])
    ['a', 'a', 'b']
    >>> units_to_resample(["a", "a"]) is units_to_resample(["a", "b"]) is None
    True
    """
    return groups if 1 < len(set(groups)) < len(groups) else None


def bootstrap_weights(n_images: int, resampling: Resampling) -> Weights:
    """Resamples of whole images, or of whole groups where ``resampling`` names one an image.

    Returns:
        float64 ``(resampling.n, n_images)`` of counts >= 0; without rows where fewer than two
        units exist, since resampling one unit would pretend to certainty.

    Raises:
        ConfigError: groups of another number than ``n_images``.
    """
    n_units, unit_of_image = _units(n_images, resampling)
    if n_units < 2:
        return np.zeros((0, n_images))
    shares = np.full(n_units, 1 / n_units)
    drawn = np.random.default_rng(resampling.seed).multinomial(n_units, shares, resampling.n)
    return drawn[:, unit_of_image].astype(np.float64)


def _units(n_images: int, resampling: Resampling) -> tuple[int, NDArray[np.intp]]:
    """How many images or groups are drawn, and which of them each image is of."""
    groups = resampling.groups
    if groups is None:
        return n_images, np.arange(n_images)
    if len(groups) != n_images:
        raise ConfigError(
            f"{n_images} images but {len(groups)} groups", remedy="one group an image"
        )
    names, unit_of_image = np.unique(np.asarray(groups), return_inverse=True)
    return len(names), unit_of_image


def with_resamples(n_images: int, resampling: Resampling) -> Weights:
    """All images once in row 0, for the figure itself, then :func:`bootstrap_weights`."""
    drawn = bootstrap_weights(n_images, resampling)
    return np.vstack([np.ones((1, n_images)), drawn])


def intervals_of(
    values: Mapping[str, NDArray[np.float64]], observations: Mapping[str, int]
) -> dict[str, Interval]:
    """Intervals of several figures computed under the weights of :func:`with_resamples`.

    Args:
        values: metric name -> ``(1 + R,)``.
        observations: metric name -> observations behind it; its order is kept.
    """
    return {
        name: percentile_interval(values[name][0], values[name][1:], n=n)
        for name, n in observations.items()
    }


def intervals_by_class(
    values: Mapping[str, NDArray[np.float64]], classes: Sequence[str], *, n: int
) -> dict[str, dict[str, Interval]]:
    """:func:`intervals_of` for each class: metric name -> ``(K, 1 + R)``, all with the same n."""
    return {
        name: intervals_of(
            {metric: rows[index] for metric, rows in values.items()}, dict.fromkeys(values, n)
        )
        for index, name in enumerate(classes)
    }


def portions(n_resamples: int, n_columns: int) -> Iterator[slice]:
    """Rows of a table of weights some at a time, so that memory does not grow with resamples.

    >>> list(portions(3, MOST_WEIGHTS))
    [slice(0, 1, None), slice(1, 2, None), slice(2, 3, None)]
    """
    step = max(1, MOST_WEIGHTS // max(1, n_columns))
    return (slice(row, min(row + step, n_resamples)) for row in range(0, n_resamples, step))


def mean_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the first axis, leaving out NaN; NaN where all are."""
    n_defined = (~np.isnan(values)).sum(axis=0).astype(np.float64)
    return ratio(np.nansum(values, axis=0), n_defined)


def percentile_interval(
    value: float, samples: NDArray[np.float64], *, n: int, confidence: float = CONFIDENCE
) -> Interval:
    """The interval that holds the middle ``confidence`` of bootstrap ``samples``.

    Args:
        value: the figure on all images; NaN where undefined.
        samples: ``(R,)``, the figure on each resample; undefined ones are NaN and left out.
        n: observations behind the value.
        confidence: in (0, 1).
    """
    _check_confidence(confidence)
    if math.isnan(value):
        return Interval(None, None, None, n)
    defined = samples[~np.isnan(samples)]
    if len(defined) == 0:
        return Interval(float(value), None, None, n)
    low, high = np.quantile(defined, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Interval(float(value), float(low), float(high), n)


def bootstrap_by_image(
    statistic: Callable[[Weights], NDArray[np.float64]],
    n_images: int,
    *,
    n: int,
    resampling: Resampling = FINER,
) -> Interval:
    """95 % interval of any figure that can be computed from weighted images.

    Args:
        statistic: maps weights ``(R, n_images)`` to ``(R,)`` values, NaN where undefined.
        n_images: number of images.
        n: observations behind the value, copied into the result.
        resampling: how images, or groups of them, are drawn for the intervals.
    """
    weights = bootstrap_weights(n_images, resampling)
    value = float(statistic(np.ones((1, n_images)))[0])
    return percentile_interval(value, statistic(weights), n=n)


def bootstrap_ratio(
    numerators: ArrayLike,
    denominators: ArrayLike,
    *,
    resampling: Resampling = FINER,
) -> Interval:
    """Pooled share ``sum(numerators) / sum(denominators)``, images drawn as wholes.

    Args:
        numerators: ``(I,)``, one value an image (live cells, or an absolute count error).
        denominators: ``(I,)`` >= 0, one value an image (all cells, or 1 for a mean over images).
        resampling: how images, or groups of them, are drawn for the intervals.

    Returns:
        Interval whose ``n`` is the sum of the denominators; undefined where that is 0.

    Raises:
        ConfigError: arrays of different or wrong shape, or a negative denominator.
    """
    top = np.asarray(numerators, dtype=np.float64)
    bottom = np.asarray(denominators, dtype=np.float64)
    if top.ndim != 1 or top.shape != bottom.shape:
        raise ConfigError(
            f"numerators {top.shape} and denominators {bottom.shape} must both have shape (I,)"
        )
    if (bottom < 0).any():
        raise ConfigError("denominators must be >= 0")
    n = round(float(bottom.sum()))
    if resampling.groups is not None:
        # A row of weights an image would need gigabytes where a group has many.
        _, unit_of_image = _units(len(top), resampling)
        top = np.bincount(unit_of_image, top).astype(np.float64)
        bottom = np.bincount(unit_of_image, bottom).astype(np.float64)
        resampling = replace(resampling, groups=None)
    return bootstrap_by_image(
        lambda weights: ratio(weights @ top, weights @ bottom),
        len(top),
        n=n,
        resampling=resampling,
    )


def wider(first: Interval, second: Interval) -> Interval:
    """``first`` with each end as far out as in either; an open end gives way to the other's.

    >>> wider(Interval(0.5, 0.2, 0.7, 4), Interval(0.5, 0.3, None, 4))
    Interval(value=0.5, low=0.2, high=0.7, n=4)
    """
    lows = [one.low for one in (first, second) if one.low is not None]
    highs = [one.high for one in (first, second) if one.high is not None]
    return replace(first, low=min(lows, default=None), high=max(highs, default=None))


def pooled_share(
    successes: ArrayLike, counts: ArrayLike, *, resampling: Resampling = FINER
) -> Interval:
    """Share ``sum(successes) / sum(counts)`` of things in images, with the wider interval.

    The wider of Wilson's, which takes all things for independent, and of the one that draws
    images: that one knows how unlike images are, but sees certainty where a few agree.

    Args:
        successes: ``(I,)`` integers, 0..n in each image.
        counts: ``(I,)`` integers n, things in each image.
        resampling: how images, or groups of them, are drawn for the intervals.

    Raises:
        ConfigError: as :func:`wilson` and :func:`bootstrap_ratio`.

    >>> share = pooled_share([0, 0], [3, 3])
    >>> share.value, share.low, round(share.high, 2)
    (0.0, 0.0, 0.39)
    """
    by_image = bootstrap_ratio(successes, counts, resampling=resampling)
    return wider(wilson(int(np.sum(successes)), int(np.sum(counts))), by_image)


def ratio_of_few(
    numerators: ArrayLike, denominators: ArrayLike, *, resampling: Resampling = FINER
) -> Interval:
    """Ratio ``sum(numerators) / sum(denominators)`` of what is no count of independent things.

    The wider of the interval that draws images or groups, which of two of them is no more than the
    two values, and of Student's t for the linearised ratio (Cochran 1977, *Sampling Techniques*,
    chapter 6), which knows how little two of them say. Open where all of them agree exactly.

    Args:
        numerators: ``(I,)`` >= 0, one value an image (covered pixels); NaN where unknown.
        denominators: ``(I,)`` >= 0, one value an image (all pixels).
        resampling: how images, or groups of them, are drawn for the intervals.

    Returns:
        Interval that does not reach below 0.

    >>> share = ratio_of_few([40, 60], [100, 100])
    >>> share.value, share.low, round(share.high, 2)
    (0.5, 0.0, 1.77)
    """
    drawn = bootstrap_ratio(numerators, denominators, resampling=resampling)
    if drawn.value is None or drawn.low is None:
        return drawn
    top, bottom = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    _, unit = _units(len(top), resampling)
    off = np.bincount(unit, top - drawn.value * bottom)
    spread = math.sqrt(len(off) / (len(off) - 1) * float(off @ off)) / float(bottom.sum())
    if math.isclose(drawn.value + spread, drawn.value, rel_tol=1e-9, abs_tol=1e-12):
        return replace(drawn, low=None, high=None)
    from scipy.special import stdtrit  # noqa: PLC0415 - SciPy, only for figures that stand alone

    half = float(stdtrit(len(off) - 1, 0.5 + CONFIDENCE / 2)) * spread
    by_student = replace(drawn, low=max(0.0, drawn.value - half), high=drawn.value + half)
    return wider(drawn, by_student)


def ratio(
    numerators: NDArray[np.float64], denominators: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Element-wise quotient, NaN where the denominator is 0."""
    quotient = np.full(np.broadcast(numerators, denominators).shape, np.nan)
    np.divide(numerators, denominators, out=quotient, where=denominators != 0)
    return quotient


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ConfigError(f"confidence must lie between 0 and 1, not {confidence}")
