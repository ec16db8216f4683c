"""What napari opens by us: the folder of a run, and outlines of QuPath and Fiji as labels."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cellwright.data.formats import geojson, imagej
from cellwright.data.formats.drafts import Size
from cellwright.data.formats.drawn import Shape, fill_shapes
from cellwright.errors import AnnotationError
from cellwright.napari.layers import LayerData, Origin, Table, labels_layer
from cellwright.napari.run_layers import is_run, run_layers

Reader = Callable[[str | Sequence[str]], list[LayerData]]

MOST_PIXELS = 1 << 28
"""Of labels that outlines are filled into, whose image is not known."""


def get_reader(path: str | Sequence[str]) -> Reader | None:
    """The reader of a path, None where it is nothing of ours; several paths are not one result."""
    if not isinstance(path, str):
        return None
    given = Path(path)
    if given.is_dir():
        return read_run if is_run(given) else None
    suffix = given.suffix.lower()
    if suffix == ".zip" and not _holds_regions(given):
        return None
    return read_outlines if suffix in (".geojson", ".roi", ".zip") else None


def read_run(path: str | Sequence[str]) -> list[LayerData]:
    """Images and cells of the folder of a run."""
    return run_layers(Path(str(path)))


def read_outlines(path: str | Sequence[str]) -> list[LayerData]:
    """Outlines filled as labels, as large as they reach; their classes in the table.

    Raises:
        AnnotationError: malformed, without an outline, or too large.
        MissingExtraError: regions of ImageJ without the extra ``bio``.
    """
    given = Path(str(path))
    form = geojson if given.suffix.lower() == ".geojson" else imagej
    found = list(form.shapes(given, ()))
    if not found:
        raise AnnotationError("holds no outline", where=given, remedy="nothing is there to show")
    classes = tuple(sorted({shape.class_name for shape in found}))
    cells = fill_shapes(found, _reach(found, given), classes=classes, where=given)
    table: Table = {
        "label": list(range(1, len(found) + 1)),
        "class": [shape.class_name for shape in found],
    }
    return [labels_layer(cells.labels, table, Origin(classes), name=given.stem)]


def _reach(shapes: list[Shape], path: Path) -> Size:
    """Height and width up to the last corner."""
    corners = np.concatenate([ring for shape in shapes for ring in shape.rings])
    width, height = np.ceil(np.maximum(corners.max(axis=0), 1)).tolist()
    if width * height > MOST_PIXELS:
        raise AnnotationError(
            f"its outlines reach over {width:.0f} x {height:.0f} px, too many for labels in memory",
            where=path,
            remedy="open the label image instead",
        )
    return Size(int(height), int(width))


def _holds_regions(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
    return bool(names) and all(name.lower().endswith(".roi") for name in names)
