from __future__ import annotations

import numpy as np
import pytest

from cellwright.errors import DatasetError
from cellwright.learning.feature_balancing import FEATURE_SAMPLERS, smote

COUNTS = (30, 8, 3)


def rows_and_ids() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    class_ids = np.repeat(np.arange(3), COUNTS)
    rows = rng.normal(0, 1, (len(class_ids), 2)) + 10 * class_ids[:, None]
    return (rows * [1, 1000]).astype(np.float32), class_ids


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("natural", COUNTS),
        ("smote", (30, 30, 30)),
        ("undersampled", (8, 8, 3)),
        ("undersampled-all", (3, 3, 3)),
    ],
)
def test_how_many_rows_of_each_class_are_learned_from(name, counts):
    rows, class_ids = rows_and_ids()
    found, ids = FEATURE_SAMPLERS[name](rows, class_ids, 0)
    assert tuple(np.bincount(ids)) == counts
    assert found.dtype == np.float32 and len(found) == len(ids)
    again, _ = FEATURE_SAMPLERS[name](rows, class_ids, 0)
    np.testing.assert_array_equal(found, again)


@pytest.mark.parametrize("name", sorted(FEATURE_SAMPLERS))
def test_no_row_is_given_to_another_class(name):
    rows, class_ids = rows_and_ids()
    found, ids = FEATURE_SAMPLERS[name](rows, class_ids, 1)
    assert (np.rint(found[:, 0] / 10).clip(0, 2) == ids).mean() > 0.95


def test_smote_draws_between_neighbours_of_a_class():
    rows, class_ids = rows_and_ids()
    found, ids = smote(rows, class_ids, 0)
    made = found[len(rows) :][ids[len(rows) :] == 2]
    own = rows[class_ids == 2]
    assert len(made) == 27
    assert (made >= own.min(axis=0) - 1e-3).all() and (made <= own.max(axis=0) + 1e-3).all()


def test_a_class_of_one_row_has_no_neighbour():
    rows, class_ids = rows_and_ids()
    with pytest.raises(DatasetError, match="single image"):
        smote(rows[:-2], class_ids[:-2], 0)
