"""ROC curve and sensitivity at a specificity: against scikit-learn, by hand, and at the ends."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import sklearn.metrics

from cellwright.metrics.classification import evaluate_classification
from cellwright.metrics.intervals import Resampling
from cellwright.metrics.roc import area_under_roc, roc_curve, sensitivity_at
from cellwright.types import Category


def scored(decimals: int, *, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    positive = rng.random(n) < 0.3
    return positive, (rng.normal(0, 1, n) + positive).round(decimals)


@pytest.mark.parametrize("decimals", [6, 0], ids=["distinct", "ties"])
def test_the_curve_is_that_of_scikit_learn(decimals):
    positive, scores = scored(decimals)
    found = roc_curve(positive, scores)
    rate, sensitivity, _ = sklearn.metrics.roc_curve(positive, scores, drop_intermediate=False)
    points = set(zip(rate.round(9).tolist(), sensitivity.round(9).tolist(), strict=True))
    ours = set(zip(np.round(found[0], 9).tolist(), np.round(found[1], 9).tolist(), strict=True))
    assert {(0.0, 0.0), (1.0, 1.0)} <= ours <= points
    assert len(ours) == len(found.sensitivity) <= len(points)
    area = sklearn.metrics.auc(found.false_positive_rate, found.sensitivity)
    expected = sklearn.metrics.roc_auc_score(positive, scores)
    assert area == pytest.approx(expected)
    assert area_under_roc(positive, scores, np.ones((1, len(scores))))[0] == pytest.approx(expected)


@pytest.mark.parametrize("decimals", [6, 0], ids=["distinct", "ties"])
@pytest.mark.parametrize("specificity", [0.0, 0.5, 0.9, 0.95, 1.0])
def test_sensitivity_is_the_best_of_the_curve_of_scikit_learn(decimals, specificity):
    positive, scores = scored(decimals)
    rate, sensitivity, _ = sklearn.metrics.roc_curve(positive, scores, drop_intermediate=False)
    expected = sensitivity[rate <= 1 - specificity + 1e-12].max()
    weights = np.ones((1, len(scores)))
    found = sensitivity_at(positive, scores, weights, specificity=specificity)
    assert found[0] == pytest.approx(expected)


def test_an_image_drawn_twice_counts_twice():
    positive, scores = scored(1, n=60)
    weights = np.random.default_rng(1).integers(0, 3, (4, 60)).astype(float)
    for row, found in zip(weights, sensitivity_at(positive, scores, weights), strict=True):
        drawn = np.repeat(np.arange(60), row.astype(int))
        alone = sensitivity_at(positive[drawn], scores[drawn], np.ones((1, len(drawn))))
        assert found == pytest.approx(alone[0])


def test_sensitivity_by_hand():
    """Of twenty negatives one may lie above: the highest, and with it two of three positives."""
    scores = np.concatenate([np.arange(20) / 20, [0.99, 0.93, 0.5]])
    positive = np.arange(23) >= 20
    found = sensitivity_at(positive, scores, np.ones((1, 23)))
    assert found[0] == pytest.approx(2 / 3)
    none_allowed = sensitivity_at(positive, scores, np.ones((1, 23)), specificity=0.96)
    assert none_allowed[0] == pytest.approx(1 / 3)


def test_without_one_side_there_is_nothing_to_tell_apart():
    scores = np.array([0.1, 0.2])
    for positive in (np.zeros(2, bool), np.ones(2, bool)):
        assert np.isnan(sensitivity_at(positive, scores, np.ones((1, 2)))).all()
        assert roc_curve(positive, scores) == ((), ())
    assert np.isnan(sensitivity_at(np.zeros(0, bool), np.zeros(0), np.ones((1, 0)))).all()


def test_the_report_holds_both_with_the_right_n():
    positive, scores = scored(4)
    shares = 1 / (1 + np.exp(-scores))
    given = [Category(int(p > 0.5), (1 - p, p)) for p in shares.tolist()]
    truth = [Category(int(one)) for one in positive]
    report = evaluate_classification(truth, given, ("no", "yes"), resampling=Resampling(n=50))
    figure = report.per_class["yes"]["sensitivity_at_95"]
    expected = sensitivity_at(positive, shares, np.ones((1, len(shares))))[0]
    assert figure.value == pytest.approx(expected)
    assert figure.n == positive.sum()
    assert figure.low < figure.value < figure.high
    assert len(report.roc) == 2
    unsure = [Category(one.class_id) for one in given]
    without = evaluate_classification(truth, unsure, ("no", "yes"), resampling=Resampling(n=5))
    assert without.per_class["yes"]["sensitivity_at_95"].value is None
    assert without.roc == ()


def test_resamples_are_summed_in_portions_and_come_out_the_same():
    rng = np.random.default_rng(0)
    n_images, n_resamples = 3000, 2000
    positive, scores = rng.random(n_images) < 0.3, rng.random(n_images).round(2)
    weights = rng.poisson(1, (n_resamples, n_images)).astype(np.float64)
    tracemalloc.start()
    areas = area_under_roc(positive, scores, weights)
    reached = sensitivity_at(positive, scores, weights)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * weights.nbytes, "no arrays as large as all weights, one beside the other"
    for row in (0, n_resamples - 1):
        alone = weights[row : row + 1]
        assert areas[row] == area_under_roc(positive, scores, alone)[0]
        assert reached[row] == sensitivity_at(positive, scores, alone)[0]
