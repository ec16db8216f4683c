"""How good a classifier of whole images is: a confusion matrix, then rates and calibration.

- ``accuracy``: share of images with the right class; with Wilson's interval where images stand
  alone, that is, are drawn one by one and not by group: 3 of 3 is no certainty.
- ``balanced_accuracy``: mean recall over the classes that are true of some image.
- ``macro_f1``: mean F1 over the classes that occur in truth or prediction; ``weighted_f1``:
  the same mean weighted by how often a class is true; ``weighted_precision`` and
  ``macro_precision`` likewise. (The weighted recall is the accuracy, the macro recall the
  balanced accuracy.)
- ``auroc``: area under the ROC curve, each class against the rest, mean over the classes
  that have both sides; the share of (class, rest) pairs ordered rightly, ties half
  (Hanley and McNeil 1982).
- ``ece``: expected calibration error over 15 equal bins of the winner's probability
  (Guo et al. 2017): how far "90 % sure" is from being right 9 times in 10.

A class's own row holds the same names, for the class against the rest: ``accuracy`` of that
decision, both F1 the class's F1, ``auroc``, and ``ece`` of the class's probability; and
``precision`` (n: images given the class), ``recall`` (n: images of the class) and ``f1``, with
Wilson intervals for the first two where images stand alone, as for the accuracy.
``sensitivity_at_95`` is the recall that the class's probability reaches where at most one in
twenty of the rest is taken for it; the threshold is that of these images.
``auroc``, ``ece`` and ``sensitivity_at_95`` are undefined without probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import AnnotationError
from cellwright.metrics.intervals import (
    BY_IMAGE,
    FINER,
    Interval,
    Resampling,
    Weights,
    bootstrap_by_image,
    intervals_by_class,
    intervals_of,
    mean_defined,
    percentile_interval,
    ratio,
    wilson,
    with_resamples,
)
from cellwright.metrics.report import Report, check_paired, interval_settings
from cellwright.metrics.roc import RocCurve, area_under_roc, roc_curves, sensitivity_at
from cellwright.metrics.score_map import CALIBRATION_BINS, binned_excess
from cellwright.types import Category

METRICS = (
    *("accuracy", "balanced_accuracy", "weighted_precision", "weighted_f1"),
    *("macro_precision", "macro_f1", "auroc", "ece"),
)

SENSITIVITY = "sensitivity_at_95"


class ReliabilityBin(NamedTuple):
    """Predictions of like confidence: what was claimed, what came true.

    Attributes:
        low: lower edge of the bin, excluded (0 is included in the first).
        high: upper edge, included.
        confidence: mean claimed probability of the class given; None in an empty bin.
        accuracy: share of them that were right, with its Wilson interval and n.
    """

    low: float
    high: float
    confidence: float | None
    accuracy: Interval


@dataclass(frozen=True)
class ClassificationReport(Report):
    """A :class:`~cellwright.metrics.report.Report` with the counts behind it.

    Attributes:
        classes: class names in the order of the matrix.
        confusion: images by true class (row) and class given (column).
        reliability: bins of confidence; empty where predictions carry no probabilities.
        roc: each class against the rest; empty where predictions carry no probabilities.
    """

    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    reliability: tuple[ReliabilityBin, ...] = field(default=())
    roc: tuple[RocCurve, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """As the base's, with ``classes``, ``confusion`` and ``reliability``."""
        bins = [
            {
                "low": one.low,
                "high": one.high,
                "confidence": one.confidence,
                "accuracy": one.accuracy.to_json(),
            }
            for one in self.reliability
        ]
        rows = [list(row) for row in self.confusion]
        content = {"classes": list(self.classes), "confusion": rows, "reliability": bins}
        return super().to_json() | content


def confusion_matrix(
    truth: Sequence[Category], predicted: Sequence[Category], n_classes: int
) -> NDArray[np.int64]:
    """Images by true class (row) and predicted class (column), int64 ``(K, K)``.

    Raises:
        AnnotationError: numbers of images differ, or a class id has no name.
    """
    pairs = _class_ids(truth, n_classes) * n_classes + _class_ids(predicted, n_classes)
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)


