"""Labels of single cells beside a model's cells: which touches which, which finds which.

Boxes and pixels differ only in how overlaps are counted; from here on they are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellwright.inference.regions import areas_of_label, mean_of_label
from cellwright.metrics.instances import Overlaps, match_instances, overlaps
from cellwright.metrics.matching import match_greedy, overlapping_pairs
from cellwright.types import Boxes, Instances

MATCH_IOU = 0.5
"""A cell and a label that overlap so much are the same, as in every figure of detection."""

TOUCH_IOU = 0.1
"""Below this, a label beside a cell is not the label of that cell drawn badly."""

TWIN_IOU = 0.6
"""Two boxes that overlap so much are hardly two cells: what suppression removes as doubled."""

INSIDE = 0.8
"""Share of a label inside a cell from which it is a part of that cell."""


@dataclass(frozen=True, eq=False)
class Compared:
    """Labels and cells of one image, with classes of the model.

    Attributes:
        image: its id.
        classes: of the model.
        labels: what people drew.
        found: what the model sees, down to weak candidates; scores are probabilities.
        counted: bool ``(len(found),)``: counts as a cell by the card.
        overlaps: pairs of a label and a cell that touch.
        matched: int64 ``(len(found),)``: the label each cell finds, or -1.
        support: float64 ``(len(labels),)``: how probable any cell is in the place of each label,
            where that is known beyond the cells found.
        covered: float64 ``(len(found),)``: share of each cell's pixels that any label holds; of
            boxes, which may lie on each other, 0.
        twins: label that goes, label that stays, and how surely, of labels on one cell.
    """

    image: str
    classes: tuple[str, ...]
    labels: Boxes
    found: Boxes
    counted: NDArray[np.bool_]
    overlaps: Overlaps
    matched: NDArray[np.int64]
    support: NDArray[np.float64]
    covered: NDArray[np.float64]
    twins: tuple[tuple[int, int, float], ...]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """``(len(found),)``."""
        return np.asarray(_scores(self.found), np.float64)

    def of_labels(self) -> list[tuple[int, float]]:
        """Class of each label and how probable a cell of that class is in its place."""
        pairs, values = self.overlaps, np.zeros(len(self.labels))
        near = pairs.iou >= MATCH_IOU
        near &= self.labels.class_ids[pairs.truth] == self.found.class_ids[pairs.predicted]
        np.maximum.at(values, pairs.truth[near], self.probabilities[pairs.predicted[near]])
        return list(zip(self.labels.class_ids.tolist(), values.tolist(), strict=True))

    def of_unlabelled(self) -> list[float]:
        """Probability of each candidate that no label touches."""
        touched = np.zeros(len(self.found), bool)
        touched[self.overlaps.predicted[self.overlaps.iou >= TOUCH_IOU]] = True
        values: list[float] = self.probabilities[~touched].tolist()
        return values


def compare_boxes(
    image: str,
    classes: tuple[str, ...],
    labels: Boxes,
    found: Boxes,
    *,
    counted: NDArray[np.bool_],
) -> Compared:
    """Labelled boxes beside the model's; see :class:`Compared`."""
    pairs = Overlaps(*overlapping_pairs(labels.xyxy, found.xyxy, minimum=1e-6))
    matched = _match_any_class(labels, found)
    twins = _twin_boxes(labels, found, matched)
    if twins:
        # The label that goes must not hold the cell that the one that stays needs.
        stays = np.setdiff1d(np.arange(len(labels)), [gone for gone, _, _ in twins])
        again = _match_any_class(labels.select(stays), found)
        matched = np.where(again < 0, -1, stays[again])
    return Compared(
        image=image,
        classes=classes,
        labels=labels,
        found=found,
        counted=counted,
        overlaps=pairs,
        matched=matched,
        support=np.zeros(len(labels)),
        covered=np.zeros(len(found)),
        twins=twins,
    )


def _match_any_class(labels: Boxes, found: Boxes) -> NDArray[np.int64]:
    one = Boxes(labels.xyxy, np.zeros(len(labels), np.int64))
    return match_greedy(
        one,
        Boxes(found.xyxy, np.zeros(len(found), np.int64), found.scores),
        iou_threshold=MATCH_IOU,
    )


