"""Fuzzy c-means: colours that belong to several clusters at once, each to a degree.

    u_ik = 1 / sum_j (|x_k - v_i| / |x_k - v_j|)^(2 / (m - 1))        membership
    v_i  = sum_k u_ik^m x_k / sum_k u_ik^m                            centre

(Bezdek 1981, Pattern Recognition with Fuzzy Objective Function Algorithms, equations 11.3). The
centres are found on pixels drawn from the picture, since a few thousand say where they lie; the
memberships of all pixels then follow from the first equation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ImageError

FUZZINESS = 2.0
"""The exponent m; 1 would be hard clusters."""
DRAWN = 4000
"""Pixels that the centres are found on: 0.05 s; 10 times as many move none by a grey level."""
POOL = 50_000
"""Pixels that those are drawn from."""
REGION = 6.0
"""Edge of the regions of colour that are counted, in units of L*a*b*."""
TOLERANCE = 1e-4
"""Root of the summed squares by which memberships may still move."""
MAX_ITERATIONS = 100
_SMALLEST = 1e-6
_NO_DISTANCE = float(np.finfo(np.float64).eps) ** 2
"""Squared distance of a point from a centre that lies on it."""


def fuzzy_centres(
    values: NDArray[Any], n_clusters: int, *, rarity: float = 0.0, seed: int = 0
) -> NDArray[np.float64]:
    """Cluster centres ``(n_clusters, D)`` of the points ``values`` ``(N, D)``, in no order.

    Args:
        values: the points; of more than :data:`DRAWN` so many are drawn.
        n_clusters: at least 2.
        rarity: 0 draws all points alike; up to 1 those of thinly settled regions more often, by
            their number to the power of minus this.
        seed: of the draw, and of the memberships that the iteration starts with.

    Raises:
        ImageError: fewer different points than clusters.
    """
    points = np.asarray(_drawn(values, rarity, seed), np.float64)
    if len(np.unique(points, axis=0)) < n_clusters:
        raise ImageError(
            f"holds fewer than {n_clusters} different colours", remedy="is this picture empty?"
        )
    return _iterated(points, n_clusters, seed)


def _iterated(points: NDArray[np.float64], n_clusters: int, seed: int) -> NDArray[np.float64]:
    """Centres of ``(N, D)`` points: both equations in turns until no membership moves."""
    # The start that scikit-fuzzy makes of a seed: the test compares with it to the last digits.
    shares = np.random.RandomState(seed).rand(n_clusters, len(points))
    shares /= shares.sum(axis=0)
    for _ in range(MAX_ITERATIONS):
        before = shares
        weights = before**FUZZINESS
        centres = weights @ points / weights.sum(axis=1, keepdims=True)
        offsets = points - centres[:, None]
        squared = np.einsum("knd,knd->kn", offsets, offsets)
        shares = np.maximum(squared, _NO_DISTANCE) ** (-1 / (FUZZINESS - 1))
        shares /= shares.sum(axis=0)
        if np.linalg.norm(shares - before) < TOLERANCE:
            break
    return np.asarray(centres, np.float64)


def _drawn(values: NDArray[Any], rarity: float, seed: int) -> NDArray[Any]:
    if len(values) <= DRAWN:
        return values
    rng = np.random.default_rng(seed)
    some = values[rng.integers(len(values), size=POOL)] if len(values) > POOL else values
    cells = np.floor(some / REGION).astype(np.int64)
    cells -= cells.min(axis=0)
    keys = np.ravel_multi_index(tuple(cells.T), tuple(cells.max(axis=0) + 1))
    _, region, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    weights = sizes[region] ** -rarity
    return np.asarray(some[rng.choice(len(some), DRAWN, p=weights / weights.sum())])


def memberships(values: NDArray[Any], centres: NDArray[np.float64]) -> NDArray[np.float32]:
    """How far each point belongs to each cluster: float32 ``(..., K)`` of ``(..., D)``, sums 1."""
    weights = np.empty((*values.shape[:-1], len(centres)), np.float32)
    for index, centre in enumerate(centres.astype(np.float32)):
        offset = values - centre
        squared = np.einsum("...d,...d->...", offset, offset) + np.float32(_SMALLEST)
        weights[..., index] = squared ** np.float32(-1 / (FUZZINESS - 1))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights
