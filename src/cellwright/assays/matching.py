"""Which box in one image is the same cell as which box in another of the same field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ConfigError
from cellwright.metrics.matching import overlapping_pairs
from cellwright.types import Boxes


@dataclass(frozen=True, eq=False)
class Matching:
    """Pairs of boxes, each box in at most one.

    Attributes:
        first: int64 ``(P,)`` index into the first boxes, ascending.
        second: int64 ``(P,)`` index into the second boxes.
        iou: float64 ``(P,)`` overlap of the two.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    iou: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)


def match_boxes(first: Boxes, second: Boxes, *, iou_threshold: float = 0.3) -> Matching:
    """One-to-one matching with the largest total overlap; classes and scores play no part.

    Boxes that overlap fall into small islands; each is solved exactly (Hungarian method),
    so a crowded clump costs as much as it holds and not as much as the image.

    Args:
        first: N boxes.
        second: M boxes of the same field.
        iou_threshold: pairs that overlap less are never matched; in (0, 1].

    Raises:
        ConfigError: a threshold outside (0, 1].
    """
    if not 0 < iou_threshold <= 1:
        raise ConfigError(f"the IoU threshold must lie in (0, 1], not {iou_threshold}")
    rows, columns, iou = overlapping_pairs(first.xyxy, second.xyxy, minimum=iou_threshold)
    if not len(rows):
        return Matching(rows, columns, iou)
    from scipy.sparse import coo_array  # noqa: PLC0415 - SciPy, only for counting by pairs
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 - as above

    size = len(first) + len(second)
    edges = coo_array((np.ones(len(rows)), (rows, columns + len(first))), shape=(size, size))
    _, island = connected_components(edges, directed=False)
    order = np.argsort(island[rows], kind="stable")
    starts = np.flatnonzero(np.diff(island[rows][order])) + 1
    kept = [
        edge
        for group in np.split(order, starts)
        for edge in (group if len(group) == 1 else _best(group, rows, columns, iou))
    ]
    chosen = np.sort(np.array(kept, np.int64))
    return Matching(rows[chosen], columns[chosen], iou[chosen])


def _best(
    group: NDArray[np.int64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    iou: NDArray[np.float64],
) -> NDArray[np.int64]:
    """The edges of one island that the best matching uses."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - SciPy, as above

    _, local_row = np.unique(rows[group], return_inverse=True)
    _, local_column = np.unique(columns[group], return_inverse=True)
    shape = (local_row.max() + 1, local_column.max() + 1)
    weight = np.zeros(shape)
    weight[local_row, local_column] = iou[group]
    edge = np.full(shape, -1, np.int64)
    edge[local_row, local_column] = group
    used = edge[linear_sum_assignment(weight, maximize=True)]
    return np.asarray(used[used >= 0])
