"""Fuzzy c-means: clusters that are known, memberships worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import skfuzzy

from cellwright.errors import ImageError
from cellwright.features.fuzzy import (
    DRAWN,
    FUZZINESS,
    MAX_ITERATIONS,
    TOLERANCE,
    fuzzy_centres,
    memberships,
)


def test_centres_are_those_of_the_clusters() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([[0.0, 0.0, 0.0], [50.0, 0.0, 20.0], [90.0, -40.0, 0.0]])
    points = np.concatenate([rng.normal(one, 2.0, (3 * DRAWN, 3)) for one in truth])
    found = fuzzy_centres(points, 3)
    order = found[:, 0].argsort()
    np.testing.assert_allclose(found[order], truth, atol=1.5)
    np.testing.assert_array_equal(found, fuzzy_centres(points, 3))


@pytest.mark.parametrize("n_clusters", [2, 3, 5])
def test_centres_are_those_of_scikit_fuzzy(n_clusters: int) -> None:
    """From the same start, overlapping clusters, and a point that becomes its own centre."""
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.normal(one, 8.0, (300, 3)) for one in (0.0, 20.0, 45.0)])
    points = np.concatenate([points, np.full((500, 3), 200.0)])
    expected, *_ = skfuzzy.cmeans(
        points.T, n_clusters, FUZZINESS, error=TOLERANCE, maxiter=MAX_ITERATIONS, seed=3
    )
    found = fuzzy_centres(points, n_clusters, seed=3)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_memberships_follow_the_equation() -> None:
    """At a third of the way, m = 2: weights 1/1 and 1/4, so 0.8 and 0.2."""
    centres = np.array([[0.0], [3.0]])
    shares = memberships(np.array([[0.0], [1.0], [1.5], [3.0]]), centres)
    np.testing.assert_allclose(shares[:, 0], [1, 0.8, 0.5, 0], atol=1e-4)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)


def test_an_empty_picture_is_refused() -> None:
    with pytest.raises(ImageError, match="fewer than 3 different colours"):
        fuzzy_centres(np.zeros((100, 3)), 3)
