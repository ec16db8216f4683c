"""Score maps against scikit-learn, quantiles against their guarantee."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from cellwright.errors import ConfigError
from cellwright.metrics.calibration import (
    binned_excess,
    conformal_quantile,
    fit_score_map,
    sum_quantile,
)


def draws(n: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores that understate: a box of score s is true with probability sqrt(s)."""
    rng = np.random.default_rng(seed)
    scores = rng.random(n).round(2)  # rounded, so that many are equal
    return scores, rng.random(n) < np.sqrt(scores)


@pytest.mark.parametrize("seed", range(4))
def test_knots_are_the_centres_of_scikit_learns_steps(seed: int) -> None:
    scores, found = draws(150, seed=seed)
    steps = IsotonicRegression().fit_transform(scores, found.astype(float))
    score_map = fit_score_map(scores, found)
    assert score_map.probabilities == pytest.approx(np.unique(steps.round(12)))
    for centre, height in zip(score_map.scores, score_map.probabilities, strict=True):
        assert centre == pytest.approx(scores[np.isclose(steps, height)].mean())
        assert score_map(np.array([centre]))[0] == pytest.approx(height)


def test_a_map_learns_what_scores_mean() -> None:
    score_map = fit_score_map(*draws(4000, seed=0))
    new_scores, new_found = draws(4000, seed=1)

    def error(claims: np.ndarray) -> float:
        return float(np.abs(binned_excess(new_found, claims).sum(axis=0)).sum() / len(claims))

    assert error(new_scores) > 0.1
    assert error(score_map(new_scores)) < 0.03


def test_a_map_rises_between_its_ends_and_is_flat_beyond() -> None:
    score_map = fit_score_map(np.array([0.3, 0.5, 0.7]), np.array([False, True, True]))
    assert score_map(np.array([0.0, 0.3, 0.45, 0.6, 1.0])) == pytest.approx([0, 0, 0.5, 1, 1])
    only = fit_score_map(np.array([0.4]), np.array([True]))
    assert only(np.array([0.1, 0.9])).tolist() == [1, 1]
    with pytest.raises(ConfigError, match="at least one box"):
        fit_score_map(np.zeros(0), np.zeros(0, bool))


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
