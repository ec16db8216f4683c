"""Scores as probabilities: the map itself, and how well claims held.

Fitted by :mod:`cellwright.metrics.calibration`, which needs more than NumPy; this does not,
so that using a map costs no start-up time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
