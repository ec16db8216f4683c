"""What a score means, learned from labelled images.

The share of boxes with a given score that are true cells is fitted by isotonic regression
(Zadrozny and Elkan 2002): the non-decreasing steps that fit best. Steps are turned into a
line through the centre of each (centred isotonic regression, Oron and Flournoy 2017), which
is smoother and takes as few numbers. How well a map holds is measured by the expected
calibration error (Guo et al. 2017).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from cellwright.errors import ConfigError
from cellwright.metrics.score_map import ScoreMap


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
