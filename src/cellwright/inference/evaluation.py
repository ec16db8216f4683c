"""How good a bundle is on labelled images, whatever its task."""

from __future__ import annotations

from collections.abc import Callable

from cellwright.bundles.bundle import Bundle
from cellwright.data.labelled_set import LabelledSet
from cellwright.inference.evaluate import Progress, evaluate_bundle
from cellwright.metrics.report import Report


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
    measure = _measure_for(bundle)
    return measure(bundle, labelled, runtime=runtime, threads=threads, progress=progress)


def _measure_for(bundle: Bundle) -> Callable[..., Report]:
    """The evaluation that suits the model's task."""
    # SciPy and scikit-image, which boxes and classes do without, take long to import.
    if bundle.card.segmentation is not None:
        from cellwright.inference.evaluate_segmentation import (  # noqa: PLC0415 - as said
            evaluate_segmentation,
        )

        return evaluate_segmentation
    if bundle.card.classification is not None:
        from cellwright.inference.evaluate_classification import (  # noqa: PLC0415 - as said
            evaluate_classifier,
        )

        return evaluate_classifier
    return evaluate_bundle
