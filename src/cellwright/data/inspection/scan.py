"""One pass over one record: everything an inspection needs, without keeping the pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cellwright.data.inspection.duplicates import Fingerprint, fingerprint
from cellwright.data.inspection.findings import Finding
from cellwright.data.inspection.looks import Look, look_at
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import CellwrightError
from cellwright.images.picture import Picture
from cellwright.images.read import read_image
from cellwright.metrics.matching import overlapping_pairs
from cellwright.types import Annotation, Boxes, Category, Instances, SemanticMask, boxes_of

DOUBLED_IOU = 0.9
_BORDER_SLACK_PX = 0.01
"""Overshoot at the border that is only rounding of written decimals."""


@dataclass(frozen=True, eq=False)
class Scan:
    """What one record shows.

    Attributes:
        record: the record.
        shape: ``(C, H, W)``, None where the image cannot be read.
        dtype: type of the pixels, empty where the image cannot be read.
        pixel_size_um: edge length of a pixel in micrometres, None if unknown.
        channel_names: one name a channel, or empty.
        intensities: ``(C, P)`` pixel values, evenly spaced over the image.
        fingerprint: to find copies; None where the image cannot be read.
        annotation_type: class name of the annotation, empty where there is none.
        boxes: boxes of the annotated cells; empty for other tasks.
        counts: int64 ``(K,)`` boxes, cells, pixels or images (0 or 1) of each class.
        findings: what is wrong with it.
        look: its colours and sharpness, where it has one class and can be read.
    """

    record: Record
    shape: tuple[int, int, int] | None
    dtype: str
    pixel_size_um: float | None
    channel_names: tuple[str, ...]
    intensities: NDArray[Any]
    fingerprint: Fingerprint | None
    annotation_type: str
    boxes: Boxes
    counts: NDArray[np.int64]
    findings: tuple[Finding, ...]
    look: Look | None = None

    @property
    def visible(self) -> bool:
        """Whether the image can be read and is not blank."""
        return self.fingerprint is not None and self.fingerprint.thumbnail is not None


def scan(record: Record, labelled: LabelledSet, *, values_per_image: int) -> Scan:
    """Read one record; what goes wrong becomes a finding instead of an exception.

    Args:
        record: a record of ``labelled``.
        labelled: gives the class names.
        values_per_image: pixel values a channel kept for the intensity histogram.
    """
    findings = [Finding("repaired", record.id, sentence) for sentence in record.problems]
    picture = _picture(record, findings)
    annotation = None if picture is None else _annotation(record, findings)
    shape = None if picture is None else picture.pixels.shape
    if annotation is not None and shape is not None:
        findings += _label_findings(record.id, annotation, shape, n_classes=len(labelled.classes))
    boxes = _boxes(annotation)
    seen = None if picture is None else fingerprint(picture.pixels)
    if seen is not None and seen.thumbnail is None:
        labels = f"; labels on it: {len(boxes)}" if len(boxes) else ""
        findings.append(
            Finding("blank_image", record.id, f"every pixel has the same value{labels}")
        )
    return Scan(
        record=record,
        shape=shape,
        dtype="" if picture is None else str(picture.pixels.dtype),
        pixel_size_um=record.pixel_size_um or (picture.pixel_size_um if picture else None),
        channel_names=() if picture is None else picture.channel_names,
        intensities=_intensities(picture, values_per_image),
        fingerprint=seen,
        annotation_type="" if annotation is None else type(annotation).__name__,
        boxes=boxes,
        counts=_counts(annotation, len(labelled.classes)),
        findings=tuple(findings),
        look=_look(record, picture, annotation, n_classes=len(labelled.classes)),
    )


def _look(
    record: Record, picture: Picture | None, annotation: Annotation | None, *, n_classes: int
) -> Look | None:
    if picture is None or not isinstance(annotation, Category) or annotation.class_id >= n_classes:
        return None
    return Look(record.id, record.group, annotation.class_id, look_at(picture.pixels))


def _picture(record: Record, findings: list[Finding]) -> Picture | None:
    try:
        return read_image(record.image_path)
    except CellwrightError as error:
        findings.append(Finding("unreadable_image", record.id, str(error)))
        return None


def _annotation(record: Record, findings: list[Finding]) -> Annotation | None:
    try:
        annotation = record.load_annotation()
    except CellwrightError as error:
        findings.append(Finding("unreadable_labels", record.id, str(error)))
        return None
    if annotation is None:
        findings.append(Finding("unlabelled", record.id, "no label file, or no entry in it"))
    return annotation


def _intensities(picture: Picture | None, count: int) -> NDArray[Any]:
    if picture is None:
        return np.zeros((0, 0))
    values = picture.pixels.reshape(picture.pixels.shape[0], -1)
    chosen = np.linspace(0, values.shape[1] - 1, min(count, values.shape[1])).astype(np.int64)
    return values[:, chosen]


def _boxes(annotation: Annotation | None) -> Boxes:
    if isinstance(annotation, Boxes | Instances):
        return boxes_of(annotation, where=None)
    return Boxes.empty()


def _class_ids(annotation: Annotation | None) -> NDArray[np.int64]:
    """Class of every box, cell, pixel, or of the whole image."""
    if isinstance(annotation, Boxes):
        return annotation.class_ids
    if isinstance(annotation, Instances) and annotation.class_ids is not None:
        return annotation.class_ids
    if isinstance(annotation, SemanticMask):
        return annotation.mask.ravel().astype(np.int64)
    if isinstance(annotation, Category):
        return np.array([annotation.class_id], np.int64)
    return np.zeros(0, np.int64)


def _counts(annotation: Annotation | None, n_classes: int) -> NDArray[np.int64]:
    class_ids = _class_ids(annotation)
    named = class_ids[(class_ids >= 0) & (class_ids < n_classes)]
    return np.bincount(named, minlength=n_classes)


def _label_findings(
    image_id: str, annotation: Annotation, shape: tuple[int, ...], *, n_classes: int
) -> list[Finding]:
    findings = []
    unknown = sorted({int(one) for one in np.unique(_class_ids(annotation)) if one >= n_classes})
    if unknown:
        detail = f"class {unknown[0]}, but only {n_classes} class names"
        findings.append(Finding("unknown_class", image_id, detail))
    plane = _plane_shape(annotation)
    if plane is not None and plane != shape[1:]:
        detail = f"labels {_size(plane)}, image {_size(shape[1:])}"
        findings.append(Finding("wrong_size", image_id, detail))
    if isinstance(annotation, Boxes | Instances) and not len(annotation):
        findings.append(Finding("no_cells", image_id, "an empty label file, or no entry in it"))
    if isinstance(annotation, Boxes):
        findings += _box_findings(image_id, annotation, height=shape[1], width=shape[2])
    return findings


def _plane_shape(annotation: Annotation) -> tuple[int, ...] | None:
    if isinstance(annotation, Instances):
        return annotation.labels.shape
    return annotation.mask.shape if isinstance(annotation, SemanticMask) else None


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} × {shape[0]} px"


def _box_findings(image_id: str, boxes: Boxes, *, height: int, width: int) -> list[Finding]:
    limit = np.array([width, height], np.float32) + _BORDER_SLACK_PX
    outside = (boxes.xyxy[:, :2] < -_BORDER_SLACK_PX) | (boxes.xyxy[:, 2:] > limit)
    empty = boxes.areas_px2 <= 0
    findings = [
        Finding(
            "box_outside", image_id, f"{_box(boxes, index)} in an image of {width} × {height} px"
        )
        for index in np.flatnonzero(outside.any(axis=1)).tolist()
    ]
    findings += [
        Finding("zero_size_box", image_id, _box(boxes, index))
        for index in np.flatnonzero(empty).tolist()
    ]
    first, second, overlap = overlapping_pairs(boxes.xyxy, boxes.xyxy, minimum=DOUBLED_IOU)
    doubled = (first < second) & (boxes.class_ids[first] == boxes.class_ids[second])
    findings += [
        Finding(
            "doubled_box",
            image_id,
            f"{_box(boxes, one)} and {_box(boxes, other)} overlap by {share:.2f}",
        )
        for one, other, share in zip(
            first[doubled].tolist(), second[doubled].tolist(), overlap[doubled], strict=True
        )
    ]
    return findings


def _box(boxes: Boxes, index: int) -> str:
    x1, y1, x2, y2 = (f"{value:g}" for value in boxes.xyxy[index].tolist())
    return f"box {index + 1} ({x1}, {y1}, {x2}, {y2})"