def _twin_boxes(
    labels: Boxes, found: Boxes, matched: NDArray[np.int64]
) -> tuple[tuple[int, int, float], ...]:
    """Labels that lie on one cell: the less fitting one goes.

    How surely: the overlap of the two, times how improbable a second cell is there.
    """
    first, second, iou = overlapping_pairs(labels.xyxy, labels.xyxy, minimum=TWIN_IOU)
    scores = _scores(found)
    probability = np.zeros(len(labels))
    hits = matched >= 0
    probability[matched[hits]] = scores[hits]
    fit = _fits(labels, found)
    gone: set[int] = set()
    twins = []
    for a, b, overlap in zip(first.tolist(), second.tolist(), iou.tolist(), strict=True):
        if a >= b or a in gone or b in gone:
            continue
        loser, winner = (a, b) if fit[a] < fit[b] else (b, a)
        gone.add(loser)
        twins.append((loser, winner, float(overlap * (1 - min(probability[a], probability[b])))))
    return tuple(twins)


def _fits(labels: Boxes, found: Boxes) -> NDArray[np.float64]:
    """``(len(labels),)`` best product of probability and overlap with a cell of its class."""
    rows, columns, iou = overlapping_pairs(labels.xyxy, found.xyxy, minimum=1e-6)
    scores = _scores(found)
    same = labels.class_ids[rows] == found.class_ids[columns]
    fit = np.zeros(len(labels))
    np.maximum.at(fit, rows[same], (iou * scores[columns])[same])
    return fit


def compare_instances(
    image: str,
    classes: tuple[str, ...],
    labels: Instances,
    found: Instances,
    *,
    support: NDArray[np.float64],
) -> Compared:
    """Labelled cells beside the model's, by their pixels; see :class:`Compared`."""
    pairs = overlaps(labels, found)
    one_class = [Instances(side.labels) for side in (labels, found)]
    matches = match_instances(*one_class, iou_threshold=MATCH_IOU)
    matched = np.full(len(found), -1, np.int64)
    matched[matches.predicted] = matches.truth
    boxes = found.boxes()
    boxes = Boxes(boxes.xyxy, boxes.class_ids, _scores(boxes))
    twins = _parts_of_one(labels, found, pairs, boxes)
    for gone, _, _ in twins:
        matched[matched == gone] = -1
    for _, stays, _ in twins:
        cell = _cell_of(pairs, stays)
        matched[cell] = stays
    return Compared(
        image=image,
        classes=classes,
        labels=labels.boxes(),
        found=boxes,
        counted=np.ones(len(found), bool),
        overlaps=pairs,
        matched=matched,
        support=support,
        covered=mean_of_label(
            found.labels, (labels.labels > 0).astype(np.float32), len(found)
        ).astype(np.float64),
        twins=twins,
    )


def _cell_of(pairs: Overlaps, label: int) -> int:
    """The cell that a label overlaps most."""
    own = np.flatnonzero(pairs.truth == label)
    return int(pairs.predicted[own[np.argmax(pairs.iou[own])]])


def _parts_of_one(
    labels: Instances, found: Instances, pairs: Overlaps, boxes: Boxes
) -> tuple[tuple[int, int, float], ...]:
    """Labels that are parts of one cell: all but the largest go into it.

    How surely: the cell's probability times its share that the parts fill.
    """
    areas = areas_of_label(labels.labels, len(labels)).astype(np.float64)
    of_cells = areas_of_label(found.labels, len(found)).astype(np.float64)
    total = areas[pairs.truth] + of_cells[pairs.predicted]
    shared = pairs.iou * total / (1 + pairs.iou)
    inside = shared >= INSIDE * areas[pairs.truth]
    scores = _scores(boxes)
    twins = []
    for cell in np.unique(pairs.predicted[inside]).tolist():
        own = np.flatnonzero(inside & (pairs.predicted == cell))
        parts = pairs.truth[own]
        union = of_cells[cell] + areas[parts].sum() - shared[own].sum()
        filled = float(shared[own].sum() / union)
        if len(parts) < 2 or filled < TWIN_IOU:
            continue
        stays = int(parts[np.argmax(areas[parts])])
        sure = float(scores[cell]) * filled
        twins += [(int(part), stays, sure) for part in parts if part != stays]
    return tuple(twins)


def _scores(found: Boxes) -> NDArray[np.float32]:
    """Probabilities; cells without any are certain."""
    return np.ones(len(found), np.float32) if found.scores is None else found.scores
