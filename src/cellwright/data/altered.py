"""Records whose pixels are changed on loading: labels, ids and groups stay what they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.types import Image, Sample

Alter: TypeAlias = Callable[[Image, str], Image]
"""Picklable: an image and its id to an image of the same size."""


@dataclass(frozen=True, kw_only=True)
class AlteredRecord(Record):
    """Another record, seen otherwise.

    Attributes:
        unaltered: the record itself.
        alter: what happens to its image.
    """

    unaltered: Record
    alter: Alter

    def load(self) -> Sample:
        """Decode the image and the annotation, and change the image.

        Raises:
            ImageError: the image cannot be read, or cannot be changed so.
            AnnotationError: damaged labels.
        """
        sample = self.unaltered.load()
        return replace(sample, image=self.alter(sample.image, self.id))


def altered(labelled: LabelledSet, alter: Alter, *, called: str) -> LabelledSet:
    """The set with every image changed by ``alter`` when it is loaded.

    Args:
        labelled: the set.
        alter: what happens to an image.
        called: added to the set's name.
    """
    records = tuple(
        AlteredRecord(
            id=record.id,
            image_path=record.image_path,
            load_annotation=record.load_annotation,
            group=record.group,
            split=record.split,
            pixel_size_um=record.pixel_size_um,
            problems=record.problems,
            unaltered=record,
            alter=alter,
        )
        for record in labelled
    )
    return replace(labelled, name=f"{labelled.name}, {called}", records=records)
