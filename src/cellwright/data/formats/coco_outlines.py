"""Outlines of objects in a COCO file: polygons and run-length masks, and what a set of them holds.

A polygon is a list ``x, y, x, y, …`` on pixel edges; several of one object are its parts. As in
:mod:`cellwright.data.formats.geojson`, a pixel belongs to it if its centre lies inside.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from cellwright.data.formats.coco_document import Runs
from cellwright.data.formats.drafts import Size, check_stated, image_size
from cellwright.data.formats.label_images import are_near, refuse_hidden
from cellwright.data.formats.rle import draw_runs, unpack
from cellwright.errors import AnnotationError
from cellwright.images.fill import fill_free
from cellwright.images.outlines import Ring
from cellwright.types import Instances

BOXES_ONLY = "coco-boxes"
"""The word for ``--format`` that reads the boxes of a file, whatever outlines it holds."""

REMEDY = f"correct or remove it, or read the boxes alone with --format {BOXES_ONLY}"


Outline: TypeAlias = Runs | tuple[Ring, ...]


@dataclass(frozen=True)
class LoadInstances:
    """Picklable call that draws the objects of one image.

    Attributes:
        outlines: one an object.
        names: what each object is called in messages.
        class_ids: its class.
        image_path: the image they lie on.
        stated: its size according to the labels, where they give one.
        where: the label file.
    """

    outlines: tuple[Outline, ...]
    names: tuple[str, ...]
    class_ids: tuple[int, ...]
    image_path: Path
    stated: Size | None
    where: str

    def __call__(self) -> Instances:
        """The instances, in the order of the file; where they overlap the first one wins.

        Raises:
            ImageError: the image cannot be read.
            AnnotationError: outlines of another size, damaged, or without a pixel of their own.
        """
        size = image_size(self.image_path)
        check_stated(self.stated, size, self.image_path, where=self.where)
        columns = np.zeros(size.height * size.width, np.int32)
        labels = columns.reshape(size.width, size.height).T
        for number, outline in enumerate(self.outlines, start=1):
            if isinstance(outline, Runs):
                place = f"{self.where}: {self.names[number - 1]}"
                draw_runs(columns, self._lengths(outline, size, place), number, where=place)
            else:
                # One by one: the polygons of an object are joined, none is a hole in another.
                for ring in outline:
                    fill_free(labels, (ring,), number)
        refuse_hidden(labels, self.names, where=self.where, remedy=REMEDY)
        return Instances(labels, np.array(self.class_ids, np.int64))

    def _lengths(self, mask: Runs, size: Size, where: str) -> list[int]:
        if mask.size != size:
            raise AnnotationError(
                f"a mask of {mask.size[1]} x {mask.size[0]} px lies on "
                f"{self.image_path.name} of {size.width} x {size.height} px",
                where=where,
            )
        return unpack(mask.counts, where=where) if isinstance(mask.counts, str) else mask.counts


def outline_of(segmentation: Runs | list[Any] | None, *, where: str) -> Outline:
    """The outline that an annotation gives; no polygon at all where it gives none.

    Raises:
        AnnotationError: a polygon that is no list of at least three corners.
    """
    if isinstance(segmentation, Runs):
        return segmentation
    rings = []
    for polygon in segmentation or ():
        try:
            ring = np.array(polygon, np.float64).reshape(-1, 2)
        except (TypeError, ValueError, OverflowError):
            ring = np.zeros((0, 2))
        if len(ring) < 3 or not are_near(ring):
            raise AnnotationError(
                "a polygon is not x, y of three corners or more", where=where, remedy=REMEDY
            )
        rings.append(ring)
    return tuple(rings)


def are_cells(segmentations: Iterable[Runs | list[Any] | None]) -> bool:
    """Whether these outline cells, and are not all upright rectangles.

    Converters of boxes write each box as a polygon too: such a set says no more than its boxes.
    """
    return not all(_is_rectangle(one) for one in segmentations)


def _is_rectangle(segmentation: Runs | list[Any] | None) -> bool:
    if not isinstance(segmentation, list):
        return False
    try:
        outline = outline_of(segmentation, where="")
    except AnnotationError:
        return False
    if isinstance(outline, Runs) or len(outline) != 1:
        return False
    corners = np.unique(outline[0], axis=0)
    return len(corners) == 4 and all(len(np.unique(axis)) == 2 for axis in corners.T)
