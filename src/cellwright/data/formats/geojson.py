"""Outlines as GeoJSON, as QuPath exports them: ``images/`` and ``geojson/``, a file an image.

In QuPath: *File, Export objects as GeoJSON*, one file named as its image. Coordinates are pixels of
the whole image on pixel edges (RFC 7946 polygons and multipolygons, with holes); what they mean for
pixels stands in :mod:`cellwright.data.formats.drawn`. The class is the object's classification;
objects without one are of the class ``object``.

``outlines/``, as ``predict --outlines geojson`` writes it, is read where there is no ``geojson/``:
outlines corrected in QuPath need only their images beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cellwright.data.formats.drawn import UNNAMED, Shape, check_rings, read_drawn, write_drawn
from cellwright.data.formats.layout import read_filled
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.geojson import write_geojson
from cellwright.images.outlines import outline_cells
from cellwright.types import Instances

FOLDER, PREDICTED, SUFFIX = "geojson", "outlines", ".geojson"
MAX_JSON_BYTES = 2**30
_NO_FEATURE = (KeyError, TypeError, AttributeError, ValueError, IndexError, OverflowError)


def recognises(root: Path) -> bool:
    """Whether the folder has ``images/`` and ``geojson/``, or GeoJSON in ``outlines/``."""
    return ((root / "images").is_dir() and (root / FOLDER).is_dir()) or _folder(root) == PREDICTED


def read(root: Path) -> LabelledSet:
    """Read ``images/`` and ``geojson/`` or ``outlines/``; of outlines that overlap the first wins.

    Raises:
        DatasetError: folders missing, or outlines without their image.
        AnnotationError: a file that is no GeoJSON, or of other shapes than polygons.
    """
    folder = _folder(root)
    if folder == PREDICTED and not (root / "images").is_dir():
        raise DatasetError(
            f"holds {PREDICTED}/ of cells, but not the images that they lie on",
            where=root,
            remedy=f"put the images into images/, beside {PREDICTED}/",
        )
    return read_drawn(root, folder, label_files=_files, shapes=shapes)


def write(labelled: LabelledSet, out: Path) -> None:
    """Write ``images/``, ``geojson/`` and ``classes.txt``.

    Raises:
        DatasetError: ``out`` is taken, or an annotation that is not instances.
    """
    write_one = partial(_write_one, classes=labelled.classes)
    write_drawn(labelled, out, folder=FOLDER, suffix=SUFFIX, write_one=write_one)


def _write_one(path: Path, cells: Instances, record: Record, *, classes: tuple[str, ...]) -> None:
    write_geojson(path, outline_cells(cells, classes), classes, image_id=record.id)


def _folder(root: Path) -> str:
    """Where the outlines lie."""
    predicted = not (root / FOLDER).is_dir() and any(_files(root / PREDICTED))
    return PREDICTED if predicted else FOLDER


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


def shapes(path: Path, _classes: tuple[str, ...]) -> Iterator[Shape]:
    """Every object of a file.

    Raises:
        AnnotationError: no GeoJSON, or another shape than a polygon.
    """
    text = read_filled(
        path, remedy="export it again; no cells: an empty list", max_bytes=MAX_JSON_BYTES
    )
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise AnnotationError(f"is no JSON ({what})", where=path) from error
    features = document.get("features") if isinstance(document, dict) else document
    if not isinstance(features, list):
        raise AnnotationError(
            "is no GeoJSON: neither a list of features nor a FeatureCollection",
            where=path,
            remedy="in QuPath: File, Export objects as GeoJSON",
        )
    for number, feature in enumerate(features, start=1):
        yield _shape(feature, f"{path}: object {number}")


def _shape(feature: Any, place: str) -> Shape:
    try:
        geometry = feature["geometry"]
        kind, coordinates = geometry["type"], geometry["coordinates"]
        said = (feature.get("properties") or {}).get("classification") or {}
        name = str(said.get("name") or UNNAMED)
        polygons = {"Polygon": [coordinates], "MultiPolygon": coordinates}.get(kind)
        if polygons is None:
            raise AnnotationError(
                f"is a {kind}, not a Polygon or MultiPolygon",
                where=place,
                remedy="remove it, or outline the cell",
            )
        rings = tuple(
            np.array([point[:2] for point in ring], np.float64)
            for polygon in polygons
            for ring in polygon
        )
    except _NO_FEATURE as error:
        raise AnnotationError("is no feature of GeoJSON", where=place) from error
    check_rings(rings, place)
    return Shape(name, rings, place)
