"""Fuzzy c-means: clusters that are known, memberships worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cellwright.errors import ImageError
from cellwright.features.fuzzy import DRAWN, fuzzy_centres, memberships


def test_centres_are_those_of_the_clusters() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([[0.0, 0.0, 0.0], [50.0, 0.0, 20.0], [90.0, -40.0, 0.0]])
    points = np.concatenate([rng.normal(one, 2.0, (3 * DRAWN, 3)) for one in truth])
    found = fuzzy_centres(points, 3)
    order = found[:, 0].argsort()
    np.testing.assert_allclose(found[order], truth, atol=1.5)
    np.testing.assert_array_equal(found, fuzzy_centres(points, 3))


def test_memberships_follow_the_equation() -> None:
    """At a third of the way, m = 2: weights 1/1 and 1/4, so 0.8 and 0.2."""
    centres = np.array([[0.0], [3.0]])
    shares = memberships(np.array([[0.0], [1.0], [1.5], [3.0]]), centres)
    np.testing.assert_allclose(shares[:, 0], [1, 0.8, 0.5, 0], atol=1e-4)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)


def test_an_empty_picture_is_refused() -> None:
    with pytest.raises(ImageError, match="fewer than 3 different colours"):
        fuzzy_centres(np.zeros((100, 3)), 3)
