"""How good an instance segmentation is: cells matched by overlap, counts, then rates.

A predicted cell finds a true cell of its class when their intersection over union reaches
the threshold; from 0.5 up the match is one-to-one (two cells that both reach exactly 0.5
with a third leave one of them unmatched). Cells of all images are pooled.

- ``matched50`` = tp / (tp + fp + fn) at 0.5, and ``matched50_95`` its mean over
  0.5, 0.55 … 0.95. The nuclei literature calls this "average precision" (Caicedo et al.
  2019, Nat. Methods 16:1247; StarDist); it is not COCO's.
- ``f1`` = 2 tp / (2 tp + fp + fn) at 0.5.
- ``pq`` = sum of the overlaps of matched cells / (tp + fp/2 + fn/2), panoptic quality
  (Kirillov et al. 2019).
- ``count_mae`` is the mean absolute difference of predicted and true count an image.
- ``matched50_per_image`` and ``matched50_95_per_image`` are computed for each image and then
  averaged, so that an image with few cells weighs as much as a crowded one; an image without
  a cell in truth and prediction is left out, and ``n`` says how many are in the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import AnnotationError
from cellwright.metrics.intervals import (
    BY_IMAGE,
    Interval,
    Resampling,
    Weights,
    bootstrap_by_image,
    intervals_of,
    ratio,
    with_resamples,
)
from cellwright.metrics.report import Report, check_paired, interval_settings
from cellwright.types import Instances

IOU_THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
METRICS = ("matched50", "matched50_95", "pq", "f1", "count_mae")
PER_IMAGE = ("matched50_per_image", "matched50_95_per_image")


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Pairs of a true and a predicted cell that share a pixel, each ``(P,)``.

    Attributes:
        truth: int64, index of the true cell (label - 1).
        predicted: int64, index of the predicted cell (label - 1).
        iou: float64 in (0, 1].
    """

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    iou: NDArray[np.float64]


def overlaps(truth: Instances, predicted: Instances) -> Overlaps:
    """Intersection over union of all cells that touch.

    Raises:
        AnnotationError: label images of different shape.
    """
    true, guess = truth.labels, predicted.labels
    if true.shape != guess.shape:
        raise AnnotationError(f"true labels are {true.shape} but predicted {guess.shape}")
    both = (true > 0) & (guess > 0)
    key = true[both].astype(np.int64) * (len(predicted) + 1) + guess[both]
    pairs, shared = np.unique(key, return_counts=True)
    rows, columns = np.divmod(pairs, len(predicted) + 1)
    areas = np.bincount(true.ravel())[rows] + np.bincount(guess.ravel())[columns]
    return Overlaps(rows - 1, columns - 1, shared / (areas - shared))


def match_instances(
    truth: Instances, predicted: Instances, *, iou_threshold: float = 0.5
) -> Overlaps:
    """The one-to-one matches of cells of the same class at one threshold.

    Raises:
        AnnotationError: label images of different shape, or a threshold below 0.5, where
            matches would no longer be one-to-one.
    """
    if not 0.5 <= iou_threshold <= 1:
        raise AnnotationError(f"the overlap threshold must lie in 0.5..1, not {iou_threshold}")
    return _matched(_same_class(overlaps(truth, predicted), truth, predicted), iou_threshold)


def matched_share(truth: Instances, found: Instances) -> float:
    """TP / (TP + FP + FN) at an overlap of a half; 1 where both sides are empty."""
    return float(matched_shares(truth, found)[0])


def matched_shares(truth: Instances, found: Instances) -> NDArray[np.float64]:
    """TP / (TP + FP + FN) at each of :data:`IOU_THRESHOLDS`, ``(10,)``; 1 where both are empty.

    Raises:
        AnnotationError: label images of different shape.
    """
    pairs = _same_class(overlaps(truth, found), truth, found)
    matched = np.array([len(_matched(pairs, one).iou) for one in IOU_THRESHOLDS], np.float64)
    total = len(truth) + len(found) - matched
    return np.where(total > 0, matched / np.maximum(total, 1), 1.0)


