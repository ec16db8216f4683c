"""Score maps against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from cellwright.errors import ConfigError
from cellwright.metrics.calibration import fit_score_map
from cellwright.metrics.score_map import binned_excess


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
