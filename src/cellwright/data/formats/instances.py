"""Instance labels: ``images/`` and ``instances/``, an integer label image (PNG or TIFF) each.

0 is background, every other value one object; gaps in the numbering are closed in
order. Class names come from ``classes.txt`` where there is one, else all objects are of
the one class ``object``. With several classes, ``objects.csv`` (``image, label,
class``) gives each object its own.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.data.csv_rows import csv_rows
from cellwright.data.formats.class_names import read_class_names
from cellwright.data.formats.label_images import NO_LABEL, paired, read_label_image
from cellwright.data.formats.layout import (
    Entry,
    Known,
    assemble,
    new_folder,
    read_text,
)
from cellwright.data.formats.pixel_writing import to_write
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.write import write_labels
from cellwright.types import Instances

FOLDERS = ("images", "instances")
UNNAMED = ("object",)
TABLE = "objects.csv"
COLUMNS = ("image", "label", "class")
MAX_DIGITS = 18
"""Of a label: those of 64 bits, as pixels hold them."""


ReadValues = Callable[[Path, Path], NDArray[np.int64]]
"""Label file and its image to the values ``(H, W)`` in the file, 0 background."""


@dataclass(frozen=True)
class LoadInstances:
    """Picklable call that reads one label file; ``class_of`` None: all of class 0."""

    path: Path
    image_path: Path
    class_of: dict[int, int] | None
    read_values: ReadValues = read_label_image

    def __call__(self) -> Instances:
        """The instances.

        Raises:
            ImageError: the label image cannot be read.
            AnnotationError: not a label image, or an object without class.
        """
        values = self.read_values(self.path, self.image_path)
        instances = Instances.from_labels(values)
        if self.class_of is None:
            return instances
        present = [int(value) for value in np.unique(values) if value != 0]
        missing = [value for value in present if value not in self.class_of]
        if missing:
            raise AnnotationError(f"object {missing[0]} has no row in {TABLE}", where=self.path)
        class_ids = np.array([self.class_of[value] for value in present], np.int64)
        return Instances(instances.labels, class_ids)


def recognises(root: Path) -> bool:
    """Whether the folder has ``images/`` and ``instances/``."""
    return all((root / name).is_dir() for name in FOLDERS)


def read(root: Path) -> LabelledSet:
    """Read ``images/`` and ``instances/``.

    Raises:
        DatasetError: folders or classes missing, or a label image without its image.
        AnnotationError: a malformed ``objects.csv``.
    """
    return read_instances(root, paired(root, "instances"))


def read_instances(
    root: Path,
    pairs: Iterable[tuple[Path, Path | None]],
    *,
    read_values: ReadValues = read_label_image,
) -> LabelledSet:
    """A set of images with their label files.

    Args:
        root: of the set, where ``classes.txt`` and ``objects.csv`` lie.
        pairs: image and label file, None where there is none.
        read_values: how a label file is read.

    Raises:
        DatasetError: several classes and no table of them, or no images.
        AnnotationError: a malformed ``objects.csv``.
    """
    names = root / "classes.txt"
    classes = read_class_names(names) if names.is_file() else UNNAMED
    table = read_table(root / TABLE, classes) if (root / TABLE).is_file() else None
    if table is None and len(classes) > 1:
        raise DatasetError(
            f"names {len(classes)} classes but has no {TABLE} to say which object is which",
            where=root,
            remedy=f"write {TABLE} with the columns {', '.join(COLUMNS)}",
        )
    entries = []
    for image, label in pairs:
        if label is None:
            entries.append(Entry(image, Known(None), None, (NO_LABEL,)))
        else:
            class_of = None if table is None else table.get(label.name, {})
            entries.append(Entry(image, LoadInstances(label, image, class_of, read_values)))
    return assemble(root, entries, classes)


def write(labelled: LabelledSet, out: Path) -> None:
    """Write ``images/``, ``instances/``, ``classes.txt`` and, with several classes, the table.

    Raises:
        DatasetError: ``out`` is taken, or an annotation that is not instances.
    """
    write_instances(labelled, out, images_in="images", labels_in="instances", ending="")


def write_instances(
    labelled: LabelledSet, out: Path, *, images_in: str, labels_in: str, ending: str
) -> None:
    """Write images and label images.

    Args:
        labelled: images with instances; those without stay unlabelled.
        out: a new or empty folder.
        images_in: folder of the images below ``out``; empty for ``out`` itself.
        labels_in: the same for label images.
        ending: what follows the image's stem in the name of its label image.

    Raises:
        DatasetError: ``out`` is taken, or an annotation that is not instances.
    """
    rows: list[tuple[str, int, str]] = []
    with new_folder(out) as folder:
        (folder / labels_in).mkdir(exist_ok=True)
        for stem, cells, _ in to_write(labelled, folder, Instances, images_in=images_in):
            suffix = ".png" if len(cells) <= np.iinfo(np.uint16).max else ".tif"
            path = folder / labels_in / f"{stem}{ending}{suffix}"
            write_labels(path, cells.labels)
            class_ids = [] if cells.class_ids is None else cells.class_ids.tolist()
            rows += [
                (path.name, label, labelled.classes[class_id])
                for label, class_id in enumerate(class_ids, start=1)
            ]
        if len(labelled.classes) > 1:
            with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


def read_table(path: Path, classes: tuple[str, ...]) -> dict[str, dict[int, int]]:
    """Class index by label image and label.

    Raises:
        AnnotationError: columns that are missing, or a label or class that is not known.
    """
    ids = {name: index for index, name in enumerate(classes)}
    table: dict[str, dict[int, int]] = {}
    for where, row in csv_rows(read_text(path), COLUMNS, where=path):
        label, name = row.get("label", ""), row.get("class")
        if not label.isdecimal() or len(label) > MAX_DIGITS or name not in ids:
            raise AnnotationError(
                f"label {label!r} or class {name!r} is not known",
                where=where,
                remedy=f"labels are whole numbers, classes one of {', '.join(classes)}",
            )
        table.setdefault(row.get("image", ""), {})[int(label)] = ids[name]
    return table
