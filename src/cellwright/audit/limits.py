"""From which probability on a model may contradict a label: learned, not set.

Confident learning (Northcutt, Jiang and Chuang 2021, J. Artif. Intell. Res. 70:1373) takes
for each class j the mean probability that held-out examples with the label j have for j
(equation 2 there): a model that is sure everywhere must be surer to contradict than a timid
one. Cells of a detector differ in two ways: the class "no cell" has no examples but the
places where the model itself considered one, and a probability has the meaning that the
card's calibration gives it (:mod:`cellwright.bundles.calibration`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Limits:
    """Probabilities that decide, all in [0, 1].

    Attributes:
        cell: one a class: a cell of it is confident from here.
        none: a label whose place is at most this probable for any cell is contradicted.
    """

    cell: tuple[float, ...]
    none: float

    @property
    def of_class(self) -> NDArray[np.float64]:
        """``(K,)`` limits of confident cells."""
        return np.array(self.cell)


def learn_limits(
    of_labels: Sequence[tuple[int, float]],
    of_unlabelled: Sequence[float],
    n_classes: int,
    *,
    confidence: float | None = None,
) -> Limits:
    """Limits from what the model says of the labels that there are.

    A cell of class j is confident from the mean probability of the labels of j; that it counts
    as a cell by the card is asked beside that. A class without labels takes the mean over all
    labels. "No cell" is confident from the mean of ``1 - p`` over places without
    a label.

    Args:
        of_labels: class and probability for that class, of every label.
        of_unlabelled: probability of every candidate that no label touches.
        n_classes: of the model.
        confidence: from where a cell is confident, instead of what the labels teach.
    """
    if confidence is not None:
        cell = (confidence,) * n_classes
    else:
        everything = [value for _, value in of_labels]
        cell = tuple(
            _mean([p for label, p in of_labels if label == index] or everything)
            for index in range(n_classes)
        )
    return Limits(cell, min(_mean(of_unlabelled), *cell))


def _mean(values: Sequence[float]) -> float:
    """Of nothing: 0, so that the card decides, and only a label without any candidate falls."""
    return float(np.mean(values)) if len(values) else 0.0
