"""YOLO: one text file an image, a line a box, ``class xc yc w h`` as shares of the image.

Layouts read: ``data.yaml`` (or ``dataset.yaml``) as Roboflow and Ultralytics write it,
with folders such as ``train/images`` + ``train/labels`` or ``images/train`` +
``labels/train``; and plain ``images/`` + ``labels/`` with ``classes.txt``. A folder
named by two keys of ``data.yaml`` says nothing about the split. An empty text file is
an image without cells; no file is an unlabelled image. A line with a polygon is read
as its box, and said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from cellwright.data.formats.class_names import check_class_names, read_class_names
from cellwright.data.formats.drafts import (
    Draft,
    Size,
    as_boxes,
    checked_boxes,
    image_size,
)
from cellwright.data.formats.layout import (
    FOLDER_OF_SPLIT,
    SPLIT_OF_FOLDER,
    Entry,
    Known,
    Unreadable,
    assemble,
    by_stem,
    find_images,
    is_hidden,
    new_folder,
    place_images,
    read_text,
    refuse_orphans,
)
from cellwright.data.formats.named_paths import refuse_long
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.data.yaml_text import parse_yaml
from cellwright.errors import AnnotationError, ConfigError, DatasetError, ImageError
from cellwright.types import Boxes

FOLDERS = ("images", "labels")
CONFIG_NAMES = ("data.yaml", "data.yml", "dataset.yaml")
NAMES = "classes.txt"
MAX_CONFIG_BYTES = 2**20
MAX_KEYPOINTS = 10_000
NO_LABEL = "there is no label file for this image: treated as unlabelled"

ReadLabel = Callable[[Path, Size], tuple[list[Draft], list[str]]]
"""Label file and size of its image to the boxes in it and what is to be said of them."""


def recognises(root: Path) -> bool:
    """Whether the folder has a ``data.yaml``, or ``images/`` and text files in ``labels/``."""
    plain = (root / "images").is_dir() and any((root / "labels").glob("**/*.txt"))
    return plain or config_path(root) is not None


def read(root: Path) -> LabelledSet:
    """Read a YOLO folder.

    A malformed line, a class that has no name or a box outside its image is raised, with file
    and line, when it is loaded.

    Raises:
        DatasetError: class names or image folders missing, or a label without its image.
        AnnotationError: a malformed ``data.yaml`` or ``classes.txt``.
    """
    config = config_path(root)
    notes: list[str] = []
    pose_values = 0
    if config is None:
        classes = _plain_classes(root)
        folders = _plain_folders(root)
    else:
        settings = _settings(config)
        classes = _config_classes(settings, where=config)
        folders, notes = _config_folders(root, settings, where=config)
        pose_values = _pose_values(settings, where=config)
    read_label = partial(read_lines, classes=classes, pose_values=pose_values)
    entries: list[Entry] = []
    for folder, split in _with_subfolders(folders).items():
        entries += _folder_entries(folder, split, read_label, root=root)
    if entries and notes:
        # The set has no place for remarks of its own: they stand with its first image.
        entries[0] = entries[0]._replace(problems=(*notes, *entries[0].problems))
    return assemble(root, entries, classes)


def write(labelled: LabelledSet, out: Path) -> None:
    """Write ``data.yaml`` and ``train/``, ``valid/``, ``test/`` as Roboflow does.

    Images without a split go to ``images/`` and ``labels/`` at the top, which
    ``data.yaml`` names for both training and validation.

    Raises:
        DatasetError: ``out`` is taken, or an annotation has no boxes.
    """
    with new_folder(out) as folder:
        for record, image in place_images(labelled, folder, folder_of=_image_folder):
            labels = label_folder(image.parent, folder)
            labels.mkdir(exist_ok=True)
            annotation = record.load_annotation()
            boxes = as_boxes(annotation, record_id=record.id, format_name="yolo")
            if boxes is not None:
                text = label_text(boxes, image_size(image))
                (labels / f"{image.stem}.txt").write_text(text, encoding="utf-8")
        used = {record.split for record in labelled}
        settings: dict[str, Any] = {
            FOLDER_OF_SPLIT[split].replace("valid", "val"): f"{FOLDER_OF_SPLIT[split]}/images"
            for split in ("train", "val", "test")
            if split in used
        }
        if None in used:
            for key in ("train", "val"):
                settings[key] = [settings[key], "images"] if key in settings else "images"
        settings |= {"nc": len(labelled.classes), "names": list(labelled.classes)}
        text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
        (folder / "data.yaml").write_text(text, encoding="utf-8")


def label_folder(images: Path, root: Path) -> Path:
    """Where the labels of an image folder lie: its last part named ``images``, exchanged."""
    parts = list(images.relative_to(root).parts)
    for index in reversed(range(len(parts))):
        if parts[index] == "images":
            parts[index] = "labels"
            return root.joinpath(*parts)
    return images


def read_lines(
    path: Path, size: Size, *, classes: tuple[str, ...], pose_values: int = 0
) -> tuple[list[Draft], list[str]]:
    """The boxes of one label file in pixels, and a sentence for each polygon or pose among them.

    Args:
        path: the file.
        size: of the image.
        classes: of the set.
        pose_values: how many numbers of keypoints follow each box; 0 where there are none.

    Raises:
        AnnotationError: a line that is neither box nor polygon, or a class without a name.
    """
    drafts: list[Draft] = []
    remarks: list[str] = []
    for line_number, line in enumerate(read_text(path).splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        where = f"{path}:{line_number}"
        class_id, values = _fields(fields, pose_values, where=where)
        if not 0 <= class_id < len(classes):
            raise AnnotationError(
                f"class {class_id} is not in the list of {len(classes)} ({', '.join(classes)})",
                where=where,
                remedy="correct the line or add the class",
            )
        place = f"line {line_number}"
        if pose_values:
            remarks.append(f"{place}: a box with keypoints, which are left out")
            values = values[:4]
        elif len(values) > 4:
            remarks.append(f"{place}: a polygon, read as its box")
        drafts.append(Draft(class_id, *_corners(values, size), place))
    return drafts, remarks


def _fields(fields: list[str], pose_values: int, *, where: str) -> tuple[int, list[float]]:
    try:
        class_number, *values = map(float, fields)
    except ValueError as error:
        raise AnnotationError(
            f"the line {' '.join(fields)!r} is not numbers", where=where
        ) from error
    if pose_values:
        fits = len(values) == 4 + pose_values
    else:
        fits = len(values) == 4 or (len(values) >= 6 and len(values) % 2 == 0)
    if not fits or not class_number.is_integer():
        keypoints = f", then the {pose_values} of its keypoints" if pose_values else ""
        raise AnnotationError(
            f"a line holds a class and 4 numbers{keypoints}, not {len(fields)} fields",
            where=where,
            remedy="write: class xc yc w h" + (" x y …" if pose_values else ""),
        )
    return int(class_number), values


def _corners(values: list[float], size: Size) -> tuple[float, float, float, float]:
    """Pixel corners of a box ``xc yc w h`` or of a polygon ``x y x y …``, given as shares."""
    if len(values) > 4:
        xs, ys = values[0::2], values[1::2]
        left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    else:
        xc, yc, w, h = values
        left, top, right, bottom = xc - w / 2, yc - h / 2, xc + w / 2, yc + h / 2
    return left * size.width, top * size.height, right * size.width, bottom * size.height


def _folder_entries(
    folder: Path, split: str | None, read_label: ReadLabel, *, root: Path
) -> Iterator[Entry]:
    images = by_stem(find_images(folder))
    labels_in = label_folder(folder, root)
    labels = _label_files(labels_in, images, root=root)
    refuse_orphans(labels.values(), images, where=labels_in)
    for stem, image in images.items():
        if stem not in labels:
            yield Entry(image, Known(None), split, (NO_LABEL,))
            continue
        try:
            size = image_size(image)
        except ImageError as error:
            problem = f"the image cannot be read: {error.what}"
            yield Entry(image, Unreadable(error), split, (problem,))
            continue
        try:
            drafts, remarks = read_label(labels[stem], size)
            boxes, problems = checked_boxes(drafts, size, where=labels[stem])
        except AnnotationError as error:
            yield Entry(image, Unreadable(error), split)
            continue
        yield Entry(image, Known(boxes), split, (*remarks, *problems))


def _label_files(folder: Path, images: Collection[str], *, root: Path) -> dict[str, Path]:
    """Label files by stem. ``classes.txt`` is the list of names, unless an image is called so."""
    is_list = "classes" not in images or folder / NAMES == _names_file(root)
    files = sorted(folder.glob("*.txt"))
    return by_stem(path for path in files if not (is_list and path.name == NAMES))


def config_path(root: Path) -> Path | None:
    """The ``data.yaml`` of a set, where it has one."""
    return next((root / name for name in CONFIG_NAMES if (root / name).is_file()), None)


def _settings(path: Path) -> Mapping[str, Any]:
    try:
        settings = parse_yaml(read_text(path, max_bytes=MAX_CONFIG_BYTES), where=path)
    except ConfigError as error:
        raise AnnotationError(error.what, where=path, remedy=error.remedy) from error
    if not isinstance(settings, dict):
        raise AnnotationError("must hold keys such as train, val and names", where=path)
    return settings


def _config_classes(settings: Mapping[str, Any], *, where: Path) -> tuple[str, ...]:
    names = settings.get("names")
    if isinstance(names, dict) and names.keys() == set(range(len(names))):
        names = [names[index] for index in range(len(names))]
    if not isinstance(names, list):
        raise AnnotationError(
            "names must be a list, or a mapping of 0, 1, 2, … to names", where=where
        )
    count = settings.get("nc", len(names))
    if not isinstance(count, int):
        raise AnnotationError("nc must be the number of classes", where=where)
    if count != len(names):
        raise AnnotationError(f"nc is {count}, but names holds {len(names)}", where=where)
    return check_class_names(names, where=where)


def _pose_values(settings: Mapping[str, Any], *, where: Path) -> int:
    """How many numbers of keypoints follow each box; 0 where the labels are no poses."""
    shape = settings.get("kpt_shape")
    if shape is None:
        return 0
    whole = isinstance(shape, list) and all(isinstance(one, int) for one in shape)
    if not whole or len(shape) != 2 or not (0 < shape[0] < MAX_KEYPOINTS and shape[1] in (2, 3)):
        raise AnnotationError(
            "kpt_shape must be the number of keypoints and 2 or 3 numbers of each",
            where=where,
            remedy="write for instance kpt_shape: [17, 3], or remove it where there are none",
        )
    return int(shape[0] * shape[1])


def _texts(settings: Mapping[str, Any], key: str, *, where: Path) -> list[str]:
    """The folders that a key names."""
    named = settings.get(key) or []
    texts = [named] if isinstance(named, str) else named
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise AnnotationError(f"{key} must be a folder, or a list of them", where=where)
    return texts


def _config_folders(
    root: Path, settings: Mapping[str, Any], *, where: Path
) -> tuple[dict[Path, str | None], list[str]]:
    """Image folders with their split, and a sentence for each that is named but missing."""
    splits: dict[Path, set[str]] = {}
    notes = []
    for key, split in SPLIT_OF_FOLDER.items():
        for name in _texts(settings, key, where=where):
            folder = _named_folder(root, name, settings, where=where)
            if folder is None:
                notes.append(f"{where.name} names {name!r} for {key}, which is not there")
            else:
                splits.setdefault(folder, set()).add(split)
    if not splits:
        raise DatasetError(
            "none of the image folders it names for train, val and test is there",
            where=where,
            remedy="name them relative to this file, for instance train: train/images",
        )
    folders = {
        folder: next(iter(names)) if len(names) == 1 else None for folder, names in splits.items()
    }
    return folders, notes


def _named_folder(
    root: Path, name: str, settings: Mapping[str, Any], *, where: Path
) -> Path | None:
    """An image folder ``data.yaml`` names, if it is there; never one outside ``root``.

    Roboflow writes ``../train/images`` for the folder beside the file, and Ultralytics
    puts a ``path`` in front, which often belongs to another computer.
    """
    inner = re.sub(r"^(\.\.?/)+", "", name.replace("\\", "/"))
    base, above = root.resolve(), next(iter(_texts(settings, "path", where=where)), ".")
    refuse_long(inner, where=where)
    refuse_long(above, where=where)
    for candidate in (root / above / inner, root / inner):
        if candidate.is_dir() and candidate.resolve().is_relative_to(base):
            return root / candidate.resolve().relative_to(base)
    return None


def _names_file(root: Path) -> Path | None:
    """The list of names that counts: none beside a ``data.yaml``, which names them itself."""
    if config_path(root) is not None:
        return None
    return next((path for path in (root / NAMES, root / "labels" / NAMES) if path.is_file()), None)


def _plain_classes(root: Path) -> tuple[str, ...]:
    path = _names_file(root)
    if path is not None:
        return read_class_names(path)
    raise DatasetError(
        "the class names are missing",
        where=root,
        remedy="write classes.txt, one class a line in the order of the ids, or data.yaml",
    )


def _plain_folders(root: Path) -> dict[Path, str | None]:
    images = root / "images"
    if not images.is_dir():
        raise DatasetError("has labels/ but no images/", where=root, remedy="add the images")
    splits: dict[Path, str | None] = {
        images / name: split for name, split in SPLIT_OF_FOLDER.items() if (images / name).is_dir()
    }
    return {**splits, images: None}


def _with_subfolders(folders: Mapping[Path, str | None]) -> dict[Path, str | None]:
    """Every folder that holds images, with the split of the nearest named folder above it."""
    found: dict[Path, str | None] = {}
    # Deepest first: a folder named itself wins over the one above it.
    for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
        inner = [path for path in sorted(folder.glob("**/*")) if path.is_dir()]
        inner = [path for path in inner if not is_hidden(path, folder)]
        for path in (folder, *inner):
            found.setdefault(path, folders[folder])
    return {path: split for path, split in found.items() if find_images(path)}


def _image_folder(record: Record) -> str:
    return "images" if record.split is None else f"{FOLDER_OF_SPLIT[record.split]}/images"


def label_text(boxes: Boxes, size: Size) -> str:
    """The lines of a label file.

    Ten decimals: on an image of 100,000 px they keep a corner within 0.00002 px.
    """
    scale = np.array([size.width, size.height], np.float64)
    low, high = boxes.xyxy[:, :2].astype(np.float64), boxes.xyxy[:, 2:].astype(np.float64)
    rows = np.concatenate([(low + high) / 2 / scale, (high - low) / scale], axis=1)
    return "".join(
        f"{class_id} " + " ".join(f"{value:.10f}" for value in row) + "\n"
        for class_id, row in zip(boxes.class_ids, rows, strict=True)
    )
