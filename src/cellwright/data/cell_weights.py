r"""Which pixels of cells count for more while a network learns.

A cell counts once in ``matched50``, whatever its size, but in a mean over pixels a nucleus of
50 pixels across counts as much as forty of 8; and where two touch, the few pixels between
them decide whether they are found as two or as one. ``small-and-touching`` gives pixel
:math:`x` of a cell with area :math:`A` (of the background :math:`s = 1`)

.. math:: w(x) = s \, (1 + k \, e^{-\delta(x)^2 / 2 \sigma^2}), \qquad s = \sqrt{A_0 / A}

with :math:`\delta` the distance to the nearest line between two cells that touch or that a
narrow gap separates: the idea of Ronneberger, Fischer and Brox (MICCAI 2015, equation 2), whose
distance to the second nearest cell grows with the number of cells to work out. Lengths and
areas are in network pixels of the training window, after augmentation.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.data.targets import Labels, distance_to, touches_another

USUAL_AREA_PX = 400.0
"""Area at which a cell's pixels count as much as the background's."""

SIZE_LIMIT = 3.0
"""Most that a size raises or lowers a weight: specks are the least certain labels."""

SEAM_WEIGHT = 4.0
SEAM_SIGMA_PX = 2.0
NARROW_GAP_PX = 3.0
"""Background at most this far from both of two cells is a line between them."""

CellWeights = Callable[[Labels], NDArray[np.float32]]
"""Labels ``(H, W)`` of a window to how much each of its pixels counts, above 0."""


def small_and_touching(labels: Labels) -> NDArray[np.float32]:
    """``(H, W)`` weights of ``labels`` ``(H, W)``; see the module's header."""
    inside = labels > 0
    if not inside.any():
        return np.ones(labels.shape, np.float32)
    areas = np.bincount(labels[inside], minlength=int(labels.max()) + 1)
    of_cell = np.sqrt(USUAL_AREA_PX / np.maximum(areas, 1)).clip(1 / SIZE_LIMIT, SIZE_LIMIT)
    of_cell[0] = 1
    distance = distance_to(_seams(labels, inside))
    near = 1 + SEAM_WEIGHT * np.exp(-((distance / SEAM_SIGMA_PX) ** 2) / 2)
    return np.asarray(of_cell[np.maximum(labels, 0)] * near, np.float32)


CELL_WEIGHTS: dict[str, CellWeights] = {"small-and-touching": small_and_touching}
"""By the name that a training config gives them."""


def _seams(labels: Labels, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels on the line between two cells, or in the middle of a narrow gap between them."""
    gap, nearest = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    cell_of = np.zeros(int(nearest.max()) + 1, np.int32)
    cell_of[nearest[inside]] = labels[inside]
    return touches_another(np.where(gap <= NARROW_GAP_PX, cell_of[nearest], 0))
