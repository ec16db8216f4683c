"""Models on measurements as ONNX: the same answers, gaps filled, what lies far marked."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from cellwright.bundles.feature_graph import MISSING, RowStatistics, export_model, model_logits
from cellwright.bundles.sessions import open_session
from cellwright.learning.class_config import ClassificationConfig
from cellwright.learning.classical import fit_model
from cellwright.learning.classical_models import CLASSICAL

FEW = {"random-forest": {"n_estimators": 20}, "gradient-boosting": {"n_estimators": 10}}


def blobs(n_classes: int, *, n: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    class_ids = np.arange(n) % n_classes
    rows = rng.normal(0, 1, (n, 6)) * [1, 1, 100, 0.01, 1, 1]
    rows[:, 0] += 3 * class_ids
    rows[:, 2] -= 200 * (class_ids == 1)
    rows[:, 5] = 7.0
    return rows.astype(np.float32), class_ids


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("name", sorted(CLASSICAL))
def test_every_model_answers_as_scikit_learn_does(name, n_classes):
    rows, class_ids = blobs(n_classes)
    statistics = RowStatistics.of(rows)
    chosen = ClassificationConfig(model=name, settings=FEW.get(name, {}))
    model = fit_model(chosen, statistics.filled(rows), class_ids, seed=0)
    answers = CLASSICAL[name].answers
    graph = export_model(model, statistics, rows, answers=answers)
    unseen, truth = blobs(n_classes, seed=1)
    unseen[3, 2] = np.nan
    found = open_session(graph, runtime="onnxruntime").run(unseen)["logits"]
    expected = model_logits(model, statistics, unseen, answers=answers)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    known = ~np.isnan(unseen).any(axis=1)
    shares = scipy.special.softmax(found[known], axis=1)
    assert (shares.argmax(axis=1) == model.predict(unseen[known])).mean() > 0.98
    assert (shares.argmax(axis=1) == truth[known]).mean() > 0.8
    if answers == "shares":
        np.testing.assert_allclose(shares, model.predict_proba(unseen[known]), atol=5e-3)


def test_distance_by_hand_and_what_it_leaves_alone():
    rows = np.array([[0, 5, 1], [2, 5, 3]], np.float32)
    statistics = RowStatistics.of(rows)
    assert statistics.std.tolist() == [1, 1, 1]
    far = np.array([[1, 5, 2], [3, 5, 2], [np.nan, 5, 2], [1000, 5, 2]], np.float32)
    expected = [0, 4 / 3, MISSING**2 / 3, 100 / 3]
    np.testing.assert_allclose(statistics.distances(far), expected, rtol=1e-6)
    assert statistics.filled(far)[2].tolist() == [1, 5, 2]
    nothing = RowStatistics.of(np.array([[np.nan, 1], [np.nan, 3]], np.float32))
    assert nothing.median.tolist() == [0, 2]
