"""One image more for a set of labels, or new labels for one that is in it.

Cells that are pixels go into a set of the format ``instances``, boxes into one of ``yolo``.

For labels that a person corrects image by image: the set can be trained from after each. What the
set holds besides is not touched, and its list of classes is the user's to change.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cellwright.data.formats import instances, yolo
from cellwright.data.formats.class_names import read_class_names, write_class_names
from cellwright.data.formats.drafts import Size
from cellwright.data.formats.layout import find_images
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.read import read_image, stem_of
from cellwright.images.write import atomic_path, make_folder, write_labels, write_tiff
from cellwright.types import Boxes, Instances, Sample


def add_instances(root: Path, sample: Sample, classes: Sequence[str]) -> list[Path]:
    """Add an image with its cells to a set, which is begun where there is none.

    Labels of an image that the set holds already are replaced; its image file stays.

    Args:
        root: folder of the set.
        sample: image and instances; its id names the files.
        classes: names that the instances' class ids index into.

    Returns:
        The image and the label image.

    Raises:
        DatasetError: the folder is something else, lacks a class, or holds another image of this
            name.
        AnnotationError: the sample has no instances, or not of the size of its image.
    """
    cells = sample.annotation
    if not isinstance(cells, Instances) or cells.labels.shape != sample.image.shape[1:]:
        raise AnnotationError("wants a label for every pixel of the image", where=sample.id)
    listed = _classes(root, classes, instances.FOLDERS, instances.recognises)
    image = _image(root, sample)
    stem = stem_of(image)
    suffix = ".png" if len(cells) <= np.iinfo(np.uint16).max else ".tif"
    label = root / "instances" / f"{stem}{suffix}"
    if len(listed) > 1:
        ids = np.zeros(0, int) if cells.class_ids is None else cells.class_ids
        names = [classes[number] for number in ids.tolist()]
        _write_rows(root / instances.TABLE, label, names, classes=listed)
    write_labels(label, cells.labels, pixel_size_um=sample.pixel_size_um)
    for other in find_images(label.parent):
        if stem_of(other) == stem and other != label:
            other.unlink()
    return [image, label]


def add_boxes(root: Path, sample: Sample, classes: Sequence[str]) -> list[Path]:
    """The same for boxes and a set of the format ``yolo`` with ``classes.txt``.

    Args:
        root: folder of the set.
        sample: image and boxes within it; its id names the files.
        classes: names that the boxes' class ids index into.

    Returns:
        The image and its label file.

    Raises:
        DatasetError: as :func:`add_instances`.
        AnnotationError: the sample has no boxes.
    """
    boxes = sample.annotation
    if not isinstance(boxes, Boxes):
        raise AnnotationError("wants boxes", where=sample.id)
    listed = _classes(root, classes, yolo.FOLDERS, _is_plain_yolo)
    image = _image(root, sample)
    ids = np.array([listed.index(classes[number]) for number in boxes.class_ids], np.int64)
    _, height, width = sample.image.shape
    text = yolo.label_text(Boxes(boxes.xyxy, ids), Size(height, width))
    label = root / "labels" / f"{stem_of(image)}.txt"
    with atomic_path(label) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return [image, label]


def _is_plain_yolo(root: Path) -> bool:
    """Whether a set has its classes in ``classes.txt`` and no ``data.yaml`` with other folders."""
    folders = all((root / name).is_dir() for name in yolo.FOLDERS)
    return folders and yolo.config_path(root) is None and (root / "classes.txt").is_file()


def _classes(
    root: Path,
    classes: Sequence[str],
    folders: tuple[str, str],
    recognises: Callable[[Path], bool],
) -> tuple[str, ...]:
    """Classes of the set, which is begun here if there is none."""
    spoiled = [name for name in classes if name != name.strip() or "\n" in name or not name]
    if spoiled:
        raise AnnotationError(
            f"{spoiled[0]!r} cannot be the name of a class", remedy="name it in one line"
        )
    make_folder(root)
    if not any(root.iterdir()):
        for folder in folders:
            make_folder(root / folder)
        write_class_names(root, classes)
    if not recognises(root):
        raise DatasetError(
            f"is no set of {folders[0]}/, {folders[1]}/ and classes.txt alone",
            where=root,
            remedy="name a new folder, or a set that was begun here",
        )
    names = root / "classes.txt"
    listed = read_class_names(names) if names.is_file() else instances.UNNAMED
    unknown = [name for name in classes if name not in listed]
    if unknown:
        raise DatasetError(
            f"the class {unknown[0]!r} is none of the set's ({', '.join(listed)})",
            where=root,
            remedy="add it to the end of classes.txt, or save to another folder",
        )
    return listed


def _image(root: Path, sample: Sample) -> Path:
    """The image's file, written where the set has none."""
    stem = re.sub(r"[^\w.()-]+", "_", sample.id).strip(".") or "image"
    for present in find_images(root / "images"):
        if stem_of(present) == stem:
            if np.array_equal(read_image(present).pixels, sample.image):
                return present
            raise DatasetError(
                f"holds another image called {stem!r}",
                where=present,
                remedy="rename the image, or save to another folder",
            )
    path = root / "images" / f"{stem}.tif"
    write_tiff(
        path, sample.image, pixel_size_um=sample.pixel_size_um, channel_names=sample.channel_names
    )
    return path


def _write_rows(
    table: Path, label: Path, class_names: Sequence[str], *, classes: tuple[str, ...]
) -> None:
    """Rows of one label image, in place of those it had."""
    held = instances.read_table(table, classes) if table.is_file() else {}
    rows = [
        (image, number, classes[class_id])
        for image, class_of in held.items()
        if stem_of(Path(image)) != stem_of(label)
        for number, class_id in class_of.items()
    ]
    rows += [(label.name, number, name) for number, name in enumerate(class_names, start=1)]
    with (
        atomic_path(table) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file, lineterminator="\n").writerows([instances.COLUMNS, *rows])
