"""How good a detector is: counts of found, invented and missed cells, then rates.

``ap50`` and ``ap50_95`` follow COCO (Lin et al. 2014): a class at a time over all images
together, 101 recall points, mean over the classes that occur; but the cap on detections
(a class, an image) is 3,000 instead of 100, and images that reach it are named.
``precision``, ``recall`` and ``f1`` are what a user gets: at overlap 0.5, of the boxes that
count as cells, however many, cells of all classes pooled. ``count_mae`` and ``count_bias`` are
the mean absolute and mean signed difference of predicted and true count an image.
Intervals resample whole images, or whole groups (see :mod:`cellwright.metrics.intervals`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import AnnotationError, ConfigError
from cellwright.metrics.average_precision import resampled_average_precision
from cellwright.metrics.counting_rule import CountingRule, ScoreThreshold, as_rule
from cellwright.metrics.intervals import (
    BY_IMAGE,
    Interval,
    Resampling,
    Weights,
    bootstrap_by_image,
    intervals_of,
    mean_defined,
    ratio,
    with_resamples,
)
from cellwright.metrics.matching import score_order, true_positives
from cellwright.metrics.report import Report, check_paired, interval_settings
from cellwright.types import Boxes

IOU_THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).tolist())
METRICS = ("ap50", "ap50_95", "precision", "recall", "f1", "count_mae", "count_bias")


@dataclass(frozen=True)
class DetectionCounts:
    """Cells found (tp), invented (fp) and missed (fn) at overlap 0.5, and the rates of these."""

    tp: int
    fp: int
    fn: int

    @property
    def precision(self) -> float | None:
        """Share of predicted cells that are true; None without a prediction."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else None

    @property
    def recall(self) -> float | None:
        """Share of true cells that were found; None without a true cell."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of both, 2 tp / (2 tp + fp + fn); None where there is nothing at all."""
        total = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / total if total else None


@dataclass(frozen=True)
class DetectionReport(Report):
    """An evaluation of a detector.

    Attributes:
        counts: class name -> integer counts behind precision, recall and f1.
        capped_images: index of each image with more detections of a class than the cap.
    """

    counts: Mapping[str, DetectionCounts] = field(default_factory=dict)
    capped_images: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class _ClassMatches:
    """All predictions of one class, matched, best score first over all images together.

    Attributes:
        image: int64 ``(N,)``, the image of each prediction.
        scores: float32 ``(N,)``, falling.
        found: bool ``(T, N)``, true positive at each overlap threshold.
        n_truth: float64 ``(I,)``, true cells of each image.
    """

    image: NDArray[np.int64]
    scores: NDArray[np.float32]
    found: NDArray[np.bool_]
    n_truth: NDArray[np.float64]

    def average_precision(self, weights: Weights) -> NDArray[np.float64]:
        """``(R, T)`` average precision under weights ``(R, I)``."""
        return resampled_average_precision(self.found, self.image, self.n_truth, weights)

    def counts(self) -> _ImageCounts:
        """Counts an image at overlap 0.5."""
        n_images = len(self.n_truth)
        return _ImageCounts(
            found=np.bincount(self.image[self.found[0]], minlength=n_images),
            predicted=np.bincount(self.image, minlength=n_images),
            truth=self.n_truth,
        )


@dataclass(frozen=True, eq=False)
class _ImageCounts:
    """True positives, predictions and true cells of each image, each ``(I,)``."""

    found: NDArray[np.int64]
    predicted: NDArray[np.int64]
    truth: NDArray[np.float64]

    def rates(self, weights: Weights) -> dict[str, NDArray[np.float64]]:
        """Metric name -> ``(R,)`` under weights ``(R, I)``; NaN where undefined."""
        found, predicted, truth = (
            weights @ self.found,
            weights @ self.predicted,
            weights @ self.truth,
        )
        difference = self.predicted - self.truth
        n_images = weights.sum(axis=1)
        return {
            "precision": ratio(found, predicted),
            "recall": ratio(found, truth),
            "f1": ratio(2 * found, predicted + truth),
            "count_mae": ratio(weights @ np.abs(difference), n_images),
            "count_bias": ratio(weights @ difference, n_images),
        }

    def observations(self) -> dict[str, int]:
        """Metric name -> what its figure is made of: cells, or images for the counts."""
        n_truth, n_predicted, n_images = (
            int(self.truth.sum()),
            int(self.predicted.sum()),
            len(self.truth),
        )
        per_metric = (n_truth, n_truth, n_predicted, n_truth, n_truth, n_images, n_images)
        return dict(zip(METRICS, per_metric, strict=True))

    def totals(self) -> DetectionCounts:
        """Counts over all images."""
        found = int(self.found.sum())
        return DetectionCounts(
            found, int(self.predicted.sum()) - found, int(self.truth.sum()) - found
        )


