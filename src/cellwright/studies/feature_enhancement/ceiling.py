"""What training at a smaller size gives away at most: the labels themselves, shrunk and enlarged.

The shares of the classes are averaged down and interpolated up as a network's probabilities
are, then the largest wins: no network of that size can be expected to do better.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.images.resize import resize
from cellwright.studies.feature_enhancement.judged import judge_masks
from cellwright.studies.feature_enhancement.training import MIOU, Setting, words
from cellwright.studies.study import NotAttempted, Outcome, figure_of
from cellwright.types import SemanticMask

TABLE = "ceiling"
ROW = "the labels themselves, shrunk and enlarged"


def measure(setting: Setting, folder: Path) -> Outcome:  # noqa: ARG001 - a cell is given its folder
    """IoU of the labels with themselves, by class.

    Raises:
        NotAttempted: the images are trained on at their own size.
    """
    if setting.longest_px is None:
        raise NotAttempted("the images are trained on at their own size")
    parts = setting.parts()
    test = parts.test if parts.test is not None else parts.val
    masks = [record.load().annotation for record in test]
    truths = [one.mask for one in masks if isinstance(one, SemanticMask)]
    pairs = [(passed_through(one, setting.longest_px, len(test.classes)), one) for one in truths]
    judged = judge_masks(pairs, test.classes, units=setting.units)
    figures = [(f"IoU {name} (%)", value) for name, value in judged.iou.items()]
    return Outcome(
        tuple(
            figure_of(TABLE, ROW, metric, value, factor=100)
            for metric, value in [(MIOU, judged.miou), *figures]
        ),
        data=words(parts.whole, test),
    )


def passed_through(mask: NDArray[np.uint8], longest_px: int, n_classes: int) -> NDArray[np.uint8]:
    """``(H, W)`` class ids after the way down to ``longest_px`` and back."""
    height, width = mask.shape
    factor = longest_px / max(height, width)
    shares = (np.arange(n_classes)[:, None, None] == mask).astype(np.float32)
    small = resize(shares, round(height * factor), round(width * factor))
    classes: NDArray[np.uint8] = resize(small, height, width).argmax(axis=0).astype(np.uint8)
    return classes
