"""An image layer and the labels on it as a set to train from: ``images/`` and ``instances/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.data.formats.added import add_instances
from cellwright.data.formats.instances import UNNAMED
from cellwright.errors import AnnotationError, DatasetError
from cellwright.napari.layers import CLASSES_OF_PIXELS, KEY, LayerData
from cellwright.napari.plane import plane_of, whole
from cellwright.types import Instances, Sample, present_labels


def write_instances(path: str, layers: Sequence[LayerData]) -> list[str]:
    """Save one image and one layer of labels: *Save selected layers* of napari.

    Args:
        path: folder of a set, new or not.
        layers: the two, in any order.

    Raises:
        DatasetError: other layers, or a folder that is no such set.
        AnnotationError: labels that do not lie on the image, or have no class.
    """
    of_type = {layer[2]: layer for layer in layers}
    if sorted(layer[2] for layer in layers) != ["image", "labels"]:
        raise DatasetError(
            f"wants one image and its labels, not {', '.join(layer[2] for layer in layers)}",
            where=path,
            remedy="select these two layers",
        )
    return save_labels(Path(path), of_type["image"], of_type["labels"])


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
    plane = plane_of(image[0], image[1], tuple(kept.get("plane") or ()) or None)
    if values.shape != plane.source.shape[1:]:
        raise AnnotationError(
            f"are {' x '.join(map(str, values.shape))}, the image is "
            f"{' x '.join(map(str, plane.source.shape[1:]))}",
            where=settings.get("name"),
            remedy="choose the image that the labels were made for",
        )
    cells, classes = _cells(values, settings, new_class)
    name = "-".join((plane.name, *map(str, plane.index if any(plane.index) else ())))
    sample = Sample(whole(plane), cells, name, name, plane.pixel_size_um)
    return [str(path) for path in add_instances(root, sample, classes)]


def _cells(
    values: NDArray[Any], settings: Mapping[str, Any], new_class: str
) -> tuple[Instances, tuple[str, ...]]:
    """The cells with their classes, and the names of all classes.

    Raises:
        AnnotationError: a label without a class, or of one that the layer's model does not have.
    """
    class_of = _classes_of(settings)
    classes = tuple(_kept(settings).get("classes") or sorted({*class_of.values()}))
    if new_class and new_class not in classes:
        classes = (*classes, new_class)
    classes = classes or UNNAMED
    otherwise = new_class or (classes[0] if len(classes) == 1 else "")
    class_ids = []
    for label in present_labels(values).tolist():
        name = class_of.get(label, otherwise)
        if name not in classes:
            raise AnnotationError(
                f"label {label} " + (f"is of the class {name!r}" if name else "has no class"),
                where=settings.get("name"),
                remedy=f"give its row of the features table one of: {', '.join(classes)}; or set "
                "the class of new cells in the window Save corrected labels",
            )
        class_ids.append(classes.index(name))
    labels = Instances.from_labels(values).labels
    return Instances(labels, np.array(class_ids, np.int64)), classes


def _kept(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a layer of ours remembers: its model's classes, and the plane of a stack."""
    kept: Mapping[str, Any] = (settings.get("metadata") or {}).get(KEY) or {}
    return kept


def _classes_of(settings: Mapping[str, Any]) -> dict[int, str]:
    """Class by label, as the table of a layer says; rows without a class say nothing."""
    features = settings.get("features")
    if features is None or "class" not in features:
        return {}
    said = list(features["class"])
    # Without a column of its own, the first row is that of the background.
    index = list(features["index"]) if "index" in features else range(len(said))
    return {
        int(label): name
        for label, name in zip(index, said, strict=True)
        if isinstance(name, str) and name
    }