def evaluate_detection(
    truth: Sequence[Boxes],
    predicted: Sequence[Boxes],
    classes: Sequence[str],
    *,
    score_threshold: ScoreThreshold | CountingRule = 0.25,
    max_detections: int = 3000,
    resampling: Resampling = BY_IMAGE,
) -> DetectionReport:
    """Every detection metric with a 95 % bootstrap interval.

    Args:
        truth: annotated boxes, one item an image.
        predicted: boxes with scores, one item an image, down to a very low score: the curve
            behind average precision needs the weak ones too.
        classes: class names that ``class_ids`` index into.
        score_threshold: what counts as a cell; see :mod:`cellwright.metrics.counting_rule`.
        max_detections: best-scoring predictions kept of a class in an image for ``ap50`` and
            ``ap50_95``.
        resampling: how images, or groups of them, are drawn for the intervals.

    Raises:
        AnnotationError: numbers of images differ, a prediction has no scores, or a class id
            has no name.
        ConfigError: a setting out of range.
        UnknownNameError: a threshold for a class that does not exist.
    """
    rule = as_rule(score_threshold, classes)
    matches = _match_classes(truth, predicted, classes, max_detections=max_detections)
    cells = [rule(boxes) for boxes in predicted]
    # A user's count has no cap, so neither have the figures about it.
    most = max((len(boxes) for boxes in cells), default=0)
    counted_matches = _match_classes(truth, cells, classes, max_detections=max(1, most))
    weights = with_resamples(len(truth), resampling)
    precisions = [one.average_precision(weights) for one in matches]
    counted = [one.counts() for one in counted_matches]
    return DetectionReport(
        task="detection",
        n_images=len(truth),
        metrics=_figures(mean_defined(np.stack(precisions)), _pooled(counted), weights),
        per_class={
            name: _figures(precision, counts, weights)
            for name, precision, counts in zip(classes, precisions, counted, strict=True)
        },
        settings={
            "max_detections": max_detections,
            "score_threshold": dict(zip(classes, rule.thresholds, strict=True)),
            "iou_thresholds": [round(threshold, 2) for threshold in IOU_THRESHOLDS],
            **interval_settings(resampling),
        },
        counts={name: counts.totals() for name, counts in zip(classes, counted, strict=True)},
        capped_images=_capped_images(predicted, len(classes), max_detections),
    )


def best_threshold(
    truth: Sequence[Boxes],
    predicted: Sequence[Boxes],
    classes: Sequence[str],
    *,
    otherwise: float = 0.25,
    max_detections: int = 3000,
) -> tuple[float, ...]:
    """The score threshold of each class with the best F1 at overlap 0.5.

    Choose it on the validation part: on the part that is reported it would flatter. The
    threshold lies half-way between the weakest score kept and the strongest left out, so
    that rounding in another runtime does not move cells across it.

    Args:
        truth: annotated boxes, one item an image.
        predicted: boxes with scores, one item an image.
        classes: class names that ``class_ids`` index into.
        otherwise: threshold of a class of which nothing was found, where F1 says nothing.
        max_detections: best-scoring predictions kept of a class in an image.

    Raises:
        AnnotationError: as in :func:`evaluate_detection`.
    """
    matches = _match_classes(truth, predicted, classes, max_detections=max_detections)
    return tuple(_best_threshold_of_class(one, otherwise) for one in matches)


def _best_threshold_of_class(matches: _ClassMatches, otherwise: float) -> float:
    scores = matches.scores
    if not matches.found[0].any():
        return otherwise
    n_kept = np.arange(1, len(scores) + 1)
    f1 = 2 * np.cumsum(matches.found[0]) / (n_kept + matches.n_truth.sum())
    # Equal scores are kept or left out together: only the last of them can be a cut.
    cuts = np.flatnonzero(np.append(scores[1:] < scores[:-1], True))
    best = int(cuts[np.argmax(f1[cuts])])
    weakest_kept = float(scores[best])
    if best + 1 == len(scores):
        return weakest_kept
    middle = (weakest_kept + float(scores[best + 1])) / 2
    # Scores are compared in float32, in which the middle of neighbours is one of the two.
    return middle if np.float32(middle) > scores[best + 1] else weakest_kept


