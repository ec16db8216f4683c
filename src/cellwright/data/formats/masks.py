"""Semantic masks: ``images/`` and ``masks/`` (or ``semantic/``), a grey image of class ids each.

``classes.txt`` names the classes in the order of their ids, background first; without
it there are two, ``background`` and ``foreground``. With two classes a mask may hold 0
and 255 instead of 0 and 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright.data.formats.class_names import read_class_names
from cellwright.data.formats.label_images import NO_LABEL, paired, read_label_image
from cellwright.data.formats.layout import (
    Entry,
    Known,
    assemble,
    new_folder,
)
from cellwright.data.formats.pixel_writing import to_write
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import AnnotationError
from cellwright.images.write import write_png
from cellwright.types import SemanticMask

TWO_CLASSES = ("background", "foreground")


@dataclass(frozen=True)
class LoadMask:
    """Picklable call that reads one mask."""

    path: Path
    image_path: Path
    n_classes: int

    def __call__(self) -> SemanticMask:
        """The mask.

        Raises:
            ImageError: the mask cannot be read.
            AnnotationError: not a mask, or a value that is no class.
        """
        values = read_label_image(self.path, self.image_path)
        present = np.unique(values)
        if self.n_classes == 2 and set(present.tolist()) <= {0, 255}:
            return SemanticMask((values > 0).astype(np.uint8))
        if present[-1] >= self.n_classes:
            wrong = present[present >= self.n_classes][0]
            raise AnnotationError(
                f"holds the value {wrong}, but there are {self.n_classes} classes",
                where=self.path,
                remedy="write class ids 0, 1, 2, … and their names into classes.txt",
            )
        return SemanticMask(values.astype(np.uint8))


FOLDERS = ("masks", "semantic")
"""Where masks lie; where both are there, the first one counts."""


def recognises(root: Path) -> bool:
    """Whether the folder has ``images/`` and ``masks/``."""
    return (root / "images").is_dir() and (root / _folder(root)).is_dir()


def read(root: Path, *, unnamed: tuple[str, ...] = TWO_CLASSES) -> LabelledSet:
    """Read ``images/`` and ``masks/``.

    Args:
        root: the set's folder.
        unnamed: the classes where there is no ``classes.txt``.

    Raises:
        DatasetError: folders missing, or a mask without its image.
        AnnotationError: an unreadable ``classes.txt``.
    """
    names = root / "classes.txt"
    classes = read_class_names(names) if names.is_file() else unnamed
    entries = [
        Entry(image, Known(None), None, (NO_LABEL,))
        if mask is None
        else Entry(image, LoadMask(mask, image, len(classes)))
        for image, mask in paired(root, _folder(root))
    ]
    return assemble(root, entries, classes)


def _folder(root: Path) -> str:
    return next((name for name in FOLDERS if (root / name).is_dir()), FOLDERS[0])


def write(labelled: LabelledSet, out: Path) -> None:
    """Write ``images/``, ``masks/`` (8-bit PNG of class ids) and ``classes.txt``.

    Raises:
        DatasetError: ``out`` is taken, or an annotation that is not a mask.
    """
    with new_folder(out) as folder:
        (folder / "masks").mkdir()
        for stem, labels, _ in to_write(labelled, folder, SemanticMask):
            write_png(folder / "masks" / f"{stem}.png", labels.mask[None])
