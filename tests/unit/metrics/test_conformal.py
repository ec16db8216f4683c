"""Quantiles against their guarantee."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cellwright.errors import ConfigError
from cellwright.metrics.conformal import conformal_quantile, student_quantile, sum_quantile


@pytest.mark.parametrize(("n", "level"), [(20, 0.9), (64, 0.9), (29, 0.95)])
def test_a_new_residual_is_covered_as_promised(n: int, level: float) -> None:
    rng = np.random.default_rng(0)
    n_trials = 4000
    covered = 0
    for _ in range(n_trials):
        *known, new = rng.standard_cauchy(n + 1)
        bound = conformal_quantile(known, level=level)
        assert bound is not None
        covered += new <= bound
    error = 3 * np.sqrt(level * (1 - level) / n_trials)
    # Vovk et al.: at least the level, and at most 1 / (n + 1) more where no two are equal.
    assert level - error <= covered / n_trials <= level + 1 / (n + 1) + error


def test_no_bound_where_too_few_are_known() -> None:
    assert conformal_quantile([1.0] * 8, level=0.9) is None
    assert conformal_quantile([1.0] * 9, level=0.9) == 1.0
    assert conformal_quantile([1.0] * 18, level=0.95) is None
    assert conformal_quantile([1.0] * 19, level=0.95) == 1.0
    with pytest.raises(ConfigError, match="level"):
        conformal_quantile([1.0], level=1.0)


def test_a_sum_is_covered_though_its_bias_is_known_only_roughly() -> None:
    rng = np.random.default_rng(0)
    n, m, n_trials = 30, 20, 3000
    covered = 0
    for _ in range(n_trials):
        known = rng.normal(0, 1.5, n)
        known -= known.mean()  # calibration leaves no bias on its own images
        reach = sum_quantile(known, [2.0] * m, level=0.9)
        assert reach is not None
        bias = rng.normal(0, 1.5 / np.sqrt(n))
        covered += abs(2.0 * (rng.normal(0, 1.5, m).sum() + m * bias)) <= reach
    assert covered / n_trials == pytest.approx(0.9, abs=0.02)


def test_a_sum_by_hand() -> None:
    # Many residuals of size 2: variance 4 * (9 + 16), no bias to speak of, normal quantile.
    reach = sum_quantile([2.0] * 1_000_000, [3.0, 4.0], level=0.9)
    assert reach == pytest.approx(1.6449 * 10, rel=1e-3)
    # Luck with the residuals does not make chance smaller than it is.
    assert sum_quantile([0.0] * 1_000_000, [3.0, 4.0], level=0.9) == pytest.approx(
        1.6449 * 5, rel=1e-3
    )
    assert sum_quantile([1.0], [1.0, 1.0], level=0.9) is None


@pytest.mark.parametrize("degrees", [1, 2, 4, 9, 28, 63, 1000])
@pytest.mark.parametrize("probability", [0.6, 0.95, 0.975])
def test_students_quantile(probability: float, degrees: int) -> None:
    exact = stats.t.ppf(probability, degrees)
    assert student_quantile(probability, degrees) == pytest.approx(exact, abs=1e-3)
