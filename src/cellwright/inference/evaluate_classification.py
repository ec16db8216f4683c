"""How good a classification bundle is on labelled images or single-cell crops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cellwright.bundles.bundle import Bundle
from cellwright.data.labelled_set import LabelledSet, Record
from cellwright.errors import AnnotationError, DatasetError
from cellwright.inference.classifier import Classified, Classifier
from cellwright.metrics.classification import ClassificationReport, evaluate_classification
from cellwright.metrics.intervals import (
    FINE,
    Interval,
    Resampling,
    bootstrap_ratio,
    units_to_resample,
    wilson,
)
from cellwright.types import Annotation, Category, kind_in_words

Progress = Callable[[int, int], None]
"""Called with the number of images done and the number of images."""

FALSE_ALARMS = "false_alarms"
"""Share of labelled images of known classes that are marked as unlike the training images."""


@dataclass(frozen=True, eq=False)
class LabelledCrops:
    """The labelled images of a set, prepared for a classifier, in the set's order.

    Attributes:
        ids: the images.
        groups: the group of each.
        truth: true classes; ids are the model's.
        crops: float32 ``(N, C, *crop_px)``.
        n_unlabelled: images without a class, which were left out.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    truth: tuple[Category, ...]
    crops: NDArray[np.float32]
    n_unlabelled: int = 0

    @property
    def true_ids(self) -> NDArray[np.int64]:
        """``(N,)`` true class ids."""
        return np.array([one.class_id for one in self.truth], np.int64)


@dataclass(frozen=True)
class LabelledClasses:
    """Truth and prediction of the labelled images of a set, in its order.

    Attributes:
        ids: the images.
        groups: the group of each.
        truth: true classes; ids are the model's.
        found: what the model says.
        logits: float64 ``(N, K)`` behind it.
        n_unlabelled: images without a class, which were left out.
    """

    ids: tuple[str, ...]
    groups: tuple[str, ...]
    truth: tuple[Category, ...]
    found: Classified
    logits: NDArray[np.float64]
    n_unlabelled: int = 0

    @property
    def true_ids(self) -> NDArray[np.int64]:
        """``(N,)`` true class ids."""
        return np.array([one.class_id for one in self.truth], np.int64)

    @property
    def shared_groups(self) -> Sequence[str] | None:
        """What intervals resample: groups, or None for images."""
        return units_to_resample(self.groups)


def evaluate_classifier(
    bundle: Bundle,
    labelled: LabelledSet,
    *,
    runtime: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
) -> ClassificationReport:
    """Every classification metric of a bundle on a labelled set.

    Images of one group are resampled together where a group holds several.

    Raises:
        DatasetError: no image is labelled, or a label's class is unknown to the model.
        AnnotationError: labels that are no class of a whole image.
        BundleError: the bundle cannot be used for classification.
    """
    classifier = Classifier(bundle, runtime=runtime, threads=threads)
    return report_classes(classify_labelled(classifier, labelled, progress=progress), classifier)


def classify_labelled(
    classifier: Classifier, labelled: LabelledSet, *, progress: Progress | None = None
) -> LabelledClasses:
    """Classify every labelled image of a set.

    Raises:
        DatasetError: no image is labelled, or a label's class is unknown to the model.
        AnnotationError: labels that are no class of a whole image.
    """
    given = prepare_labelled(classifier, labelled, progress=progress)
    logits = classifier.logits(given.crops)
    return LabelledClasses(
        ids=given.ids,
        groups=given.groups,
        truth=given.truth,
        found=classifier.read(logits),
        logits=logits,
        n_unlabelled=given.n_unlabelled,
    )


def prepare_labelled(
    classifier: Classifier, labelled: LabelledSet, *, progress: Progress | None = None
) -> LabelledCrops:
    """Every labelled image of a set as the classifier takes it.

    Raises:
        DatasetError: no image is labelled, or a label's class is unknown to the model.
        AnnotationError: labels that are no class of a whole image.
    """
    table = _translation(labelled, classifier.classes)
    kept: list[Record] = []
    truth: list[Category] = []
    crops: list[NDArray[np.float32]] = []
    for done, record in enumerate(labelled):
        sample = record.load()
        where = f"{labelled.name}/{record.id}"
        if sample.annotation is not None:
            kept.append(record)
            truth.append(_in_model_classes(sample.annotation, table, labelled, where))
            crops.append(
                classifier.prepare(
                    sample.image,
                    channel_names=sample.channel_names,
                    pixel_size_um=sample.pixel_size_um,
                    where=where,
                )
            )
        if progress is not None:
            progress(done + 1, len(labelled))
    if not kept:
        raise DatasetError("none of the images is labelled", where=labelled.name)
    return LabelledCrops(
        ids=tuple(record.id for record in kept),
        groups=tuple(record.group for record in kept),
        truth=tuple(truth),
        crops=np.stack(crops),
        n_unlabelled=len(labelled) - len(kept),
    )


def report_classes(seen: LabelledClasses, classifier: Classifier) -> ClassificationReport:
    """The figures of predictions that were made already, by ``classifier``."""
    report = evaluate_classification(
        seen.truth,
        seen.found.categories(),
        classifier.classes,
        resampling=Resampling(groups=seen.shared_groups),
    )
    metrics = dict(report.metrics)
    if classifier.decoding.unlike is not None:
        metrics[FALSE_ALARMS] = _share(seen.found.unlike, seen.shared_groups)
    settings = {
        **report.settings,
        "runtime": classifier.runtime,
        "views": classifier.decoding.views,
        "groups": len(set(seen.groups)),
        "unlabelled_images": seen.n_unlabelled,
    }
    return replace(report, metrics=metrics, settings=settings)


def _share(marked: NDArray[np.bool_], groups: Sequence[str] | None) -> Interval:
    if groups is None:
        return wilson(int(marked.sum()), len(marked))
    return bootstrap_ratio(
        marked.astype(float), np.ones(len(marked)), resampling=Resampling(FINE, groups=groups)
    )


def _translation(labelled: LabelledSet, classes: tuple[str, ...]) -> NDArray[np.int64]:
    """For each class of the set the model's, matched by name, -1 where it has none."""
    place = {name: index for index, name in enumerate(classes)}
    return np.array([place.get(name, -1) for name in labelled.classes], np.int64)


def _in_model_classes(
    annotation: Annotation | None, table: NDArray[np.int64], labelled: LabelledSet, where: str
) -> Category:
    if not isinstance(annotation, Category):
        raise AnnotationError(
            "a classifier is judged by the class of an image, and this one is labelled with "
            f"{kind_in_words(annotation)}",
            where=where,
            remedy="give images of single cells in a folder a class",
        )
    class_id = int(table[annotation.class_id])
    if class_id < 0:
        raise DatasetError(
            f"the labels hold the class {labelled.classes[annotation.class_id]!r}, which the "
            "model does not know",
            where=where,
            remedy="rename or drop the class",
        )
    return Category(class_id)
