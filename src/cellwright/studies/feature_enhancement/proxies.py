"""What shorter trials would have chosen, read off the full ones.

Each full trial tells its validation mIoU epoch by epoch, so cutting all of them at an earlier
epoch costs nothing: how far the order at the cut agrees with the order at the end (Kendall's
tau-b), and what the trial that leads at the cut ends behind the best. The cut trials are not
trained with a schedule of their own, whose rate would have fallen to its end by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from cellwright.metrics.intervals import Interval, percentile_interval
from cellwright.studies.study import Figure, figure_of

SHARES = {"an eighth": 8, "a quarter": 4, "half": 2}
"""What is left of a full trial, in words, and the divisor of its epochs."""

METRICS = ("rank agreement with full trials (Kendall's tau)", "mIoU given away (points)")
TABLE = "trials cut short"
RESAMPLES = 2000
LEAST_TRIALS = 6
"""The order of fewer says next to nothing."""


class Proxy(NamedTuple):
    """Trials judged before their end.

    Attributes:
        agreement: Kendall's tau-b of the two orders, -1 to 1, over resampled trials.
        lost: best final figure less that of the trial that leads at the cut.
    """

    agreement: Interval
    lost: float


def judge_early(curves: NDArray[np.float64], n_epochs: int) -> Proxy:
    """Cut trials after ``n_epochs``; a trial's figure is its best epoch's up to there.

    Args:
        curves: ``(trials, epochs)``, validation figure after each epoch; higher is better.
        n_epochs: epochs that are left of each.

    Examples:
        >>> judge_early(np.array([[0.25, 0.5], [0.5, 0.25], [0.0, 0.75]]), 1).lost
        0.25
    """
    early, final = curves[:, :n_epochs].max(axis=1), curves.max(axis=1)
    rng = np.random.default_rng(0)
    draws = rng.integers(len(curves), size=(RESAMPLES, len(curves)))
    samples = np.array([_tau(early[draw], final[draw]) for draw in draws])
    agreement = percentile_interval(_tau(early, final), samples, n=len(curves))
    return Proxy(agreement, float(final.max() - final[early.argmax()]))


def figures_of_proxies(row: str, curves: Sequence[Sequence[float]]) -> list[Figure]:
    """Both figures of every share of the full trials; none of fewer than :data:`LEAST_TRIALS`.

    Args:
        row: what was searched; the share is added to it.
        curves: validation mIoU in [0, 1] of each trial, epoch by epoch, all of one length.
    """
    if len(curves) < LEAST_TRIALS:
        return []
    held = np.asarray(curves, np.float64)
    found: list[Figure] = []
    for words, divisor in SHARES.items():
        proxy = judge_early(held, max(1, held.shape[1] // divisor))
        own = f"{row}, judged after {words} of the epochs"
        lost = Figure(TABLE, own, METRICS[1], 100 * proxy.lost, n=len(held))
        found += [figure_of(TABLE, own, METRICS[0], proxy.agreement), lost]
    return found


def _tau(early: NDArray[np.float64], final: NDArray[np.float64]) -> float:
    """Kendall's tau-b; 0 where one of the orders is none, since it then says nothing."""
    if np.ptp(early) == 0 or np.ptp(final) == 0:
        return 0.0
    return float(stats.kendalltau(early, final).statistic)