def evaluate_classification(
    truth: Sequence[Category],
    predicted: Sequence[Category],
    classes: Sequence[str],
    *,
    resampling: Resampling = BY_IMAGE,
) -> ClassificationReport:
    """Every classification metric with a 95 % interval; ``n`` counts images.

    Args:
        truth: true classes, one an image.
        predicted: predicted classes, with probabilities where the model gives them.
        classes: class names that ``class_id`` indexes into.
        resampling: how images, or groups of them, are drawn for the intervals.

    Raises:
        AnnotationError: numbers of images differ, a class id has no name, or the number of
            probabilities is not that of the classes.
    """
    check_paired(truth, predicted, classes)
    true, guess = _class_ids(truth, len(classes)), _class_ids(predicted, len(classes))
    weights = with_resamples(len(truth), resampling)
    is_true = np.eye(len(classes))[true]
    is_guess = np.eye(len(classes))[guess]
    per_class = _one_against_rest(is_true, is_guess, weights)
    probabilities = _probabilities(predicted, len(classes))
    per_class |= _of_probabilities(is_true, probabilities, weights)
    rates = _precision_recall(is_true, is_guess, weights)
    pooled = {
        "accuracy": ratio(weights @ (true == guess), weights.sum(axis=1)),
        **_means_over_classes(per_class, rates, support=(weights @ is_true).T),
        "ece": _winner_calibration(true, guess, probabilities, weights),
    }
    confusion = confusion_matrix(truth, predicted, len(classes))
    alone = resampling.groups is None
    metrics = intervals_of(pooled, dict.fromkeys(METRICS, len(truth)))
    if alone:
        metrics["accuracy"] = wilson(int((true == guess).sum()), len(truth))
    own = _class_rates(confusion, rates, per_class["macro_f1"], alone=alone)
    sensitivity = per_class.pop(SENSITIVITY)
    for row, values, count in zip(own, sensitivity, confusion.sum(axis=1).tolist(), strict=True):
        row[SENSITIVITY] = percentile_interval(values[0], values[1:], n=count)
    by_class = intervals_by_class(per_class, classes, n=len(truth))
    return ClassificationReport(
        task="classification",
        n_images=len(truth),
        metrics=metrics,
        per_class={name: {**own[index], **by_class[name]} for index, name in enumerate(classes)},
        settings={
            "calibration_bins": CALIBRATION_BINS,
            **interval_settings(resampling),
        },
        classes=tuple(classes),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        reliability=reliability_bins(true == guess, _winner(guess, probabilities)),
        roc=() if probabilities is None else roc_curves(is_true > 0, probabilities),
    )


def _means_over_classes(
    per_class: Mapping[str, NDArray[np.float64]],
    rates: Mapping[str, NDArray[np.float64]],
    *,
    support: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    """Metric name -> ``(R,)``: macro means, and means weighted by ``support`` ``(K, R)``."""
    precision = _never_given_is_zero(rates)
    return {
        "balanced_accuracy": mean_defined(rates["recall"]),
        "weighted_precision": _weighted(precision, support),
        "weighted_f1": _weighted(per_class["macro_f1"], support),
        "macro_precision": mean_defined(precision),
        "macro_f1": mean_defined(per_class["macro_f1"]),
        "auroc": mean_defined(per_class["auroc"]),
    }


def figure_difference(
    truth: Sequence[Category],
    before: Sequence[Category],
    after: Sequence[Category],
    classes: Sequence[str],
    *,
    metric: Literal["accuracy", "weighted_f1", "macro_f1"] = "weighted_f1",
    resampling: Resampling = FINER,
) -> Interval:
    """A figure of one model minus that of another on the same images, with its interval.

    Both are resampled together, so that images hard for both do not widen the interval.

    Raises:
        AnnotationError: as :func:`evaluate_classification`.
    """
    for side in (before, after):
        check_paired(truth, side, classes)
    is_true = np.eye(len(classes))[_class_ids(truth, len(classes))]
    sides = [np.eye(len(classes))[_class_ids(one, len(classes))] for one in (before, after)]

    def difference(weights: Weights) -> NDArray[np.float64]:
        first, second = (_figure(metric, is_true, one, weights) for one in sides)
        return np.asarray(first - second)

    return bootstrap_by_image(
        difference,
        len(truth),
        n=len(truth),
        resampling=resampling,
    )


def _figure(
    metric: str, is_true: NDArray[np.float64], is_guess: NDArray[np.float64], weights: Weights
) -> NDArray[np.float64]:
    """``(R,)`` of one-hot rows ``(I, K)``."""
    if metric == "accuracy":
        return ratio(weights @ (is_true * is_guess).sum(axis=1), weights.sum(axis=1))
    f1 = _one_against_rest(is_true, is_guess, weights)["macro_f1"]
    return mean_defined(f1) if metric == "macro_f1" else _weighted(f1, (weights @ is_true).T)


def reliability_bins(
    right: NDArray[np.bool_], confidence: NDArray[np.float64] | None
) -> tuple[ReliabilityBin, ...]:
    """Predictions by their confidence in 15 equal bins.

    Args:
        right: bool ``(I,)``.
        confidence: ``(I,)`` in [0, 1]; None gives no bins.
    """
    if confidence is None:
        return ()
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    place = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1, 0, None)
    bins = []
    for index, (low, high) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
        inside = place == index
        mean = float(confidence[inside].mean()) if inside.any() else None
        share = wilson(int(right[inside].sum()), int(inside.sum()))
        bins.append(ReliabilityBin(low, high, mean, share))
    return tuple(bins)


def calibration_error(
    right: NDArray[np.floating], confidence: NDArray[np.floating], weights: Weights
) -> NDArray[np.float64]:
    """Expected calibration error over equal bins of confidence.

    Args:
        right: ``(I,)``, 1 where the prediction came true, else 0.
        confidence: ``(I,)`` in [0, 1].
        weights: ``(R, I)``.

    Returns:
        float64 ``(R,)`` in [0, 1]; NaN where nothing was drawn.
    """
    excess = binned_excess(right, confidence)
    return ratio(np.abs(weights @ excess).sum(axis=1), weights.sum(axis=1))


