"""What counts as a cell: the one rule behind tables, overlays, counts and their metrics.

A prediction is a ranked list that holds every hypothesis of every class, since average
precision judges the ranking of each class. A count needs less: boxes that reach the
threshold of their class and, where a cell has one class only, of boxes that lie on one
cell the most certain. Two boxes of different classes lie on one cell where they overlap
by more than the suppression's IoU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cellwright.inference.nms import Scope, nms
from cellwright.metrics.counting_rule import AtThreshold
from cellwright.metrics.detection import best_threshold
from cellwright.types import Boxes

MAX_ROUNDS = 10
"""Thresholds of classes that displace each other are chosen in turns; two or three suffice."""


@dataclass(frozen=True)
class CardRule:
    """How a bundle's card counts.

    Attributes:
        thresholds: score from which a box of each class counts.
        scope: ``across_classes`` where a cell has one class only.
        iou: boxes that overlap by more lie on one cell.
    """

    thresholds: tuple[float, ...]
    scope: Scope = "per_class"
    iou: float = 0.6

    def __call__(self, boxes: Boxes) -> Boxes:
        """Those of one image's scored ``boxes`` that count; all of them if they have no scores."""
        counted = AtThreshold(self.thresholds)(boxes)
        if counted.scores is None or self.scope == "per_class" or len(self.thresholds) == 1:
            return counted
        return nms(counted, iou=self.iou, scope="across_classes")


def choose_thresholds(
    truth: Sequence[Boxes], predicted: Sequence[Boxes], classes: Sequence[str], rule: CardRule
) -> tuple[float, ...]:
    """The threshold of each class with the best F1 of what then counts.

    Where classes displace each other, each is chosen in turn with the others held, until
    none moves. See :func:`cellwright.metrics.detection.best_threshold`.

    Args:
        truth: annotated boxes of the validation part, one item an image.
        predicted: ranked lists of scored boxes, one item an image.
        classes: class names that ``class_ids`` index into.
        rule: gives scope and overlap; its thresholds are not looked at.
    """
    chosen = best_threshold(truth, predicted, classes)
    if rule.scope == "per_class" or len(classes) == 1:
        return chosen
    for _ in range(MAX_ROUNDS):
        before = chosen
        for class_id in range(len(classes)):
            # With this class open to the bottom, one suppression serves every threshold of
            # it: a box is displaced by stronger ones only.
            opened = replace(rule, thresholds=_with(chosen, class_id, 0.0))
            found = [opened(boxes) for boxes in predicted]
            best = best_threshold(truth, found, classes)[class_id]
            chosen = _with(chosen, class_id, best)
        if chosen == before:
            break
    return chosen


def _with(values: tuple[float, ...], index: int, value: float) -> tuple[float, ...]:
    return (*values[:index], value, *values[index + 1 :])
