"""Cellpose's label images: an image and ``NAME_masks.tif`` or ``NAME_cp_masks.png`` side by side.

``_masks`` is what Cellpose trains on, ``_cp_masks`` what it writes (Stringer et al., Nature Methods
18, 2021). Written are ``_masks``. The ``_seg.npy`` of its window is a pickle, which may run code
when it is opened; Cellpose saves the same labels as PNG or TIFF.
"""

from __future__ import annotations

from pathlib import Path

from cellwright.data.formats.instances import (
    read_instances,
    write_instances,
)
from cellwright.data.formats.layout import by_stem, find_images
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import DatasetError
from cellwright.images.read import stem_of

ENDINGS = ("_cp_masks", "_masks")
WRITTEN = "_masks"
PICKLED = "_seg.npy"


def recognises(root: Path) -> bool:
    """Whether images have label images of Cellpose's names, or its pickles, beside them."""
    if not root.is_dir():
        return False
    return any(_is_label(path) for path in find_images(root)) or any(root.glob(f"*{PICKLED}"))


def read(root: Path) -> LabelledSet:
    """Read a folder of images and their label images.

    Raises:
        DatasetError: only pickles, an image of two label images, or labels without their image.
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
    _refuse(root, images, labels)
    return read_instances(root, [(image, labels.get(stem)) for stem, image in images.items()])


def write(labelled: LabelledSet, out: Path) -> None:
    """Write every image and its label image beside it, ``classes.txt``, ``objects.csv``.

    Raises:
        DatasetError: ``out`` is taken, or an annotation that is not instances.
    """
    write_instances(labelled, out, images_in="", labels_in="", ending=WRITTEN)


def _is_label(path: Path) -> bool:
    return stem_of(path).endswith(ENDINGS)


def _image_of(label: Path) -> str:
    """Stem of the image that a label image belongs to."""
    stem = stem_of(label)
    return stem.removesuffix(next(ending for ending in ENDINGS if stem.endswith(ending)))


def _refuse(root: Path, images: dict[str, Path], labels: dict[str, Path]) -> None:
    orphans = sorted(set(labels) - set(images))
    if orphans:
        raise DatasetError(
            f"{len(orphans)} label images have no image, for instance {labels[orphans[0]].name}",
            where=root,
            remedy="add the images or remove the label images",
        )
    pickled = {path.name.removesuffix(PICKLED) for path in root.glob(f"*{PICKLED}")}
    unread = sorted(pickled - set(labels))
    if unread:
        raise DatasetError(
            f"the labels of {len(unread)} images are only in {PICKLED}, for instance "
            f"{unread[0]}{PICKLED}: a pickle, which may run code when it is opened",
            where=root,
            remedy="in Cellpose: File, Save masks as PNG/tif",
        )
