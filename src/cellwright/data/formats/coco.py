"""COCO: one JSON for many images, boxes as ``x, y, width, height`` in pixels.

Layouts read: ``train/_annotations.coco.json`` beside its images (Roboflow), one JSON
beside images or ``images/``, and ``annotations/*.json`` (the original). An image that
the JSON does not list is unlabelled; one that it lists without annotations holds no
cells. Crowd regions are left out, and said.

A set whose objects are all outlined, by polygons or run-length masks, is read as instances. One
of boxes is read as boxes: without outlines, with outlines that are all upright rectangles, or with
outlines of some objects only, which is said. ``coco-boxes`` reads the boxes of any set.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from cellwright.data.formats.class_names import check_class_names
from cellwright.data.formats.coco_document import (
    Category,
    Document,
    Object,
    Picture,
    read_document,
)
from cellwright.data.formats.coco_outlines import LoadInstances, are_cells, outline_of
from cellwright.data.formats.drafts import Draft, Size, as_boxes, image_size, load_checked
from cellwright.data.formats.layout import (
    FOLDER_OF_SPLIT,
    SPLIT_OF_FOLDER,
    Entry,
    Placed,
    Unreadable,
    assemble,
    find_images,
    new_folder,
    place_images,
)
from cellwright.data.formats.named_paths import inner_path
from cellwright.data.formats.rle import encode_labels
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError, DatasetError
from cellwright.types import Annotation, Boxes, Instances

FILE = "_annotations.coco.json"
CROWD = "a region marked as crowd is left out"
ALL_CROWDS = (
    "every object of the set is marked as crowd, as CVAT marks painted ones: the mark is ignored"
)

Held: TypeAlias = tuple[Callable[[], Annotation | None], tuple[str, ...]]
"""What loads the labels of an image, and what is to be said about them."""


class Part(NamedTuple):
    """A JSON, the folders its file names may start from, and the split it stands for."""

    json: Path
    starts: tuple[Path, ...]
    split: str | None


@dataclass(frozen=True)
class Reading:
    """How the rows of a set are taken.

    Attributes:
        class_of: index of a class by the id of its category.
        as_instances: outlines are read; else boxes.
        drops_crowds: rows marked as crowd are left out.
        remark: about outlines that are not read; empty where none are lost.
    """

    class_of: Mapping[int, int]
    as_instances: bool
    drops_crowds: bool
    remark: str


def recognises(path: Path) -> bool:
    """Whether the path is a JSON file, or a folder laid out as COCO."""
    return path.suffix.lower() == ".json" if path.is_file() else bool(_parts(path))


def read(path: Path) -> LabelledSet:
    """Read a COCO folder, or one JSON with the images beside it.

    A box outside its image, or a damaged outline, is raised when it is loaded.

    Raises:
        DatasetError: no JSON, a listed image that is missing, or lists of classes that differ.
        AnnotationError: not COCO, or a class or image that is not listed.
    """
    return _read(path, boxes_only=False)


def read_boxes(path: Path) -> LabelledSet:
    """:func:`read`, but the boxes alone, whatever outlines there are."""
    return _read(path, boxes_only=True)


def _read(path: Path, *, boxes_only: bool) -> LabelledSet:
    root = path.parent if path.is_file() else path
    parts = [_part_of(path, root)] if path.is_file() else _parts(path)
    if not parts:
        raise DatasetError("holds no COCO file", where=path, remedy=f"name it {FILE}")
    documents = [read_document(part.json) for part in parts]
    categories = _categories(documents, where=root)
    reading = _reading(documents, categories, boxes_only=boxes_only)
    entries: list[Entry] = []
    for part, document in zip(parts, documents, strict=True):
        entries += _entries(part, document, categories, reading=reading, root=root)
    listed = {entry.image_path for entry in entries}
    for image, split in _all_images(root, parts, listed, alone=path.is_file()).items():
        if image not in listed:
            call, problems = load_checked(None, image, where=image.parent)
            entries.append(Entry(image, call, split, problems))
    return assemble(root, entries, [category.name for category in categories])


def write(labelled: LabelledSet, out: Path) -> None:
    """Write ``train/``, ``valid/``, ``test/`` as Roboflow does; images without split at the top.

    Instances are written with run-length masks, so that they come back as they were.

    Raises:
        DatasetError: ``out`` is taken, or an annotation has neither boxes nor instances.
    """
    with new_folder(out) as folder:
        by_folder: dict[Path, list[Placed]] = {}
        for placed in place_images(labelled, folder, folder_of=_image_folder):
            by_folder.setdefault(placed.image_path.parent, []).append(placed)
        for images, placed_there in by_folder.items():
            document = _written(placed_there, labelled.classes)
            text = json.dumps(document, ensure_ascii=False)
            (images / FILE).write_text(text, encoding="utf-8")


def _parts(root: Path) -> list[Part]:
    parts = [
        Part(root / name / FILE, (root / name,), split)
        for name, split in SPLIT_OF_FOLDER.items()
        if (root / name / FILE).is_file()
    ]
    tops = [root / FILE, root / "annotations.json", *sorted(root.glob("annotations/*.json"))]
    return parts + [_part_of(path, root) for path in tops if path.is_file()]


def _part_of(path: Path, root: Path) -> Part:
    """Where the images of a JSON may lie; ``instances_train2017.json`` names ``train2017/``."""
    word = path.stem.rpartition("_")[2]
    starts = (path.parent, root, root / "images", root / word, root / "images" / word)
    return Part(path, starts, _split_in(word))


def _split_in(word: str) -> str | None:
    """The part that a word says: ``val`` and ``val2017`` do, ``validated`` does not."""
    return SPLIT_OF_FOLDER.get(word.rstrip("0123456789"))


def _all_images(
    root: Path, parts: Sequence[Part], listed: Collection[Path], *, alone: bool
) -> dict[Path, str | None]:
    """Every image of the set, listed or not, with the part that its folder says.

    Args:
        root: of the set.
        parts: its JSON files.
        listed: images that they list.
        alone: one JSON was named: what other parts hold is not asked for.
    """
    folders = {start for part in parts for start in part.starts} | {one.parent for one in listed}
    if not alone:
        inner = [*root.iterdir(), *(root / "images").glob("*")]
        folders |= {one for one in inner if _split_in(one.name) is not None}
    found: dict[Path, str | None] = {}
    for folder in sorted(folders, key=lambda one: len(one.parts), reverse=True):
        split = None if folder == root else _split_in(folder.name)
        deep = folder != root and folder.is_relative_to(root / "images")
        for image in find_images(folder, pattern="**/*" if deep else "*"):
            found.setdefault(image, split)
    return found


def _categories(documents: Sequence[Document], *, where: Path) -> list[Category]:
    """Classes in the order of their ids, without the parent that Roboflow puts in front."""
    lists = [sorted(document.categories, key=lambda row: row.id) for document in documents]
    if any(
        [(row.id, row.name) for row in rows] != [(row.id, row.name) for row in lists[0]]
        for rows in lists
    ):
        raise DatasetError("its JSON files list different categories", where=where)
    used = {row.category_id for document in documents for row in document.annotations}
    parents = {row.supercategory for row in lists[0] if row.supercategory != row.name}
    kept = [row for row in lists[0] if row.id in used or row.name not in parents]
    check_class_names([row.name for row in kept], where=where)
    if len({row.id for row in kept}) < len(kept):
        raise AnnotationError("two categories share an id", where=where)
    return kept


def _reading(
    documents: Sequence[Document],
    categories: Sequence[Category],
    *,
    boxes_only: bool,
) -> Reading:
    """What the rows of all files hold together."""
    class_of = {category.id: index for index, category in enumerate(categories)}
    rows = [row for document in documents for row in document.annotations]
    drops_crowds = not all(row.iscrowd for row in rows)
    kept = [row for row in rows if not (drops_crowds and row.iscrowd)]
    if boxes_only:
        return Reading(class_of, False, drops_crowds, "")
    if not kept:
        said = [(document.info or {}).get("holds") for document in documents]
        holds = ["instances"] in said and all(one in (["instances"], []) for one in said)
        return Reading(class_of, holds, drops_crowds, "")
    bare = sum(not row.segmentation for row in kept)
    if bare:
        remark = f"outlines are read as boxes: {bare} of {len(kept)} objects of the set have none"
        return Reading(class_of, False, drops_crowds, remark)
    return Reading(class_of, are_cells(row.segmentation for row in kept), drops_crowds, "")


def _entries(
    part: Part,
    document: Document,
    categories: Sequence[Category],
    *,
    reading: Reading,
    root: Path,
) -> list[Entry]:
    objects: dict[int | str, list[tuple[int, Object]]] = {row.id: [] for row in document.images}
    if len(objects) < len(document.images):
        raise AnnotationError("two images share an id", where=part.json)
    for index, row in enumerate(document.annotations):
        if row.image_id not in objects:
            raise AnnotationError(
                f"annotation {index} names image {row.image_id!r}, which is not listed",
                where=part.json,
                remedy="list the image under images, or remove the annotation",
            )
        if row.category_id not in reading.class_of:
            listed = ", ".join(f"{category.id} {category.name}" for category in categories)
            raise AnnotationError(
                f"annotation {index} names category {row.category_id}, which is not in the list "
                f"({listed})",
                where=part.json,
                remedy="correct the annotation or add the category",
            )
        objects[row.image_id].append((index, row))
    return [
        _entry(picture, _image_path(picture, part, root), objects[picture.id], reading, part=part)
        for picture in document.images
    ]


def _entry(
    picture: Picture,
    image: Path,
    rows: Sequence[tuple[int, Object]],
    reading: Reading,
    *,
    part: Part,
) -> Entry:
    kept, said = _kept(rows, reading)
    annotation = _instances if reading.as_instances else _boxes
    try:
        call, problems = annotation(picture, image, kept, reading, where=part.json)
    except AnnotationError as error:
        return Entry(image, Unreadable(error), part.split)
    return Entry(image, call, part.split, (*said, *problems))


def _boxes(
    picture: Picture,
    image: Path,
    kept: Sequence[tuple[int, Object]],
    reading: Reading,
    *,
    where: Path,
) -> Held:
    drafts = []
    for index, row in kept:
        x, y, width, height = row.bbox
        class_id = reading.class_of[row.category_id]
        drafts.append(Draft(class_id, x, y, x + width, y + height, f"annotation {index}"))
    call, problems = load_checked(drafts, image, where=where, stated=_stated(picture))
    if reading.remark and any(row.segmentation for _, row in kept):
        problems = (reading.remark, *problems)
    return call, problems


def _instances(
    picture: Picture,
    image: Path,
    kept: Sequence[tuple[int, Object]],
    reading: Reading,
    *,
    where: Path,
) -> Held:
    names = tuple(f"annotation {index}" for index, _ in kept)
    call = LoadInstances(
        outlines=tuple(
            outline_of(row.segmentation, where=f"{where}: {name}")
            for (_, row), name in zip(kept, names, strict=True)
        ),
        names=names,
        class_ids=tuple(reading.class_of[row.category_id] for _, row in kept),
        image_path=image,
        stated=_stated(picture),
        where=str(where),
    )
    return call, ()


def _kept(
    rows: Sequence[tuple[int, Object]], reading: Reading
) -> tuple[list[tuple[int, Object]], tuple[str, ...]]:
    """The objects of an image, and what is to be said about crowds among them."""
    if not any(row.iscrowd for _, row in rows):
        return list(rows), ()
    if not reading.drops_crowds:
        return list(rows), (ALL_CROWDS,)
    return [(index, row) for index, row in rows if not row.iscrowd], (CROWD,)


def _stated(picture: Picture) -> Size | None:
    return Size(picture.height, picture.width) if picture.height and picture.width else None


def _image_path(picture: Picture, part: Part, root: Path) -> Path:
    name = inner_path(picture.file_name, where=part.json)
    for start in part.starts:
        path = start / name
        if path.is_file() and path.is_relative_to(root):
            return path
    raise DatasetError(
        f"the image {name!r} is not there",
        where=part.json,
        remedy="add it beside the JSON, or remove it from the JSON",
    )


def _image_folder(record: Record) -> str:
    return "." if record.split is None else FOLDER_OF_SPLIT[record.split]


def _written(placed: Sequence[Placed], classes: Sequence[str]) -> dict[str, Any]:
    images: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    holds = set()
    for record, image in placed:
        annotation = record.load_annotation()
        boxes = as_boxes(annotation, record_id=record.id, format_name="coco")
        if boxes is None:
            continue
        holds.add(type(annotation).__name__.lower())
        size = image_size(image)
        picture = Picture(
            id=len(images) + 1, file_name=image.name, width=size.width, height=size.height
        )
        images.append(picture.model_dump())
        rows = _object_rows(boxes)
        if isinstance(annotation, Instances) and rows:
            areas = np.bincount(annotation.labels.ravel())[1:]
            masks = encode_labels(annotation.labels)
            for row, runs, area in zip(rows, masks, areas, strict=True):
                row |= {"segmentation": {"counts": runs, "size": list(size)}, "area": int(area)}
        for row in rows:
            objects.append({"id": len(objects) + 1, "image_id": len(images), **row})
    return {
        "info": {"holds": sorted(holds)},
        "images": images,
        "annotations": objects,
        "categories": [{"id": index + 1, "name": name} for index, name in enumerate(classes)],
    }


def _object_rows(boxes: Boxes) -> list[dict[str, Any]]:
    # In double precision x + width gives the right edge again, exactly.
    corners = boxes.xyxy.astype(np.float64)
    sides = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    return [
        {
            "category_id": int(class_id) + 1,
            "bbox": side.tolist(),
            "area": float(side[2] * side[3]),
            "iscrowd": 0,
        }
        for side, class_id in zip(sides, boxes.class_ids, strict=True)
    ]
