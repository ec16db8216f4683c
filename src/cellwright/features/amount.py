r"""How much of a stain a cell holds, over what area, how concentrated: four numbers a channel.

For any picture of one cell in its middle that covers less than nine tenths of it. With
brightness :math:`I` and background :math:`b`, the tenth percentile of the crop,
:math:`s=\max(I-b,0)` is what the stain adds and :math:`p` its 99th percentile, the peak:

- ``amount`` :math:`\ln(1+\sum s)`: of a DNA stain, how much DNA there is, by which
  cytometers gate phases; a logarithm, since cells divide by halves;
- ``area`` :math:`\ln(1+|A|)`, pixels of :math:`A=\{s>p/2\}`;
- ``peak`` :math:`p`;
- ``unevenness``: standard deviation of :math:`s` over :math:`A`, in units of its mean: condensed
  chromatin is uneven.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BACKGROUND, PEAK = 10, 99
"""Percentiles of the pixels of a crop."""

NAMES = ("amount", "area", "peak", "unevenness")


def amount_columns(channels: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns for these channels, ``CHANNEL_MEASUREMENT``."""
    return tuple(f"{channel}_{name}" for channel in channels for name in NAMES)


def amount_family(column: str) -> str:
    """``CHANNEL amount``: what a column of :func:`amount_columns` is about.

    >>> amount_family("dna_peak")
    'dna amount'
    """
    return f"{column.rpartition('_')[0]} amount"


def measure_amount(crop: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(4 C,)`` of a crop ``(C, H, W)`` in [0, 1]; columns as :func:`amount_columns`.

    Every number is finite: of a constant plane all are 0.
    """
    return np.array([value for plane in crop for value in _of_plane(plane)], np.float32)


def _of_plane(plane: NDArray[np.float32]) -> tuple[float, float, float, float]:
    above = np.maximum(plane.astype(np.float64) - np.percentile(plane, BACKGROUND), 0)
    peak = float(np.percentile(above, PEAK))
    inside = above[above > peak / 2]
    unevenness = float(inside.std() / inside.mean()) if len(inside) else 0.0
    return float(np.log1p(above.sum())), float(np.log1p(len(inside))), peak, unevenness
