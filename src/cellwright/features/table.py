"""A row of numbers a white cell: of a field's cells, of one crop, of a whole field.

    table = measure_cells(image, found.white, found.nuclei)     every cell of a segmented field
    row = measure_crop(image)                                   the centred cell of a crop
    row = measure_field(image)                                  a field as one row

Columns are :data:`~cellwright.features.columns.FEATURE_NAMES`, always all of them and in that
order; a number that a cell does not have (the colour of plasma that is not there) is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cellwright.errors import ImageError
from cellwright.features.colour import colour_of
from cellwright.features.columns import FEATURE_NAMES
from cellwright.features.contour import contour_features
from cellwright.features.shape import shape_of
from cellwright.features.smear import segment_crop, segment_smear
from cellwright.features.stain import Lab, lab_of
from cellwright.features.texture import texture_of
from cellwright.features.touching import Labels
from cellwright.types import Image

FIELD_NAMES: tuple[str, ...] = (
    "n_white",
    "n_red",
    "white_share",
    *(f"median_{name}" for name in FEATURE_NAMES),
)
"""Columns of :func:`measure_field`; ``white_share`` is white / (white + red)."""


@dataclass(frozen=True, eq=False)
class CellFeatures:
    """The features of N cells.

    Attributes:
        labels: int64 ``(N,)``, rising.
        values: float64 ``(N, len(FEATURE_NAMES))``.
    """

    labels: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.labels)

    def column(self, name: str) -> NDArray[np.float64]:
        """``(N,)`` one feature by name."""
        return np.asarray(self.values[:, FEATURE_NAMES.index(name)])


def measure_cells(
    image: Image, cells: Labels, nuclei: Labels, *, where: object = None
) -> CellFeatures:
    """Every feature of every cell of one picture.

    Args:
        image: ``(3, H, W)`` red, green, blue.
        cells: ``(H, W)`` labels, 0 outside; gaps in the numbering are fine.
        nuclei: the same numbers where a cell's nucleus is.
        where: named in errors.

    Raises:
        ImageError: labels of another size than the picture, or a picture without colour.
    """
    if cells.shape != image.shape[1:] or nuclei.shape != cells.shape:
        raise ImageError(
            f"labels of {cells.shape} and {nuclei.shape} do not fit a picture of {image.shape[1:]}",
            where=where,
        )
    lab = lab_of(image, where=where)
    windows = _windows(cells)
    rows = [_measure(lab, cells, nuclei, label, window) for label, window in windows]
    values = np.array(rows, np.float64).reshape(len(rows), len(FEATURE_NAMES))
    return CellFeatures(np.array([label for label, _ in windows], np.int64), values)


def measure_crop(image: Image, *, where: object = None) -> NDArray[np.float64]:
    """``(len(FEATURE_NAMES),)`` features of the centred white cell of a crop.

    Raises:
        ImageError: no white cell in it, or a picture that cannot be segmented.
    """
    found = segment_crop(image, where=where)
    if not found.n_white:
        raise ImageError(
            "no white cell was found in this crop",
            where=where,
            remedy="give crops with one stained white cell in the middle",
        )
    return np.asarray(measure_cells(image, found.white, found.nuclei, where=where).values[0])


def measure_field(image: Image, *, where: object = None) -> NDArray[np.float64]:
    """``(len(FIELD_NAMES),)``: counts, and the median of every feature over the white cells.

    Medians of a field without white cells are NaN.

    Raises:
        ImageError: a picture that cannot be segmented.
    """
    found = segment_smear(image, where=where)
    values = measure_cells(image, found.white, found.nuclei, where=where).values
    medians = np.full(len(FEATURE_NAMES), np.nan)
    for index, column in enumerate(values.T):
        known = column[~np.isnan(column)]
        if len(known):
            medians[index] = np.median(known)
    total = found.n_white + found.n_red
    share = found.n_white / total if total else np.nan
    return np.concatenate([[found.n_white, found.n_red, share], medians])


_Window = tuple[slice, slice]


def _windows(labels: Labels) -> list[tuple[int, _Window]]:
    """Every label with the window around it, a pixel wider where the picture goes on."""
    rows, columns = np.nonzero(labels)
    values = labels[rows, columns]
    size = int(values.max(initial=0)) + 1
    ends = np.full((4, size), -1, np.int64)
    for axis, places in enumerate((rows, columns)):
        ends[axis] = np.iinfo(np.int64).max
        np.minimum.at(ends[axis], values, places)
        np.maximum.at(ends[axis + 2], values, places)
    y0, x0, y1, x1 = ends
    return [
        (
            int(label),
            (
                slice(max(0, y0[label] - 1), y1[label] + 2),
                slice(max(0, x0[label] - 1), x1[label] + 2),
            ),
        )
        for label in np.flatnonzero(y1 >= 0)
    ]


def _measure(lab: Lab, cells: Labels, nuclei: Labels, label: int, window: _Window) -> list[float]:
    """The row of one cell, in the order of the columns."""
    cell, nucleus = cells[window] == label, nuclei[window] == label
    colours = lab[window]
    size, inner = int(cell.sum()), int(nucleus.sum())
    lobes = cv2.connectedComponents(nucleus.view(np.uint8), connectivity=8)[0] - 1
    return [
        *shape_of(cell),
        *shape_of(nucleus),
        inner / size,
        float(lobes),
        *contour_features(nucleus),
        *texture_of(colours[..., 0], nucleus),
        *colour_of(colours, nucleus),
        *colour_of(colours, cell & ~nucleus),
    ]