def _same_class(pairs: Overlaps, truth: Instances, predicted: Instances) -> Overlaps:
    same = _classes(truth)[pairs.truth] == _classes(predicted)[pairs.predicted]
    return Overlaps(pairs.truth[same], pairs.predicted[same], pairs.iou[same])


def _matched(pairs: Overlaps, threshold: float) -> Overlaps:
    kept = np.flatnonzero(pairs.iou >= threshold)
    # From 0.5 up a cell can have two partners only at exactly 0.5, and these have no
    # other partner: keeping the first of each is the largest one-to-one match.
    for side in (pairs.truth, pairs.predicted):
        kept = kept[np.unique(side[kept], return_index=True)[1]]
    return Overlaps(pairs.truth[kept], pairs.predicted[kept], pairs.iou[kept])


def evaluate_instances(
    truth: Sequence[Instances],
    predicted: Sequence[Instances],
    classes: Sequence[str],
    *,
    resampling: Resampling = BY_IMAGE,
) -> Report:
    """Every instance metric with a 95 % bootstrap interval.

    Args:
        truth: annotated cells, one item an image.
        predicted: predicted cells, one item an image.
        classes: class names that ``class_ids`` index into.
        resampling: how images, or groups of them, are drawn for the intervals.

    Raises:
        AnnotationError: numbers or shapes of label images differ, or a class id has no name.
    """
    check_paired(truth, predicted, classes)
    counts = [
        count_instances(true, guess, len(classes), where=f"image {index}")
        for index, (true, guess) in enumerate(zip(truth, predicted, strict=True))
    ]
    return report_instances(counts, classes, resampling=resampling)


@dataclass(frozen=True, eq=False)
class InstanceCounts:
    """Counts of one image by class (K) and, for matches, threshold (T).

    Attributes:
        found: ``(K, T)`` true positives.
        overlap: ``(K,)`` sum of the overlaps of cells matched at 0.5.
        truth: ``(K,)`` true cells.
        predicted: ``(K,)`` predicted cells.
    """

    found: NDArray[np.float64]
    overlap: NDArray[np.float64]
    truth: NDArray[np.float64]
    predicted: NDArray[np.float64]


def count_instances(
    truth: Instances, predicted: Instances, n_classes: int, *, where: str | None = None
) -> InstanceCounts:
    """Cells and matches of one image, which errors call ``where``.

    Raises:
        AnnotationError: label images of different shape, or a class id without a name.
    """
    true, guessed = (_per_class(cells, n_classes, where) for cells in (truth, predicted))
    pairs = _same_class(overlaps(truth, predicted), truth, predicted)
    found, overlap = np.zeros((n_classes, len(IOU_THRESHOLDS))), np.zeros(n_classes)
    for index, threshold in enumerate(IOU_THRESHOLDS):
        matches = _matched(pairs, threshold)
        class_ids = _classes(truth)[matches.truth]
        found[:, index] = np.bincount(class_ids, minlength=n_classes)
        if index == 0:
            overlap[:] = np.bincount(class_ids, matches.iou, minlength=n_classes)
    return InstanceCounts(found, overlap, true, guessed)


def report_instances(
    counts: Sequence[InstanceCounts],
    classes: Sequence[str],
    *,
    resampling: Resampling = BY_IMAGE,
) -> Report:
    """What :func:`evaluate_instances` reports, of images that were counted already."""
    n_images, n_classes = len(counts), len(classes)
    weights = with_resamples(n_images, resampling)
    shapes = {"found": (n_classes, len(IOU_THRESHOLDS))}
    stacked = {
        name: np.array([getattr(one, name) for one in counts]).reshape(
            n_images, *shapes.get(name, (n_classes,))
        )
        for name in ("found", "overlap", "truth", "predicted")
    }
    everything = _Pooled(**stacked)
    return Report(
        task="instances",
        n_images=n_images,
        metrics=everything.of_class(slice(None)).figures(weights),
        per_class={
            name: everything.of_class(slice(index, index + 1)).figures(weights)
            for index, name in enumerate(classes)
        },
        settings={
            "iou_thresholds": list(IOU_THRESHOLDS),
            **interval_settings(resampling),
        },
    )


