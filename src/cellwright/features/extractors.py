"""Crops to rows of numbers: what a classical model is fed, one row of a table a kind.

A bundle names the kind and its columns, so that prediction measures what training measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellwright.features.simple import measure_simple, simple_columns


@dataclass(frozen=True)
class Extractor:
    """One way to measure a crop.

    Attributes:
        columns: names of the channels to names of the columns.
        measure: a crop float32 ``(C, H, W)`` in [0, 1] to ``(columns,)``; NaN is a measurement
            that this crop does not have.
    """

    columns: Callable[[Sequence[str]], tuple[str, ...]]
    measure: Callable[[NDArray[np.float32]], NDArray[np.float32]]

    def table(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(N, columns)`` of crops ``(N, C, H, W)``, N at least 1."""
        return np.stack([self.measure(crop) for crop in crops]).astype(np.float32)


EXTRACTORS: dict[str, Extractor] = {
    "simple": Extractor(simple_columns, measure_simple),
}
"""Kinds of measurements by name."""


def channels_as_named(n_channels: int, names: Sequence[str]) -> tuple[str, ...]:
    """The names of the channels, or ``channel_0`` … where they have none."""
    return tuple(names) if names else tuple(f"channel_{index}" for index in range(n_channels))
