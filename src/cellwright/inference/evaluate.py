"""How good a bundle is on labelled images: predictions beside truth, then the metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cellwright.bundles.bundle import Bundle
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import DatasetError
from cellwright.inference.count_metrics import measure_counts
from cellwright.inference.counts import COUNT_LEVEL
from cellwright.inference.predictor import Predictor
from cellwright.metrics.detection import DetectionReport, evaluate_detection
from cellwright.metrics.intervals import Resampling, units_to_resample
from cellwright.types import Boxes, boxes_of

Progress = Callable[[int, int], None]
"""Called with the number of images done and the number of images."""


@dataclass(frozen=True)
class LabelledPredictions:
    """Truth and prediction of the labelled images of a set, in its order.

    Attributes:
        ids: the images.
        groups: the group of each.
        truth: annotated boxes; class ids are the model's.
        predicted: ranked lists of scored boxes down to the card's minimum score.
        unlabelled: ids of images without annotation, which were left out.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    truth: tuple[Boxes, ...]
    predicted: tuple[Boxes, ...]
    unlabelled: tuple[str, ...]

    @property
    def shared_groups(self) -> Sequence[str] | None:
        """What intervals resample: groups, or None for images."""
        return units_to_resample(self.groups)


def evaluate_bundle(
    bundle: Bundle,
    labelled: LabelledSet,
    *,
    runtime: str = "auto",
    threads: int | None = None,
    max_detections: int = 3000,
    progress: Progress | None = None,
) -> DetectionReport:
    """Every detection metric, at the thresholds of the bundle's card.

    Images of one group are resampled together where a group holds several.

    Raises:
        DatasetError: no image is labelled, or a label's class is unknown to the model.
        BundleError: the bundle cannot be used for detection.
    """
    predictor = Predictor(bundle, runtime=runtime, threads=threads)
    found = predict_labelled(predictor, labelled, progress=progress)
    return report_on(
        found, predictor, thresholds=predictor.thresholds.tolist(), max_detections=max_detections
    )


def report_on(
    found: LabelledPredictions,
    predictor: Predictor,
    *,
    thresholds: Sequence[float],
    max_detections: int = 3000,
) -> DetectionReport:
    """Every detection metric of predictions that were made already, by ``predictor``.

    Average precision judges the ranked lists; precision, recall, f1 and the count errors
    judge what :meth:`~cellwright.inference.predictor.Predictor.count_boxes` counts;
    :mod:`~cellwright.inference.count_metrics` judges the predictor's calibration.

    Args:
        found: predictions beside truth.
        predictor: what made them; gives class names and runtime.
        thresholds: score from which a box of each class counts.
        max_detections: cap a class and image.
    """
    groups = found.shared_groups
    rule = predictor.counting_rule(score_threshold=thresholds)
    report = evaluate_detection(
        found.truth,
        found.predicted,
        predictor.classes,
        score_threshold=rule,
        max_detections=max_detections,
        resampling=Resampling(groups=groups),
    )
    calibration = predictor.card.calibration
    counts = measure_counts(found.truth, found.predicted, calibration, rule=rule, groups=groups)
    per_class = zip(predictor.classes, counts.per_class, strict=True)
    extra = {
        "runtime": predictor.runtime,
        "groups": len(set(found.groups)),
        "unlabelled_images": len(found.unlabelled),
        "count_level": None if calibration is None else COUNT_LEVEL,
    }
    return replace(
        report,
        metrics={**report.metrics, **counts.total},
        per_class={name: {**report.per_class[name], **figures} for name, figures in per_class},
        settings={**report.settings, **extra},
    )


def predict_labelled(
    predictor: Predictor, labelled: LabelledSet, *, progress: Progress | None = None
) -> LabelledPredictions:
    """Predict every labelled image of a set.

    Raises:
        DatasetError: no image is labelled, or a label's class is unknown to the model.
        AnnotationError: the labels are neither boxes nor instances.
    """
    kept: list[Record] = []
    truth, predicted = [], []
    unlabelled = []
    for done, record in enumerate(labelled):
        sample = record.load()
        if sample.annotation is None:
            unlabelled.append(record.id)
        else:
            kept.append(record)
            boxes = boxes_of(sample.annotation, where=record.id)
            truth.append(_in_model_classes(boxes, labelled, predictor.classes, record.id))
            predicted.append(predictor.predict(sample.image, pixel_size_um=sample.pixel_size_um))
        if progress is not None:
            progress(done + 1, len(labelled))
    if not kept:
        raise DatasetError("none of the images is labelled", where=labelled.name)
    return LabelledPredictions(
        ids=tuple(record.id for record in kept),
        groups=tuple(record.group for record in kept),
        truth=tuple(truth),
        predicted=tuple(predicted),
        unlabelled=tuple(unlabelled),
    )


def _in_model_classes(
    boxes: Boxes, labelled: LabelledSet, classes: tuple[str, ...], where: str
) -> Boxes:
    """The same boxes with ids of the model's classes, matched by name.

    A class that the set lists but no box uses does no harm and is let pass.
    """
    place = {name: index for index, name in enumerate(classes)}
    translated = np.array([place.get(name, -1) for name in labelled.classes], np.int64)
    class_ids = translated[boxes.class_ids]
    if (class_ids < 0).any():
        name = labelled.classes[int(boxes.class_ids[class_ids < 0][0])]
        raise DatasetError(
            f"the labels hold the class {name!r}, which the model does not know",
            where=f"{labelled.name}/{where}",
            remedy=f"the model's classes are: {', '.join(classes)}; rename or drop the class",
        )
    return Boxes(boxes.xyxy, class_ids)
