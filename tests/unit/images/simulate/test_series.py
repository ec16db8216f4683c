from __future__ import annotations

import numpy as np

from cellwright.images.simulate.series import KEPT, wandering


def test_a_series_wanders_from_field_to_field():
    """The steps between fields are the unit noise of the same seed, worked out beside."""
    walks, seeds = zip(*wandering(3, 2, seed=5), strict=True)
    rng = np.random.default_rng(5)
    before = np.zeros(2)
    for walk, seed in zip(walks, seeds, strict=True):
        np.testing.assert_allclose(walk - KEPT * before, rng.normal(0, 1, 2))
        assert seed == rng.integers(2**31)
        before = walk
    assert len(set(seeds)) == 3


def test_a_longer_series_begins_like_a_shorter_one():
    short, long = list(wandering(2, 3, seed=1)), list(wandering(4, 3, seed=1))
    for (walk, seed), (same, same_seed) in zip(short, long, strict=False):
        np.testing.assert_array_equal(walk, same)
        assert seed == same_seed
