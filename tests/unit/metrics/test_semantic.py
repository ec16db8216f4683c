from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, precision_score, recall_score
from torch import tensor
from torchmetrics.functional.classification import multiclass_jaccard_index

from cellwright.errors import AnnotationError, ConfigError
from cellwright.metrics.intervals import Resampling
from cellwright.metrics.semantic import (
    METRICS,
    PER_IMAGE,
    confusion_matrix,
    evaluate_semantic,
    jaccard_difference,
    report_semantic,
)
from cellwright.types import SemanticMask

CLASSES = ["background", "nucleus", "membrane"]


def random_masks(seed: int = 0, n_images: int = 6) -> tuple[list[SemanticMask], list[SemanticMask]]:
    rng = np.random.default_rng(seed)
    truth = [rng.integers(0, 3, (20, 30 + image)) for image in range(n_images)]
    flipped = [rng.random(mask.shape) < 0.1 * (1 + index) for index, mask in enumerate(truth)]
    predicted = [np.where(f, (m + 1) % 3, m) for f, m in zip(flipped, truth, strict=True)]
    return [SemanticMask(mask) for mask in truth], [SemanticMask(mask) for mask in predicted]


def test_rates_equal_scikit_learn_and_torchmetrics() -> None:
    truth, predicted = random_masks()
    true = np.concatenate([mask.mask.ravel() for mask in truth])
    guess = np.concatenate([mask.mask.ravel() for mask in predicted])
    report = evaluate_semantic(truth, predicted, CLASSES)
    foreground = {"labels": [1, 2], "average": "macro"}
    expected = {
        "accuracy": accuracy_score(true, guess),
        "f1": f1_score(true, guess, **foreground),
        "dice": f1_score(true, guess, **foreground),
        "jaccard": jaccard_score(true, guess, **foreground),
        "precision": precision_score(true, guess, **foreground),
        "recall": recall_score(true, guess, **foreground),
        "miou": float(multiclass_jaccard_index(tensor(guess), tensor(true), 3)),
    }
    values = {name: report.metrics[name].value for name in METRICS}
    assert values == pytest.approx(expected, abs=1e-6)
    each = [jaccard_score(a.mask.ravel(), b.mask.ravel(), **foreground)
            for a, b in zip(truth, predicted, strict=True)]  # fmt: skip
    assert report.metrics["jaccard_per_image"].value == pytest.approx(np.mean(each))
    per_class = [report.per_class[name]["f1"].value for name in CLASSES]
    assert per_class == pytest.approx(f1_score(true, guess, average=None).tolist())
    one = report.per_class["nucleus"]["accuracy"].value
    assert one == pytest.approx(accuracy_score(true == 1, guess == 1))


def test_interval_holds_the_value_and_n_counts_images() -> None:
    report = evaluate_semantic(*random_masks(), CLASSES)
    assert tuple(report.metrics) == METRICS + PER_IMAGE
    for interval in report.metrics.values():
        assert interval.low < interval.value < interval.high  # type: ignore[operator]
        assert interval.n == 6


def test_two_pixels_by_hand() -> None:
    truth, predicted = SemanticMask([[1, 1, 0, 0]]), SemanticMask([[1, 0, 1, 0]])
    assert confusion_matrix(truth, predicted, 2).tolist() == [[1, 1], [1, 1]]
    report = evaluate_semantic([truth], [predicted], ["background", "cell"])
    assert report.metrics["jaccard"].value == pytest.approx(1 / 3)
    assert report.metrics["dice"].value == 0.5
    assert report.metrics["dice"].low is None  # one image: no interval


def test_absent_classes_are_left_out_and_nothing_is_undefined() -> None:
    blank = SemanticMask(np.zeros((4, 4), int))
    report = evaluate_semantic([blank], [blank], CLASSES)
    assert report.metrics["f1"].value is None
    assert report.metrics["miou"].value == 1.0
    assert evaluate_semantic([], [], CLASSES).metrics["accuracy"].value is None


def test_an_image_without_cells_is_left_out_of_a_mean_over_images() -> None:
    blank, one = SemanticMask([[0, 0, 0, 0]]), SemanticMask([[1, 1, 0, 0]])
    half = SemanticMask([[1, 0, 0, 0]])
    report = evaluate_semantic([blank, one, one], [blank, half, blank], ["background", "cell"])
    mean = report.metrics["jaccard_per_image"]
    assert (mean.value, mean.n) == (0.25, 2)  # 1/2 and 0; the blank pair says nothing
    assert report.metrics["accuracy_per_image"].value == pytest.approx((1 + 0.75 + 0.5) / 3)
    # Of the third image nothing is predicted: its precision counts as 0, as its other rates do.
    assert (report.metrics["precision_per_image"].value, mean.n) == (0.5, 2)
    assert report.metrics["jaccard"].value == 0.25  # 1 of 4 pixels


def test_without_a_background_every_class_is_averaged() -> None:
    report = evaluate_semantic(*random_masks(), CLASSES, background=None)
    assert report.metrics["jaccard"].value == report.metrics["miou"].value
    assert report.settings["background"] is None


def test_mistakes_are_named() -> None:
    truth, predicted = random_masks()
    with pytest.raises(AnnotationError, match="6 annotated images but 5 predicted"):
        evaluate_semantic(truth, predicted[1:], CLASSES)
    with pytest.raises(AnnotationError, match=r"\(20, 30\) but the predicted \(20, 31\)"):
        evaluate_semantic(truth[:1], predicted[1:2], CLASSES)
    with pytest.raises(AnnotationError, match="class id 2 but only 2"):
        evaluate_semantic(truth, predicted, CLASSES[:2])
    for classes, background in ((CLASSES, 3), (["cell"], 0)):
        with pytest.raises(ConfigError, match="no class to average"):
            evaluate_semantic(truth, predicted, classes, background=background)


def test_a_class_that_is_never_predicted_or_never_true_counts_as_nothing_right() -> None:
    truth, missed = SemanticMask([[1, 1, 2, 2]]), SemanticMask([[1, 1, 0, 0]])
    classes = ["background", "a", "b"]
    report = evaluate_semantic([truth], [missed], classes)
    assert report.metrics["precision"].value == 0.5
    assert report.per_class["b"]["precision"].value is None
    mirrored = evaluate_semantic([missed], [truth], classes)
    assert mirrored.metrics["recall"].value == 0.5


def test_a_stray_pixel_of_a_class_that_is_not_there_is_no_loss_of_half() -> None:
    clean = np.zeros((3, 3), np.int64)
    clean[0, 0], clean[1, 1] = 1000, 900
    stray = clean.copy()
    stray[0, 0], stray[0, 2] = 999, 1
    n = 12
    lost = jaccard_difference([clean] * n, [stray, *[clean] * (n - 1)])
    assert lost.value == 0
    gained = jaccard_difference([stray, *[clean] * (n - 1)], [clean] * n)
    assert gained.value == 0


def test_memory_grows_with_the_images_not_with_their_square() -> None:
    n = 3000
    matrices = [np.array([[50, 10], [5, 35]])] * n
    tracemalloc.start()
    report = report_semantic(matrices, ["background", "cell"], resampling=Resampling(n=20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.metrics["jaccard_per_image"].n == n
    assert peak < n * n * 8, "no table of images by images"
