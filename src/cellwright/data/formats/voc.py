"""Pascal VOC: one XML an image, boxes in pixels.

Layouts read: ``annotations/`` + ``images/``, the original ``Annotations/`` +
``JPEGImages/``, and XML files beside their images (in the folder itself, or in
``train/``, ``valid/``, ``test/`` as Roboflow writes them). Splits come from
``splits/*.txt`` or ``ImageSets/Main/*.txt``. Classes come from ``classes.txt`` where
there is one, else they are the names found, in alphabetical order.

``xmin .. xmax`` are taken as given, as pixel edges. The original VOC counted pixels
from 1 and included the last; nearly all programs that write VOC today do not, and
whoever does is half a pixel away, not a box.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cellwright.data.formats.class_names import read_class_names, write_class_names
from cellwright.data.formats.drafts import (
    Draft,
    Size,
    as_boxes,
    image_size,
    load_checked,
    number,
)
from cellwright.data.formats.layout import (
    SPLIT_OF_FOLDER,
    Entry,
    Unreadable,
    assemble,
    by_stem,
    find_images,
    first_folder,
    flat_images,
    is_image,
    new_folder,
    place_images,
    read_filled,
    read_text,
    refusal,
    refuse_orphans,
)
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.read import stem_of
from cellwright.types import Boxes

MAX_XML_BYTES = 16 * 2**20


class NamedBox(NamedTuple):
    """One ``<object>``: class by name, box in pixels."""

    name: str
    corners: tuple[float, float, float, float]
    place: str


class Labels(NamedTuple):
    """What one XML file says; ``size`` is None where it gives none, or zero as some tools do."""

    objects: list[NamedBox]
    size: Size | None


class Part(NamedTuple):
    """A folder of XML files, the folder of their images, and the split both belong to."""

    annotations: Path
    images: Path
    split: str | None


class Found(NamedTuple):
    """An image and what its XML says: None where there is none, an error where it is damaged."""

    image: Path
    label: Path
    content: Labels | AnnotationError | None
    split: str | None


def recognises(root: Path) -> bool:
    """Whether the folder is laid out as VOC."""
    return any(True for part in _parts(root) for _ in part.annotations.glob("*.xml"))


def read(root: Path) -> LabelledSet:
    """Read a VOC folder.

    Malformed XML, an unknown class or a box outside its image is raised when it is loaded.

    Raises:
        DatasetError: no annotations, a label without its image, an image in two splits.
        AnnotationError: no label can be read that would name a class.
    """
    found: list[Found] = []
    split_of = _split_lists(root)
    for part in _parts(root):
        beside = part.images == part.annotations
        images = by_stem(find_images(part.images) if beside else flat_images(part.images))
        labels = by_stem(sorted(part.annotations.glob("*.xml")))
        refuse_orphans(labels.values(), images, where=part.annotations)
        for stem, image in images.items():
            label = labels.get(stem, part.annotations)
            content = _read_or_error(label) if stem in labels else None
            found.append(Found(image, label, content, split_of.get(stem, part.split)))
    _refuse_strangers(root, split_of, [stem_of(one.image) for one in found])
    classes = _classes(root, [one.content for one in found])
    return assemble(root, [_entry(one, classes) for one in found], classes)


def write(labelled: LabelledSet, out: Path) -> None:
    """Write ``annotations/``, ``images/``, ``classes.txt`` and, with splits, ``splits/``.

    Raises:
        DatasetError: ``out`` is taken, or an annotation has no boxes.
    """
    with new_folder(out) as folder:
        (folder / "annotations").mkdir()
        (folder / "images").mkdir()
        write_class_names(folder, labelled.classes)
        stems: dict[str, list[str]] = {}
        for record, image in place_images(labelled, folder, folder_of=lambda _: "images"):
            if record.split is not None:
                stems.setdefault(record.split, []).append(stem_of(image))
            annotation = record.load_annotation()
            boxes = as_boxes(annotation, record_id=record.id, format_name="voc")
            if boxes is not None:
                tree = _tree(image.name, image_size(image), boxes, labelled.classes)
                tree.write(folder / "annotations" / f"{stem_of(image)}.xml", encoding="utf-8")
        for split, names in stems.items():
            (folder / "splits").mkdir(exist_ok=True)
            text = "".join(f"{name}\n" for name in names)
            (folder / "splits" / f"{split}.txt").write_text(text, encoding="utf-8")


def read_xml(path: Path) -> Labels:
    """The objects of one XML file, and the size of the image they were drawn on.

    Raises:
        AnnotationError: not XML, a document type definition, or an object without its parts.
    """
    without_cells = "an image without cells has an <annotation> without objects"
    text = read_filled(path, remedy=without_cells, max_bytes=MAX_XML_BYTES)
    # Entities can grow a small file without bound; VOC files have no use for them.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise AnnotationError("holds a document type definition: refused", where=path)
    try:
        tree = ET.fromstring(text)  # noqa: S314  (no DTD, bounded size)
    except ET.ParseError as error:
        line, _ = error.position
        raise AnnotationError(
            f"is not well-formed XML ({error})", where=f"{path}:{line}"
        ) from error
    objects: list[NamedBox] = []
    for index, node in enumerate(tree.iter("object"), start=1):
        name = (node.findtext("name") or "").strip()
        texts = [node.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
        try:
            xmin, ymin, xmax, ymax = (float(text or "") for text in texts)
        except ValueError as error:
            raise AnnotationError(f"object {index} has no complete box", where=path) from error
        if not name:
            raise AnnotationError(f"object {index} has no class name", where=path)
        objects.append(NamedBox(name, (xmin, ymin, xmax, ymax), f"object {index} ({name})"))
    return Labels(objects, _stated_size(tree))


def _read_or_error(path: Path) -> Labels | AnnotationError:
    try:
        return read_xml(path)
    except AnnotationError as error:
        return error


def _entry(found: Found, classes: tuple[str, ...]) -> Entry:
    content = found.content
    if isinstance(content, AnnotationError):
        return Entry(found.image, Unreadable(content), found.split)
    drafts = stated = None
    try:
        if content is not None:
            drafts, stated = _drafts(content.objects, classes, where=found.label), content.size
        call, problems = load_checked(drafts, found.image, where=found.label, stated=stated)
    except AnnotationError as error:
        return Entry(found.image, Unreadable(error), found.split)
    return Entry(found.image, call, found.split, problems)


def _stated_size(tree: ET.Element) -> Size | None:
    texts = [(tree.findtext(f"size/{side}") or "").strip() for side in ("height", "width")]
    if not all(text.isdecimal() and len(text) < 10 and int(text) > 0 for text in texts):
        return None
    return Size(int(texts[0]), int(texts[1]))


def _parts(root: Path) -> list[Part]:
    annotations = first_folder(root, ["annotations", "Annotations"])
    images = first_folder(root, ["images", "JPEGImages"])
    if annotations and images:
        return [Part(annotations, images, None)]
    beside = [Part(root / name, root / name, split) for name, split in SPLIT_OF_FOLDER.items()]
    beside.append(Part(root, root, None))
    return [part for part in beside if part.annotations.is_dir()]


def _split_lists(root: Path) -> dict[str, str]:
    folder = first_folder(root, ["splits", "ImageSets/Main"])
    split_of: dict[str, str] = {}
    if folder is None:
        return split_of
    for file_name, split in SPLIT_OF_FOLDER.items():
        path = folder / f"{file_name}.txt"
        lines = read_text(path).splitlines() if path.is_file() else []
        for stem in (_stem_in(line.strip()) for line in lines if line.strip()):
            if split_of.setdefault(stem, split) != split:
                raise DatasetError(
                    f"{stem!r} stands in the lists of both {split_of[stem]} and {split}",
                    where=folder,
                    remedy="keep it in one",
                )
    return split_of


def _stem_in(line: str) -> str:
    """The image that a line of a list names, with or without its suffix."""
    return stem_of(Path(line)) if is_image(Path(line)) else line


def _refuse_strangers(root: Path, split_of: Mapping[str, str], stems: Sequence[str]) -> None:
    """Refuse lists that name images which are not there: others may be called otherwise."""
    strange = sorted(split_of.keys() - set(stems))
    if strange:
        first = strange[0]
        raise DatasetError(
            f"{len(strange)} names in the lists of parts have no image, for instance {first!r} in "
            f"that of {split_of[first]}",
            where=root,
            remedy="add the images or remove the names",
        )


def _classes(root: Path, contents: Sequence[Labels | AnnotationError | None]) -> tuple[str, ...]:
    path = root / "classes.txt"
    if path.is_file():
        return read_class_names(path)
    names = {box.name for one in contents if isinstance(one, Labels) for box in one.objects}
    damaged = [one for one in contents if isinstance(one, AnnotationError)]
    if damaged and not names:
        raise refusal(damaged)
    if not names:
        raise DatasetError(
            "names no classes: there is neither an object nor a classes.txt",
            where=root,
            remedy="write classes.txt, one class a line",
        )
    return tuple(sorted(names))


def _drafts(objects: list[NamedBox], classes: tuple[str, ...], *, where: Path) -> list[Draft]:
    ids = {name: index for index, name in enumerate(classes)}
    unknown = [box for box in objects if box.name not in ids]
    if unknown:
        raise AnnotationError(
            f"{unknown[0].place}: the class is not in classes.txt ({', '.join(classes)})",
            where=where,
            remedy="add it to classes.txt or correct it",
        )
    return [Draft(ids[box.name], *box.corners, box.place) for box in objects]


def _tree(
    file_name: str, size: Size, boxes: Boxes, classes: tuple[str, ...]
) -> ET.ElementTree[ET.Element]:
    root = ET.Element("annotation")
    ET.SubElement(root, "filename").text = file_name
    node = ET.SubElement(root, "size")
    ET.SubElement(node, "width").text = str(size.width)
    ET.SubElement(node, "height").text = str(size.height)
    for corners, class_id in zip(boxes.xyxy, boxes.class_ids, strict=True):
        item = ET.SubElement(root, "object")
        ET.SubElement(item, "name").text = classes[class_id]
        frame = ET.SubElement(item, "bndbox")
        for side, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True):
            ET.SubElement(frame, side).text = number(value)
    ET.indent(root)
    return ET.ElementTree(root)
