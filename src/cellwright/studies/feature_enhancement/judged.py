"""How good a trained network is on the test sections: pixels pooled over all of them.

Beside the IoU stands one with a band of tolerance: lines of membrane are a few pixels wide, so
half a pixel of disagreement about an edge costs a tenth of their IoU. With the band, what was
found counts as right within two pixels of the class, and what is there as found within two
pixels of the answer; precision and recall then give IoU = 1 / (1/P + 1/R - 1).

Serial sections show the same synapse several times, so they are no sample to draw intervals
from. Columns are: one square of the field through all sections, sixteen of them at 1,024
pixels. The interval says what another sixteen columns of this tissue might have given, and
nothing of another animal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import DatasetError
from cellwright.inference.segmenter import Segmenter
from cellwright.metrics.intervals import (
    Interval,
    Resampling,
    intervals_of,
    mean_defined,
    ratio,
    with_resamples,
)
from cellwright.types import SemanticMask

TOLERANCE_PX = 2
DISC = (np.hypot(*np.mgrid[-TOLERANCE_PX : TOLERANCE_PX + 1, -TOLERANCE_PX : TOLERANCE_PX + 1])
        <= TOLERANCE_PX).astype(np.uint8)  # fmt: skip
"""Pixels whose centres are no farther than that; OpenCV's own ellipse holds some that are."""

SQUARE_PX = 256
RESAMPLES = 2000

Mask = NDArray[np.uint8]
Counts: TypeAlias = NDArray[np.int64]
Units = Literal["columns", "images"]
"""What is drawn for an interval: squares through all sections, or whole pictures."""


@dataclass(frozen=True)
class Judged:
    """Figures of one network, shares of 1.

    Attributes:
        iou: by class.
        miou: their mean.
        tolerant: the IoU by class within :data:`TOLERANCE_PX`.
        objects: connected parts of each class in the labels.
    """

    iou: Mapping[str, Interval]
    miou: Interval
    tolerant: Mapping[str, Interval]
    objects: Mapping[str, int]


def judge(segmenter: Segmenter, test: LabelledSet, *, units: Units) -> Judged:
    """Predict every test section.

    Raises:
        DatasetError: a section without a mask.
    """
    pairs = []
    for record in test:
        sample = record.load()
        if not isinstance(sample.annotation, SemanticMask):
            raise DatasetError("has no mask", where=record.id)
        maps = segmenter.probabilities(sample.image, pixel_size_um=sample.pixel_size_um)
        pairs.append((maps.argmax(axis=0).astype(np.uint8), sample.annotation.mask))
    return judge_masks(pairs, test.classes, units=units)


def judge_masks(
    pairs: Sequence[tuple[Mask, Mask]], classes: Sequence[str], *, units: Units
) -> Judged:
    """Answers and labels, each ``(H, W)`` class ids, to figures."""
    by_unit: dict[Hashable, Counts] = defaultdict(lambda: np.zeros((5, len(classes)), np.int64))
    objects = dict.fromkeys(classes, 0)
    for picture, (found, true) in enumerate(pairs):
        for index, name in enumerate(classes):
            squares = _counts(found == index, true == index)
            for row, column in np.ndindex(squares.shape[1:]):
                unit = (row, column) if units == "columns" else picture
                by_unit[unit][:, index] += squares[:, row, column]
            objects[name] += int(ndimage.label(true == index)[1])
    weights = with_resamples(len(by_unit), Resampling(n=RESAMPLES, seed=0))
    pooled = np.tensordot(weights, np.stack(list(by_unit.values())), 1).transpose(1, 2, 0)
    each, tolerant = _iou(pooled), _iou_with_band(pooled)
    return Judged(
        iou=_by_class(each, classes, n=len(by_unit)),
        miou=intervals_of({"miou": mean_defined(each)}, {"miou": len(by_unit)})["miou"],
        tolerant=_by_class(tolerant, classes, n=len(by_unit)),
        objects=objects,
    )


def _by_class(values: NDArray[np.float64], classes: Sequence[str], *, n: int) -> dict[str, Any]:
    return intervals_of(dict(zip(classes, values, strict=True)), dict.fromkeys(classes, n))


def _counts(found: NDArray[np.bool_], true: NDArray[np.bool_]) -> Counts:
    """``(5, rows, columns)`` of squares: shared, found, true, found near true, true near found."""
    hits = (found & true, found, true, found & _grown(true), true & _grown(found))
    starts = [range(0, edge, SQUARE_PX) for edge in true.shape]
    return np.stack(
        [
            np.add.reduceat(np.add.reduceat(one, starts[0], 0, np.int64), starts[1], 1)
            for one in hits
        ]
    )


def _iou(pooled: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(K, R)`` from counts ``(5, K, R)``; NaN for a class that is on neither side."""
    shared, found, true = pooled[:3]
    return ratio(shared, found + true - shared)


def _iou_with_band(pooled: NDArray[np.float64]) -> NDArray[np.float64]:
    _, found, true, right, caught = pooled
    precision, recall = (np.nan_to_num(ratio(*one)) for one in ((right, found), (caught, true)))
    both = precision * recall
    score = np.nan_to_num(ratio(both, precision + recall - both))
    return np.where(found + true > 0, score, np.nan)


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), DISC) > 0)
