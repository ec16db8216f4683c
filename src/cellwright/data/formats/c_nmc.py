"""C-NMC 2019: single cells in ``fold_N/all`` and ``fold_N/hem``, the subject in the file's name.

Gupta and Gupta, ALL Challenge dataset of ISBI 2019, The Cancer Imaging Archive: ``UID_11_2_1_all``
is the first cell of the second image of subject 11, leukemic; ``UID_H10_1_1_hem`` a healthy one of
subject H10. Images of the preliminary test phase are called by numbers, and a table
(``Patient_ID, new_names, labels``) tells their former names. The subject becomes the group, so a
split by group tells how a model fares with people it has not met. Read only: other classes have no
place in this layout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cellwright.data.csv_rows import column_names, csv_rows
from cellwright.data.formats.layout import Entry, Known, assemble, find_images, read_text
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import AnnotationError
from cellwright.types import Category

CLASSES = ("hem", "all")
"""Healthy (of other illnesses of the blood) and leukemic, in the order of their table's digits."""

NAME = re.compile(r"UID_(H?\d+)_\d+_\d+_(all|hem)$", re.IGNORECASE)
TABLE = "*labels*.csv"
COLUMNS = ("Patient_ID", "new_names", "labels")


def recognises(root: Path) -> bool:
    """Whether folds hold cells named by subject and class."""
    return any(NAME.match(path.stem) for path in root.glob("**/fold_*/*/UID_*"))


def read(root: Path) -> LabelledSet:
    """Read the folds below ``root``, and the preliminary test images where their table is there.

    Raises:
        DatasetError: no images.
        AnnotationError: a name that tells no subject, a name and a folder or a table that disagree,
            or an image of a table that is missing.
    """
    return assemble(root, [*_folds(root), *_renamed(root)], CLASSES)


def _folds(root: Path) -> Iterator[Entry]:
    for fold in sorted(path for path in root.glob("**/fold_*") if path.is_dir()):
        for name in CLASSES:
            for path in find_images(fold / name):
                subject, told = _told(path.stem, path)
                if told != name:
                    raise AnnotationError(f"is called {told}, but lies in {name}", where=path)
                yield Entry(path, Known(Category(CLASSES.index(name))), group=subject)


def _renamed(root: Path) -> Iterator[Entry]:
    """The images that a table beside them names."""
    for table in sorted(root.glob(f"**/{TABLE}")):
        text = read_text(table)
        if not set(column_names(text)) >= set(COLUMNS):
            continue
        images = {path.name: path for path in find_images(table.parent, pattern="**/*")}
        for where, row in csv_rows(text, COLUMNS, where=table):
            patient, name, label = (row.get(column, "") for column in COLUMNS)
            path = images.get(name)
            if path is None:
                raise AnnotationError(f"there is no image {name!r}", where=where)
            subject, told = _told(Path(patient).stem, where)
            if label != str(CLASSES.index(told)):
                raise AnnotationError(f"{told} has the label {label!r}", where=where)
            yield Entry(path, Known(Category(CLASSES.index(told))), group=subject)


def _told(name: str, where: object) -> tuple[str, str]:
    """Subject and class of a name."""
    found = NAME.match(name)
    if found is None:
        raise AnnotationError(
            f"{name!r} tells no subject and class",
            where=where,
            remedy="names are like UID_11_2_1_all",
        )
    return found[1].upper(), found[2].lower()
