"""Rare classes among rows of measurements: which rows of the training part are learned from.

The rows of :data:`~cellwright.learning.balancing.SAMPLERS`, and two that need measurements.
All act on the training part alone; what is judged is never made up.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import DatasetError
from cellwright.learning.balancing import SAMPLERS

Rows = NDArray[np.float32]
Ids = NDArray[np.int64]
Balance = Callable[[Rows, Ids, int], tuple[Rows, Ids]]
"""Measurements ``(N, F)``, class ids ``(N,)`` and a seed to those that are learned from."""

NEIGHBOURS = 5
"""Of the same class, between which SMOTE draws."""


def smote(rows: Rows, class_ids: Ids, seed: int) -> tuple[Rows, Ids]:
    """Every class as large as the largest, by rows between neighbours of a class.

    Chawla, Bowyer, Hall and Kegelmeyer, SMOTE, JAIR 16:321, 2002. Neighbours are sought among
    measurements of equal standard deviation, else the largest unit would choose them alone.

    Raises:
        DatasetError: a class with a single row, which has no neighbour.
    """
    from imblearn.over_sampling import SMOTE  # noqa: PLC0415 - imports scikit-learn, a second

    fewest = int(np.bincount(class_ids)[np.unique(class_ids)].min())
    if fewest < 2:
        raise DatasetError(
            "a class has a single image in the training part, so SMOTE has nothing to draw between",
            remedy="label more of it, or set classification.sampling to balanced",
        )
    spread = rows.std(axis=0, dtype=np.float64)
    spread[spread == 0] = 1
    drawn = SMOTE(k_neighbors=min(NEIGHBOURS, fewest - 1), random_state=seed)
    found, ids = drawn.fit_resample(rows / spread, class_ids)
    return (found * spread).astype(np.float32), ids.astype(np.int64)


def undersampled_all(rows: Rows, class_ids: Ids, seed: int) -> tuple[Rows, Ids]:
    """Every class as small as the smallest, by chance."""
    from imblearn.under_sampling import RandomUnderSampler  # noqa: PLC0415 - as above

    found, ids = RandomUnderSampler(random_state=seed).fit_resample(rows, class_ids)
    return found.astype(np.float32), ids.astype(np.int64)


def _by_index(name: str) -> Balance:
    def balance(rows: Rows, class_ids: Ids, seed: int) -> tuple[Rows, Ids]:
        chosen = SAMPLERS[name](class_ids, np.random.default_rng(seed))
        return rows[chosen], class_ids[chosen]

    return balance


FEATURE_SAMPLERS: dict[str, Balance] = {
    **{name: _by_index(name) for name in SAMPLERS},
    "smote": smote,
    "undersampled-all": undersampled_all,
}
"""What ``classification.sampling`` offers to models that learn from measurements."""
