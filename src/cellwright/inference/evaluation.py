"""How good a bundle is on labelled images, whatever its task."""

from __future__ import annotations

from collections.abc import Callable

from cellwright.bundles.bundle import Bundle
from cellwright.data.labelled_set import LabelledSet
from cellwright.inference.evaluate import Progress, evaluate_bundle
from cellwright.inference.evaluate_classification import evaluate_classifier
from cellwright.inference.evaluate_segmentation import evaluate_segmentation
from cellwright.metrics.report import Report

EVALUATIONS: dict[str, Callable[..., Report]] = {
    "detection": evaluate_bundle,
    "semantic": evaluate_segmentation,
    "instances": evaluate_segmentation,
    "classification": evaluate_classifier,
}
"""The evaluation of each task."""


def evaluate(
    bundle: Bundle,
    labelled: LabelledSet,
    *,
    runtime: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Every figure of the bundle's task, at the thresholds of its card.

    Raises:
        DatasetError: no image is labelled, or a label's class is unknown to the model.
        AnnotationError: labels of another kind or size than the image.
        BundleError: the bundle is damaged, or the runtime refuses it.
    """
    measure = EVALUATIONS[bundle.card.task]
    return measure(bundle, labelled, runtime=runtime, threads=threads, progress=progress)
