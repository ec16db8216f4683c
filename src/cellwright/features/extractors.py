"""Crops to rows of numbers: what a classical model is fed, one row of a table a kind.

A bundle names the kind and its columns, so that prediction measures what training measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cellwright.features.amount import amount_columns, amount_family, measure_amount
from cellwright.features.columns import (
    COLOUR,
    CONTOUR,
    FEATURE_NAMES,
    NUCLEUS_SHAPE,
    PARTS,
    SHAPE,
    TEXTURE,
)
from cellwright.features.simple import measure_simple, simple_columns, simple_family
from cellwright.features.smear import segment_crop
from cellwright.features.stain import OneColourError
from cellwright.features.table import FIELD_NAMES, measure_cells, measure_field

_SMEAR_FAMILIES = {
    "cell shape": (*SHAPE, *PARTS),
    "nucleus shape": NUCLEUS_SHAPE,
    "nucleus contour": CONTOUR,
    "nucleus texture": TEXTURE,
    "nucleus colour": tuple(one for one in COLOUR if one.name.startswith("nucleus")),
    "cytoplasm colour": tuple(one for one in COLOUR if one.name.startswith("cytoplasm")),
}


@dataclass(frozen=True)
class Extractor:
    """One way to measure a crop.

    Attributes:
        columns: names of the channels to names of the columns.
        measure: a crop float32 ``(C, H, W)`` in [0, 1] to ``(columns,)``; NaN is a measurement
            that this crop does not have.
        family: a column's name to the name of those that say nearly the same.
    """

    columns: Callable[[Sequence[str]], tuple[str, ...]]
    measure: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    family: Callable[[str], str]

    def table(self, crops: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(N, columns)`` of crops ``(N, C, H, W)``, N at least 1."""
        return np.stack([self.measure(crop) for crop in crops]).astype(np.float32)


def _cell_columns(channels: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG001 - always colour
    return FEATURE_NAMES


def _field_columns(channels: Sequence[str]) -> tuple[str, ...]:  # noqa: ARG001 - always colour
    return FIELD_NAMES


def _measure_cell(crop: NDArray[np.float32]) -> NDArray[np.float32]:
    """The stained white cell in the middle; nothing but NaN where there is none."""
    image = np.rint(crop * 255).astype(np.uint8)
    nothing = np.full(len(FEATURE_NAMES), np.nan, np.float32)
    try:
        found = segment_crop(image)
    except OneColourError:
        return nothing
    if not found.n_white:
        return nothing
    row = measure_cells(image, found.white, found.nuclei).values[0]
    return np.asarray(row, np.float32)


def _measure_field(crop: NDArray[np.float32]) -> NDArray[np.float32]:
    """Counts of a field of a smear, and the median of each feature over its white cells."""
    try:
        return measure_field(np.rint(crop * 255).astype(np.uint8)).astype(np.float32)
    except OneColourError:
        values = np.full(len(FIELD_NAMES), np.nan, np.float32)
        values[[FIELD_NAMES.index(name) for name in ("n_white", "n_red")]] = 0
        return values


def _smear_family(column: str) -> str:
    """``nucleus shape``, ``nucleus colour`` …: what a column of a smear is about."""
    name = column.removeprefix("median_")
    for family, features in _SMEAR_FAMILIES.items():
        if any(one.name == name for one in features):
            return family
    return "counts"


EXTRACTORS: dict[str, Extractor] = {
    "amount": Extractor(amount_columns, measure_amount, amount_family),
    "simple": Extractor(simple_columns, measure_simple, simple_family),
    "smear-cell": Extractor(_cell_columns, _measure_cell, _smear_family),
    "smear-field": Extractor(_field_columns, _measure_field, _smear_family),
}
"""Kinds of measurements by name."""


def channels_as_named(n_channels: int, names: Sequence[str]) -> tuple[str, ...]:
    """The names of the channels, or ``channel_0`` … where they have none; each a name of its own.

    >>> channels_as_named(3, ("dye", "dye", "bright")), channels_as_named(2, ())
    (('dye_0', 'dye_1', 'bright'), ('channel_0', 'channel_1'))
    """
    if not names:
        return tuple(f"channel_{index}" for index in range(n_channels))
    twice = {name for name in names if list(names).count(name) > 1}
    return tuple(f"{name}_{index}" if name in twice else name for index, name in enumerate(names))
