"""How good a trained network is on the test sections: pixels pooled over all of them.

Beside the IoU stands one with a band of tolerance: lines of membrane are a few pixels wide, so
half a pixel of disagreement about an edge costs a tenth of their IoU. With the band, what was
found counts as right within two pixels of the class, and what is there as found within two
pixels of the answer; precision and recall then give IoU = 1 / (1/P + 1/R - 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cellwright.bundles.bundle import open_bundle
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import DatasetError
from cellwright.inference.segmenter import Segmenter
from cellwright.types import SemanticMask

TOLERANCE_PX = 2

Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Judged:
    """Figures of one network, shares of 1.

    Attributes:
        iou: by class.
        tolerant: the same within :data:`TOLERANCE_PX`.
        objects: connected parts of each class in the labels.
    """

    iou: Mapping[str, float]
    tolerant: Mapping[str, float]
    objects: Mapping[str, int]

    @property
    def miou(self) -> float:
        """Mean over the classes, of pooled pixels."""
        return float(np.nanmean(list(self.iou.values())))


def judge(path: Path, test: LabelledSet) -> Judged:
    """Predict every test section with a bundle.

    Raises:
        DatasetError: a section without a mask.
    """
    segmenter = Segmenter(open_bundle(path))
    pairs = []
    for record in test:
        sample = record.load()
        if not isinstance(sample.annotation, SemanticMask):
            raise DatasetError("has no mask", where=record.id)
        maps = segmenter.probabilities(sample.image, pixel_size_um=sample.pixel_size_um)
        pairs.append((maps.argmax(axis=0).astype(np.uint8), sample.annotation.mask))
    return judge_masks(pairs, test.classes)


def judge_masks(pairs: Sequence[tuple[Mask, Mask]], classes: Sequence[str]) -> Judged:
    """Answers and labels, each ``(H, W)`` class ids, to figures."""
    iou, tolerant, objects = {}, {}, {}
    for index, name in enumerate(classes):
        sides = [(found == index, true == index) for found, true in pairs]
        shared = sum(int((found & true).sum()) for found, true in sides)
        either = sum(int((found | true).sum()) for found, true in sides)
        iou[name] = shared / either if either else float("nan")
        tolerant[name] = _with_band(sides)
        objects[name] = sum(int(ndimage.label(true)[1]) for _, true in sides)
    return Judged(iou, tolerant, objects)


def _with_band(sides: Sequence[tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> float:
    right = sum(int((found & _grown(true)).sum()) for found, true in sides)
    caught = sum(int((true & _grown(found)).sum()) for found, true in sides)
    n_found = sum(int(found.sum()) for found, _ in sides)
    n_true = sum(int(true.sum()) for _, true in sides)
    if not n_found + n_true:
        return float("nan")
    if not right or not caught:
        return 0.0
    return 1 / (n_found / right + n_true / caught - 1)


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    edge = 2 * TOLERANCE_PX + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (edge, edge))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc) > 0)
