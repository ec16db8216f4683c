from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    precision_recall_fscore_support,
    precision_score,
    roc_auc_score,
)
from sklearn.metrics import confusion_matrix as sklearn_confusion
from torchmetrics.functional.classification import multiclass_calibration_error

from cellwright.errors import AnnotationError, ConfigError
from cellwright.metrics.classification import (
    METRICS,
    confusion_matrix,
    evaluate_classification,
    figure_difference,
    reliability_bins,
)
from cellwright.metrics.intervals import Resampling, wilson
from cellwright.metrics.roc import area_under_roc
from cellwright.types import Category

PHASES = ["G1", "S", "G2", "M"]


def random_predictions(
    seed: int = 0, count: int = 300, *, decimals: int = 6
) -> tuple[np.ndarray, np.ndarray]:
    """True classes ``(N,)`` and probabilities ``(N, 4)`` that lean to the truth."""
    rng = np.random.default_rng(seed)
    true = rng.choice(4, count, p=[0.5, 0.3, 0.15, 0.05])
    logits = rng.normal(0, 1, (count, 4)) + 1.5 * np.eye(4)[true]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return true, probabilities.round(decimals)


def as_categories(probabilities: np.ndarray) -> list[Category]:
    return [Category(int(row.argmax()), tuple(row.tolist())) for row in probabilities]


@pytest.mark.parametrize("decimals", [6, 1], ids=["distinct", "ties"])
def test_rates_equal_scikit_learn(decimals: int) -> None:
    true, probabilities = random_predictions(decimals=decimals)
    guess = probabilities.argmax(axis=1)
    report = evaluate_classification(
        [Category(int(one)) for one in true], as_categories(probabilities), PHASES
    )
    values = {name: interval.value for name, interval in report.metrics.items()}
    assert tuple(values) == METRICS
    assert values["accuracy"] == pytest.approx(accuracy_score(true, guess))
    assert values["macro_f1"] == pytest.approx(f1_score(true, guess, average="macro"))
    assert values["weighted_f1"] == pytest.approx(f1_score(true, guess, average="weighted"))
    areas = [roc_auc_score(true == k, probabilities[:, k]) for k in range(4)]
    assert values["auroc"] == pytest.approx(np.mean(areas))
    assert report.per_class["S"]["auroc"].value == pytest.approx(areas[1])
    assert report.per_class["M"]["macro_f1"].value == pytest.approx(f1_score(true == 3, guess == 3))
    assert report.per_class["M"]["accuracy"].value == pytest.approx(
        accuracy_score(true == 3, guess == 3)
    )


def test_calibration_equals_torchmetrics() -> None:
    true, probabilities = random_predictions(seed=2)
    expected = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(true), num_classes=4, n_bins=15
    )
    report = evaluate_classification(
        [Category(int(one)) for one in true], as_categories(probabilities), PHASES
    )
    assert report.metrics["ece"].value == pytest.approx(float(expected), abs=1e-6)


def test_weighted_area_equals_repeating_the_images() -> None:
    rng = np.random.default_rng(5)
    positive, scores = rng.random(60) < 0.4, rng.random(60).round(1)
    weights = rng.integers(0, 4, (8, 60))
    expected = [roc_auc_score(np.repeat(positive, row), np.repeat(scores, row)) for row in weights]
    assert area_under_roc(positive, scores, weights.astype(float)) == pytest.approx(expected)


def test_area_by_hand() -> None:
    """Pairs (0.8 > 0.5), (0.8 > 0.3), (0.5 = 0.5), (0.5 > 0.3): 3.5 of 4."""
    positive = np.array([True, True, False, False])
    area = area_under_roc(positive, np.array([0.8, 0.5, 0.5, 0.3]), np.ones((1, 4)))
    assert area.tolist() == [3.5 / 4]


