"""What a smaller classifier costs: classes given by both bundles to the same images.

The weighted F1 decides: the macro F1 of a set with three anaphases moves by points when one
cell changes its class. Its difference is resampled over images, or groups, both bundles together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cellwright.bundles.bundle import Bundle
from cellwright.bundles.card import Card
from cellwright.compression.calibration_data import Feeds
from cellwright.compression.judge import Look, in_points
from cellwright.compression.method import Progress
from cellwright.data.labelled_set import LabelledSet
from cellwright.inference.calibrate import MIN_IMAGES
from cellwright.inference.classifier import Classifier
from cellwright.inference.evaluate_classification import (
    LabelledClasses,
    classify_labelled,
    report_classes,
)
from cellwright.inference.settle_classes import settle
from cellwright.metrics.classification import figure_difference
from cellwright.metrics.intervals import Interval, Resampling
from cellwright.metrics.report import Report


@dataclass(frozen=True, eq=False)
class ClassificationLook:
    """Classes beside the truth; see :class:`~cellwright.compression.judge.Look`."""

    bundle: Bundle
    classifier: Classifier
    seen: LabelledClasses

    @property
    def runtime(self) -> str:
        """The runtime that gave them."""
        return self.classifier.runtime

    @property
    def report(self) -> Report:
        """Figures at the temperature of the bundle's own card."""
        return report_classes(self.seen, self.classifier)

    def settled(self) -> Card:
        """The card with temperature and threshold of likeness chosen on these images.

        Where there are few of them, what was chosen in training is the better choice and stays.
        """
        card = self.classifier.card
        decoding = self.classifier.decoding
        if len(self.seen.ids) < MIN_IMAGES or decoding.unlike is None:
            return card
        settled = settle(decoding, self.seen, quantile=decoding.unlike.quantile)
        return card.model_copy(update={"classification": settled})

    def report_under(self, card: Card) -> Report:
        """Figures of the same logits under the temperature and the threshold of ``card``."""
        classifier = Classifier(replace(self.bundle, card=card), runtime=self.runtime)
        seen = replace(self.seen, found=classifier.read(self.seen.logits))
        return report_classes(seen, classifier)


class ClassificationJudge:
    """The weighted F1 decides; see :class:`~cellwright.compression.judge.Judge`."""

    metric = "weighted_f1"

    def feeds(self, bundle: Bundle, *, threads: int | None) -> Feeds:
        """What prepares network inputs for ``bundle``."""
        return Classifier(bundle, runtime="onnxruntime", threads=threads)

    def look(
        self,
        bundle: Bundle,
        labelled: LabelledSet,
        *,
        runtime: str,
        threads: int | None,
        progress: Progress,
    ) -> ClassificationLook:
        """The classes that the bundle gives."""
        classifier = Classifier(bundle, runtime=runtime, threads=threads)
        seen = classify_labelled(classifier, labelled, progress=progress)
        return ClassificationLook(bundle, classifier, seen)

    def drop(self, before: Look, after: Look) -> Interval:
        """Points of :attr:`metric` lost."""
        if not (isinstance(before, ClassificationLook) and isinstance(after, ClassificationLook)):
            raise TypeError("a classification judge compares its own looks")
        seen = before.seen
        difference = figure_difference(
            seen.truth,
            seen.found.categories(),
            after.seen.found.categories(),
            before.classifier.classes,
            resampling=Resampling(groups=seen.shared_groups),
        )
        return in_points(difference)