def matched_difference(
    before: Sequence[InstanceCounts],
    after: Sequence[InstanceCounts],
    *,
    resampling: Resampling = BY_IMAGE,
) -> Interval:
    """Pooled ``matched50`` of one model minus that of another on the same images, with interval.

    Both are resampled together, so that images hard for both do not widen the interval.

    Args:
        before: counts of each image.
        after: the other model's, in the same order.
        resampling: how images, or groups of them, are drawn for the intervals.
    """
    parts = []
    for side in (before, after):
        found = np.array([one.found[:, 0].sum() for one in side])
        cells = np.array([one.truth.sum() + one.predicted.sum() for one in side])
        parts.append((found, cells - found))

    def difference(weights: Weights) -> NDArray[np.float64]:
        a, b = (ratio(weights @ found, weights @ either) for found, either in parts)
        return np.asarray(a - b)

    return bootstrap_by_image(
        difference,
        len(before),
        n=int(sum(one.truth.sum() for one in before)),
        resampling=resampling,
    )


@dataclass(frozen=True, eq=False)
class _Pooled:
    """Counts by image (I), class (K) and, for matches, threshold (T)."""

    found: NDArray[np.float64]
    overlap: NDArray[np.float64]
    truth: NDArray[np.float64]
    predicted: NDArray[np.float64]

    def of_class(self, classes: slice) -> _Pooled:
        """The chosen classes summed into one."""
        return _Pooled(
            *(
                values[:, classes].sum(axis=1, keepdims=True)
                for values in (self.found, self.overlap, self.truth, self.predicted)
            )
        )

    def figures(self, weights: Weights) -> dict[str, Interval]:
        """Intervals of counts already summed over classes, under weights ``(1 + R, I)``."""
        found = weights @ self.found[:, 0]
        truth, predicted = weights @ self.truth, weights @ self.predicted
        matched = ratio(found, truth + predicted - found)
        difference = np.abs(self.predicted - self.truth)[:, 0]
        values = {
            "matched50": matched[:, 0],
            "matched50_95": matched.mean(axis=1),
            "pq": ratio(2 * weights @ self.overlap, truth + predicted)[:, 0],
            "f1": ratio(2 * found[:, :1], truth + predicted)[:, 0],
            "count_mae": ratio(weights @ difference, weights.sum(axis=1)),
        }
        cells = dict.fromkeys(METRICS, int(self.truth.sum()))
        observations = {**cells, "count_mae": len(self.truth)}
        each = ratio(self.found[:, 0], self.truth + self.predicted - self.found[:, 0])
        defined = ~np.isnan(each[:, 0])
        shares = weights @ defined.astype(np.float64)
        for name, of_image in zip(PER_IMAGE, (each[:, 0], each.mean(axis=1)), strict=True):
            values[name] = ratio(weights @ np.where(defined, of_image, 0), shares)
            observations[name] = int(defined.sum())
        return intervals_of(values, observations)


def _per_class(cells: Instances, n_classes: int, where: str | None) -> NDArray[np.float64]:
    """``(K,)`` number of cells."""
    counts = np.bincount(_classes(cells), minlength=n_classes)
    if len(counts) > n_classes:
        raise AnnotationError(
            f"class id {len(counts) - 1} but only {n_classes} class names", where=where
        )
    return counts.astype(np.float64)


def _classes(instances: Instances) -> NDArray[np.int64]:
    return np.zeros(0, np.int64) if instances.class_ids is None else instances.class_ids