def test_confusion_by_hand() -> None:
    truth = [Category(0), Category(0), Category(1)]
    predicted = [Category(0), Category(1), Category(1)]
    assert confusion_matrix(truth, predicted, 2).tolist() == [[1, 1], [0, 1]]


def test_without_probabilities_ranking_and_calibration_are_undefined() -> None:
    truth = [Category(0), Category(1), Category(1)]
    report = evaluate_classification(truth, truth, PHASES)
    assert report.metrics["accuracy"].value == 1.0
    assert report.metrics["macro_f1"].value == 1.0  # classes that never occur are left out
    assert report.metrics["auroc"].value is None
    assert report.metrics["ece"].value is None
    assert report.per_class["M"]["macro_f1"].value is None
    assert evaluate_classification([], [], PHASES).metrics["accuracy"].value is None


def test_interval_is_that_of_a_share() -> None:
    """Accuracy 0.8 of 400 images: the bootstrap agrees with the normal approximation."""
    truth = [Category(0)] * 400
    predicted = [Category(0)] * 320 + [Category(1)] * 80
    interval = evaluate_classification(truth, predicted, PHASES, resampling=Resampling(n=3000))
    accuracy = interval.metrics["accuracy"]
    half = 1.96 * np.sqrt(0.8 * 0.2 / 400)
    assert (accuracy.low, accuracy.high) == pytest.approx((0.8 - half, 0.8 + half), abs=0.006)


def test_all_right_is_no_certainty() -> None:
    truth = [Category(index % 2) for index in range(12)]
    accuracy = evaluate_classification(truth, truth, PHASES).metrics["accuracy"]
    assert accuracy == wilson(12, 12)
    assert accuracy.low == pytest.approx(0.7575, abs=1e-4)
    # Where patients are drawn, twelve images of two of them are not twelve answers.
    by_patient = Resampling(groups=["a", "b"] * 6)
    report = evaluate_classification([Category(0)] * 12, truth, PHASES, resampling=by_patient)
    assert (report.metrics["accuracy"].low, report.metrics["accuracy"].high) == (0, 1)


def test_mistakes_are_named() -> None:
    one = Category(0)
    with pytest.raises(AnnotationError, match="1 annotated images but 2 predicted"):
        evaluate_classification([one], [one, one], PHASES)
    with pytest.raises(AnnotationError, match=r"0\.\.3, found 4\.\.4"):
        evaluate_classification([one], [Category(4)], PHASES)
    with pytest.raises(AnnotationError, match="image 0: 2 probabilities for 4 classes"):
        evaluate_classification([one], [Category(0, (0.5, 0.5))], PHASES)
    with pytest.raises(ConfigError, match="no class names"):
        evaluate_classification([], [], [])


