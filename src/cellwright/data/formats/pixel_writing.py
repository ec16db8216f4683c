"""What writers of masks and of single cells share: images placed, their labels given in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from cellwright.data.formats.class_names import write_class_names
from cellwright.data.formats.layout import place_images
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import DatasetError
from cellwright.images.read import stem_of
from cellwright.types import Instances, SemanticMask, kind_in_words

Pixels = TypeVar("Pixels", Instances, SemanticMask)

_CALLED = {Instances: "instances", SemanticMask: "a mask"}


def to_write(
    labelled: LabelledSet, folder: Path, kind: type[Pixels], *, images_in: str = "images"
) -> Iterator[tuple[str, Pixels, Record]]:
    """Write ``classes.txt`` and copy every image, and give the labels of those that have any.

    Args:
        labelled: images annotated with ``kind``, or not at all.
        folder: of the new set.
        kind: of annotation.
        images_in: folder of the images below it; empty for ``folder`` itself.

    Yields:
        What a label file is to be called, without suffix; the labels; whose they are.

    Raises:
        DatasetError: an image file is missing, or an annotation of another kind.
    """
    write_class_names(folder, labelled.classes)
    for record, image in place_images(labelled, folder, folder_of=lambda _: images_in):
        annotation = record.load_annotation()
        if annotation is None:
            continue
        if not isinstance(annotation, kind):
            raise DatasetError(
                f"{record.id!r} holds {kind_in_words(annotation)}, not {_CALLED[kind]}",
                remedy="convert to another format",
            )
        yield stem_of(image), annotation, record
