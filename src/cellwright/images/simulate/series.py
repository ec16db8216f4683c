"""Fields of one series: alike, but no two the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

KEPT = 0.9
"""Share of how far a setting has wandered that is left in the next field."""


def wandering(
    n_images: int, n_settings: int, *, seed: int
) -> Iterator[tuple[NDArray[np.float64], int]]:
    """How far the settings of a series have wandered by each of its fields, and the field's seed.

    Args:
        n_images: fields.
        n_settings: settings, each of which wanders by itself.
        seed: of the series.

    Yields:
        ``(n_settings,)`` steps of an autoregression with unit noise, and a seed in [0, 2^31).

    >>> [len(walk) for walk, _ in wandering(2, 3, seed=0)]
    [3, 3]
    """
    rng = np.random.default_rng(seed)
    walk = np.zeros(n_settings)
    for _ in range(n_images):
        walk = KEPT * walk + rng.normal(0, 1, n_settings)
        yield walk, int(rng.integers(2**31))
