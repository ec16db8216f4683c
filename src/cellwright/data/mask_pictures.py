"""A labelled image as a segmentation network will see it, for training.

Pixels go the way they go in :mod:`cellwright.data.pictures`; labels become one integer a
pixel, of classes or of cells, whatever kind of label the set holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.data.pictures import Picture8
from cellwright.data.targets import Labels
from cellwright.data.touching_cells import cells_of
from cellwright.errors import AnnotationError, DatasetError
from cellwright.images.normalise import Normalisation, apply_limits, channel_limits
from cellwright.images.resize import adapt_channels, resize, resize_labels
from cellwright.types import Annotation, Image, Instances, SemanticMask, kind_in_words


class MaskPicture(NamedTuple):
    """One labelled picture in network pixels.

    Attributes:
        pixels: ``(H, W, C)`` uint8.
        labels: ``(H, W)`` int32, class ids or cells; 0 is background.
        class_ids: ``(n,)`` class of cell ``i + 1``; empty where labels are classes.
    """

    pixels: Picture8
    labels: Labels
    class_ids: NDArray[np.int64]


@dataclass(frozen=True)
class Labelling:
    """What the labels of a set are read as.

    Attributes:
        task: ``semantic``: one class a pixel. ``instances``: one cell a label.
        neck_ratio: where cells are wanted but the set holds a mask: see
            :func:`cellwright.data.touching_cells.cells_of`.
        smallest_radius_px: as ``neck_ratio``, in image pixels.
    """

    task: Literal["semantic", "instances"]
    neck_ratio: float = 0.75
    smallest_radius_px: float = 3.0

    def classes(self, labelled: LabelledSet) -> tuple[str, ...]:
        """Class names without the background.

        Raises:
            DatasetError: cells are wanted, but the set holds a mask of several classes.
        """
        if not isinstance(first_annotation(labelled), SemanticMask):
            return labelled.classes
        names = labelled.classes[1:]
        if self.task == "instances" and len(names) > 1:
            raise DatasetError(
                f"holds masks of {len(names)} classes; single cells can be told apart in masks "
                "of one class only",
                where=labelled.name,
                remedy="label cells one by one (format instances), or train with task: semantic",
            )
        return names

    def background(self, labelled: LabelledSet) -> str:
        """What class 0 is called: the first class of masks, whatever it is.

        Raises:
            DatasetError: no image of the set is labelled.
        """
        drawn = isinstance(first_annotation(labelled), SemanticMask)
        return labelled.classes[0] if drawn else "background"

    def read(self, annotation: Annotation | None, where: str) -> Annotated:
        """Labels of one image.

        Raises:
            AnnotationError: neither mask nor instances.
        """
        if isinstance(annotation, SemanticMask):
            if self.task == "semantic":
                return annotation.mask.astype(np.int32), np.zeros(0, np.int64)
            annotation = cells_of(
                annotation,
                neck_ratio=self.neck_ratio,
                smallest_radius_px=self.smallest_radius_px,
            )
        if not isinstance(annotation, Instances) or annotation.class_ids is None:
            raise AnnotationError(
                "segmentation is learned from masks or single cells, and this image is labelled "
                f"with {kind_in_words(annotation)}",
                where=where,
                remedy="label the outlines of cells, or choose another task",
            )
        if self.task == "instances":
            return annotation.labels, annotation.class_ids
        class_of = np.append(np.int64(0), annotation.class_ids + 1)
        return class_of[annotation.labels].astype(np.int32), np.zeros(0, np.int64)


Annotated = tuple[Labels, NDArray[np.int64]]
"""Labels ``(H, W)`` and the class of each cell."""


def first_annotation(labelled: LabelledSet) -> Annotation:
    """The first annotation there is.

    Raises:
        DatasetError: no image of the set is labelled.
    """
    for record in labelled:
        annotation = record.load_annotation()
        if annotation is not None:
            return annotation
    raise DatasetError("none of the images is labelled", where=labelled.name)


def mask_picture(
    record: Record,
    labelling: Labelling,
    *,
    channels: int,
    normalisation: Normalisation,
    resize_factor: float,
) -> MaskPicture | None:
    """Load one record and bring picture and labels to network pixels; None if unlabelled.

    Raises:
        AnnotationError: neither mask nor instances, or of another size than the image.
        ImageError: channels that the network does not take.
    """
    sample = record.load()
    if sample.annotation is None:
        return None
    labels, class_ids = labelling.read(sample.annotation, record.id)
    if labels.shape != sample.image.shape[1:]:
        raise AnnotationError(
            f"labels are {labels.shape} but the image {sample.image.shape[1:]}", where=record.id
        )
    image = adapt_channels(sample.image, channels, where=record.id)
    pixels = network_pixels(image, normalisation, resize_factor)
    labels = resize_labels(labels, *pixels.shape[:2])
    return MaskPicture(pixels, np.ascontiguousarray(labels), class_ids)


def network_pixels(image: Image, normalisation: Normalisation, resize_factor: float) -> Picture8:
    """``(H, W, C)`` uint8 of an image, in the order of inference: limits, resize, scale."""
    _, height, width = image.shape
    limits = channel_limits(image, normalisation)
    new_height = max(1, round(height * resize_factor))
    new_width = max(1, round(width * resize_factor))
    scaled = apply_limits(resize(image, new_height, new_width), limits)
    return np.ascontiguousarray(np.rint(scaled * 255).astype(np.uint8).transpose(1, 2, 0))
