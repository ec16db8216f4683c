"""Cellpose's labels: ``NAME_masks.tif``, ``NAME_cp_masks.png`` or ``NAME_seg.npy`` beside an image.

``_masks`` is what Cellpose trains on, ``_cp_masks`` what it writes, and ``_seg.npy`` what its
window saves when cells are corrected (Stringer et al., Nature Methods 18, 2021). That one is a
pickle; its label image is taken out without running it
(:mod:`cellwright.data.formats.object_arrays`). Written are ``_masks``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.data.formats.instances import read_instances, write_instances
from cellwright.data.formats.label_images import check_labels, read_label_image
from cellwright.data.formats.layout import by_stem, find_images, plain_stem
from cellwright.data.formats.object_arrays import numbers_in, read_object
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.read import stem_of

ENDINGS = ("_cp_masks", "_masks")
WRITTEN = "_masks"
SAVED = "_seg.npy"


def recognises(root: Path) -> bool:
    """Whether images have labels of Cellpose's names beside them."""
    if not root.is_dir():
        return False
    return any(_is_label(path) for path in find_images(root)) or any(root.glob(f"*{SAVED}"))


def read(root: Path) -> LabelledSet:
    """Read a folder of images and their labels.

    Raises:
        DatasetError: an image of two label images, or labels without their image.
        AnnotationError: a malformed ``objects.csv``.
    """
    files = find_images(root)
    images = by_stem(path for path in files if not _is_label(path))
    labels: dict[str, Path] = {}
    for path in filter(_is_label, files):
        other = labels.setdefault(_image_of(path), path)
        if other != path:
            raise DatasetError(
                f"{other.name} and {path.name} are both labels of one image",
                where=root,
                remedy="remove one of the two",
            )
    saved = {path.name.removesuffix(SAVED): path for path in sorted(root.glob(f"*{SAVED}"))}
    labels = saved | labels
    _refuse_orphans(root, images, labels)
    pairs = [(image, labels.get(stem)) for stem, image in images.items()]
    return read_instances(root, pairs, read_values=read_values)


def write(labelled: LabelledSet, out: Path) -> None:
    """Write every image and its label image beside it, ``classes.txt``, ``objects.csv``.

    Raises:
        DatasetError: ``out`` is taken, an annotation that is not instances, or an image whose name
            is that of a label image.
    """
    for record in labelled:
        if plain_stem(record.id).endswith(ENDINGS):
            raise DatasetError(
                f"{record.id!r} ends as label images of Cellpose do, and would be taken for one",
                where=labelled.name,
                remedy="rename the image, or convert to instances",
            )
    write_instances(labelled, out, images_in="", labels_in="", ending=WRITTEN)


def read_values(path: Path, image_path: Path) -> NDArray[np.int64]:
    """``(H, W)`` values of a label file, 0 background.

    Raises:
        ImageError: a label image or the image cannot be read.
        AnnotationError: no labels of this image, or others than in the ``_seg.npy`` beside them.
    """
    if path.name.endswith(SAVED):
        return _saved_values(path, image_path)
    values = read_label_image(path, image_path)
    saved = image_path.parent / f"{stem_of(image_path)}{SAVED}"
    if saved.is_file() and not _same_cells(values, _saved_values(saved, image_path)):
        raise AnnotationError(
            f"{path.name} and {saved.name} hold different cells",
            where=path.parent,
            remedy="keep the one that was corrected last and move the other to another folder",
        )
    return values


def _saved_values(path: Path, image_path: Path) -> NDArray[np.int64]:
    """The label image in a ``_seg.npy``.

    Raises:
        ImageError: the image cannot be read.
        AnnotationError: damaged, without one, of several planes, or not of this image.
    """
    found = read_object(path)
    try:
        masks = numbers_in(found.get("masks")) if isinstance(found, dict) else None
    except ValueError as error:
        raise AnnotationError(
            f"holds damaged labels ({error})", where=path, remedy="save it again"
        ) from error
    if masks is None or masks.dtype.kind not in "ui":
        raise AnnotationError(
            "holds no label image called masks, as Cellpose saves it",
            where=path,
            remedy="in Cellpose: File, Save masks as PNG/tif",
        )
    if masks.ndim != 2:
        raise AnnotationError(
            f"holds labels of the shape {masks.shape}; a label image is one plane",
            where=path,
            remedy="save one file a plane",
        )
    values = masks.astype(np.int64)
    check_labels(values, path, image_path)
    return values


def _same_cells(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    """Whether two label images of one size show the same cells, however they number them."""
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1)
    alone = all(len(np.unique(side)) == pairs.shape[1] for side in pairs)
    return alone and bool(((pairs[0] == 0) == (pairs[1] == 0)).all())


def _is_label(path: Path) -> bool:
    return stem_of(path).endswith(ENDINGS)


def _image_of(label: Path) -> str:
    """Stem of the image that a label image belongs to."""
    stem = stem_of(label)
    return stem.removesuffix(next(ending for ending in ENDINGS if stem.endswith(ending)))


def _refuse_orphans(root: Path, images: dict[str, Path], labels: dict[str, Path]) -> None:
    orphans = sorted(set(labels) - set(images))
    if orphans:
        raise DatasetError(
            f"{len(orphans)} label files have no image, for instance {labels[orphans[0]].name}",
            where=root,
            remedy="add the images or remove the label files",
        )
