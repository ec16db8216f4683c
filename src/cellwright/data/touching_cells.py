"""Single cells out of a binary mask in which cells touch.

Many public masks say where cells are but not where one ends and the next begins; a thin
line mostly stands between them, with gaps. Cells are wide and gaps are narrow: the distance
to the background has a maximum in every cell and a saddle in every gap, so two maxima are
two cells where the saddle lies below a share of the lower one. A share, not a width, makes
the rule the same for small and large cells (in the logarithm of the distance it is the
h-maxima transform, Soille, Morphological Image Analysis, 2003, section 6.3.4).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import reconstruction
from skimage.segmentation import watershed

from cellwright.errors import ConfigError
from cellwright.types import Instances, SemanticMask

_LEVEL = 1e-3
"""Smallest difference of logarithms that counts as one."""


def cells_of(
    mask: SemanticMask, *, neck_ratio: float = 0.75, smallest_radius_px: float = 3.0
) -> Instances:
    """The cells of a mask of one class.

    Args:
        mask: 0 background, anything else cell.
        neck_ratio: two parts are two cells where the neck between them is narrower than this
            share of the narrower part; 0 takes connected pieces as they are.
        smallest_radius_px: a part whose largest inscribed circle is smaller is no cell of its
            own; a piece that holds no larger part is left out.

    Raises:
        ConfigError: a ratio outside 0..1.
    """
    if not 0 <= neck_ratio < 1:
        raise ConfigError(f"neck_ratio must lie in 0..1, not {neck_ratio}")
    inside = mask.mask > 0
    if not inside.any():
        return Instances(np.zeros(inside.shape, np.int32))
    distance = _distance_inside(inside)
    seeds = _seeds(distance, neck_ratio, smallest_radius_px)
    labels: NDArray[np.int32] = watershed(-distance, seeds, mask=inside)  # type: ignore[no-untyped-call]
    return Instances.from_labels(labels)


def _distance_inside(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance to the background; the picture's edge is none. All inside: the same everywhere."""
    if inside.all():
        return np.full(inside.shape, float(min(inside.shape)), np.float32)
    found = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found, np.float32)


def _seeds(
    distance: NDArray[np.float32], neck_ratio: float, smallest_radius_px: float
) -> NDArray[np.int32]:
    """One label a maximum that is a cell of its own."""
    if neck_ratio == 0:
        _, pieces = cv2.connectedComponents((distance > 0).astype(np.uint8), connectivity=4)
        peak = np.zeros(int(pieces.max()) + 1)
        np.maximum.at(peak, np.asarray(pieces, np.int64).ravel(), distance.ravel())
        return np.where((peak >= smallest_radius_px)[pieces], pieces, 0).astype(np.int32)
    height = np.log(np.maximum(distance, 1.0)).astype(np.float64)
    # Maxima that stand out by less than the ratio are levelled; of the rest, the tops remain.
    levelled = _reconstructed(height + np.log(neck_ratio), height)
    tops = levelled - _reconstructed(levelled - _LEVEL, levelled) > _LEVEL / 2
    tops &= distance >= smallest_radius_px
    _, seeds = cv2.connectedComponents(tops.astype(np.uint8), connectivity=8)
    return np.asarray(seeds, np.int32)


def _reconstructed(marker: NDArray[np.float64], mask: NDArray[np.float64]) -> NDArray[np.float64]:
    """``marker`` dilated under ``mask`` until nothing changes."""
    grown: NDArray[np.float64] = reconstruction(marker, mask)  # type: ignore[no-untyped-call]
    return grown
