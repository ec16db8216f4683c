"""Cells as outlines: what label files that other programs draw have in common.

A set is ``images/`` and a folder of label files, one an image, called as the image is. A pixel
belongs to a cell if its centre lies inside its rings by the even-odd rule; where cells overlap the
first one wins. ``classes.txt`` fixes the order of classes, else they are sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from cellwright.data.formats.class_names import read_class_names
from cellwright.data.formats.drafts import Size, image_size
from cellwright.data.formats.label_images import NO_LABEL, are_near, paired, refuse_hidden
from cellwright.data.formats.layout import (
    Entry,
    Known,
    Unreadable,
    assemble,
    new_folder,
    refusal,
)
from cellwright.data.formats.pixel_writing import to_write
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError
from cellwright.images.fill import fill_free
from cellwright.images.outlines import Ring
from cellwright.types import Instances

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
class Read:
    """Picklable call that gives what a file was found to hold."""

    shapes: tuple[Shape, ...]

    def __call__(self) -> tuple[Shape, ...]:
        """The shapes."""
        return self.shapes


Held: TypeAlias = "Callable[[], Iterable[Shape]] | AnnotationError"
"""What a file holds, or what is wrong with it."""


@dataclass(frozen=True)
class LoadOutlines:
    """Picklable call that fills the outlines of one file.

    Attributes:
        path: the file.
        image_path: the image that they lie on.
        classes: of the set.
        shapes: picklable call that gives what the file holds.
    """

    path: Path
    image_path: Path
    classes: tuple[str, ...]
    shapes: Callable[[], Iterable[Shape]]

    def __call__(self) -> Instances:
        """The instances, in the order of the file.

        Raises:
            ImageError: the image cannot be read.
            AnnotationError: malformed, an unknown class, or an object without a pixel of its own.
        """
        return fill_shapes(
            self.shapes(), image_size(self.image_path), classes=self.classes, where=self.path
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
    files = [file for _, file in pairs if file is not None]
    held: dict[Path, Held]
    if names.is_file():
        classes = read_class_names(names)
        held = {file: partial(shapes, file, classes) for file in files}
    else:
        # The classes stand in the files alone: what was read for them is kept, not read again.
        held = {file: _parsed(file, shapes) for file in files}
        classes = _classes_in(held.values())
    entries = [
        Entry(image, Known(None), None, (NO_LABEL,))
        if file is None
        else _entry(image, file, held[file], classes)
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
        (new / folder).mkdir()
        for stem, cells, record in to_write(labelled, new, Instances):
            write_one(new / folder / f"{stem}{suffix}", cells, record)


def check_rings(rings: tuple[Ring, ...], place: str) -> None:
    """Refuse what encloses no area, or lies nowhere.

    Raises:
        AnnotationError: a ring of fewer than three corners, or a corner that is no number of
            pixels.
    """
    if not rings or any(len(ring) < 3 or ring.shape[1:] != (2,) for ring in rings):
        raise AnnotationError("has an outline of fewer than three corners", where=place)
    if not all(are_near(ring) for ring in rings):
        raise AnnotationError(
            "has a corner that is no finite number, or beyond any image", where=place
        )


def _entry(image: Path, file: Path, held: Held, classes: tuple[str, ...]) -> Entry:
    if isinstance(held, AnnotationError):
        return Entry(image, Unreadable(held))
    return Entry(image, LoadOutlines(file, image, classes, held))


def _parsed(path: Path, shapes: Shapes) -> Held:
    try:
        return Read(tuple(shapes(path, ())))
    except AnnotationError as error:
        return error


def _classes_in(held: Collection[Held]) -> tuple[str, ...]:
    names = {shape.class_name for one in held if isinstance(one, Read) for shape in one.shapes}
    damaged = [one for one in held if isinstance(one, AnnotationError)]
    if damaged and not names:
        raise refusal(damaged)
    return tuple(sorted(names)) or (UNNAMED,)
