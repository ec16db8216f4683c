"""ALL-IDB: the class stands in the file's name, ``Im001_1.tif`` leukemic, ``Im131_0.tif`` healthy.

Labati, Piuri and Scotti, ALL-IDB: the Acute Lymphoblastic Leukemia Image Database for Image
Processing, ICIP 2011. Part 1 holds fields of smears, part 2 single cells; both are read, from the
folder itself or its ``im`` or ``img``. The centres of blasts of part 1 (``.xyc``) are not read.
Patients are not told: every image is a group of its own, unless ``cellwright.csv`` says more.
The authors hand the images out on request. Read only: other classes have no place in the names.
"""

from __future__ import annotations

import re
from pathlib import Path

from cellwright.data.formats.layout import Entry, Known, assemble, find_images, first_folder
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import AnnotationError
from cellwright.types import Category

CLASSES = ("healthy", "leukemic")
"""In the order of the digit in the names."""

NAME = re.compile(r"Im\d+_([01])$", re.IGNORECASE)


def recognises(root: Path) -> bool:
    """Whether there are images, and the name of each ends in its class."""
    images = _images(root)
    return bool(images) and all(NAME.match(path.stem) for path in images)


def read(root: Path) -> LabelledSet:
    """Read a part of ALL-IDB.

    Raises:
        DatasetError: no images.
        AnnotationError: an image without a class in its name.
    """
    return assemble(root, [_entry(path) for path in _images(root)], CLASSES)


def _entry(path: Path) -> Entry:
    named = NAME.match(path.stem)
    if named is None:
        raise AnnotationError(
            "the name does not end in the class",
            where=path,
            remedy="names are like Im001_1.tif (leukemic) and Im131_0.tif (healthy)",
        )
    return Entry(path, Known(Category(int(named[1]))))


def _images(root: Path) -> list[Path]:
    return find_images(first_folder(root, ("img", "im")) or root)
