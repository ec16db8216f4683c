"""Outlines as GeoJSON, as QuPath exports them: ``images/`` and ``geojson/``, a file an image.

In QuPath: *File, Export objects as GeoJSON*, one file named as its image. Coordinates are pixels of
the whole image on pixel edges (RFC 7946 polygons and multipolygons, with holes); a pixel belongs to
an object if its centre lies inside. The class is the object's classification; objects without one
are of the class ``object``. ``classes.txt`` fixes the order of classes, else they are sorted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellwright.data.formats.drafts import Size, image_size
from cellwright.data.formats.label_images import NO_LABEL, paired
from cellwright.data.formats.layout import (
    Entry,
    Known,
    assemble,
    new_folder,
    place_images,
    read_class_names,
    read_filled,
    write_class_names,
)
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.fill import fill
from cellwright.images.geojson import write_geojson
from cellwright.images.outlines import Ring, outline_cells
from cellwright.images.read import stem_of
from cellwright.types import Instances, kind_in_words

FOLDER, SUFFIX = "geojson", ".geojson"
UNNAMED = "object"
MAX_JSON_BYTES = 2**30


@dataclass(frozen=True)
class Shape:
    """One object of a file: rings by the even-odd rule, and where it stands."""

    class_name: str
    rings: tuple[Ring, ...]
    place: str


@dataclass(frozen=True)
class LoadOutlines:
    """Picklable call that reads one file and fills its outlines."""

    path: Path
    image_path: Path
    classes: tuple[str, ...]

    def __call__(self) -> Instances:
        """The instances, in the order of the file.

        Raises:
            ImageError: the image cannot be read.
            AnnotationError: malformed, an unknown class, or an object without a pixel of its own.
        """
        size = image_size(self.image_path)
        labels = np.zeros(size, np.int32)
        class_ids = []
        for number, shape in enumerate(_shapes(self.path), start=1):
            if shape.class_name not in self.classes:
                raise AnnotationError(
                    f"the class {shape.class_name!r} is not in the list",
                    where=shape.place,
                    remedy=f"choose one of: {', '.join(self.classes)}",
                )
            class_ids.append(self.classes.index(shape.class_name))
            _draw(labels, shape, number, size)
        hidden = np.setdiff1d(np.arange(1, len(class_ids) + 1), labels)
        if hidden.size:
            raise AnnotationError(
                f"object {hidden[0]} has no pixel of its own: too small, beyond the image or "
                "wholly hidden by those before it",
                where=self.path,
                remedy="correct or remove it",
            )
        return Instances(labels, np.array(class_ids, np.int64))


def recognises(root: Path) -> bool:
    """Whether the folder has ``images/`` and ``geojson/``."""
    return (root / "images").is_dir() and (root / FOLDER).is_dir()


def read(root: Path) -> LabelledSet:
    """Read ``images/`` and ``geojson/``; where outlines overlap the first one wins.

    Raises:
        DatasetError: folders missing, or outlines without their image.
        AnnotationError: a file that is no GeoJSON, or of other shapes than polygons.
    """
    pairs = paired(root, FOLDER, label_files=_files)
    names = root / "classes.txt"
    known = [file for _, file in pairs if file is not None]
    classes = read_class_names(names) if names.is_file() else _classes_in(known)
    entries = [
        Entry(image, Known(None), None, (NO_LABEL,))
        if file is None
        else Entry(image, LoadOutlines(file, image, classes))
        for image, file in pairs
    ]
    return assemble(root, entries, classes)


def write(labelled: LabelledSet, out: Path) -> None:
    """Write ``images/``, ``geojson/`` and ``classes.txt``.

    Raises:
        DatasetError: ``out`` is taken, or an annotation that is not instances.
    """
    with new_folder(out) as folder:
        write_class_names(folder, labelled.classes)
        (folder / FOLDER).mkdir()
        for record, image in place_images(labelled, folder, folder_of=lambda _: "images"):
            annotation = record.load_annotation()
            if annotation is None:
                continue
            if not isinstance(annotation, Instances):
                raise DatasetError(
                    f"{record.id!r} holds {kind_in_words(annotation)}, not instances",
                    remedy="convert to another format",
                )
            outlines = outline_cells(annotation, labelled.classes)
            path = folder / FOLDER / f"{stem_of(image)}{SUFFIX}"
            write_geojson(path, outlines, labelled.classes, image_id=record.id)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


def _draw(
    labels: np.ndarray[Any, np.dtype[np.int32]], shape: Shape, number: int, size: Size
) -> None:
    """Put ``number`` where the shape is and nothing was before; only its own window is filled."""
    corners = np.concatenate(shape.rings)
    x0, y0 = np.floor(np.clip(corners.min(axis=0), 0, size[::-1])).astype(int).tolist()
    x1, y1 = np.ceil(np.clip(corners.max(axis=0), 0, size[::-1])).astype(int).tolist()
    if x0 == x1 or y0 == y1:
        return
    shifted = tuple(ring - (x0, y0) for ring in shape.rings)
    window = labels[y0:y1, x0:x1]
    window[fill(shifted, y1 - y0, x1 - x0) & (window == 0)] = number


def _shapes(path: Path) -> Iterator[Shape]:
    """Every object of a file.

    Raises:
        AnnotationError: no GeoJSON, or another shape than a polygon.
    """
    text = read_filled(
        path, remedy="export it again; no cells: an empty list", max_bytes=MAX_JSON_BYTES
    )
    try:
        document = json.loads(text)
    except ValueError as error:
        raise AnnotationError(f"is no JSON ({error})", where=path) from error
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
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise AnnotationError("is no feature of GeoJSON", where=place) from error
    if not rings or any(len(ring) < 3 or ring.shape[1:] != (2,) for ring in rings):
        raise AnnotationError("has an outline of fewer than three corners", where=place)
    if not all(math.isfinite(float(ring.sum())) for ring in rings):
        raise AnnotationError("has a corner that is no finite number", where=place)
    return Shape(name, rings, place)


def _classes_in(files: Iterable[Path]) -> tuple[str, ...]:
    names = {shape.class_name for path in files for shape in _shapes(path)}
    return tuple(sorted(names)) or (UNNAMED,)
