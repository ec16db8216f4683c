"""A folder a class: every image belongs to the class its folder is named after.

Layouts read: ``CLASS/*.png``, and ``train/CLASS/*.png`` with ``valid`` and ``test``.
Class order comes from ``classes.txt`` where there is one, else it is alphabetical. A folder
without images is no class unless ``classes.txt`` names it.
"""

from __future__ import annotations

import re
from pathlib import Path

from cellwright.data.formats.class_names import read_class_names, write_class_names
from cellwright.data.formats.layout import (
    FOLDER_OF_SPLIT,
    SPLIT_OF_FOLDER,
    Entry,
    Known,
    assemble,
    find_images,
    new_folder,
    place_images,
)
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError, DatasetError
from cellwright.types import Category, kind_in_words

RESERVED = frozenset(
    {"images", "labels", "masks", "instances", "geojson", "annotations", "jpegimages", "splits"}
    | set(SPLIT_OF_FOLDER)
)
"""Folder names that other layouts use: never a class."""


def recognises(root: Path) -> bool:
    """Whether two or more folders hold images directly, and none has another layout's name."""
    folders = {folder.name for top in _tops(root) for folder in _inner(top)}
    filled = {folder.name for top in _tops(root) for folder in _inner(top) if find_images(folder)}
    return len(filled) > 1 and not {name.lower() for name in folders} & RESERVED


def read(root: Path) -> LabelledSet:
    """Read a folder of class folders.

    Raises:
        DatasetError: no class folders.
        AnnotationError: a folder that ``classes.txt`` does not name.
    """
    tops = _tops(root)
    images_in = {
        folder: find_images(folder, pattern="**/*") for top in tops for folder in _inner(top)
    }
    found = sorted({folder.name for folder, images in images_in.items() if images})
    if not found:
        raise DatasetError(
            "holds no class folders with images", where=root, remedy="make one a class"
        )
    names = root / "classes.txt"
    classes = read_class_names(names) if names.is_file() else tuple(found)
    unknown = [name for name in found if name not in classes]
    if unknown:
        raise AnnotationError(f"{unknown[0]!r} is not in classes.txt", where=root)
    entries = [
        Entry(image, Known(Category(classes.index(folder.name))), split)
        for top, split in tops.items()
        for folder in _inner(top)
        for image in images_in[folder]
    ]
    empty = sorted({folder.name for folder in images_in} - {*found, *classes})
    if empty:
        note = f"folders without images are no classes: {', '.join(empty)}"
        # The set has no place for remarks of its own: they stand with its first image.
        entries[0] = entries[0]._replace(problems=(note,))
    return assemble(root, entries, classes)


def write(labelled: LabelledSet, out: Path) -> None:
    """Write a folder a class, inside ``train/``, ``valid/``, ``test/`` if every image has a split.

    Raises:
        DatasetError: ``out`` is taken, an annotation that is not a category, or a class name
            that cannot be a folder's.
    """
    for name in labelled.classes:
        if not re.fullmatch(r"[^/\\:*?\"<>|.][^/\\:*?\"<>|]*", name):
            raise DatasetError(f"the class {name!r} cannot be the name of a folder")
    all_split = all(record.split for record in labelled)

    def folder_of(record: Record) -> str:
        annotation = record.load_annotation()
        if not isinstance(annotation, Category):
            raise DatasetError(
                f"{record.id!r} holds {kind_in_words(annotation)}, not the class of an image",
                remedy="convert to another format",
            )
        name = labelled.classes[annotation.class_id]
        return f"{FOLDER_OF_SPLIT[record.split]}/{name}" if all_split and record.split else name

    with new_folder(out) as folder:
        write_class_names(folder, labelled.classes)
        place_images(labelled, folder, folder_of=folder_of)


def _tops(root: Path) -> dict[Path, str | None]:
    """Folders that hold class folders, with their split."""
    split_tops: dict[Path, str | None] = {
        root / name: split
        for name, split in SPLIT_OF_FOLDER.items()
        if (root / name).is_dir() and _inner(root / name)
    }
    return split_tops or {root: None}


def _inner(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
