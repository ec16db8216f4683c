"""Permutation importance: what a known rule owes to each column, by hand and by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression

from cellwright.explain.importance import (
    balanced_accuracy,
    measure_importance,
    points_lost,
    write_importance,
)
from cellwright.inference.classifier import Classifier
from cellwright.inference.evaluate_classification import LabelledCrops
from cellwright.types import Category
from patch_model import a_picture, patch_bundle


def first_column_decides(rows: np.ndarray) -> np.ndarray:
    return np.stack([-rows[:, 0], rows[:, 0]], axis=1).astype(np.float64)


def test_what_decides_is_worth_all_above_chance_and_the_rest_nothing():
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 1, (400, 3)).astype(np.float32)
    true_ids = (rows[:, 0] > 0).astype(np.int64)
    lost = [
        points_lost(first_column_decides, rows, true_ids, [column], repeats=20, seed=1)
        for column in range(3)
    ]
    assert lost[0].value == pytest.approx(0.5, abs=0.03)
    assert lost[0].low < lost[0].value < lost[0].high
    assert (lost[0].n, lost[1].value, lost[2].value) == (400, 0.0, 0.0)


def test_twins_cover_for_each_other_unless_mixed_up_together():
    rng = np.random.default_rng(0)
    one = rng.normal(0, 1, 300).astype(np.float32)
    rows = np.stack([one, one], axis=1)
    true_ids = (one > 0).astype(np.int64)

    def either(batch: np.ndarray) -> np.ndarray:
        return first_column_decides(batch.sum(axis=1, keepdims=True))

    alone = points_lost(either, rows, true_ids, [0], repeats=10, seed=0)
    together = points_lost(either, rows, true_ids, [0, 1], repeats=10, seed=0)
    assert alone.value < 0.35
    assert together.value > 0.45


def test_the_mean_is_that_of_scikit_learn():
    rng = np.random.default_rng(2)
    rows = rng.normal(0, 1, (300, 4)).astype(np.float32)
    true_ids = (rows @ [2, 1, 0, 0] + rng.normal(0, 1, 300) > 0.5).astype(np.int64)
    model = LogisticRegression().fit(rows, true_ids)
    theirs = permutation_importance(
        model, rows, true_ids, scoring="balanced_accuracy", n_repeats=30, random_state=0
    )

    def decide(batch: np.ndarray) -> np.ndarray:
        return model.predict_log_proba(batch)

    for column in range(4):
        ours = points_lost(decide, rows, true_ids, [column], repeats=30, seed=0)
        assert ours.value == pytest.approx(theirs.importances_mean[column], abs=0.01)


def test_balanced_accuracy_counts_classes_and_not_images():
    logits = np.eye(2)[[0, 0, 0, 0, 0]]
    assert balanced_accuracy(logits, np.array([0, 0, 0, 0, 1])) == 0.5


def test_a_network_owes_to_its_channels(tmp_path):
    classifier = Classifier(patch_bundle(tmp_path / "a.cellwright"))
    pictures = [a_picture(3, 3, size=8 * (index % 2)) for index in range(20)]
    crops = np.stack([classifier.prepare(one) for one in pictures])
    truth = tuple(Category(0 if index % 2 else 1) for index in range(20))
    names = tuple(map(str, range(20)))
    found = measure_importance(classifier, LabelledCrops(names, names, truth, crops), repeats=5)
    assert list(found.lost) == ["channel_0"]
    assert found.families == {}
    # Without a patch both logits are 0 and the first class wins: half of them are right.
    assert found.before == pytest.approx(0.5)
    write_importance(tmp_path / "a.csv", found)
    rows = (tmp_path / "a.csv").read_text().splitlines()
    assert rows[0] == "of,name,lost,low,high,n_images,repeats"
    assert rows[1].startswith("one,channel_0,") and rows[1].endswith(",20,5")
