"""Labelled data as people have it: one file a format, both ways, and the table of them.

A new format is one file with ``recognises``, ``read`` and ``write``, and one row here; one without
``write`` can be read only.
Any format is converted to any other that can hold its annotations by reading a
:class:`~cellwright.data.labelled_set.LabelledSet` and writing it; images are copied
byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cellwright.data.formats import (
    all_idb,
    bbbc048,
    boxes_csv,
    c_nmc,
    cellpose,
    coco,
    coco_outlines,
    folders,
    geojson,
    imagej,
    instances,
    masks,
    npz,
    voc,
    yolo,
)
from cellwright.data.formats.layout import Unreadable, refusal
from cellwright.data.formats.sidecar import NO_ROW, SIDECAR
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import AnnotationError, DatasetError, UnknownNameError


@dataclass(frozen=True)
class Layout:
    """One way of storing labels that can be read.

    Attributes:
        name: the word for ``--format``.
        title: one line for listings.
        tasks: what its labels are for: detection, instances, semantic, classification.
        recognises: whether a path is plainly of this format; cheap, reads names only.
        read: the set at a path; raises DatasetError or AnnotationError. Labels of one image that
            are damaged it may leave to the call that loads them (``Unreadable``).
    """

    name: str
    title: str
    tasks: frozenset[str]
    recognises: Callable[[Path], bool]
    read: Callable[[Path], LabelledSet]


@dataclass(frozen=True)
class Format(Layout):
    """A layout that any set of its tasks can be written in too.

    Attributes:
        write: the set into a new or empty folder; raises DatasetError.
    """

    write: Callable[[LabelledSet, Path], None]


_ROWS = (
    Format(
        "yolo",
        "a text file an image and data.yaml (Ultralytics, Roboflow)",
        frozenset({"detection"}),
        yolo.recognises,
        yolo.read,
        yolo.write,
    ),
    Format(
        "coco",
        "one JSON for many images: outlines of every object, else boxes",
        frozenset({"detection", "instances"}),
        coco.recognises,
        coco.read,
        coco.write,
    ),
    Format(
        "voc",
        "an XML file an image (Pascal VOC, LabelImg)",
        frozenset({"detection"}),
        voc.recognises,
        voc.read,
        voc.write,
    ),
    Format(
        "csv",
        "boxes.csv beside images/",
        frozenset({"detection"}),
        boxes_csv.recognises,
        boxes_csv.read,
        boxes_csv.write,
    ),
    Format(
        "instances",
        "images/ and instances/, an integer label image each",
        frozenset({"instances"}),
        instances.recognises,
        instances.read,
        instances.write,
    ),
    Format(
        "cellpose",
        "NAME_masks.tif, NAME_cp_masks.png or NAME_seg.npy beside the image (Cellpose)",
        frozenset({"instances"}),
        cellpose.recognises,
        cellpose.read,
        cellpose.write,
    ),
    Format(
        "geojson",
        "images/ and geojson/, outlines in a file each (QuPath)",
        frozenset({"instances"}),
        geojson.recognises,
        geojson.read,
        geojson.write,
    ),
    Format(
        "imagej",
        "images/ and rois/, a zip of regions each (ImageJ, Fiji)",
        frozenset({"instances"}),
        imagej.recognises,
        imagej.read,
        imagej.write,
    ),
    Format(
        "masks",
        "images/ and masks/, an image of class ids each",
        frozenset({"semantic"}),
        masks.recognises,
        masks.read,
        masks.write,
    ),
    Format(
        "folders",
        "a folder a class",
        frozenset({"classification"}),
        folders.recognises,
        folders.read,
        folders.write,
    ),
    Format(
        "npz",
        "cells.npz: small images of one size with their classes",
        frozenset({"classification"}),
        npz.recognises,
        npz.read,
        npz.write,
    ),
)

FORMATS: dict[str, Format] = {row.name: row for row in _ROWS}

_PUBLISHED = (
    Layout(
        "all-idb",
        "blood cells or fields of ALL-IDB, the class in the file's name",
        frozenset({"classification"}),
        all_idb.recognises,
        all_idb.read,
    ),
    Layout(
        "bbbc048",
        "cells of BBBC048, a folder a phase, a JPEG a channel",
        frozenset({"classification"}),
        bbbc048.recognises,
        bbbc048.read,
    ),
    Layout(
        "c-nmc",
        "blood cells of C-NMC 2019, folders fold_N/all and fold_N/hem",
        frozenset({"classification"}),
        c_nmc.recognises,
        c_nmc.read,
    ),
)
"""How single published sets are laid out: no other set has a place in their names."""

_ON_DEMAND = (
    Layout(
        coco_outlines.BOXES_ONLY,
        "the boxes of a COCO file, whatever outlines it holds",
        frozenset({"detection"}),
        lambda _: False,
        coco.read_boxes,
    ),
)
"""Other readings of a format above: never guessed."""

LAYOUTS: dict[str, Layout] = {
    **FORMATS,
    **{row.name: row for row in (*_PUBLISHED, *_ON_DEMAND)},
}
"""Everything that can be read."""

DESCRIPTIONS = (".yaml", ".yml", ".csv")
"""A file such as ``data.yaml`` or ``boxes.csv`` stands for the folder it describes."""


def read_labelled(
    path: Path, *, format: str | None = None, damaged: Literal["refuse", "keep"] = "refuse"
) -> LabelledSet:
    """Read labelled images.

    Args:
        path: the set's folder (or its one file, where the format has one).
        format: a name out of :data:`LAYOUTS`; None where the layout tells it.
        damaged: what becomes of labels of an image that were seen to contradict themselves or
            their image: the set is refused, or they are raised when they are loaded. So with images
            that ``cellwright.csv`` gives no group, though it gives one to others.

    Raises:
        UnknownNameError: no such format.
        DatasetError: nothing there, a layout of no format or of several, or images without group.
        AnnotationError: labels that contradict themselves or their image.
    """
    if format is not None and format not in LAYOUTS:
        raise UnknownNameError("format", format, LAYOUTS)
    if not path.exists():
        raise DatasetError("is not there", where=path, remedy="check the path")
    if path.suffix.lower() in DESCRIPTIONS and path.is_file():
        path = path.parent
    found = LAYOUTS[format or _guess(path)].read(path)
    calls = [record.load_annotation for record in found]
    errors = [call.error for call in calls if isinstance(call, Unreadable)]
    # An image that cannot be read is left to whoever needs its pixels.
    of_labels = [error for error in errors if isinstance(error, AnnotationError)]
    if damaged == "refuse":
        if of_labels:
            raise refusal(of_labels)
        _refuse_ungrouped(found, where=path)
    return found


def _refuse_ungrouped(labelled: LabelledSet, *, where: Path) -> None:
    """An image that was added later would be torn from its well by a split, without a word."""
    alone = [record.id for record in labelled if NO_ROW in record.problems]
    if alone:
        raise DatasetError(
            f"{len(alone)} of {len(labelled)} images have no row in {SIDECAR}, which tells the "
            f"groups of the others, for instance {alone[0]!r}",
            where=where,
            remedy="run `cellwright data group` again, or add their rows",
        )


def _guess(path: Path) -> str:
    fitting = [name for name, row in LAYOUTS.items() if row.recognises(path)]
    # A published set is told by the names of its files: it goes before the layout it is a case of.
    for choice in ([name for name in fitting if name not in FORMATS], fitting):
        if len(choice) == 1:
            return choice[0]
    choices = ", ".join(fitting or LAYOUTS)
    what = f"could be any of {choices}" if fitting else "is laid out like no format known here"
    raise DatasetError(what, where=path, remedy=f"say which with --format, one of: {choices}")
