"""What ``cellwright predict`` left in a folder, as layers: images, their cells, the table of each.

The label image is shown where there is one, else the boxes of the table. Many images would be
many layers: the first :data:`MOST_IMAGES` are shown, and a warning says so.
"""

from __future__ import annotations

import csv
import warnings
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cellwright.errors import CellwrightError, ImageError
from cellwright.images.csv_table import read_csv
from cellwright.images.read import read_image
from cellwright.inference.cells import table_of_cells
from cellwright.napari.layers import (
    LayerData,
    Origin,
    Table,
    boxes_layer,
    image_layers,
    labels_layer,
    placing_of,
    without_empty,
)

MOST_IMAGES = 12

_TABLES = ("run.json", "summary.csv", "cells.csv")
_BOX = ("bbox-1", "bbox-0", "bbox-3", "bbox-2")
_TEXTS = ("image_id", "class", "notes", "group", "well", "field")


def is_run(folder: Path) -> bool:
    """Whether a run of Cellwright finished in this folder."""
    return all((folder / name).is_file() for name in _TABLES)


def run_layers(folder: Path) -> list[LayerData]:
    """Layers of the images of a run, in the order of its tables.

    Warns where images are left out, or no longer where they were.

    Raises:
        ImageError: no image has a result, or a label image cannot be read.
        CellwrightError: a table that cannot be read.
    """
    images = _rows(folder / "summary.csv")
    if not images:
        raise ImageError(
            "no image of this run has a result", where=folder, remedy="errors.csv says why"
        )
    cells = defaultdict(list)
    for row in _rows(folder / "cells.csv"):
        cells[row["image_id"]].append(row)
    if len(images) > MOST_IMAGES:
        warnings.warn(
            f"{folder}: the first {MOST_IMAGES} of {len(images)} images are shown; open others "
            "by their own files in labels/ or outlines/, or predict fewer images into a folder",
            stacklevel=2,
        )
    said = (row["class"] for rows in cells.values() for row in rows)
    classes = list(dict.fromkeys([*_classes(images[0]), *said]))
    return [
        layer
        for image in images[:MOST_IMAGES]
        for layer in _layers(folder, image, cells[image["image_id"]], classes)
    ]


def _layers(
    folder: Path, image: dict[str, Any], rows: list[dict[str, Any]], classes: list[str]
) -> list[LayerData]:
    name, size = image["image_id"], image["pixel_size_um"]
    table = _table(rows)
    size = None if size is None else float(size)
    origin, found = Origin(classes, placing_of(size)), f"{name} cells"
    layers: list[LayerData] = []
    try:
        picture = read_image(_place_of(folder, image["file"]))
        layers += image_layers(replace(picture, pixel_size_um=size), name)
    except ImageError as error:
        warnings.warn(f"{name} is shown without its image: {error}", stacklevel=2)
    label = folder / "labels" / f"{name}.tif"
    if label.is_file():
        return [*layers, labels_layer(read_image(label).pixels[0], table, origin, name=found)]
    boxes = np.array([[row[side] for side in _BOX] for row in rows], np.float64)
    return [*layers, boxes_layer(boxes.reshape(-1, 4), table, origin, name=found)]


def _table(rows: list[dict[str, Any]]) -> Table:
    columns = list(rows[0]) if rows else []
    return without_empty(table_of_cells(columns, [list(row.values()) for row in rows]))


def _place_of(folder: Path, file: str) -> Path:
    """The image; one that was named relative to another folder may lie beside the results."""
    path = Path(file)
    beside = folder.parent / path
    return beside if not path.exists() and beside.exists() else path


def _classes(image: dict[str, Any]) -> list[str]:
    """Names of the counts: ``n_NAME``, up to the first that is not of a class."""
    columns = list(image)
    begin = columns.index("n_cells") + 1
    names: list[str] = []
    for column in columns[begin:]:
        if not column.startswith("n_") or column in ("n_cells_low", "n_unlike"):
            break
        names.append(column.removeprefix("n_"))
    return names


def _rows(path: Path) -> list[dict[str, Any]]:
    """Rows with numbers as numbers and nothing as None."""
    try:
        return [{key: _value(key, text) for key, text in row.items()} for row in read_csv(path)]
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise CellwrightError(
            f"is no table of a run ({error})", where=path, remedy="predict again"
        ) from error


def _value(column: str, text: str) -> str | float | int | None:
    if not text:
        return None
    if column in (*_TEXTS, "file"):
        return text
    return int(text) if text.lstrip("-").isdecimal() else float(text)