def difference_interval(
    truth: Sequence[Boxes],
    predicted_a: Sequence[Boxes],
    predicted_b: Sequence[Boxes],
    classes: Sequence[str],
    *,
    resampling: Resampling = BY_IMAGE,
) -> Interval:
    """``ap50_95`` of model a minus that of model b on the same images, with its interval.

    Both are resampled together, so that images hard for both do not widen the interval. The
    models differ where the interval leaves out 0.

    Raises:
        AnnotationError: as in :func:`evaluate_detection`.
    """
    sides = [
        _match_classes(truth, predicted, classes, max_detections=3000)
        for predicted in (predicted_a, predicted_b)
    ]

    def drop(weights: Weights) -> NDArray[np.float64]:
        a, b = (
            mean_defined(np.stack([one.average_precision(weights) for one in side]))
            for side in sides
        )
        return np.asarray((a - b).mean(axis=1))

    return bootstrap_by_image(
        drop,
        len(truth),
        n=sum(len(boxes) for boxes in truth),
        resampling=resampling,
    )


def _match_classes(
    truth: Sequence[Boxes],
    predicted: Sequence[Boxes],
    classes: Sequence[str],
    *,
    max_detections: int,
) -> list[_ClassMatches]:
    check_paired(truth, predicted, classes)
    if max_detections < 1:
        raise ConfigError(f"max_detections must be at least 1, not {max_detections}")
    for index, boxes in enumerate([*truth, *predicted]):
        if len(boxes) and boxes.class_ids.max() >= len(classes):
            raise AnnotationError(
                f"class id {boxes.class_ids.max()} but only {len(classes)} class names",
                where=f"image {index % len(truth)}",
            )
    return [
        _match_class(truth, predicted, class_id, max_detections) for class_id in range(len(classes))
    ]


def _match_class(
    truth: Sequence[Boxes], predicted: Sequence[Boxes], class_id: int, max_detections: int
) -> _ClassMatches:
    images = [np.zeros(0, np.int64)]
    scores = [np.zeros(0, np.float32)]
    found = [np.zeros((len(IOU_THRESHOLDS), 0), bool)]
    n_truth = np.zeros(len(truth))
    for index, (true, guess) in enumerate(zip(truth, predicted, strict=True)):
        if guess.scores is None:
            raise AnnotationError("predicted boxes have no scores", where=f"image {index}")
        true_xyxy = true.xyxy[true.class_ids == class_id]
        guess_index = np.flatnonzero(guess.class_ids == class_id)
        guess_index = guess_index[score_order(guess.scores[guess_index])][:max_detections]
        n_truth[index] = len(true_xyxy)
        images.append(np.full(len(guess_index), index))
        scores.append(guess.scores[guess_index])
        found.append(true_positives(true_xyxy, guess.xyxy[guess_index], IOU_THRESHOLDS))
    all_scores = np.concatenate(scores)
    order = score_order(all_scores)
    return _ClassMatches(
        np.concatenate(images)[order],
        all_scores[order],
        np.concatenate(found, axis=1)[:, order],
        n_truth,
    )


def _capped_images(
    predicted: Sequence[Boxes], n_classes: int, max_detections: int
) -> tuple[int, ...]:
    largest = [np.bincount(boxes.class_ids, minlength=n_classes).max() for boxes in predicted]
    return tuple(index for index, count in enumerate(largest) if count > max_detections)


def _pooled(counted: Sequence[_ImageCounts]) -> _ImageCounts:
    """All classes together."""
    return _ImageCounts(
        found=np.sum([one.found for one in counted], axis=0),
        predicted=np.sum([one.predicted for one in counted], axis=0),
        truth=np.sum([one.truth for one in counted], axis=0),
    )


def _figures(
    precision: NDArray[np.float64], counts: _ImageCounts, weights: Weights
) -> dict[str, Interval]:
    curves = {"ap50": precision[:, 0], "ap50_95": precision.mean(axis=1)}
    return intervals_of({**curves, **counts.rates(weights)}, counts.observations())
