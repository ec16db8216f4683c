"""What counts as a cell: a score, a score a class, or a rule that knows more than scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from cellwright.errors import ConfigError, UnknownNameError
from cellwright.types import Boxes

ScoreThreshold: TypeAlias = float | Sequence[float] | Mapping[str, float]
"""One threshold, one a class in class order, or class name -> threshold."""


class CountingRule(Protocol):
    """Picks the boxes that count as cells."""

    @property
    def thresholds(self) -> Sequence[float]:
        """Score from which a box of each class may count."""
        ...

    def __call__(self, boxes: Boxes) -> Boxes:
        """Those of one image's scored ``boxes`` that count."""
        ...


@dataclass(frozen=True)
class AtThreshold:
    """Every box that reaches the threshold of its class counts.

    Attributes:
        thresholds: one a class.
    """

    thresholds: tuple[float, ...]

    def __call__(self, boxes: Boxes) -> Boxes:
        """Those of one image's ``boxes`` that count; all of them if they have no scores."""
        if boxes.scores is None:
            return boxes
        return boxes.select(boxes.scores >= np.array(self.thresholds, np.float32)[boxes.class_ids])


def as_rule(threshold: ScoreThreshold | CountingRule, classes: Sequence[str]) -> CountingRule:
    """A rule as it is, or the one that a threshold stands for.

    Raises:
        ConfigError: another number of thresholds than of classes.
        UnknownNameError: a threshold for a class that does not exist.
    """
    if not isinstance(threshold, (float, int, Sequence, Mapping)):
        return threshold
    if isinstance(threshold, Mapping):
        for name in threshold:
            if name not in classes:
                raise UnknownNameError("class", name, classes)
        missing = [name for name in classes if name not in threshold]
        if missing:
            raise ConfigError(f"no score threshold for class {missing[0]!r}")
        return AtThreshold(tuple(float(threshold[name]) for name in classes))
    if isinstance(threshold, Sequence):
        if len(threshold) != len(classes):
            raise ConfigError(f"{len(classes)} classes but {len(threshold)} score thresholds")
        return AtThreshold(tuple(float(value) for value in threshold))
    return AtThreshold((float(threshold),) * len(classes))
