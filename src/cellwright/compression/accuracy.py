"""What a smaller graph costs in accuracy: both bundles on the same labelled images.

A row of :data:`JUDGES` for each task says which figure decides and how the difference of two
bundles, paired by image, gets its interval.
"""

from __future__ import annotations

from cellwright.bundles.bundle import Bundle
from cellwright.compression.classification_accuracy import ClassificationJudge
from cellwright.compression.detection_accuracy import DetectionJudge
from cellwright.compression.judge import Judge
from cellwright.compression.segmentation_accuracy import InstanceJudge, SemanticJudge
from cellwright.errors import BundleError

JUDGES: dict[str, Judge] = {
    "classification": ClassificationJudge(),
    "detection": DetectionJudge(),
    "semantic": SemanticJudge(),
    "instances": InstanceJudge(),
}


def judge_of(bundle: Bundle) -> Judge:
    """The row of :data:`JUDGES` for a bundle's task.

    Raises:
        BundleError: no row yet, so that a verdict on such a bundle cannot be given.
    """
    task = bundle.card.task
    if task not in JUDGES:
        raise BundleError(
            f"a compressed {task} model cannot be judged yet",
            where=bundle.path,
            remedy=f"compress a model for: {', '.join(sorted(JUDGES))}",
        )
    return JUDGES[task]
