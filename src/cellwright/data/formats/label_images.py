"""Reading pixels that are labels: integers, one channel, as large as their image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.data.formats.drafts import image_size
from cellwright.data.formats.layout import by_stem, find_images, flat_images, refuse_orphans
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.read import read_image

NO_LABEL = "there is no label image for this image: treated as unlabelled"

FARTHEST_PX = 1e9
"""From an image's corner: no image is as large, and a cell may be cut off by its border."""


def read_label_image(path: Path, image_path: Path) -> NDArray[np.int64]:
    """``(H, W)`` values of a label image, as they are in the file.

    Raises:
        ImageError: the file cannot be read.
        AnnotationError: several channels, fractions, numbers below 0, or another size than
            its image.
    """
    pixels: NDArray[Any] = read_image(path).pixels
    if len(pixels) != 1:
        raise AnnotationError(
            f"has {len(pixels)} channels; a label image has one",
            where=path,
            remedy="save the labels as grey integers",
        )
    values: NDArray[np.int64] = pixels[0].astype(np.int64)
    if (values != pixels[0]).any():
        raise AnnotationError("holds fractions; labels are whole numbers", where=path)
    check_labels(values, path, image_path)
    return values


def check_labels(values: NDArray[np.int64], path: Path, image_path: Path) -> None:
    """Refuse values ``(H, W)`` of the file ``path`` that cannot be labels of the image.

    Raises:
        ImageError: the image cannot be read.
        AnnotationError: numbers below 0, or another size than the image.
    """
    if values.min(initial=0) < 0:
        raise AnnotationError(
            f"holds the value {values.min()}; labels are numbers from 0",
            where=path,
            remedy="make what is no object 0, the background",
        )
    size = image_size(image_path)
    if values.shape != size:
        height, width = values.shape
        raise AnnotationError(
            f"has {width} x {height} px, but its image has {size.width} x {size.height}", where=path
        )


def are_near(corners: NDArray[np.float64]) -> bool:
    """Whether corners are finite, and where some image could be."""
    return bool((np.abs(corners) <= FARTHEST_PX).all())


def refuse_hidden(
    labels: NDArray[np.int32], names: Sequence[str], *, where: object, remedy: str
) -> None:
    """Refuse objects that drawing them left no pixel of.

    Args:
        labels: ``(H, W)``, in which the k-th object was drawn as k, from 1.
        names: what each object is called in its file.
        where: that file.
        remedy: what to do about one.

    Raises:
        AnnotationError: names the first.
    """
    hidden = np.setdiff1d(np.arange(1, len(names) + 1), labels)
    if hidden.size:
        raise AnnotationError(
            f"{names[hidden[0] - 1]} has no pixel of its own: too small, beyond the image or "
            "wholly hidden by those before it",
            where=where,
            remedy=remedy,
        )


def paired(
    root: Path,
    labels_in: str,
    *,
    label_files: Callable[[Path], Iterable[Path]] = find_images,
) -> list[tuple[Path, Path | None]]:
    """Every image of ``images/`` with its label file of the same stem, None where missing.

    Args:
        root: folder of the set.
        labels_in: its folder of labels.
        label_files: those in that folder; images as a rule.

    Raises:
        DatasetError: no such folders, labels without image, or a doubled stem.
    """
    for name in ("images", labels_in):
        if not (root / name).is_dir():
            raise DatasetError(f"has no folder {name}/", where=root, remedy="check the path")
    images = by_stem(flat_images(root / "images"))
    labels = by_stem(label_files(root / labels_in))
    refuse_orphans(labels.values(), images, where=root / labels_in)
    return [(image, labels.get(stem)) for stem, image in images.items()]
