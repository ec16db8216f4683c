"""Regions of ImageJ and Fiji: ``images/`` and ``rois/``, a zip of regions or one ``.roi`` an image.

In Fiji: *ROI Manager, More, Save*, one file named as its image. What outlines mean for pixels
stands in :mod:`cellwright.data.formats.drawn`. The class is what a region's name says behind its
number, as ``predict --outlines imagej`` names them: ``0012-live`` is of class ``live``; so is
``live``, and ``live-3``, as the ROI Manager numbers equal names. A name of digits alone, which
ImageJ gives by itself (``0123-0456``), says no class: such regions are of the class ``object``, or
of the only one in ``classes.txt``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from cellwright.data.formats.drawn import UNNAMED, Shape, check_rings, read_drawn, write_drawn
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import DatasetError
from cellwright.images.imagej_regions import SUFFIXES, read_regions, roi_decoder
from cellwright.images.imagej_roi import check_size, plain_class, write_roi_zip
from cellwright.images.outlines import outline_cells
from cellwright.types import Instances

FOLDER = "rois"

_NUMBER = re.compile(r"^\d+-")
_ONLY_NUMBERS = re.compile(r"[\d-]*")
_COUNTED = re.compile(r"-\d+$")


def recognises(root: Path) -> bool:
    """Whether the folder has ``images/`` and ``rois/``."""
    return (root / "images").is_dir() and (root / FOLDER).is_dir()


def read(root: Path) -> LabelledSet:
    """Read ``images/`` and ``rois/``; where regions overlap the first one wins.

    Raises:
        DatasetError: folders missing, or regions without their image.
        AnnotationError: a file of no regions, or a region that has no area or outline.
        MissingExtraError: the extra ``bio`` is not installed.
    """
    roi_decoder()
    return read_drawn(root, FOLDER, label_files=_files, shapes=shapes)


def write(labelled: LabelledSet, out: Path) -> None:
    """Write ``images/``, ``rois/`` and ``classes.txt``.

    Raises:
        DatasetError: ``out`` is taken, an annotation that is not instances, or classes that
            regions' names cannot tell apart.
        ImageError: an image beyond what the format can count.
    """
    plain = {plain_class(name): name for name in labelled.classes}
    for name in labelled.classes:
        if plain[plain_class(name)] != name:
            raise DatasetError(
                f"the classes {name!r} and {plain[plain_class(name)]!r} would both be called "
                f"{plain_class(name)!r} in the names of regions",
                where=labelled.name,
                remedy="rename one of the two, or convert to geojson",
            )
    write_one = partial(_write_one, classes=labelled.classes)
    write_drawn(labelled, out, folder=FOLDER, suffix=".zip", write_one=write_one)


def class_of(name: str, classes: tuple[str, ...]) -> str:
    """The class that a region's name says.

    Args:
        name: as the ROI Manager lists it.
        classes: of the set; empty where nobody listed them.

    >>> class_of("0012-ant_eater", ("ant eater", "zebra")), class_of("live-3", ())
    ('ant eater', 'live')
    >>> class_of("0123-0456", ()), class_of("0123-0456", ("nucleus",))
    ('object', 'nucleus')
    """
    said = _NUMBER.sub("", name, count=1)
    for candidate in (name, said, _COUNTED.sub("", said)):
        for known in classes:
            if candidate == plain_class(known):
                return known
    if _ONLY_NUMBERS.fullmatch(name):
        return classes[0] if len(classes) == 1 else UNNAMED
    return _COUNTED.sub("", said)


def shapes(path: Path, classes: tuple[str, ...]) -> Iterator[Shape]:
    """Every region of a file.

    Raises:
        AnnotationError: no regions, or one that has no area or outline.
    """
    for region in read_regions(path):
        check_rings(region.rings, region.place)
        # A region that is saved alone is called as its file, which is called as the image.
        name = "" if path.suffix.lower() == ".roi" and region.name == path.stem else region.name
        yield Shape(class_of(name, classes), region.rings, region.place)


def _write_one(path: Path, cells: Instances, _: Record, *, classes: tuple[str, ...]) -> None:
    height, width = cells.labels.shape
    check_size(height, width, where=path.stem, remedy="convert to geojson")
    write_roi_zip(path, outline_cells(cells, classes))


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")
    )
