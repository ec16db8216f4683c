"""One CSV table of boxes beside a folder of images.

``boxes.csv`` has the columns ``image, class, xmin, ymin, xmax, ymax`` (others are
ignored): the image's name inside ``images/``, the class by name, pixel edges taken as
given. A row with the image's name alone says that it was looked at and holds nothing;
an image without any row is unlabelled. Class order comes from ``classes.txt`` where
there is one, else it is alphabetical.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cellwright.data.csv_rows import csv_rows
from cellwright.data.formats.class_names import read_class_names, write_class_names
from cellwright.data.formats.drafts import Draft, as_boxes, load_checked, number
from cellwright.data.formats.layout import (
    Entry,
    Unreadable,
    assemble,
    find_images,
    new_folder,
    place_images,
    read_filled,
    refusal,
)
from cellwright.data.formats.named_paths import inner_path
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import AnnotationError, DatasetError

TABLE = "boxes.csv"
COLUMNS = ("image", "class", "xmin", "ymin", "xmax", "ymax")


class Row(NamedTuple):
    """One line of the table; ``box`` is None where it only names an image."""

    image: str
    class_name: str
    box: tuple[float, float, float, float] | None
    place: str


def recognises(root: Path) -> bool:
    """Whether the folder holds the table."""
    return (root / TABLE).is_file()


def read(root: Path) -> LabelledSet:
    """Read ``boxes.csv`` and ``images/``.

    A malformed row, an unknown class or a box outside its image is raised, with file and line,
    when the labels of that image are loaded.

    Raises:
        DatasetError: no table, or a row whose image is missing.
        AnnotationError: missing columns, a row that names no image, or no row that can be read.
    """
    table = root / TABLE
    if not table.is_file():
        raise DatasetError(f"holds no {TABLE}", where=root, remedy="check the path")
    rows, damaged = read_rows(table)
    folder = root / "images"
    images = {
        path.relative_to(folder).as_posix(): path for path in find_images(folder, pattern="**/*")
    }
    orphans = sorted({*damaged, *(row.image for row in rows)} - set(images))
    if orphans:
        raise DatasetError(
            f"{len(orphans)} images named in {TABLE} are not in images/, for instance "
            f"{orphans[0]!r}",
            where=root,
            remedy="add the images or remove their rows",
        )
    classes = _classes(root, rows, damaged)
    by_image: dict[str, list[Row]] = {}
    for row in rows:
        by_image.setdefault(row.image, []).append(row)
    entries = [
        Entry(image, Unreadable(damaged[name]))
        if name in damaged
        else _entry(image, by_image.get(name), classes, where=table)
        for name, image in images.items()
    ]
    return assemble(root, entries, classes)


def write(labelled: LabelledSet, out: Path) -> None:
    """Write ``boxes.csv``, ``images/`` and ``classes.txt``.

    Raises:
        DatasetError: ``out`` is taken, or an annotation has no boxes.
    """
    with new_folder(out) as folder:
        (folder / "images").mkdir()
        write_class_names(folder, labelled.classes)
        placed = place_images(labelled, folder, folder_of=lambda _: "images")
        with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for record, image in placed:
                annotation = record.load_annotation()
                boxes = as_boxes(annotation, record_id=record.id, format_name="csv")
                if boxes is None:
                    continue
                if not len(boxes):
                    writer.writerow([image.name, "", "", "", "", ""])
                for corners, class_id in zip(boxes.xyxy, boxes.class_ids, strict=True):
                    writer.writerow([image.name, labelled.classes[class_id], *map(number, corners)])


def read_rows(table: Path) -> tuple[list[Row], dict[str, AnnotationError]]:
    """All rows of the table that can be read, and the first error by image of those that cannot.

    Raises:
        AnnotationError: unreadable, missing columns, or a row that names no image of the set.
    """
    text = read_filled(table, remedy=f"the first line must name {', '.join(COLUMNS)}")
    rows: list[Row] = []
    damaged: dict[str, AnnotationError] = {}
    for where, values in csv_rows(text, COLUMNS, where=table):
        image = _image(values, where=where)
        try:
            rows.append(_row(values, image, where=where))
        except AnnotationError as error:
            damaged.setdefault(image, error)
    return rows, damaged


def _image(row: Mapping[str, str], *, where: str) -> str:
    name = inner_path(row.get("image", "").strip(), where=where)
    if not row.get("image", "").strip():
        raise AnnotationError("the row names no image", where=where)
    return name


def _row(row: Mapping[str, str], image: str, *, where: str) -> Row:
    name, *corners = [row.get(column, "").strip() for column in COLUMNS[1:]]
    place = f"line {where.rpartition(':')[2]}"
    if not any((name, *corners)):
        return Row(image, "", None, place)
    try:
        xmin, ymin, xmax, ymax = map(float, corners)
    except ValueError as error:
        raise AnnotationError(f"the box {corners} is not four numbers", where=where) from error
    if not name:
        raise AnnotationError("the row has a box but no class", where=where)
    return Row(image, name, (xmin, ymin, xmax, ymax), place)


def _classes(
    root: Path, rows: list[Row], damaged: Mapping[str, AnnotationError]
) -> tuple[str, ...]:
    path = root / "classes.txt"
    if path.is_file():
        return read_class_names(path)
    names = {row.class_name for row in rows if row.class_name}
    if damaged and not names:
        raise refusal(list(damaged.values()))
    if not names:
        raise DatasetError(
            f"names no classes: there is neither a box in {TABLE} nor a classes.txt",
            where=root,
            remedy="write classes.txt, one class a line",
        )
    return tuple(sorted(names))


def _entry(image: Path, rows: list[Row] | None, classes: tuple[str, ...], *, where: Path) -> Entry:
    try:
        drafts = None if rows is None else _drafts(rows, classes, where=where)
        call, problems = load_checked(drafts, image, where=where)
    except AnnotationError as error:
        return Entry(image, Unreadable(error))
    return Entry(image, call, None, problems)


def _drafts(rows: list[Row], classes: tuple[str, ...], *, where: Path) -> list[Draft]:
    ids = {name: index for index, name in enumerate(classes)}
    drafts = []
    for row in rows:
        if row.box is None:
            continue
        if row.class_name not in ids:
            raise AnnotationError(
                f"{row.place}: the class {row.class_name!r} is not in classes.txt "
                f"({', '.join(classes)})",
                where=where,
                remedy="add it to classes.txt or correct it",
            )
        drafts.append(Draft(ids[row.class_name], *row.box, row.place))
    return drafts
