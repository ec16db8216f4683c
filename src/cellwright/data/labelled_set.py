"""A labelled set: records that know their image file and how to load their annotation.

Nothing is decoded until it is asked for, so a set of any size can be listed,
split and inspected; records pickle, so loader processes can share them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cellwright.errors import DatasetError
from cellwright.images.read import read_image
from cellwright.types import Annotation, Sample


@dataclass(frozen=True)
class Record:
    """One labelled image on disk.

    Attributes:
        id: unique in its set, the file's stem where stems are unique.
        image_path: the image file.
        load_annotation: picklable call without arguments that returns the annotation.
        group: what must stay on one side of a split (patient, well, series).
        split: ``train``, ``val`` or ``test`` where the layout says so.
        pixel_size_um: edge length of a pixel in micrometres where the labels know it.
        problems: sentences about what was repaired or left out while reading the labels.
    """

    id: str
    image_path: Path
    load_annotation: Callable[[], Annotation | None]
    group: str
    split: str | None = None
    pixel_size_um: float | None = None
    problems: tuple[str, ...] = ()

    def load(self) -> Sample:
        """Decode the image and the annotation.

        Raises:
            ImageError: the image cannot be read.
            AnnotationError: the labels contradict themselves or the image.
        """
        picture = read_image(self.image_path)
        return Sample(
            image=picture.pixels,
            annotation=self.load_annotation(),
            id=self.id,
            group=self.group,
            pixel_size_um=self.pixel_size_um or picture.pixel_size_um,
            channel_names=picture.channel_names,
        )


@dataclass(frozen=True)
class LabelledSet:
    """Records that share one list of classes.

    Attributes:
        name: short name for tables and cards.
        classes: class names; annotations index into it.
        records: in a fixed order (sorted by id where read from a folder).
        licence: SPDX identifier or sentence, empty when unknown.
    """

    name: str
    classes: tuple[str, ...]
    records: tuple[Record, ...]
    licence: str = ""

    def __post_init__(self) -> None:
        ids = [record.id for record in self.records]
        if len(set(ids)) != len(ids):
            doubled = sorted({name for name in ids if ids.count(name) > 1})
            raise DatasetError(
                f"image ids must be unique; doubled: {', '.join(doubled[:5])}", where=self.name
            )

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    @property
    def repaired(self) -> str:
        """A sentence about labels that were repaired on reading, or are missing; else empty."""
        remarked = [record for record in self.records if record.problems]
        if not remarked:
            return ""
        images = "1 image" if len(remarked) == 1 else f"{len(remarked)} images"
        return (
            f"labels of {images} were not taken as they stand, for instance {remarked[0].id}: "
            f"{remarked[0].problems[0]}; `cellwright data inspect` lists them all"
        )

    def subset(self, ids: Sequence[str]) -> LabelledSet:
        """The records with these ids, in this order.

        Raises:
            DatasetError: an id is not in the set.
        """
        by_id = {record.id: record for record in self.records}
        missing = [name for name in ids if name not in by_id]
        if missing:
            raise DatasetError(
                f"{len(missing)} ids are not in the set, for instance {missing[0]!r}",
                where=self.name,
            )
        return replace(self, records=tuple(by_id[name] for name in ids))


def joined(sets: Sequence[LabelledSet]) -> LabelledSet:
    """Several sets as one, records in the order of the sets; groups stay what they are.

    Raises:
        DatasetError: other classes, or an id that two sets share.
    """
    first = sets[0]
    for other in sets[1:]:
        if other.classes != first.classes:
            raise DatasetError(
                f"holds the classes {', '.join(other.classes)}, but {first.name} holds "
                f"{', '.join(first.classes)}",
                where=other.name,
                remedy="join sets of the same classes only",
            )
    return LabelledSet(
        name=" + ".join(one.name for one in sets),
        classes=first.classes,
        records=tuple(record for one in sets for record in one),
        licence=" AND ".join(dict.fromkeys(one.licence for one in sets if one.licence)),
    )
