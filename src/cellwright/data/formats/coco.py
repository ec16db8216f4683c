"""COCO: one JSON for many images, boxes as ``x, y, width, height`` in pixels.

Layouts read: ``train/_annotations.coco.json`` beside its images (Roboflow), one JSON
beside images or ``images/``, and ``annotations/*.json`` (the original). An image that
the JSON does not list is unlabelled; one that it lists without annotations holds no
cells. Crowd regions are left out, and said.

Objects whose masks are all run-length coded are read as instances, without loss;
polygons are read as their boxes, and said.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from cellwright.data.formats.drafts import Draft, Size, as_boxes, image_size, load_checked
from cellwright.data.formats.layout import (
    FOLDER_OF_SPLIT,
    SPLIT_OF_FOLDER,
    Entry,
    Placed,
    assemble,
    check_class_names,
    find_images,
    inner_path,
    new_folder,
    place_images,
    read_filled,
)
from cellwright.data.formats.rle import decode_masks, encode_labels, unpack
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError, DatasetError
from cellwright.types import Boxes, Instances

FILE = "_annotations.coco.json"
MAX_JSON_BYTES = 2**30
CROWD = "a region marked as crowd is left out"
MASK_AS_BOX = "masks are read as their boxes (only a set of run-length masks is read as instances)"


class Category(BaseModel):
    """A row of ``categories``."""

    id: int
    name: str
    supercategory: str | None = None


class Picture(BaseModel):
    """A row of ``images``."""

    id: int | str
    file_name: str
    width: int | None = None
    height: int | None = None


class Runs(BaseModel):
    """A run-length mask."""

    model_config = ConfigDict(extra="forbid")

    counts: list[int] | str
    size: tuple[int, int]


class Object(BaseModel):
    """A row of ``annotations``."""

    image_id: int | str
    category_id: int
    bbox: tuple[float, float, float, float]
    segmentation: Runs | list[Any] | None = None
    iscrowd: int = 0


class Document(BaseModel):
    """A whole file."""

    images: list[Picture]
    annotations: list[Object]
    categories: list[Category]
    info: dict[str, Any] | None = None


class Part(NamedTuple):
    """A JSON, the folders its file names may start from, and the split it stands for."""

    json: Path
    starts: tuple[Path, ...]
    split: str | None


@dataclass(frozen=True)
class LoadInstances:
    """Picklable call that unpacks the masks of one image."""

    masks: tuple[Runs, ...]
    class_ids: tuple[int, ...]
    image_path: Path
    where: str

    def __call__(self) -> Instances:
        """The instances, in the order of the file.

        Raises:
            AnnotationError: masks of another size, damaged, or hidden by others.
        """
        size = image_size(self.image_path)
        for mask in self.masks:
            if mask.size != size:
                raise AnnotationError(
                    f"a mask of {mask.size[1]} x {mask.size[0]} px lies on "
                    f"{self.image_path.name} of {size.width} x {size.height} px",
                    where=self.where,
                )
        runs = [
            unpack(mask.counts, where=self.where) if isinstance(mask.counts, str) else mask.counts
            for mask in self.masks
        ]
        labels = decode_masks(runs, size.height, size.width, where=self.where)
        return Instances(labels, np.array(self.class_ids, np.int64))


def recognises(path: Path) -> bool:
    """Whether the path is a JSON file, or a folder laid out as COCO."""
    return path.suffix.lower() == ".json" if path.is_file() else bool(_parts(path))


def read(path: Path) -> LabelledSet:
    """Read a COCO folder, or one JSON with the images beside it.

    Raises:
        DatasetError: no JSON, a listed image that is missing, or lists of classes that differ.
        AnnotationError: not COCO, a class or image that is not listed, or a box outside its
            image.
    """
    root = path.parent if path.is_file() else path
    parts = [_part_of(path, root)] if path.is_file() else _parts(path)
    if not parts:
        raise DatasetError("holds no COCO file", where=path, remedy=f"name it {FILE}")
    documents = [_document(part.json) for part in parts]
    categories = _categories(documents, where=root)
    as_instances = _hold_instances(documents)
    entries: list[Entry] = []
    for part, document in zip(parts, documents, strict=True):
        entries += _entries(part, document, categories, as_instances=as_instances, root=root)
    listed = {entry.image_path for entry in entries}
    for folder in {part.json.parent for part in parts} | {root / "images"}:
        split = SPLIT_OF_FOLDER.get(folder.name) if folder != root else None
        for image in find_images(folder):
            if image not in listed:
                call, problems = load_checked(None, image, where=folder)
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
    split = next((SPLIT_OF_FOLDER[name] for name in SPLIT_OF_FOLDER if word.startswith(name)), None)
    starts = (path.parent, root, root / "images", root / word, root / "images" / word)
    return Part(path, starts, split)


def _document(path: Path) -> Document:
    text = read_filled(path, remedy="export it again", max_bytes=MAX_JSON_BYTES)
    try:
        return Document.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise AnnotationError(
            f"{place}: {first['msg']}", where=path, remedy="export it again"
        ) from error


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


def _hold_instances(documents: Sequence[Document]) -> bool:
    """Whether every object has a run-length mask, or the file says that it holds instances."""
    said = [(document.info or {}).get("holds") for document in documents]
    if ["instances"] in said and all(holds in (["instances"], []) for holds in said):
        return True
    rows = [row for document in documents for row in document.annotations]
    return bool(rows) and all(isinstance(row.segmentation, Runs) for row in rows)


def _entries(
    part: Part,
    document: Document,
    categories: Sequence[Category],
    *,
    as_instances: bool,
    root: Path,
) -> list[Entry]:
    class_of = {category.id: index for index, category in enumerate(categories)}
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
        if row.category_id not in class_of:
            listed = ", ".join(f"{category.id} {category.name}" for category in categories)
            raise AnnotationError(
                f"annotation {index} names category {row.category_id}, which is not in the list "
                f"({listed})",
                where=part.json,
                remedy="correct the annotation or add the category",
            )
        objects[row.image_id].append((index, row))
    make = partial(_instances_entry if as_instances else _boxes_entry, class_of=class_of, part=part)
    return [
        make(picture, _image_path(picture, part, root), objects[picture.id])
        for picture in document.images
    ]


def _boxes_entry(
    picture: Picture,
    image: Path,
    rows: Sequence[tuple[int, Object]],
    *,
    class_of: dict[int, int],
    part: Part,
) -> Entry:
    drafts = []
    for index, row in rows:
        x, y, width, height = row.bbox
        place = f"annotation {index}"
        if not row.iscrowd:
            drafts.append(Draft(class_of[row.category_id], x, y, x + width, y + height, place))
    stated = Size(picture.height, picture.width) if picture.height and picture.width else None
    call, problems = load_checked(drafts, image, where=part.json, stated=stated)
    said = [CROWD] if any(row.iscrowd for _, row in rows) else []
    said += [MASK_AS_BOX] if any(row.segmentation for _, row in rows) else []
    return Entry(image, call, part.split, (*said, *problems))


def _instances_entry(
    picture: Picture,  # noqa: ARG001  (called like _boxes_entry; masks carry their own size)
    image: Path,
    rows: Sequence[tuple[int, Object]],
    *,
    class_of: dict[int, int],
    part: Part,
) -> Entry:
    kept = [row for _, row in rows if not row.iscrowd]
    masks = tuple(row.segmentation for row in kept if isinstance(row.segmentation, Runs))
    class_ids = tuple(class_of[row.category_id] for row in kept)
    call = LoadInstances(masks, class_ids, image, str(part.json))
    return Entry(image, call, part.split, (CROWD,) if len(kept) < len(rows) else ())


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