def _one_against_rest(
    is_true: NDArray[np.float64], is_guess: NDArray[np.float64], weights: Weights
) -> dict[str, NDArray[np.float64]]:
    """Metric name -> ``(K, R)`` from one-hot rows ``(I, K)``."""
    found, true, guess = ((weights @ rows).T for rows in (is_true * is_guess, is_true, is_guess))
    f1 = ratio(2 * found, true + guess)
    n_images = weights.sum(axis=1)
    accuracy = ratio(n_images - true - guess + 2 * found, n_images)
    return {"accuracy": accuracy, "weighted_f1": f1, "macro_f1": f1}


def _precision_recall(
    is_true: NDArray[np.float64], is_guess: NDArray[np.float64], weights: Weights
) -> dict[str, NDArray[np.float64]]:
    """``precision``, ``recall`` ``(K, R)``, and whether a class ``occurs`` on either side."""
    found, true, guess = ((weights @ rows).T for rows in (is_true * is_guess, is_true, is_guess))
    occurs = (true + guess) > 0
    return {
        "precision": ratio(found, guess),
        "recall": ratio(found, true),
        "occurs": occurs.astype(np.float64),
    }


def _never_given_is_zero(rates: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Precision for the averages: a class that is true but never given counts 0, not nothing."""
    precision = rates["precision"]
    return np.where(np.isnan(precision) & (rates["occurs"] > 0), 0.0, precision)


def _weighted(values: NDArray[np.float64], support: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over classes ``(K, R)``, each weighted by how often it is true."""
    return ratio(np.nansum(support * values, axis=0), support.sum(axis=0))


def _class_rates(
    confusion: NDArray[np.int64],
    rates: Mapping[str, NDArray[np.float64]],
    f1: NDArray[np.float64],
    *,
    alone: bool,
) -> list[dict[str, Interval]]:
    """Precision, recall and F1 of every class; Wilson where each image stands ``alone``."""
    rows = []
    for index, found in enumerate(np.diag(confusion).tolist()):
        given, true = int(confusion[:, index].sum()), int(confusion[index].sum())
        row = {"precision": wilson(found, given), "recall": wilson(found, true)}
        if not alone:
            for name, n in (("precision", given), ("recall", true)):
                values = rates[name][index]
                row[name] = percentile_interval(values[0], values[1:], n=n)
        row["f1"] = percentile_interval(f1[index, 0], f1[index, 1:], n=true)
        rows.append(row)
    return rows


def _of_probabilities(
    is_true: NDArray[np.float64], probabilities: NDArray[np.float64] | None, weights: Weights
) -> dict[str, NDArray[np.float64]]:
    """``auroc``, ``ece``, ``sensitivity_at_95`` of each class against the rest, ``(K, R)``."""
    if probabilities is None:
        undefined = np.full((is_true.shape[1], len(weights)), np.nan)
        return {"auroc": undefined, "ece": undefined, SENSITIVITY: undefined}
    columns = list(zip(is_true.T, probabilities.T, strict=True))
    return {
        "auroc": np.stack([area_under_roc(true > 0, p, weights) for true, p in columns]),
        "ece": np.stack([calibration_error(true, p, weights) for true, p in columns]),
        SENSITIVITY: np.stack([sensitivity_at(true > 0, p, weights) for true, p in columns]),
    }


def _winner_calibration(
    true: NDArray[np.int64],
    guess: NDArray[np.int64],
    probabilities: NDArray[np.float64] | None,
    weights: Weights,
) -> NDArray[np.float64]:
    winner = _winner(guess, probabilities)
    if winner is None:
        return np.full(len(weights), np.nan)
    return calibration_error((true == guess).astype(float), winner, weights)


def _winner(
    guess: NDArray[np.int64], probabilities: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    """``(I,)`` probability of the class given."""
    return None if probabilities is None else probabilities[np.arange(len(guess)), guess]


def _class_ids(categories: Sequence[Category], n_classes: int) -> NDArray[np.int64]:
    ids = np.array([one.class_id for one in categories], dtype=np.int64)
    if len(ids) and not 0 <= ids.min() <= ids.max() < n_classes:
        raise AnnotationError(
            f"class ids must lie in 0..{n_classes - 1}, found {ids.min()}..{ids.max()}"
        )
    return ids


def _probabilities(predicted: Sequence[Category], n_classes: int) -> NDArray[np.float64] | None:
    """``(I, K)``, or None where any prediction has none."""
    rows = [one.probabilities for one in predicted if one.probabilities is not None]
    if len(rows) < len(predicted):
        return None
    for index, row in enumerate(rows):
        if len(row) != n_classes:
            raise AnnotationError(
                f"{len(row)} probabilities for {n_classes} classes", where=f"image {index}"
            )
    return np.array(rows, dtype=np.float64).reshape(len(rows), n_classes)
