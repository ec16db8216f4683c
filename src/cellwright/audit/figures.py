"""How good the model is with the suspects, and without them: both are always given.

Without a suspect means that neither the label in doubt nor what the model says in its place
is counted: a box is taken out on both sides, a region's pixels are not looked at. The model
itself chose the suspects, so figures without them flatter it as long as no person has looked
at them; see ``docs/methods/label-audit.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cellwright.audit.suspects import Suspect
from cellwright.inference.evaluate_segmentation import BACKGROUND, BESIDE_CELLS, BESIDE_MASKS
from cellwright.inference.regions import label_regions, lookup, mean_of_label
from cellwright.inference.segmenter import Segmented
from cellwright.metrics.counting_rule import CountingRule
from cellwright.metrics.detection import evaluate_detection
from cellwright.metrics.instances import count_instances, report_instances
from cellwright.metrics.intervals import Resampling, units_to_resample
from cellwright.metrics.matching import iou_matrix
from cellwright.metrics.report import Report
from cellwright.metrics.semantic import confusion_matrix, report_semantic
from cellwright.types import Boxes, Instances, SemanticMask

SAME_PLACE_IOU = 0.5
"""A box of the ranked list that overlaps a suspect so much is about the same cell."""


@dataclass(frozen=True, eq=False)
class BoxPair:
    """Truth and ranked predictions of one image."""

    group: str
    truth: Boxes
    predicted: Boxes


def box_report(pairs: Sequence[BoxPair], classes: Sequence[str], *, rule: CountingRule) -> Report:
    """Every detection metric, by the card's rule."""
    return evaluate_detection(
        [one.truth for one in pairs],
        [one.predicted for one in pairs],
        classes,
        score_threshold=rule,
        resampling=Resampling(groups=units_to_resample([one.group for one in pairs])),
    )


def without_boxes(pair: BoxPair, suspects: Sequence[Suspect]) -> BoxPair:
    """The pair without the labels and predictions that ``suspects`` of the image are about."""
    if not suspects:
        return pair
    gone = sorted({one.label - 1 for one in suspects if one.label is not None})
    kept = pair.truth.select(np.setdiff1d(np.arange(len(pair.truth)), gone))
    places = [one.corners for one in suspects if one.kind != "doubled"]
    places += [one.proposed for one in suspects if one.proposed is not None]
    about = _reaches(pair.predicted, np.array(places, np.float32).reshape(-1, 4))
    about &= ~_reaches(pair.predicted, kept.xyxy)
    return replace(pair, truth=kept, predicted=pair.predicted.select(~about))


def _reaches(boxes: Boxes, places: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which boxes lie on any of ``places``."""
    if not len(boxes) or not len(places):
        return np.zeros(len(boxes), bool)
    return np.asarray((iou_matrix(boxes.xyxy, places) >= SAME_PLACE_IOU).any(axis=1))


@dataclass(frozen=True, eq=False)
class MaskPair:
    """Truth and prediction of one image, masks and cells.

    Attributes:
        group: of the image.
        truth: the labels.
        found: the prediction.
        looked_at: bool ``(H, W)``: pixels that count; None for all.
    """

    group: str
    truth: Segmented
    found: Segmented
    looked_at: NDArray[np.bool_] | None = None


def mask_report(pairs: Iterable[MaskPair], classes: Sequence[str], *, task: str) -> Report:
    """Every figure of the model's task, some of the other beside it, as ``evaluate`` gives them.

    Only counts are kept of a pair, so they may be made one by one.
    """
    groups, matrices, matches, n_classes = [], [], [], len(classes)
    for one in pairs:
        groups.append(one.group)
        truth, found = (_looked_at(side.mask, one) for side in (one.truth, one.found))
        matrices.append(confusion_matrix(truth, found, n_classes + 1))
        matches.append(count_instances(one.truth.cells, one.found.cells, n_classes))
    shared = units_to_resample(groups)
    pixels = report_semantic(matrices, (BACKGROUND, *classes), resampling=Resampling(groups=shared))
    cells = report_instances(matches, classes, resampling=Resampling(groups=shared))
    if task == "semantic":
        own, beside = pixels, {name: cells.metrics[name] for name in BESIDE_MASKS}
    else:
        own, beside = cells, {f"pixel_{name}": pixels.metrics[name] for name in BESIDE_CELLS}
    return replace(own, metrics={**own.metrics, **beside})


def without_regions(pair: MaskPair, suspects: Sequence[Suspect], *, task: str) -> MaskPair:
    """The pair without the pixels, and the cells, that ``suspects`` of the image are about."""
    if not suspects:
        return pair
    looked_at = np.ones(pair.truth.mask.mask.shape, bool)
    for one in suspects:
        if one.region is not None:
            looked_at[one.region.window] &= ~one.region.pixels
    if task == "semantic":
        # Cells of masks are connected regions, so they are made anew of what is left.
        left = [
            SemanticMask(np.where(looked_at, side.mask.mask, 0))
            for side in (pair.truth, pair.found)
        ]
        truth, found = (Segmented(mask, label_regions(mask)) for mask in left)
    else:
        truth, found = (
            side._replace(cells=_mostly_in(side.cells, looked_at))
            for side in (pair.truth, pair.found)
        )
    return MaskPair(pair.group, truth, found, looked_at)


def _mostly_in(cells: Instances, looked_at: NDArray[np.bool_]) -> Instances:
    """The cells of which at least half is looked at, numbered anew."""
    kept = np.flatnonzero(
        mean_of_label(cells.labels, looked_at.astype(np.float32), len(cells)) >= 0.5
    )
    table = np.zeros(len(cells) + 1, np.int32)
    table[kept + 1] = np.arange(1, len(kept) + 1)
    class_ids = None if cells.class_ids is None else cells.class_ids[kept]
    scores = None if cells.scores is None else cells.scores[kept]
    return Instances(lookup(table, cells.labels), class_ids, scores)


def _looked_at(mask: SemanticMask, pair: MaskPair) -> SemanticMask:
    if pair.looked_at is None:
        return mask
    return SemanticMask(mask.mask[pair.looked_at][None])
