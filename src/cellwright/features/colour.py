"""Colour of nucleus and cytoplasm: mean and spread of L*, a*, b*."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def colour_of(lab: NDArray[np.float32], mask: Mask) -> list[float]:
    """Mean and standard deviation of L*, a* and b* over the mask: six numbers, NaN if empty.

    Args:
        lab: float32 ``(H, W, 3)``.
        mask: bool ``(H, W)``.
    """
    inside = lab[mask].astype(np.float64)
    if not len(inside):
        return [float("nan")] * 6
    return np.stack([inside.mean(axis=0), inside.std(axis=0)], axis=1).ravel().tolist()
