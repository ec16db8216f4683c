"""A row a cell: where it lies, how large it is, what shape and brightness it has.

Names are those of scikit-image, lengths in pixels; where the pixel size is known the same
lengths stand in µm beside them. Rows before columns, as in label images.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from skimage.measure import regionprops_table

from cellwright.inference.identity import NamedImage
from cellwright.inference.regions import areas_of_label, sums_of_label
from cellwright.inference.run_folder import Row
from cellwright.inference.source import AdaptedSource, PixelSource
from cellwright.types import Instances

BAND_ROWS = 1024

POWERS = {
    "area": 2,
    "equivalent_diameter_area": 1,
    "perimeter": 1,
    "axis_major_length": 1,
    "axis_minor_length": 1,
}
"""Measures with a unit, and the power of the pixel size in it."""

SHAPES = (*POWERS, "eccentricity", "solidity")
"""Measures of shape, as scikit-image defines them."""

PLACES = (*(f"bbox-{side}" for side in range(4)), "centroid-0", "centroid-1")


def region_columns(n_channels: int) -> tuple[str, ...]:
    """Columns of the table for images of ``n_channels``."""
    return (
        *("image_id", "label", "class", "score"),
        *PLACES,
        *SHAPES,
        *(_in_um(name) for name in POWERS),
        *(f"intensity_mean-{channel}" for channel in range(n_channels)),
        *("group", "well", "field"),
    )


def region_rows(
    cells: Instances,
    source: PixelSource,
    *,
    classes: Sequence[str],
    image: NamedImage,
    pixel_size_um: float | None,
    n_channels: int,
) -> list[Row]:
    """The rows of one image, in order of the labels.

    Args:
        cells: labels of the size of ``source``.
        source: the pixels that intensities are taken from.
        classes: class names.
        image: what it is called.
        pixel_size_um: empty columns in µm if None.
        n_channels: as for :func:`region_columns`; the source is adapted to it.

    Raises:
        ImageError: the source cannot be seen with so many channels.
    """
    count = len(cells)
    if not count:
        return []
    measured = measure(cells)
    columns = [measured[name] for name in (*PLACES, *SHAPES)]
    for name, power in POWERS.items():
        columns.append(
            np.full(count, np.nan)
            if pixel_size_um is None
            else measured[name] * pixel_size_um**power
        )
    columns += list(mean_intensities(cells, AdaptedSource(source, n_channels)))
    scores = np.full(count, np.nan) if cells.scores is None else cells.scores
    class_ids = np.zeros(count, int) if cells.class_ids is None else cells.class_ids
    numbers = zip(*(_rounded(column) for column in (scores, *columns)), strict=True)
    return [
        (
            *(image.id, index + 1, classes[class_ids[index]]),
            *values,
            *(image.group, image.well, image.field),
        )
        for index, values in enumerate(numbers)
    ]


def measure(cells: Instances) -> dict[str, NDArray[np.float64]]:
    """Place and shape of every cell by scikit-image: column -> ``(n,)``, lengths in pixels."""
    with warnings.catch_warnings():
        # A cell of one row of pixels has no hull to speak of; its solidity is 1.
        warnings.simplefilter("ignore")
        table = regionprops_table(  # type: ignore[no-untyped-call]
            cells.labels, properties=("bbox", "centroid", *SHAPES)
        )
    return {name: np.asarray(values, np.float64) for name, values in table.items()}


def mean_intensities(cells: Instances, source: PixelSource) -> NDArray[np.float64]:
    """``(C, n)`` mean pixel value of each cell, read in bands."""
    channels, height, width = source.shape
    totals = np.zeros((channels, len(cells)))
    for y in range(0, height, BAND_ROWS):
        rows = slice(y, min(y + BAND_ROWS, height))
        pixels = source.read_region(rows.start, 0, rows.stop, width)
        for channel in range(channels):
            totals[channel] += sums_of_label(cells.labels[rows], pixels[channel], len(cells))
    return totals / np.maximum(areas_of_label(cells.labels, len(cells)), 1)


def _in_um(name: str) -> str:
    """``area`` -> ``area_um2``, ``perimeter`` -> ``perimeter_um``."""
    return f"{name}_um2" if POWERS[name] == 2 else f"{name}_um"


def _rounded(values: NDArray[np.floating]) -> list[float | None]:
    """Six digits after the point would be noise: four, and None where there is no value."""
    return [
        None if np.isnan(value) else round(value, 4)
        for value in np.asarray(values, np.float64).tolist()
    ]
