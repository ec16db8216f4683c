"""An image layer and the cells on it as a set to train from.

Labels go into ``images/`` and ``instances/``, boxes into ``images/`` and ``labels/`` (YOLO).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.data.formats.added import add_boxes, add_instances
from cellwright.data.formats.instances import UNNAMED
from cellwright.errors import AnnotationError, DatasetError
from cellwright.napari.boxes import boxes_of_shapes
from cellwright.napari.layers import CLASSES_OF_PIXELS, KEY, LayerData
from cellwright.napari.plane import Plane, plane_of, whole
from cellwright.types import Boxes, Instances, Sample, present_labels


def write_instances(path: str, layers: Sequence[LayerData]) -> list[str]:
    """Save one image and one layer of labels: *Save selected layers* of napari.

    Args:
        path: folder of a set, new or not.
        layers: the two, in any order.

    Raises:
        DatasetError: other layers, or a folder that is no such set.
        AnnotationError: labels that do not lie on the image, or have no class.
    """
    return save_labels(Path(path), *_pair(path, layers, "labels"))


def write_boxes(path: str, layers: Sequence[LayerData]) -> list[str]:
    """Save one image and one layer of boxes: *Save selected layers* of napari.

    Args:
        path: folder of a set, new or not.
        layers: the two, in any order.

    Raises:
        DatasetError: other layers, or a folder that is no such set.
        AnnotationError: boxes that do not lie on the image, or have no class.
    """
    return save_boxes(Path(path), *_pair(path, layers, "shapes"))


def save_cells(root: Path, image: LayerData, cells: LayerData, *, new_class: str = "") -> list[str]:
    """:func:`save_labels` or :func:`save_boxes`, by the type of the layer of cells."""
    save = save_boxes if cells[2] == "shapes" else save_labels
    return save(root, image, cells, new_class=new_class)


def save_labels(
    root: Path, image: LayerData, labels: LayerData, *, new_class: str = ""
) -> list[str]:
    """Add an image with its labels to a set of the format ``instances``.

    Args:
        root: folder of the set, new or not.
        image: the layer that the labels lie on.
        labels: 0 = background.
        new_class: class of labels that the layer's table has none for, such as painted ones.

    Returns:
        The files of image and labels.

    Raises:
        DatasetError: the folder is something else, lacks a class, or holds another such image.
        AnnotationError: labels that do not lie on the image, or have no class.
        ImageError: the image is a stack, or of no type that is kept.
    """
    settings = labels[1]
    kept = _kept(settings)
    if kept.get("shows") == CLASSES_OF_PIXELS:
        raise AnnotationError(
            f"holds {CLASSES_OF_PIXELS}, not single cells",
            where=settings.get("name"),
            remedy="choose the layer of the cells",
        )
    values = np.asarray(labels[0][0] if settings.get("multiscale") else labels[0])
    if values.ndim > 2 and set(values.shape[:-2]) == {1}:
        values = values.reshape(values.shape[-2:])
    plane = _plane(image, kept)
    if values.shape != plane.source.shape[1:]:
        raise AnnotationError(
            f"are {' x '.join(map(str, values.shape))}, the image is "
            f"{' x '.join(map(str, plane.source.shape[1:]))}",
            where=settings.get("name"),
            remedy="choose the image that the labels were made for",
        )
    numbers = present_labels(values).tolist()
    class_of = _classes_of(settings)
    names = {f"label {number}": class_of.get(number, "") for number in numbers}
    ids, classes = _class_ids(names, settings, new_class)
    cells = Instances(Instances.from_labels(values).labels, ids)
    return [str(path) for path in add_instances(root, _sample(plane, cells), classes)]


def save_boxes(
    root: Path, image: LayerData, shapes: LayerData, *, new_class: str = ""
) -> list[str]:
    """Add an image with its boxes to a set of the format ``yolo``.

    Args:
        root: folder of the set, new or not.
        image: the layer that the boxes lie on.
        shapes: rectangles; of ellipses and polygons the box around them is taken. What reaches
            beyond the image is cut off.
        new_class: class of boxes that the layer's table has none for, such as drawn ones.

    Returns:
        The files of image and boxes.

    Raises:
        DatasetError: the folder is something else, lacks a class, or holds another such image.
        AnnotationError: lines, boxes that lie beside the image, or that have no class.
        ImageError: the image is a stack, or of no type that is kept.
    """
    settings = shapes[1]
    plane = _plane(image, _kept(settings))
    boxes = boxes_of_shapes(shapes, plane, image[1])
    # Boxes that a layer without a table holds have no row in it.
    said = [*_said(settings), *[""] * len(boxes)][: len(boxes)]
    names = {f"box {number}": name for number, name in enumerate(said, start=1)}
    ids, classes = _class_ids(names, settings, new_class)
    sample = _sample(plane, Boxes(boxes.xyxy, ids))
    return [str(path) for path in add_boxes(root, sample, classes)]


def _pair(path: str, layers: Sequence[LayerData], kind: str) -> tuple[LayerData, LayerData]:
    """The image and the layer of cells, whatever their order.

    Raises:
        DatasetError: other layers.
    """
    of_type = {layer[2]: layer for layer in layers}
    if sorted(layer[2] for layer in layers) != sorted(["image", kind]):
        raise DatasetError(
            f"wants one image and its {kind}, not {', '.join(layer[2] for layer in layers)}",
            where=path,
            remedy="select these two layers",
        )
    return of_type["image"], of_type[kind]


def _plane(image: LayerData, kept: Mapping[str, Any]) -> Plane:
    """The plane of the image that the cells were found in."""
    return plane_of(image[0], image[1], tuple(kept.get("plane") or ()) or None)


def _sample(plane: Plane, cells: Instances | Boxes) -> Sample:
    name = "-".join((plane.name, *map(str, plane.index if any(plane.index) else ())))
    return Sample(whole(plane), cells, name, name, plane.pixel_size_um)


def _class_ids(
    names: Mapping[str, str], settings: Mapping[str, Any], new_class: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The class of each cell, and the names of all classes.

    Args:
        names: class by what a cell is called in a message; no text where none is known.
        settings: of the layer.
        new_class: of cells whose class is not known.

    Raises:
        AnnotationError: a cell without a class, or of one that the layer's model does not have.
    """
    said = set(_said(settings)) - {""}
    of_model = tuple(_kept(settings).get("classes") or ())
    # The only class that a table happens to name may be one of several of the set.
    only = of_model if of_model or said else UNNAMED
    classes = of_model or tuple(sorted(said))
    if new_class and new_class not in classes:
        classes = (*classes, new_class)
    classes = classes or UNNAMED
    otherwise = new_class or (only[0] if len(only) == 1 else "")
    class_ids = []
    for cell, name in ((cell, name or otherwise) for cell, name in names.items()):
        if name not in classes:
            raise AnnotationError(
                f"{cell} " + (f"is of the class {name!r}" if name else "has no class"),
                where=settings.get("name"),
                remedy=f"give its row of the features table one of: {', '.join(classes)}; or set "
                "the class of new cells in the window Save corrected labels",
            )
        class_ids.append(classes.index(name))
    return np.array(class_ids, np.int64), classes


def _kept(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a layer of ours remembers: its model's classes, and the plane of a stack."""
    kept: Mapping[str, Any] = (settings.get("metadata") or {}).get(KEY) or {}
    return kept


def _classes_of(settings: Mapping[str, Any]) -> dict[int, str]:
    """Class by label, as the table of a layer says; rows without a class say nothing."""
    said = _said(settings)
    if not said:
        return {}
    # Without a column of its own, the first row is that of the background.
    features = settings["features"]
    index = list(features["index"]) if "index" in features else range(len(said))
    return {int(label): name for label, name in zip(index, said, strict=True) if name}


def _said(settings: Mapping[str, Any]) -> list[str]:
    """The class of each row of a layer's table; empty where a row, or the table, holds none."""
    features = settings.get("features")
    if features is None or "class" not in features:
        return []
    return [_text(name) for name in features["class"]]


def _text(name: Any) -> str:
    """The name of a class as a table holds it; empty where it holds none."""
    missing = name is None or (isinstance(name, float) and np.isnan(name))
    return "" if missing else str(name)
