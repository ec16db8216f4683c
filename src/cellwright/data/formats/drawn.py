"""Cells as outlines: what label files that other programs draw have in common.

A set is ``images/`` and a folder of label files, one an image, called as the image is. A pixel
belongs to a cell if its centre lies inside its rings by the even-odd rule; where cells overlap the
first one wins. ``classes.txt`` fixes the order of classes, else they are sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellwright.data.formats.drafts import Size, image_size
from cellwright.data.formats.label_images import NO_LABEL, paired, refuse_hidden
from cellwright.data.formats.layout import (
    Entry,
    Known,
    assemble,
    new_folder,
    place_images,
    read_class_names,
    write_class_names,
)
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.fill import fill_free
from cellwright.images.outlines import Ring
from cellwright.images.read import stem_of
from cellwright.types import Instances, kind_in_words

UNNAMED = "object"
"""Class of what its file gives none."""


@dataclass(frozen=True, eq=False)
class Shape:
    """One object of a file: rings by the even-odd rule, and where it stands."""

    class_name: str
    rings: tuple[Ring, ...]
    place: str


Shapes = Callable[[Path, tuple[str, ...]], Iterable[Shape]]
"""Objects of a file, in order; given the set's classes, which are empty where nobody listed them.

Raises AnnotationError where the file is not what it should be.
"""


@dataclass(frozen=True)
class LoadOutlines:
    """Picklable call that reads one file and fills its outlines."""

    path: Path
    image_path: Path
    classes: tuple[str, ...]
    shapes: Shapes

    def __call__(self) -> Instances:
        """The instances, in the order of the file.

        Raises:
            ImageError: the image cannot be read.
            AnnotationError: malformed, an unknown class, or an object without a pixel of its own.
        """
        shapes = self.shapes(self.path, self.classes)
        return fill_shapes(
            shapes, image_size(self.image_path), classes=self.classes, where=self.path
        )


def fill_shapes(
    shapes: Iterable[Shape], size: Size, *, classes: tuple[str, ...], where: Path
) -> Instances:
    """Label image of outlines, numbered in their order; where they overlap the first one wins.

    Args:
        shapes: of one image.
        size: of the image.
        classes: of the set.
        where: the file, for errors.

    Raises:
        AnnotationError: an unknown class, or an object without a pixel of its own.
    """
    labels = np.zeros(size, np.int32)
    class_ids = []
    for number, shape in enumerate(shapes, start=1):
        if shape.class_name not in classes:
            raise AnnotationError(
                f"the class {shape.class_name!r} is not in the list",
                where=shape.place,
                remedy=f"choose one of: {', '.join(classes)}",
            )
        class_ids.append(classes.index(shape.class_name))
        fill_free(labels, shape.rings, number)
    names = [f"object {number}" for number in range(1, len(class_ids) + 1)]
    refuse_hidden(labels, names, where=where, remedy="correct or remove it")
    return Instances(labels, np.array(class_ids, np.int64))


def read_drawn(
    root: Path, folder: str, *, label_files: Callable[[Path], Iterable[Path]], shapes: Shapes
) -> LabelledSet:
    """Read ``images/`` and ``folder``.

    Args:
        root: of the set.
        folder: name of its folder of label files.
        label_files: those in that folder.
        shapes: how one of them is read.

    Raises:
        DatasetError: folders missing, or outlines without their image.
        AnnotationError: a file that cannot be understood.
    """
    pairs = paired(root, folder, label_files=label_files)
    names = root / "classes.txt"
    known = [file for _, file in pairs if file is not None]
    classes = read_class_names(names) if names.is_file() else _classes_in(known, shapes)
    entries = [
        Entry(image, Known(None), None, (NO_LABEL,))
        if file is None
        else Entry(image, LoadOutlines(file, image, classes, shapes))
        for image, file in pairs
    ]
    return assemble(root, entries, classes)


def write_drawn(
    labelled: LabelledSet,
    out: Path,
    *,
    folder: str,
    suffix: str,
    write_one: Callable[[Path, Instances, Record], None],
) -> None:
    """Write ``images/``, ``folder`` and ``classes.txt``.

    Args:
        labelled: images with instances; those without stay unlabelled.
        out: a new or empty folder.
        folder: name of the folder of label files.
        suffix: of a label file.
        write_one: writes the instances of one record to a path.

    Raises:
        DatasetError: ``out`` is taken, or an annotation that is not instances.
    """
    with new_folder(out) as new:
        write_class_names(new, labelled.classes)
        (new / folder).mkdir()
        for record, image in place_images(labelled, new, folder_of=lambda _: "images"):
            annotation = record.load_annotation()
            if annotation is None:
                continue
            if not isinstance(annotation, Instances):
                raise DatasetError(
                    f"{record.id!r} holds {kind_in_words(annotation)}, not instances",
                    remedy="convert to another format",
                )
            write_one(new / folder / f"{stem_of(image)}{suffix}", annotation, record)


def check_rings(rings: tuple[Ring, ...], place: str) -> None:
    """Refuse what encloses no area, or lies nowhere.

    Raises:
        AnnotationError: a ring of fewer than three corners, or a corner that is no finite number.
    """
    if not rings or any(len(ring) < 3 or ring.shape[1:] != (2,) for ring in rings):
        raise AnnotationError("has an outline of fewer than three corners", where=place)
    if not all(np.isfinite(ring).all() for ring in rings):
        raise AnnotationError("has a corner that is no finite number", where=place)


def _classes_in(files: Iterable[Path], shapes: Shapes) -> tuple[str, ...]:
    names = {shape.class_name for path in files for shape in shapes(path, ())}
    return tuple(sorted(names)) or (UNNAMED,)
