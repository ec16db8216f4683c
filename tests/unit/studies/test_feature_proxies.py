"""Trials cut short: do they rank as at their end, and what would have been chosen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cellwright.studies.feature_enhancement.comparison import conclude
from cellwright.studies.feature_enhancement.proxies import (
    METRICS,
    figures_of_proxies,
    judge_early,
)
from cellwright.studies.study import Outcome, Record


def test_trials_that_keep_their_order_rank_from_the_first_epoch():
    ends = np.array([0.3, 0.5, 0.4, 0.7, 0.6])
    curves = ends[:, None] * np.linspace(0.5, 1.0, 8)
    proxy = judge_early(curves, 1)
    assert (proxy.agreement.value, proxy.lost) == (pytest.approx(1.0), 0.0)
    assert proxy.agreement.n == 5


def test_trials_that_cross_are_told_from_those_that_do_not():
    rising = np.linspace(0.1, 0.9, 8)
    curves = np.stack([rising, np.full(8, 0.5), rising * 0.9])
    proxy = judge_early(curves, 2)
    expected = stats.kendalltau([rising[1], 0.5, 0.9 * rising[1]], [0.9, 0.5, 0.81]).statistic
    assert proxy.agreement.value == pytest.approx(expected)
    assert proxy.lost == pytest.approx(0.4)  # the flat one leads at the cut
    assert judge_early(curves, 8) == (judge_early(curves, 8).agreement, 0.0)


def test_trials_that_are_alike_at_the_cut_rank_nothing():
    curves = np.stack([np.r_[np.full(4, 0.2), end] for end in (0.3, 0.4, 0.5)])
    assert judge_early(curves, 4).agreement.value == 0.0


def test_every_share_has_both_figures_and_a_sentence():
    rng = np.random.default_rng(3)
    figures = figures_of_proxies("B and X", np.cumsum(rng.random((6, 16)), axis=1))
    assert [figure.metric for figure in figures] == list(METRICS) * 3
    assert len({figure.row for figure in figures}) == 3
    assert not figures_of_proxies("B and X", rng.random((5, 16)))
    low, high = figures[0].low, figures[0].high
    assert low <= figures[0].value <= high and low < high
    record = Record("search-full", "done", Outcome(tuple(figures), 0))
    told = conclude({"search-full": record})
    assert len(told) == 3 and "judged after a quarter of the epochs" in told[1]