def test_precision_recall_and_averages_equal_scikit_learn() -> None:
    true, probabilities = random_predictions(seed=7, count=120)
    guess = probabilities.argmax(axis=1)
    report = evaluate_classification(
        [Category(int(one)) for one in true], as_categories(probabilities), PHASES
    )
    precision, recall, f1, support = precision_recall_fscore_support(true, guess, zero_division=0)
    for index, name in enumerate(PHASES):
        row = report.per_class[name]
        assert row["precision"].value == pytest.approx(precision[index])
        assert row["recall"].value == pytest.approx(recall[index])
        assert row["f1"].value == pytest.approx(f1[index])
        assert row["recall"].n == row["f1"].n == support[index]
        assert row["precision"].n == (guess == index).sum()
        low, high = proportion_by_hand(round(recall[index] * support[index]), support[index])
        assert (row["recall"].low, row["recall"].high) == pytest.approx((low, high))
    values = {name: one.value for name, one in report.metrics.items()}
    assert values["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(true, guess))
    for average in ("weighted", "macro"):
        expected = precision_score(true, guess, average=average, zero_division=0)
        assert values[f"{average}_precision"] == pytest.approx(expected)
    assert report.confusion == tuple(map(tuple, sklearn_confusion(true, guess).tolist()))


def proportion_by_hand(successes: int, n: int) -> tuple[float, float]:
    """Wilson (1927): the two shares whose normal interval just reaches the one observed."""
    z, share = 1.959963984540054, successes / n
    low, high = np.sort(np.roots([1 + z * z / n, -(2 * share + z * z / n), share * share]))
    return float(low), float(high)


def test_a_class_never_given_counts_zero_in_the_mean_precision() -> None:
    true, guess = [0, 0, 1, 2], [0, 1, 1, 1]
    report = evaluate_classification(
        [Category(one) for one in true], [Category(one) for one in guess], PHASES
    )
    expected = precision_score(true, guess, average="macro", zero_division=0)
    assert report.metrics["macro_precision"].value == pytest.approx(expected)
    assert report.per_class["G2"]["precision"].value is None


def test_the_bins_hold_what_was_claimed_and_what_came_true() -> None:
    confidence = np.array([0.0, 0.05, 0.93, 0.94, 0.99, 1.0])
    right = np.array([False, True, True, False, True, True])
    bins = reliability_bins(right, confidence)
    assert len(bins) == 15
    assert [one.accuracy.n for one in bins if one.accuracy.n] == [2, 1, 3]
    assert bins[0].accuracy.value == 0.5
    assert bins[-1].confidence == pytest.approx((0.94 + 0.99 + 1.0) / 3)
    assert bins[-1].accuracy.value == pytest.approx(2 / 3)
    assert reliability_bins(right, None) == ()


def test_groups_are_resampled_as_wholes_in_every_figure() -> None:
    truth = [Category(0)] * 40
    predicted = [Category(0)] * 20 + [Category(1)] * 20
    groups = ["a"] * 20 + ["b"] * 20
    row = evaluate_classification(
        truth, predicted, PHASES, resampling=Resampling(groups=groups)
    ).per_class["G1"]
    assert (row["recall"].low, row["recall"].high) == (0.0, 1.0)


def test_the_report_in_json_holds_the_counts() -> None:
    true, probabilities = random_predictions(count=50)
    content = evaluate_classification(
        [Category(int(one)) for one in true], as_categories(probabilities), PHASES
    ).to_json()
    assert content["classes"] == PHASES
    assert np.sum(content["confusion"]) == 50
    assert sum(one["accuracy"]["n"] for one in content["reliability"]) == 50
    json.dumps(content)


@pytest.mark.parametrize("metric", ["accuracy", "weighted_f1", "macro_f1"])
def test_the_difference_of_two_models_is_that_of_their_figures(metric: str) -> None:
    true, before = random_predictions(seed=1)
    _, after = random_predictions(seed=2)
    truth = [Category(int(one)) for one in true]
    sides = as_categories(before), as_categories(after)
    found = figure_difference(truth, *sides, PHASES, metric=metric, resampling=Resampling(n=300))
    values = [
        evaluate_classification(truth, one, PHASES, resampling=Resampling(n=0))
        .metrics[metric]
        .value
        for one in sides
    ]
    assert found.value == pytest.approx(values[0] - values[1])
    assert found.low < found.value < found.high
    same = figure_difference(
        truth, sides[0], sides[0], PHASES, metric=metric, resampling=Resampling(n=50)
    )
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_a_difference_is_narrower_than_the_models_apart() -> None:
    """Nine of ten answers are the same: what both find hard does not widen the interval."""
    true, before = random_predictions(seed=1, count=600)
    truth, first = [Category(int(one)) for one in true], as_categories(before)
    second = [Category(0) if index % 10 == 0 else one for index, one in enumerate(first)]
    paired = figure_difference(
        truth, first, second, PHASES, metric="accuracy", resampling=Resampling(n=500)
    )
    alone = evaluate_classification(truth, first, PHASES).metrics["accuracy"]
    assert paired.high - paired.low < 0.7 * (alone.high - alone.low)
