"""How far a count may be off, from how far others were off.

*One image.* If n residuals and a new one are exchangeable, the new one lies at or below the
ceil((n + 1) * level)-th smallest of the n with a probability of at least ``level``, whatever
their distribution (split conformal prediction; Vovk et al. 2005, Lei et al. 2018).

*A sum of images* has no such promise; it gets a prediction interval of normal theory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from cellwright.errors import ConfigError


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
    return student_quantile(0.5 + level / 2, n - 1) * math.sqrt(variance)


def student_quantile(probability: float, degrees: int) -> float:
    """Quantile of Student's t, by its expansion about the normal one.

    Abramowitz and Stegun 26.7.5; off by less than 0.001 at 0.95 from four degrees of freedom, by
    less than 0.002 at three. Exact at one and two, where there are formulas.

    >>> round(student_quantile(0.95, 9), 3)
    1.833
    """
    if degrees == 1:
        return math.tan(math.pi * (probability - 0.5))
    if degrees == 2:
        return (2 * probability - 1) / math.sqrt(2 * probability * (1 - probability))
    z = NormalDist().inv_cdf(probability)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(sum(term / degrees**power for power, term in enumerate(terms)))
