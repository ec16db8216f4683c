"""Labels with accepted suspects applied, written as a new set; originals are never touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cellwright.audit.judged import by_image
from cellwright.audit.suspects import Suspect
from cellwright.data.formats import FORMATS
from cellwright.data.labelled_set import LabelledSet
from cellwright.errors import DatasetError
from cellwright.types import Annotation, Boxes, Instances, SemanticMask, kind_in_words

_FORMAT_OF = {Boxes: "csv", Instances: "instances", SemanticMask: "masks"}


@dataclass(frozen=True)
class LoadCorrected:
    """Picklable call that reads an annotation and corrects it.

    Attributes:
        load: the annotation as it is.
        suspects: accepted ones of this image.
        classes: of the set.
    """

    load: Callable[[], Annotation | None]
    suspects: tuple[Suspect, ...]
    classes: tuple[str, ...]

    def __call__(self) -> Annotation | None:
        """The corrected annotation.

        Raises:
            DatasetError: labels of a kind that the suspects were not found in.
        """
        annotation = self.load()
        if isinstance(annotation, Boxes):
            return corrected_boxes(annotation, self.suspects, self.classes)
        drawn = all(one.region is not None or one.proposed is None for one in self.suspects)
        if isinstance(annotation, Instances) and drawn:
            return corrected_instances(annotation, self.suspects, self.classes)
        if isinstance(annotation, SemanticMask) and drawn:
            return corrected_mask(annotation, self.suspects, self.classes)
        raise DatasetError(
            f"a model that draws boxes cannot correct labels that are {kind_in_words(annotation)}",
            remedy="convert the labels to boxes first: cellwright data convert --to csv",
        )


def write_corrected(
    whole: LabelledSet, accepted: Sequence[Suspect], out: Path, *, format_name: str | None = None
) -> str:
    """Write the whole set, images included, with ``accepted`` applied.

    Args:
        whole: the set; images without suspects keep their labels.
        accepted: what to change.
        out: a new folder.
        format_name: a row of :data:`~cellwright.data.formats.FORMATS`; None takes one that fits
            the labels.

    Returns:
        The name of the format.

    Raises:
        DatasetError: ``out`` is taken, or the format cannot hold the labels.
    """
    of_image = by_image(accepted)
    records = tuple(
        replace(
            record,
            load_annotation=LoadCorrected(
                record.load_annotation, tuple(of_image[record.id]), whole.classes
            ),
        )
        if record.id in of_image
        else record
        for record in whole
    )
    name = format_name or _fitting_format(whole)
    FORMATS[name].write(replace(whole, records=records), out)
    return name


def _fitting_format(whole: LabelledSet) -> str:
    for record in whole:
        annotation = record.load_annotation()
        if annotation is not None:
            return _FORMAT_OF[type(annotation)]
    raise DatasetError("none of the images is labelled", where=whole.name)


def corrected_boxes(boxes: Boxes, suspects: Sequence[Suspect], classes: Sequence[str]) -> Boxes:
    """Boxes with suspects applied; kept ones stay in order, missing ones come last."""
    xyxy, class_ids = boxes.xyxy.copy(), boxes.class_ids.copy()
    kept = np.ones(len(boxes), bool)
    added = []
    for one in suspects:
        if one.kind == "missing" and one.proposed is not None:
            added.append((one.proposed, _class_id(one.proposed_class, classes)))
        elif one.label is not None and one.kind in ("doubled", "spurious"):
            kept[one.label - 1] = False
        elif one.label is not None and one.proposed is not None:
            class_ids[one.label - 1] = _class_id(one.proposed_class, classes)
            if one.kind == "misplaced":
                xyxy[one.label - 1] = one.proposed
    new = Boxes(
        np.array([corners for corners, _ in added], np.float32).reshape(-1, 4),
        np.array([class_id for _, class_id in added], np.int64),
    )
    return Boxes.concatenate([Boxes(xyxy, class_ids).select(kept), new])


def corrected_instances(
    cells: Instances, suspects: Sequence[Suspect], classes: Sequence[str]
) -> Instances:
    """Cells with suspects applied; a new cell takes no pixel from a labelled one."""
    labels = cells.labels.astype(np.int64)
    given = np.zeros(len(cells), np.int64) if cells.class_ids is None else cells.class_ids
    class_of = dict(enumerate(given.tolist(), start=1))
    for one in suspects:
        if one.label is not None and one.kind in ("spurious", "doubled", "misplaced"):
            labels[cells.labels == one.label] = one.other or 0
    for one in suspects:
        if one.kind == "wrong class" and one.label is not None:
            class_of[one.label] = _class_id(one.proposed_class, classes)
        elif one.kind in ("missing", "misplaced") and one.proposed_region is not None:
            number = one.label or max(class_of, default=0) + 1
            class_of[number] = _class_id(one.proposed_class, classes)
            window = labels[one.proposed_region.window]
            window[one.proposed_region.pixels & (window == 0)] = number
    present = np.unique(labels[labels > 0]).tolist()
    made = Instances.from_labels(labels)
    return Instances(made.labels, np.array([class_of[value] for value in present], np.int64))


def corrected_mask(
    mask: SemanticMask, suspects: Sequence[Suspect], classes: Sequence[str]
) -> SemanticMask:
    """A mask with suspects applied: what is in doubt is erased, what the model sees is drawn."""
    pixels: NDArray[np.uint8] = mask.mask.copy()
    for one in suspects:
        if one.region is not None and one.kind != "missing":
            pixels[one.region.window][one.region.pixels] = 0
    for one in suspects:
        if one.proposed_region is not None:
            window = pixels[one.proposed_region.window]
            free = one.proposed_region.pixels & (window == 0)
            window[free] = _mask_value(one.proposed_class, classes)
    return SemanticMask(pixels)


def _class_id(name: str, classes: Sequence[str]) -> int:
    """Id in the set of a class of the model; with one class on both sides names may differ."""
    return classes.index(name) if name in classes else 0


def _mask_value(name: str, classes: Sequence[str]) -> int:
    """Like :func:`_class_id`, of masks, whose first class is the background."""
    return classes.index(name) if name in classes else 1
