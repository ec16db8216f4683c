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
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import AnnotationError
from cellwright.metrics.intervals import (
    Interval,
    Weights,
    intervals_of,
    ratio,
    with_resamples,
)
from cellwright.metrics.report import Report, check_paired, interval_settings
from cellwright.types import Instances

IOU_THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
METRICS = ("matched50", "matched50_95", "pq", "f1", "count_mae")


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
    n_resamples: int = 500,
    seed: int = 0,
    groups: Sequence[str] | None = None,
) -> Report:
    """Every instance metric with a 95 % bootstrap interval.

    Args:
        truth: annotated cells, one item an image.
        predicted: predicted cells, one item an image.
        classes: class names that ``class_ids`` index into.
        n_resamples: bootstrap resamples; 0 leaves all intervals open.
        seed: seed of the resamples.
        groups: one name an image (well, patient); images of a group are resampled together.

    Raises:
        AnnotationError: numbers or shapes of label images differ, or a class id has no name.
    """
    check_paired(truth, predicted, classes)
    weights = with_resamples(len(truth), groups=groups, n_resamples=n_resamples, seed=seed)
    counts = _Counts.empty(len(truth), len(classes))
    for index, (true, guess) in enumerate(zip(truth, predicted, strict=True)):
        counts.add(index, true, guess)
    return Report(
        task="instances",
        n_images=len(truth),
        metrics=counts.of_class(slice(None)).figures(weights),
        per_class={
            name: counts.of_class(slice(index, index + 1)).figures(weights)
            for index, name in enumerate(classes)
        },
        settings={
            "iou_thresholds": list(IOU_THRESHOLDS),
            **interval_settings(n_resamples, groups),
        },
    )


@dataclass(frozen=True, eq=False)
class _Counts:
    """Counts by image (I), class (K) and, for matches, threshold (T).

    Attributes:
        found: ``(I, K, T)`` true positives.
        overlap: ``(I, K)`` sum of the overlaps of cells matched at 0.5.
        truth: ``(I, K)`` true cells.
        predicted: ``(I, K)`` predicted cells.
    """

    found: NDArray[np.float64]
    overlap: NDArray[np.float64]
    truth: NDArray[np.float64]
    predicted: NDArray[np.float64]

    @classmethod
    def empty(cls, n_images: int, n_classes: int) -> _Counts:
        flat = [np.zeros((n_images, n_classes)) for _ in range(3)]
        return cls(np.zeros((n_images, n_classes, len(IOU_THRESHOLDS))), *flat)

    def add(self, image: int, truth: Instances, predicted: Instances) -> None:
        """Fill in one image."""
        n_classes = self.truth.shape[1]
        for cells, counts in ((truth, self.truth), (predicted, self.predicted)):
            per_class = np.bincount(_classes(cells), minlength=n_classes)
            if len(per_class) > n_classes:
                raise AnnotationError(
                    f"class id {len(per_class) - 1} but only {n_classes} class names",
                    where=f"image {image}",
                )
            counts[image] = per_class
        pairs = _same_class(overlaps(truth, predicted), truth, predicted)
        for index, threshold in enumerate(IOU_THRESHOLDS):
            matches = _matched(pairs, threshold)
            class_ids = _classes(truth)[matches.truth]
            self.found[image, :, index] = np.bincount(class_ids, minlength=n_classes)
            if index == 0:
                self.overlap[image] = np.bincount(class_ids, matches.iou, minlength=n_classes)

    def of_class(self, classes: slice) -> _Counts:
        """The chosen classes summed into one."""
        return _Counts(
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
        return intervals_of(values, {**cells, "count_mae": len(self.truth)})


def _classes(instances: Instances) -> NDArray[np.int64]:
    return np.zeros(0, np.int64) if instances.class_ids is None else instances.class_ids
