"""What a score means, and how far a count may be off, learned from labelled images.

*Score map.* The share of boxes with a given score that are true cells is fitted by
isotonic regression (Zadrozny and Elkan 2002): the non-decreasing steps that fit best.
Steps are turned into a line through the centre of each (centred isotonic regression,
Oron and Flournoy 2017), which is smoother and as few numbers. How well a map holds is
measured by the expected calibration error (Guo et al. 2017).

*Conformal quantile.* If n residuals and a new one are exchangeable, the new one lies at or
below the ceil((n + 1) * level)-th smallest of the n with a probability of at least
``level``, whatever their distribution (Vovk et al. 2005; Lei et al. 2018).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import stdtrit

from cellwright.errors import ConfigError

CALIBRATION_BINS = 15


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """Score -> probability that a box is a true cell: linear between knots, flat beyond.

    Attributes:
        scores: float64 ``(P,)``, rising, P >= 1.
        probabilities: float64 ``(P,)`` in [0, 1], not falling.
    """

    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]

    def __call__(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Probability for each of ``scores`` ``(N,)``."""
        return np.interp(np.asarray(scores, np.float64), self.scores, self.probabilities)


def fit_score_map(scores: NDArray[np.floating], found: NDArray[np.bool_]) -> ScoreMap:
    """Centred isotonic regression of ``found`` on ``scores``.

    Args:
        scores: ``(N,)``, N >= 1.
        found: bool ``(N,)``, whether each box is a true cell.

    Raises:
        ConfigError: there is no box.

    >>> fit_score_map(np.array([0.2, 0.4, 0.6]), np.array([False, True, False])).scores
    array([0.2, 0.5])
    """
    if len(scores) == 0:
        raise ConfigError("a score map needs at least one box")
    # Boxes of equal score are one point, or a step could part them.
    distinct, place, weight = np.unique(
        np.asarray(scores, np.float64), return_inverse=True, return_counts=True
    )
    share = np.bincount(place, weights=found) / weight
    fit = isotonic_regression(share, weights=weight)
    starts = fit.blocks[:-1]
    centre = np.add.reduceat(distinct * weight, starts) / np.add.reduceat(weight, starts)
    return ScoreMap(centre, np.clip(fit.x[starts], 0.0, 1.0))


def binned_excess(
    right: NDArray[np.floating], confidence: NDArray[np.floating]
) -> NDArray[np.float64]:
    """What was right less what was claimed, in the bin of the claim; summed, a bin's error.

    Args:
        right: ``(N,)``, 1 where the claim came true, else 0.
        confidence: ``(N,)`` in [0, 1].

    Returns:
        float64 ``(N, 15)`` with one value a row, in equal bins of confidence.
    """
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1)
    excess = np.zeros((len(bins), CALIBRATION_BINS))
    excess[np.arange(len(bins)), bins] = right - confidence
    return excess


def conformal_quantile(residuals: Sequence[float], *, level: float) -> float | None:
    """What a new residual stays at or below with a probability of at least ``level``.

    Args:
        residuals: n values in any order, exchangeable with the new one.
        level: in (0, 1).

    Returns:
        None where n is so small that no bound can be given: n < level / (1 - level).

    >>> conformal_quantile([0.1, 0.5, 0.2, 0.9, 0.3, 0.4, 0.6, 0.7, 0.8], level=0.9)
    0.9
    >>> conformal_quantile([0.1, 0.5], level=0.9) is None
    True
    """
    if not 0 < level < 1:
        raise ConfigError(f"the level must lie between 0 and 1, not {level}")
    # Rounding must not lift (n + 1) * level over the whole number that it is.
    rank = math.ceil((len(residuals) + 1) * level - 1e-9)
    return float(sorted(residuals)[rank - 1]) if rank <= len(residuals) else None


def sum_quantile(residuals: Sequence[float], sds: Sequence[float], *, level: float) -> float | None:
    """Half width of the prediction interval of a sum of m counts.

    Each count has an error of sd ``sds`` times a factor common to all, whose square is the
    mean square of ``residuals``; errors of different images are independent, but the bias of
    the n residuals, known only to 1/sqrt(n), is in all m of them:

        variance = max(1, mean(r^2)) * (sum(sd^2) + sum(sd)^2 / n)

    times Student's quantile with n - 1 degrees of freedom, as for a sum of new observations.
    The factor is at least 1: luck with few residuals does not make chance smaller.

    Args:
        residuals: n errors of single images in units of their sd; signs do not matter.
        sds: ``(m,)``, the sd of each summed count.
        level: in (0, 1).

    Returns:
        None with fewer than two residuals.
    """
    n = len(residuals)
    if n < 2:
        return None
    factor = max(1.0, float(np.mean(np.square(residuals))))
    spread = np.asarray(sds, np.float64)
    variance = factor * (float((spread**2).sum()) + float(spread.sum()) ** 2 / n)
    return float(stdtrit(n - 1, 0.5 + level / 2)) * math.sqrt(variance)
